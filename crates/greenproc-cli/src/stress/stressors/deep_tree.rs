//! A chain of processes, each the child of the one before: it ends from below, from above, or all at once.

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use greenproc::{Command, ExitStatus, Process, Signal, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "deep-tree",
    about: "A chain of processes, each the child of the one before: it ends from below, from above, or all at once",
    op: "a process of a chain",
    checks: "that statuses come up from the lowest, that kill_tree reaches each, and that a subreaper gets all below",
    unchecked: None,
    round,
};

/// The longest chain.
const DEPTH: u64 = 60;

/// How a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The lowest returns, and each waits for its child and returns what that returned.
    FromBelow,
    /// The worker kills the first; the second is an orphan then, and the worker, a subreaper, kills it next.
    FromAbove,
    /// The worker kills all with one call.
    AtOnce,
}

const ENDINGS: [Ending; 3] = [Ending::FromBelow, Ending::FromAbove, Ending::AtOnce];

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let ending = ENDINGS[worker.rng.usize(0..ENDINGS.len())];
    let depth = worker.rng.u64(1..=DEPTH).min(room);
    let code = worker.rng.i32(0..200);
    worker.process.set_child_subreaper(ending != Ending::FromBelow)?;
    let (tell, born) = unbounded();
    let (gate, gone) = bounded::<()>(0);
    let link = Link { tell, gone, ending, code };
    let Some(first) = worker.spawn(Command::new("link", move |p| link.live(p, depth)))? else { return Ok(0) };
    // Each says so when it is there; where there is no room for the next, the chain is shorter and its last one says it.
    let mut chain = Vec::new();
    while let Ok(Some(pid)) = worker.process.recv(&born) {
        chain.push(pid);
    }
    let length = chain.len() as u64;
    match ending {
        Ending::FromBelow => {
            drop(gate);
            worker.reap_as(&first, ExitStatus::exited(code))?;
            worker.ledger.left_to_others(length - 1);
        }
        Ending::FromAbove => {
            for (place, &pid) in chain.iter().enumerate() {
                if place > 0 {
                    worker.ledger.spawned(pid);
                }
                worker.process.kill(pid, Signal::KILL)?;
                let waited = worker.reap(WaitFor::Pid(pid), WaitFlags::empty())?;
                worker
                    .ledger
                    .expect(waited.is_some_and(|waited| waited.status == ExitStatus::killed(Signal::KILL)));
            }
        }
        Ending::AtOnce => {
            let killed = first.kill_tree()?;
            worker.ledger.expect(killed.count as u64 == length && killed.refused == 0);
            for &pid in &chain[1..] {
                worker.ledger.spawned(pid);
            }
            for _ in 0..length {
                let waited = worker.reap(WaitFor::Any, WaitFlags::empty())?;
                worker
                    .ledger
                    .expect(waited.is_some_and(|waited| waited.status == ExitStatus::killed(Signal::KILL)));
            }
        }
    }
    Ok(length)
}

/// What each link of a chain is given.
#[derive(Clone)]
struct Link {
    /// Who is there, and then nobody.
    tell: Sender<Option<greenproc::Pid>>,
    /// Disconnected when the lowest may return.
    gone: Receiver<()>,
    ending: Ending,
    code: i32,
}

impl Link {
    fn live(self, process: &Process, below: u64) -> greenproc::Result<i32> {
        let _ = self.tell.send(Some(process.pid()));
        let next = self.clone();
        let child = match below {
            0 | 1 => None,
            _ => process.spawn(Command::new("link", move |p| next.live(p, below - 1))).ok(),
        };
        match (child, self.ending) {
            (Some(child), Ending::FromBelow) => {
                let waited = process.wait4(WaitFor::Child(&child), WaitFlags::empty())?;
                Ok(waited.and_then(|waited| waited.status.code()).unwrap_or(-1))
            }
            (Some(_), _) => Idle::Sleep.stay(process),
            (None, _) => {
                let _ = self.tell.send(None);
                // For ever, if it is to be killed: the worker holds the gate until then.
                let _ = process.recv(&self.gone);
                Ok(self.code)
            }
        }
    }
}
