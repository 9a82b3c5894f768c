//! Grandchildren whose parent dies: init adopts them, or the worker as a subreaper.

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use greenproc::{Command, Pid, Process, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "orphan",
    about: "Grandchildren whose parent dies: init adopts them, or the worker as a subreaper",
    op: "an orphan",
    checks: "whom each orphan sees as its parent, and that the subreaper finds all of its own",
    unchecked: Some("the status of the orphans that init reaps"),
    round,
};

/// How many orphans one round makes, at most.
const ORPHANS: u64 = 8;

/// What the middle process and the orphans say.
struct Lines {
    /// The pid of each orphan.
    born: Sender<Pid>,
    /// Whom an orphan sees as its parent, after its first one died.
    parent: Sender<Pid>,
    /// Disconnected when the first parent is gone.
    gone: Receiver<()>,
}

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let wish = worker.rng.u64(1..=ORPHANS).min(room);
    // Some are dead already when they are given away.
    let early: Vec<bool> = (0..wish).map(|_| worker.rng.u8(0..4) == 0).collect();
    let by_worker = worker.rng.bool();
    worker.process.set_child_subreaper(by_worker)?;
    let (born, births) = unbounded();
    let (parent, parents) = unbounded();
    let (gate, gone) = bounded::<()>(0);
    let lines = Lines { born, parent, gone };
    let Some(middle) = worker.spawn(Command::new("middle", move |process| breed(process, &lines, &early)))?
    else {
        return Ok(0);
    };
    let waited = worker.reap(WaitFor::Child(&middle), WaitFlags::empty())?;
    worker.ledger.expect(waited.is_some_and(|waited| waited.status.success()));
    // The middle process is dead: it has said all it had to say, and given all away.
    drop(gate);
    let mut orphans: Vec<Pid> = births.try_iter().collect();
    let made = orphans.len() as u64;
    if by_worker {
        for &orphan in &orphans {
            worker.ledger.spawned(orphan);
        }
        worker.rng.shuffle(&mut orphans);
        for orphan in orphans {
            let who = if worker.rng.bool() { WaitFor::Any } else { WaitFor::Pid(orphan) };
            reap_one(worker, who)?;
        }
        reap_rest(worker)?;
    } else {
        worker.ledger.left_to_others(made);
    }
    let adopter = if by_worker { worker.process.pid() } else { Pid::INIT };
    // Ends when the last orphan has dropped its end of the line.
    while let Ok(parent) = worker.process.recv(&parents) {
        worker.ledger.expect(parent == adopter);
    }
    Ok(made)
}

/// The body of the middle process.
fn breed(process: &Process, lines: &Lines, early: &[bool]) {
    for &early in early {
        let parent = lines.parent.clone();
        let gone = lines.gone.clone();
        let orphan = Command::new("orphan", move |process| {
            if !early {
                // Until the gate is gone.
                let _ = process.recv(&gone);
                let _ = parent.send(process.ppid());
            }
        });
        // Where there is no room there are fewer orphans.
        if let Ok(orphan) = process.spawn(orphan) {
            let _ = lines.born.send(orphan.id());
        }
    }
}

/// Reaps an orphan. The one that is meant may have been taken by an earlier wait for any.
fn reap_one(worker: &mut Worker<'_>, who: WaitFor<'_>) -> greenproc::Result<()> {
    match worker.reap(who, WaitFlags::empty()) {
        Ok(waited) => worker.ledger.expect(waited.is_some_and(|waited| waited.status.success())),
        Err(greenproc::Error::NoChild) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Reaps those that were passed by because the one that was meant was gone.
fn reap_rest(worker: &mut Worker<'_>) -> greenproc::Result<()> {
    loop {
        match worker.reap(WaitFor::Any, WaitFlags::empty()) {
            Ok(waited) => worker.ledger.expect(waited.is_some_and(|waited| waited.status.success())),
            Err(greenproc::Error::NoChild) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
