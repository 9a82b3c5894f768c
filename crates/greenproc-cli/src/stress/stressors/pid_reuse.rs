//! Few pids and many processes: each number comes again and again, and old handles must not mean the new process.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;
use greenproc::{Child, Command, Error, Exhausted, Pid, Process, Runtime, Signal, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::ledger::{Account, Ledger};
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "pid-reuse",
    about: "Few pids and many processes: each number comes again and again, and old handles must not mean the new process",
    op: "a process, in a runtime of its own with a few dozen pids",
    checks: "that an old handle is refused when its number is in use again, that no pid is over the highest, and EAGAIN only when all are in use",
    unchecked: None,
    round,
};

/// How many lives one runtime has, at most.
const LIVES: u64 = 400;

/// The highest pid of such a runtime.
const PIDS: std::ops::Range<i32> = 8..64;

/// How long its processes may take to end. All have ended by then.
const GRACE: Duration = Duration::from_secs(5);

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let lives = worker.rng.u64(1..=LIVES).min(room);
    let highest = worker.rng.i32(PIDS);
    let mut rng = worker.rng.fork();
    let runtime = match Runtime::builder().pid_max(highest).boot() {
        Ok(runtime) => runtime,
        Err(Error::Exhausted(_)) => {
            worker.ledger.refused();
            return Ok(0);
        }
        Err(error) => return Err(error),
    };
    let nursery = runtime.spawn_returning("nursery", move |p| nurse(p, lives, highest, &mut rng));
    let (nursery, account) = match nursery {
        Ok(made) => made,
        Err(Error::Exhausted(_)) => {
            worker.ledger.refused();
            return Ok(0);
        }
        Err(error) => return Err(error),
    };
    worker.ledger.expect(nursery.wait()?.status.success());
    let stats = runtime.stats();
    match account.take() {
        Some(Ok(account)) => {
            worker.ledger.elsewhere(account);
            worker.ledger.expect(stats.spawned == account.processes() + 1 && stats.reaped == stats.spawned);
        }
        _ => worker.ledger.expect(false),
    }
    worker.ledger.expect(runtime.shutdown(GRACE)?.stuck.is_empty());
    Ok(lives)
}

/// Fills the pids, empties them in random order, and fills them again.
fn nurse(process: &Process, lives: u64, highest: i32, rng: &mut Rng) -> greenproc::Result<Account> {
    let mut ledger = Ledger::default();
    let mut living: Vec<Child> = Vec::new();
    let mut dead: HashMap<Pid, Child> = HashMap::new();
    let mut left = lives;
    while left > 0 || !living.is_empty() {
        let grows = left > 0 && (living.is_empty() || rng.u8(0..3) != 0);
        if grows {
            match process.spawn(
                Command::new("brief", |p| drop(p.sigtimedwait(Signal::USR1, None))).signal_mask(Signal::USR1),
            ) {
                Ok(child) => {
                    left -= 1;
                    ledger.spawned(child.id());
                    ledger.expect(child.id().as_raw() <= highest);
                    if let Some(stale) = dead.remove(&child.id()) {
                        // Were it taken for the new process, that would die of it.
                        ledger.expect(matches!(stale.signal(Signal::KILL), Err(Error::NoProcess { .. })));
                        ledger.expect(matches!(stale.wait(), Err(Error::NoChild)));
                    }
                    living.push(child);
                    continue;
                }
                Err(Error::Exhausted(what)) => {
                    ledger.refused();
                    if matches!(what, Exhausted::Pids { .. }) {
                        // Init has one, and this process.
                        ledger.expect(living.len() as i32 + 2 == highest);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let Some(place) = living.len().checked_sub(1).map(|last| rng.usize(0..=last)) else { continue };
        let child = living.swap_remove(place);
        child.signal(Signal::USR1)?;
        let waited = process.wait4(WaitFor::Pid(child.id()), WaitFlags::empty())?;
        ledger.expect(waited.as_ref().is_some_and(|waited| waited.status.success()));
        if let Some(waited) = waited {
            ledger.reaped(waited.pid);
        }
        dead.insert(child.id(), child);
    }
    Ok(ledger.close())
}
