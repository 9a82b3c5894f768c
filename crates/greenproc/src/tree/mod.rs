//! The process tree: parents, children, groups, wait events and waiters, all under `proclist_lock`.
//!
//! A plain data structure: every operation is a method that takes the whole tree by `&mut` (which is the proof that
//! the lock is held), touches a bounded number of nodes and says in what it returns what the caller has to do after
//! unlocking. The one thing done under the lock that others can see is to wake waiters, so that no event can come
//! between a state and its announcement (row 46).

mod adopt;
mod arena;
#[cfg(any(debug_assertions, feature = "racelab"))]
mod audit;
mod channel;
mod family;
mod groups;
#[cfg(feature = "racelab")]
pub(crate) mod lab;
mod ledger;
mod link;
#[cfg(test)]
mod model_tests;
mod node;
mod poll;
mod regroup;
mod session;
mod subtree;
mod sweep;
#[cfg(test)]
mod sweep_tests;
mod terminals;
#[cfg(test)]
pub(crate) mod tests;
mod tracing;
mod users;
#[cfg(test)]
mod waiter_tests;
mod wanted;

pub(crate) use adopt::Moved;
pub(crate) use arena::{NodeId, NodeRef};
#[cfg(any(debug_assertions, feature = "racelab"))]
pub(crate) use audit::{Audited, must};
pub(crate) use channel::WaitSlot;
pub(crate) use family::IndexHasher;
pub(crate) use groups::Freed;
pub(crate) use link::{Birth, Buried, Death, LinkError, Reaped};
pub(crate) use node::{EventKind, Zombie};
pub(crate) use poll::{Found, Poll};
pub(crate) use regroup::RegroupError;
pub(crate) use session::SetsidError;
pub(crate) use sweep::{SweepId, Swept};
pub(crate) use terminals::Controlling;
pub(crate) use tracing::AttachError;
pub(crate) use wanted::{Wanted, Who};

use std::sync::Arc;

use crate::pid::Pid;
use crate::proc::Proc;
use crate::signal::{Disposition, Signal};
use arena::Arena;
use family::Family;
use groups::Groups;
use node::{Body, Node};

#[derive(Default)]
pub(crate) struct ProcTree {
    arena: Arena,
    groups: Groups,
    init: Option<NodeId>,
    /// Processes per user, zombies included (row 70).
    users: users::Users,
    zombies: usize,
    /// Zombies of which it is recorded what becomes of them.
    recorded: usize,
    /// Processes that stand still.
    stopped: usize,
    /// Who is being reached below a process.
    sweeps: sweep::Sweeps,
    /// Who traces whom.
    tracing: tracing::Tracing,
    #[cfg(feature = "racelab")]
    pub(crate) lab: lab::TreeLab,
    ledger: ledger::Ledger,
}

impl ProcTree {
    /// How many processes there are, zombies included.
    pub(crate) fn len(&self) -> usize {
        self.arena.len()
    }

    pub(crate) fn zombies(&self) -> usize {
        self.zombies
    }

