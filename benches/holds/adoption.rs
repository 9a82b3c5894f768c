//! How long the lock is held at a time while a process with very many children ends, and they become init's.
#![allow(clippy::disallowed_methods, reason = "who looks on all the time would be measured")]

use std::time::Duration;

use greenproc::{Command, Runtime};
use serde::Serialize;

use crate::spawners::Failure;

/// How long not to look on.
const LOOK: Duration = Duration::from_millis(1);

/// What was measured. Times are in nanoseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Adopted {
    name: &'static str,
    pub(crate) children: u32,
    pub(crate) holds: u64,
    pub(crate) longest_hold_ns: f64,
    pub(crate) hold_p99_ns: f64,
}

/// The children are zombies, which init then reaps; that is measured with it, and so are the holds of who looks on.
pub(crate) fn measure(children: u32) -> Result<Adopted, Failure> {
    let runtime = Runtime::boot()?;
    let (ready, made) = crossbeam_channel::bounded(0);
    let (let_go, go) = crossbeam_channel::bounded::<()>(0);
    let parent = runtime.spawn(Command::new("parent", move |p| {
        for _ in 0..children {
            p.spawn(Command::new("b", |_| {}))?;
        }
        let _ = ready.send(());
        let _ = go.recv();
        greenproc::Result::Ok(())
    }))?;
    made.recv()?;
    // All ends are in the tree once somebody has looked at it.
    while runtime.stats().zombies < children as usize {
        std::thread::sleep(LOOK);
    }
    let _ = runtime.take_hold_times();
    let_go.send(())?;
    drop(parent.wait()?);
    while runtime.stats().zombies > 0 {
        std::thread::sleep(LOOK);
    }
    let times = runtime.take_hold_times();
    Ok(Adopted {
        name: "adoption",
        children,
        holds: times.holds(),
        longest_hold_ns: times.longest().as_nanos() as f64,
        hold_p99_ns: times.quantile_ns(0.99),
    })
}
