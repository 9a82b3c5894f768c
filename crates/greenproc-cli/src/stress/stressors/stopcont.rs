//! Stops and continuations: each is told once, and none sticks.

use greenproc::{Child, Command, ExitStatus, Signal, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "stopcont",
    about: "Stops and continuations: each is told once, and none sticks",
    op: "a stop or a continuation",
    checks: "each event is told once, in half of the rounds; every process ends by the last signal",
    unchecked: Some("the events of the rounds in which nobody waits for them"),
    round,
};

/// How many processes are stopped and continued at a time.
const TARGETS: usize = 8;

/// How many signals in a round, at most.
const STORM: u64 = 400;

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let mut targets = Vec::new();
    for _ in 0..TARGETS {
        let idle = Idle::any(&mut worker.rng);
        if let Some(target) = worker.spawn(Command::new("target", move |p| idle.stay(p)))? {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        return Ok(0);
    }
    let wish = worker.rng.u64(1..=STORM).min(room);
    let awaited = worker.rng.bool();
    let mut stopped = [false; TARGETS];
    for _ in 0..wish {
        let place = worker.rng.usize(0..targets.len());
        let stop = !stopped[place];
        stopped[place] = stop;
        let (signal, flags) =
            if stop { (Signal::STOP, WaitFlags::STOPPED) } else { (Signal::CONT, WaitFlags::CONTINUED) };
        targets[place].signal(signal)?;
        if awaited {
            let expected = if stop { ExitStatus::stopped(signal) } else { ExitStatus::resumed() };
            see(worker, &targets[place], flags, expected)?;
        }
    }
    for target in &targets {
        // Whatever state it is in: a continuation and a SIGTERM always end it.
        let signal = if worker.rng.bool() { Signal::KILL } else { Signal::TERM };
        if signal == Signal::TERM {
            target.signal(Signal::STOP)?;
            target.signal(Signal::CONT)?;
        }
        target.signal(signal)?;
        worker.reap_as(target, ExitStatus::killed(signal))?;
    }
    Ok(wish)
}

/// Waits for the event, which has to be this one, and the only one.
fn see(
    worker: &mut Worker<'_>,
    target: &Child,
    flags: WaitFlags,
    expected: ExitStatus,
) -> greenproc::Result<()> {
    let seen = worker.process.waitid(WaitFor::Pid(target.id()), flags)?;
    worker.ledger.expect(seen.is_some_and(|seen| seen.status == expected));
    let flags = WaitFlags::STOPPED | WaitFlags::CONTINUED | WaitFlags::NOHANG;
    let more = worker.process.waitid(WaitFor::Pid(target.id()), flags)?;
    worker.ledger.expect(more.is_none());
    Ok(())
}
