//! Several LWPs that wait for the same children at once: by pid, group, any, looking only, for a moment only.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use fastrand::Rng;
use greenproc::{Command, Error, Pid, Process, ProcessGroup, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "wait-mix",
    about: "Several LWPs that wait for the same children at once: by pid, group, any, looking only, for a moment only",
    op: "a child",
    checks: "that each wait returns whom it may, with the right status, and that all of them end",
    unchecked: Some("which of several LWPs that wait for the same child is told"),
    round,
};

/// How many children there are at a time, at most, and how many LWPs wait for them.
const CHILDREN: u64 = 32;
const WAITERS: usize = 4;

/// How long a wait lasts that does not last.
const MOMENT: Duration = Duration::from_micros(200);

/// A child as its parent knows it.
#[derive(Clone, Copy)]
struct Born {
    pid: Pid,
    group: Pid,
    code: i32,
}

/// What came of one LWP's waits.
#[derive(Default)]
struct Caught {
    pids: Vec<Pid>,
    wrong: u64,
}

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let wish = worker.rng.u64(1..=CHILDREN).min(room);
    let (gate, gone) = bounded::<()>(0);
    let born: Arc<[Born]> = make(worker, wish, &gone)?.into();
    drop(gone);
    let mut waiters = Vec::new();
    for _ in 0..worker.rng.usize(1..WAITERS) {
        let (born, mut rng) = (Arc::clone(&born), worker.rng.fork());
        match worker.process.spawn_lwp(move |process: &Process| wait_for(process, &born, &mut rng)) {
            Ok(waiter) => waiters.push(waiter),
            Err(Error::Exhausted(_)) => worker.ledger.refused(),
            Err(error) => return Err(error),
        }
    }
    drop(gate);
    let mut rng = worker.rng.fork();
    let mut caught = wait_for(worker.process, &born, &mut rng)?;
    for waiter in waiters {
        let theirs = waiter.join(worker.process).map_err(|_| Error::NoChild)??;
        caught.pids.extend(theirs.pids);
        caught.wrong += theirs.wrong;
    }
    for pid in caught.pids {
        worker.ledger.reaped(pid);
    }
    worker.ledger.expect(caught.wrong == 0);
    Ok(born.len() as u64)
}

/// Children of which some end at once, and the others when the gate is gone.
fn make(worker: &mut Worker<'_>, wish: u64, gone: &Receiver<()>) -> greenproc::Result<Vec<Born>> {
    let mut born: Vec<Born> = Vec::new();
    for _ in 0..wish {
        let code = worker.rng.i32(0..256);
        let gone = worker.rng.bool().then(|| gone.clone());
        let leader = born.first().filter(|_| worker.rng.bool()).map(|first| first.pid);
        let place = leader.map_or(ProcessGroup::New, ProcessGroup::Join);
        let body = move |process: &Process| {
            if let Some(gone) = &gone {
                let _ = process.recv(gone);
            }
            code
        };
        let Some(child) = worker.spawn(Command::new("awaited", body).process_group(place))? else { break };
        born.push(Born { pid: child.id(), group: leader.unwrap_or(child.id()), code });
    }
    Ok(born)
}

/// Waits until nobody is left.
fn wait_for(process: &Process, born: &[Born], rng: &mut Rng) -> greenproc::Result<Caught> {
    let mut caught = Caught::default();
    if born.is_empty() {
        return Ok(caught);
    }
    loop {
        let meant = born[rng.usize(0..born.len())];
        let (who, may): (_, &dyn Fn(&Born) -> bool) = match rng.u8(0..3) {
            0 => (WaitFor::Any, &|_| true),
            1 => (WaitFor::Pid(meant.pid), &|seen| seen.pid == meant.pid),
            _ => (WaitFor::Group(meant.group), &|seen| seen.group == meant.group),
        };
        let takes = rng.u8(0..4) != 0;
        let waited = match (takes, rng.u8(0..3)) {
            (false, _) => process.waitid(who, WaitFlags::EXITED | WaitFlags::NOWAIT | WaitFlags::NOHANG),
            (true, 0) => process.wait4(who, WaitFlags::NOHANG),
            (true, 1) => process.wait_timeout(who, WaitFlags::empty(), MOMENT),
            (true, _) => process.wait4(who, WaitFlags::empty()),
        };
        match waited {
            Ok(Some(waited)) => {
                let seen = born.iter().find(|one| one.pid == waited.pid);
                let right = seen.is_some_and(|seen| may(seen) && waited.status.code() == Some(seen.code));
                caught.wrong += u64::from(!right);
                if takes {
                    caught.pids.push(waited.pid);
                }
            }
            // Nobody is left of all, or of those that were meant.
            Err(Error::NoChild) if matches!(who, WaitFor::Any) => return Ok(caught),
            Ok(None) | Err(Error::NoChild) => {}
            Err(error) => return Err(error),
        }
    }
}
