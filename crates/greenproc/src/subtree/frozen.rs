//! Who is frozen, and by which freezes: plain data under `proclist_lock`.
//!
//! A process is frozen as long as it is in at least one freeze. It knows so itself (`Stop::frozen`, under its `p_smutex`) and
//! its record is marked, so that what it still spawns is frozen from birth on.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use smallvec::SmallVec;

use crate::tree::{IndexHasher, NodeRef};
use crate::wait_queue::{WaitQueue, Waiter, Wakeups};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FreezeId(u64);

/// All freezes of a runtime.
#[derive(Default)]
pub(crate) struct Freezes {
    begun: HashMap<u64, Members, BuildHasherDefault<IndexHasher>>,
    /// In which freezes a process is.
    frozen: HashMap<NodeRef, SmallVec<[u64; 1]>, BuildHasherDefault<IndexHasher>>,
    next: u64,
}

#[derive(Default)]
struct Members {
    /// Whom it is to let go. Who has ended stays in it.
    all: Vec<NodeRef>,
    /// Who does not stand still yet.
    moving: HashSet<NodeRef, BuildHasherDefault<IndexHasher>>,
    /// Not everybody of the subtree is among them yet.
    growing: bool,
    /// Who waits until all stand still.
    waiting: WaitQueue,
}

impl Members {
    fn stands_still(&self) -> bool {
        self.moving.is_empty() && !self.growing
    }

    fn wakeups(&mut self) -> Wakeups {
        if self.stands_still() { self.waiting.take_all() } else { Wakeups::default() }
    }
}

impl Freezes {
    /// Begins a freeze without members; it grows until [`complete`](Freezes::complete).
    pub(crate) fn begin(&mut self) -> FreezeId {
        let id = FreezeId(self.next);
        self.next += 1;
        self.begun.insert(id.0, Members { growing: true, ..Members::default() });
        id
    }

    /// All of the subtree are members now, and who is born from now on inherits it.
    pub(crate) fn complete(&mut self, id: FreezeId) -> Wakeups {
        let Some(members) = self.begun.get_mut(&id.0) else { return Wakeups::default() };
        members.growing = false;
        members.wakeups()
    }

    /// A process is frozen by this freeze too; whether it was not before. `moving`: it does not stand still yet.
    pub(crate) fn join(&mut self, id: FreezeId, node: NodeRef, moving: bool) -> bool {
        let Some(members) = self.begun.get_mut(&id.0) else { return false };
        let ids = self.frozen.entry(node).or_default();
        if ids.contains(&id.0) {
            return false;
        }
        ids.push(id.0);
        members.all.push(node);
        if moving {
            members.moving.insert(node);
        }
        true
    }

    /// Which freezes a process is in.
    pub(crate) fn of(&self, node: NodeRef) -> SmallVec<[FreezeId; 1]> {
        self.frozen.get(&node).into_iter().flatten().copied().map(FreezeId).collect()
    }

    /// A process stands still.
    pub(crate) fn settled(&mut self, node: NodeRef) -> Wakeups {
        let mut wakeups = Wakeups::default();
        for id in self.frozen.get(&node).into_iter().flatten() {
            if let Some(members) = self.begun.get_mut(id)
                && members.moving.remove(&node)
            {
                wakeups.extend(members.wakeups());
            }
        }
        wakeups
    }

    /// A process has ended.
    pub(crate) fn gone(&mut self, node: NodeRef) -> Wakeups {
        let wakeups = self.settled(node);
        self.frozen.remove(&node);
        wakeups
    }

    /// Takes members out of a freeze, up to `batch`: those who are in no other, and whether none is left.
    pub(crate) fn release(&mut self, id: FreezeId, batch: usize) -> (Vec<NodeRef>, bool) {
        let mut released = Vec::new();
        let Some(members) = self.begun.get_mut(&id.0) else { return (released, true) };
        for _ in 0..batch {
            let Some(node) = members.all.pop() else { return (released, true) };
            members.moving.remove(&node);
            // Who has ended is in none any more.
            let Some(ids) = self.frozen.get_mut(&node) else { continue };
            ids.retain(|other| *other != id.0);
            if ids.is_empty() {
                self.frozen.remove(&node);
                released.push(node);
            }
        }
        (released, false)
    }

    /// A freeze without members is over.
    pub(crate) fn end(&mut self, id: FreezeId) -> Wakeups {
        self.begun.remove(&id.0).map(|mut members| members.waiting.take_all()).unwrap_or_default()
    }

    /// All freezes there are.
    pub(crate) fn all(&self) -> Vec<FreezeId> {
        self.begun.keys().copied().map(FreezeId).collect()
    }

    /// Whether all members stand still; if not, and somebody is given who waits, that one is woken then.
    pub(crate) fn stands_still(&mut self, id: FreezeId, waiter: Option<&Waiter>) -> bool {
        let Some(members) = self.begun.get_mut(&id.0) else { return true };
        let still = members.stands_still();
        if let Some(waiter) = waiter {
            if still { members.waiting.leave(waiter) } else { members.waiting.join(waiter) }
        }
        still
    }

    /// Somebody waits no longer.
    pub(crate) fn give_up(&mut self, id: FreezeId, waiter: &Waiter) {
        if let Some(members) = self.begun.get_mut(&id.0) {
            members.waiting.leave(waiter);
        }
    }
}
