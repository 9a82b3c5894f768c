//! Spawn, exit, wait: the plain life, as often as it goes.

use greenproc::{Command, ExitStatus, Process, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "spawn",
    about: "Spawn, exit, wait: the plain life, as often as it goes",
    op: "a process",
    checks: "the exit status",
    unchecked: None,
    round,
};

/// How many processes one round makes, one after another.
const ROUND: u64 = 16;

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let wish = room.min(ROUND);
    for done in 0..wish {
        let code = worker.rng.i32(0..256);
        let life = worker.stopwatch.life();
        let timed = life.clone();
        let body = move |_: &Process| {
            timed.runs();
            timed.leaves();
            code
        };
        let spawned = worker.stopwatch.moment();
        let Some(child) = worker.spawn(Command::new("short", body))? else { return Ok(done) };
        let who = match worker.rng.u8(0..3) {
            0 => WaitFor::Any,
            1 => WaitFor::Pid(child.id()),
            _ => WaitFor::Child(&child),
        };
        let waited = worker.reap(who, WaitFlags::empty())?;
        worker.stopwatch.waited(spawned, &life);
        worker.ledger.expect(waited.is_some_and(|waited| waited.status == ExitStatus::exited(code)));
    }
    Ok(wish)
}
