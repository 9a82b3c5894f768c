//! A pile of zombies, reaped in random order: by pid, any, by group.

use greenproc::{Command, Pid, ProcessGroup, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "zombie",
    about: "A pile of zombies, reaped in random order: by pid, any, by group",
    op: "a zombie",
    checks: "which zombie a wait returns, and that a look with NOWAIT leaves it",
    unchecked: None,
    round,
};

/// The highest pile.
const PILE: u64 = 64;

/// How many groups the zombies of a pile may be in, at most.
const GROUPS: usize = 4;

struct Zombie {
    pid: Pid,
    /// The number of its group: the pid of the first that was put into it.
    group: Pid,
    code: i32,
}

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let wish = worker.rng.u64(1..=PILE).min(room);
    let mut pile = make(worker, wish)?;
    let made = pile.len() as u64;
    // In random order too, so that the end of each is awaited while others are in any state.
    worker.rng.shuffle(&mut pile);
    for zombie in &pile {
        let seen = worker.process.waitid(WaitFor::Pid(zombie.pid), WaitFlags::EXITED | WaitFlags::NOWAIT)?;
        worker.ledger.expect(seen.is_some_and(|seen| seen.pid == zombie.pid));
    }
    while let Some(last) = pile.last() {
        // All have ended: no wait may find nothing.
        let waited = match worker.rng.u8(0..3) {
            0 => worker.reap(WaitFor::Any, WaitFlags::NOHANG)?,
            1 => worker
                .reap(WaitFor::Pid(last.pid), WaitFlags::NOHANG)?
                .filter(|waited| waited.pid == last.pid),
            _ => {
                let group = last.group;
                let member = |pid| pile.iter().any(|zombie| zombie.pid == pid && zombie.group == group);
                worker.reap(WaitFor::Group(group), WaitFlags::NOHANG)?.filter(|waited| member(waited.pid))
            }
        };
        let found =
            waited.as_ref().and_then(|waited| pile.iter().position(|zombie| zombie.pid == waited.pid));
        let (Some(waited), Some(found)) = (waited, found) else {
            // What is left of the pile is lost, and found to be by the ledger.
            worker.ledger.expect(false);
            break;
        };
        let zombie = pile.swap_remove(found);
        worker.ledger.expect(waited.status.code() == Some(zombie.code));
    }
    Ok(made)
}

fn make(worker: &mut Worker<'_>, wish: u64) -> greenproc::Result<Vec<Zombie>> {
    let mut pile: Vec<Zombie> = Vec::new();
    let mut leaders: Vec<Pid> = Vec::new();
    for _ in 0..wish {
        let code = worker.rng.i32(0..256);
        let place = worker.rng.usize(0..GROUPS);
        // A leader is not reaped before the pile is complete, so its group is still there to be joined.
        let group = leaders.get(place).map_or(ProcessGroup::New, |&leader| ProcessGroup::Join(leader));
        let Some(child) = worker.spawn(Command::new("zombie", move |_| code).process_group(group))? else {
            break;
        };
        let group = match group {
            ProcessGroup::Join(leader) => leader,
            ProcessGroup::New => {
                leaders.push(child.id());
                child.id()
            }
        };
        pile.push(Zombie { pid: child.id(), group, code });
    }
    Ok(pile)
}
