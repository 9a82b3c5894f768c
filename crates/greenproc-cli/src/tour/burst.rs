//! The scene about many.

use std::time::Duration;

use greenproc::{Command, Error, Process, Runtime, WaitFlags, WaitFor};
use greenproc_sync::time;

use super::findings::Findings;
use super::stage::play;
use crate::cli::TourOptions;
use crate::quantity;

/// How many children may be there at a time.
const WINDOW: u64 = 1024;

/// A burst takes as long as it takes.
const NO_HURRY: Duration = Duration::MAX;

pub(super) fn burst(runtime: &Runtime, options: &TourOptions) -> greenproc::Result<Findings> {
    let count = options.burst;
    play(runtime, "parent", NO_HURRY, move |process| {
        let mut findings = Findings::default();
        let start = time::now();
        let reaped = spawn_and_reap(process, count)?;
        let taken = time::now().saturating_duration_since(start);
        findings.equal("ended with 0", quantity::grouped(count), quantity::grouped(reaped));
        let rate = quantity::grouped(quantity::rate(count, taken) as u64);
        findings.remark(format!("That took {}: {rate} processes a second.", quantity::time(taken)));
        Ok(findings)
    })
}

/// How many of the children were reaped and had ended well.
fn spawn_and_reap(process: &Process, count: u64) -> greenproc::Result<u64> {
    let mut spawned = 0;
    let mut waited_for = 0;
    let mut good = 0;
    while waited_for < count {
        let mut flags = WaitFlags::empty();
        if spawned < count && spawned - waited_for < WINDOW {
            match process.spawn(Command::new("short", |_| {})) {
                Ok(_child) => {
                    spawned += 1;
                    flags = WaitFlags::NOHANG;
                }
                // No room: those that are there have to end first.
                Err(Error::Exhausted(_)) if spawned > waited_for => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(waited) = process.wait4(WaitFor::Any, flags)? {
            waited_for += 1;
            good += u64::from(waited.status.success());
        }
    }
    Ok(good)
}
