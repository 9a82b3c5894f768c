//! A parent that stands still until its child has executed or ended: it goes on at that moment, or is killed meanwhile.

use std::sync::Arc;

use crossbeam_channel::bounded;
use greenproc::{Command, ExitStatus, Process, Signal};
use greenproc_sync::atomic::{AtomicBool, Ordering};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "vfork",
    about: "A parent that stands still until its child has executed or ended: it goes on at that moment, or is killed meanwhile",
    op: "a vfork",
    checks: "what the child did before it executed or ended is seen when vfork returns; how it ended",
    unchecked: Some("that a parent does not go on late; how a child ends whose parent was killed"),
    round,
};

/// What becomes of the child while its parent stands still.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// It executes, and the successor ends by itself.
    Executes,
    /// It executes, and the successor has to be killed: the parent goes on long before its end.
    ExecutesAndStays,
    Exits,
    KillsItself,
    /// It stays, and the parent is killed.
    ParentIsKilled,
}

const ENDINGS: [Ending; 5] =
    [Ending::Executes, Ending::ExecutesAndStays, Ending::Exits, Ending::KillsItself, Ending::ParentIsKilled];

fn round(worker: &mut Worker<'_>, _room: u64) -> greenproc::Result<u64> {
    let ending = ENDINGS[worker.rng.usize(0..ENDINGS.len())];
    if matches!(ending, Ending::ParentIsKilled) {
        return bereave(worker);
    }
    let code = worker.rng.i32(0..256);
    let lent = Arc::new(AtomicBool::new(false));
    let borrowed = Arc::clone(&lent);
    let body = move |process: &Process| -> greenproc::Result<i32> {
        borrowed.store(true, Ordering::Relaxed);
        match ending {
            Ending::Executes => {
                process.exec(Command::new("successor", move |_| code)).map(|never| match never {})
            }
            Ending::ExecutesAndStays => {
                process.exec(Command::new("successor", |p| Idle::Sleep.stay(p))).map(|never| match never {})
            }
            Ending::KillsItself => process.raise(Signal::KILL).map(|()| 0),
            Ending::Exits | Ending::ParentIsKilled => Ok(code),
        }
    };
    let Some(child) = worker.vfork(Command::new("borrower", body))? else { return Ok(0) };
    worker.ledger.expect(lent.load(Ordering::Relaxed));
    let expected = match ending {
        Ending::ExecutesAndStays => {
            child.signal(Signal::TERM)?;
            ExitStatus::killed(Signal::TERM)
        }
        Ending::KillsItself => ExitStatus::killed(Signal::KILL),
        Ending::Executes | Ending::Exits | Ending::ParentIsKilled => ExitStatus::exited(code),
    };
    worker.reap_as(&child, expected)?;
    Ok(1)
}

/// The parent is killed while it stands still; the child lives on, and init reaps it.
fn bereave(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let (begun, has_begun) = bounded(1);
    let (gate, gone) = bounded::<()>(0);
    let parent = Command::new("lender", move |process: &Process| {
        let child = Command::new("borrower", move |process| {
            let _ = begun.send(());
            // Until the gate is gone.
            let _ = process.recv(&gone);
        });
        process.vfork(child).map(drop)
    });
    let Some(parent) = worker.spawn(parent)? else { return Ok(0) };
    if worker.process.recv(&has_begun).is_err() {
        // There was no room for the child.
        worker.ledger.refused();
        worker.reap_as(&parent, ExitStatus::exited(1))?;
        return Ok(0);
    }
    worker.ledger.left_to_others(1);
    parent.kill()?;
    worker.reap_as(&parent, ExitStatus::killed(Signal::KILL))?;
    drop(gate);
    Ok(1)
}
