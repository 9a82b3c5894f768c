//! Spawn, exit, wait: the plain life, as often as it goes.

use greenproc::{Command, ExitStatus, WaitFlags, WaitFor};

use super::worker::Worker;

/// How many processes one round makes, one after another.
const ROUND: u64 = 16;

/// One operation is one process.
pub(super) fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let wish = room.min(ROUND);
    for done in 0..wish {
        let code = worker.rng.i32(0..256);
        let Some(child) = worker.spawn(Command::new("short", move |_| code))? else { return Ok(done) };
        let who = match worker.rng.u8(0..3) {
            0 => WaitFor::Any,
            1 => WaitFor::Pid(child.id()),
            _ => WaitFor::Child(&child),
        };
        let waited = worker.reap(who, WaitFlags::empty())?;
        worker.ledger.expect(waited.is_some_and(|waited| waited.status == ExitStatus::exited(code)));
    }
    Ok(wish)
}
