//! A parent of a million ends, and all its children are somebody else's.
#![allow(
    clippy::disallowed_methods,
    reason = "the moments of two processes are compared by the host's clock"
)]

use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use greenproc::{Builder, Command, EventFilter, EventKind, EventStream, Pid, Process, Runtime};

use crate::figure::Figure;
use crate::harness::{Effort, Outcome};
use crate::holds;
use crate::prober::Prober;
use crate::quantile::median;

/// The bar for each child, in nanoseconds.
const MOST_NS: f64 = 100.0;

/// Adoptions of each kind; the figures are their medians.
const ROUNDS: usize = 3;

/// The bar for a hold of the lock, in milliseconds.
const LONGEST_MS: f64 = 1.0;

pub(crate) fn measure(effort: Effort) -> Outcome<Vec<Figure>> {
    let count = effort.of(1_000_000);
    let [mut alone, mut probed, mut reaped] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        alone.push(adopt(count, idle, false)?);
        probed.push(adopt(count, idle, true)?);
        reaped.push(adopt(count, |builder| builder, true)?);
    }
    let each = |adoptions: &[Adoption]| {
        let each = adoptions.iter().map(|adoption| adoption.took.as_nanos() as f64 / count as f64);
        median(&each.collect::<Vec<f64>>())
    };
    let longest = |adoptions: &[Adoption], of: fn(&Adoption) -> Option<Duration>| {
        let longest: Vec<f64> =
            adoptions.iter().filter_map(of).map(|time| time.as_secs_f64() * 1e3).collect();
        (!longest.is_empty()).then(|| median(&longest))
    };
    let mut figures = vec![
        Figure::new(format!("a child that init adopts, of {count}"), each(&alone), "ns").at_most(MOST_NS),
    ];
    if let Some(hold) = longest(&alone, |adoption| adoption.hold) {
        figures.push(Figure::new("proclist_lock at a stretch meanwhile", hold, "ms").at_most(LONGEST_MS));
    }
    for (what, adoptions) in
        [("beside who wants the lock all the time", &probed), ("and the runtime's own init reaps", &reaped)]
    {
        figures.push(Figure::new(format!("a child, {what}"), each(adoptions), "ns"));
        if let Some(hold) = longest(adoptions, |adoption| adoption.hold) {
            figures.push(Figure::new("proclist_lock at a stretch meanwhile", hold, "ms").at_most(LONGEST_MS));
        }
        let wait = longest(adoptions, |adoption| adoption.wait).unwrap_or_default();
        figures.push(Figure::new("the other's longest wait", wait, "ms"));
    }
    Ok(figures)
}

/// An init that takes them in and does nothing about them, for as long as it is not made to end.
fn idle(builder: Builder) -> Builder {
    builder.init(|init| drop(init.sleep(Duration::MAX)))
}

/// What one adoption showed.
struct Adoption {
    /// From the last instruction of the parent until it is a zombie.
    took: Duration,
    /// How long the lock was held at a stretch.
    hold: Option<Duration>,
    /// How long somebody else waited for the lock at most.
    wait: Option<Duration>,
}

fn adopt(count: usize, init: impl FnOnce(Builder) -> Builder, probed: bool) -> Outcome<Adoption> {
    // Room for init, the parent and the prober.
    let builder = Runtime::builder().pid_max(i32::try_from(count)? + 100);
    let runtime = init(builder).boot()?;
    let within = runtime.clone();
    let ((say, ready), (go, gone), (last, ends)) = (bounded(1), bounded(1), bounded(1));
    let parent = runtime.spawn(Command::new("parent", move |p| {
        pile_up(p, &within, count)?;
        // Whoever measures listens for as long as the parent lives.
        let _ = say.send(());
        let _ = p.recv(&gone);
        let _ = last.send(Instant::now());
        greenproc::Result::Ok(())
    }))?;
    if ready.recv().is_err() {
        return Err(format!("the parent has ended: {:?}", parent.wait()?).into());
    }
    let prober = probed.then(|| Prober::start(&runtime)).transpose()?;
    let events = runtime.events(EventFilter::EXITED);
    let _ = holds::longest(&runtime);
    go.send(())?;
    let end = exit_of(&events, parent.id())?;
    let hold = holds::longest(&runtime);
    let wait = prober.map(Prober::stop).transpose()?;
    drop(events);
    let _ = parent.wait()?;
    Ok(Adoption { took: end.saturating_duration_since(ends.recv()?), hold, wait })
}

fn pile_up(p: &Process, runtime: &Runtime, count: usize) -> greenproc::Result<()> {
    for _ in 0..count {
        while let Err(error) = p.spawn(Command::new("z", |_| {})) {
            // As many wait for a thread as there may be LWPs.
            if error.errno() != libc::EAGAIN {
                return Err(error);
            }
            p.sleep(Duration::from_millis(1))?;
        }
    }
    while runtime.stats().zombies < count {
        // Not all the time: the look disturbs those who end.
        p.sleep(Duration::from_millis(1))?;
    }
    Ok(())
}

/// When a process became a zombie.
fn exit_of(events: &EventStream, pid: Pid) -> Outcome<Instant> {
    loop {
        let event = events.recv()?;
        if event.pid == pid && matches!(event.kind, EventKind::Exited { .. }) {
            return Ok(event.time);
        }
    }
}