    /// Whether somebody stands still.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped > 0
    }

    pub(crate) fn processes_of(&self, uid: u32) -> u32 {
        self.users.processes_of(uid)
    }

    /// Whether the process is still there, dead or alive: it was not reaped.
    pub(crate) fn holds(&self, node: NodeRef) -> bool {
        self.arena.holds(node)
    }

    /// The record of a process that has not ended.
    pub(crate) fn record(&self, node: NodeRef) -> Option<&Arc<Proc>> {
        if self.arena.holds(node) { self.arena.get(node.id).live() } else { None }
    }

    /// The group of a process, dead or alive.
    pub(crate) fn pgid(&self, node: NodeRef) -> Option<Pid> {
        self.arena.holds(node).then(|| self.groups.pgid(self.node(node.id).group))
    }

    /// The members of a group that have not ended; `None` if there is no such group.
    pub(crate) fn group_members(&self, pgid: Pid) -> Option<Vec<Arc<Proc>>> {
        let group = self.groups.find(pgid)?;
        let members = self.groups.members(&self.arena, group);
        Some(members.filter_map(|id| self.arena.get(id).live().cloned()).collect())
    }

    /// The processes among a page of places, and where the next page begins.
    pub(crate) fn page<T>(
        &self,
        from: usize,
        count: usize,
        mut look: impl FnMut(Seen<'_>) -> T,
    ) -> (Vec<T>, Option<usize>) {
        let (ids, next) = self.arena.page(from, count);
        let seen = ids.filter_map(|id| self.see_place(id).map(&mut look));
        (seen.collect(), next)
    }

    /// One process; `None` once it was reaped.
    pub(crate) fn see(&self, node: NodeRef) -> Option<Seen<'_>> {
        if self.arena.holds(node) { self.see_place(node.id) } else { None }
    }

    fn see_place(&self, id: NodeId) -> Option<Seen<'_>> {
        let node = self.arena.get(id);
        let body = match &node.body {
            Body::Live { record, .. } => SeenBody::Live(record),
            Body::Zombie(zombie) => SeenBody::Dead(zombie),
            Body::Vacant => return None,
        };
        Some(Seen {
            node: NodeRef { id, generation: node.generation },
            pid: node.pid,
            ppid: node.parent.map(|parent| self.node(parent).pid),
            pgid: self.groups.pgid(node.group),
            sid: self.groups.session(node.group),
            body,
        })
    }

    /// Sets what a process wants done about its children's ends; what it wanted before.
    pub(crate) fn set_sigchld(&mut self, node: NodeRef, disposition: Disposition) -> Disposition {
        debug_assert!(self.arena.holds(node));
        std::mem::replace(&mut self.arena.get_mut(node.id).sigchld, disposition)
    }

    /// The parent that is to be told of a child's end, and with which signal; nobody if a handle owns the child or the
    /// parent ignores the signal.
    pub(crate) fn exit_notice(&self, child: NodeRef) -> Option<(Signal, &Arc<Proc>)> {
        let node = self.node(child.id);
        if node.traced {
            return self.tracer_notice(child.id);
        }
        let signal = node.exit_signal.filter(|_| !node.held)?;
        let parent = self.node(node.parent?);
        if signal == Signal::CHLD && parent.sigchld == Disposition::Ignore {
            return None;
        }
        Some((signal, parent.live()?))
    }

    /// Who is told when a process stops or goes on: its tracer, else its parent; nobody if a handle owns the child.
    pub(crate) fn parent_record(&self, child: NodeRef) -> Option<&Arc<Proc>> {
        let node = self.arena.holds(child).then(|| self.node(child.id))?;
        if node.traced {
            return self.node(self.tracer_of(child.id)?).live();
        }
        self.node(node.parent.filter(|_| !node.held)?).live()
    }

    pub(crate) fn is_subreaper(&self, node: NodeRef) -> bool {
        self.arena.holds(node) && self.node(node.id).subreaper
    }

    /// The parent, if it has not ended.
    pub(crate) fn parent(&self, child: NodeRef) -> Option<&Arc<Proc>> {
        debug_assert!(self.arena.holds(child));
        self.node(self.node(child.id).parent?).live()
    }

    pub(crate) fn set_subreaper(&mut self, node: NodeRef, subreaper: bool) {
        debug_assert!(self.arena.holds(node));
        self.arena.get_mut(node.id).subreaper = subreaper;
        if let Some(record) = self.node(node.id).live() {
            record.end_in_full();
        }
    }

    /// What the reaped children of a process used.
    pub(crate) fn reaped_usage(&self, node: NodeRef) -> crate::Usage {
        let family = self.arena.holds(node).then(|| self.arena.get(node.id).family.as_ref()).flatten();
        family.map(|family| family.reaped_usage).unwrap_or_default()
    }

    /// The parent's children and waiters, made when first needed.
    fn family_mut(&mut self, parent: NodeId) -> &mut Family {
        self.arena.get_mut(parent).family.get_or_insert_default()
    }

    /// Takes the parent's family out to work on it and on the nodes at once.
    fn with_family<T>(&mut self, parent: NodeId, work: impl FnOnce(&mut Family, &mut Arena) -> T) -> T {
        let mut family = self.arena.get_mut(parent).family.take().unwrap_or_default();
        let result = work(&mut family, &mut self.arena);
        self.arena.get_mut(parent).family = Some(family);
        result
    }

    fn node(&self, id: NodeId) -> &Node {
        self.arena.get(id)
    }
}

/// A process as somebody who looks at all of them sees it.
pub(crate) struct Seen<'a> {
    pub(crate) node: NodeRef,
    pub(crate) pid: Pid,
    pub(crate) ppid: Option<Pid>,
    pub(crate) pgid: Pid,
    pub(crate) sid: Pid,
    pub(crate) body: SeenBody<'a>,
}

pub(crate) enum SeenBody<'a> {
    Live(&'a Arc<Proc>),
    Dead(&'a Zombie),
}

impl<'a> Seen<'a> {
    /// The record of a process that has not ended.
    pub(crate) fn live(&self) -> Option<&'a Arc<Proc>> {
        match self.body {
            SeenBody::Live(record) => Some(record),
            SeenBody::Dead(_) => None,
        }
    }
}
