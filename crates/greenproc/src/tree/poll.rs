//! Looking for an event, and telling those who wait for it.

use std::sync::Arc;

use crate::departures::Listening;
use crate::inspect::usage_now;
use crate::selector::Waited;
use crate::status::ExitStatus;
use crate::tree::ProcTree;
use crate::tree::arena::{NodeId, NodeRef};
use crate::tree::channel::{Owes, WaitChannel, WaitSlot};
use crate::tree::groups::GroupId;
use crate::tree::link::Reaped;
use crate::tree::node::{Body, EventKind, Node};
use crate::tree::wanted::{Kinds, Wanted, Who};

/// What a wait finds when it looks.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Poll {
    /// This child has a wanted event.
    Ready(NodeRef, EventKind),
    /// A child is there that may get one.
    Nothing,
    /// There never will be one: ECHILD.
    NoChild,
}

/// What a wait took or looked at.
pub(crate) enum Found {
    /// A zombie, reaped.
    Reaped(Reaped),
    /// A zombie left in place under NOWAIT, or a child that lives.
    Seen(Waited),
    /// The zombie of somebody else's child, which the caller traced: its parent's from here on (row 63), or reaped if the
    /// parent ignores its children.
    HandedBack(Waited, Option<Box<Reaped>>),
}

impl ProcTree {
    /// Looks for a wanted event among the children of `parent`. Touches a handful of nodes, however many children
    /// there are (rows 56 and 61).
    pub(crate) fn poll(&self, parent: NodeRef, wanted: &Wanted) -> Poll {
        match wanted.who {
            Who::Child(child) => {
                self.poll_child(parent, child, wanted, |node| node.parent == Some(parent.id) && !node.held)
            }
            Who::Held(child) => self.poll_child(parent, child, wanted, |node| node.held),
            Who::Any => self.poll_all(parent.id, None, wanted),
            Who::Group(number) => match self.groups.find(number) {
                Some(group) => self.poll_all(parent.id, Some(group), wanted),
                None => Poll::NoChild,
            },
        }
    }

    fn poll_child(
        &self,
        caller: NodeRef,
        child: NodeRef,
        wanted: &Wanted,
        mine: impl Fn(&Node) -> bool,
    ) -> Poll {
        if !self.arena.holds(child) && !planted!(self, StaleNode) {
            return Poll::NoChild;
        }
        let node = self.node(child.id);
        if node.traced && wanted.who == Who::Child(child) && self.tracer_of(child.id) == Some(caller.id) {
            return Self::poll_event(child, node, &wanted.of_tracees());
        }
        if !mine(node) || !wanted.takes_class(node.class()) {
            return Poll::NoChild;
        }
        if node.traced {
            // It comes back to its parent in the end, dead or alive (mistake i).
            return if planted!(self, TracedIsNoChild) { Poll::NoChild } else { Poll::Nothing };
        }
        Self::poll_event(child, node, wanted)
    }

    fn poll_event(child: NodeRef, node: &Node, wanted: &Wanted) -> Poll {
        match node.event {
            Some(kind) if wanted.kinds.contains(Kinds::from(kind)) => Poll::Ready(child, kind),
            _ if node.is_zombie() => Poll::NoChild,
            _ => Poll::Nothing,
        }
    }

    /// Looks among those that the caller traces, then among its children.
    fn poll_all(&self, caller: NodeId, group: Option<GroupId>, wanted: &Wanted) -> Poll {
        let tracees = self.poll_tracees(caller, group, wanted);
        if matches!(tracees, Poll::Ready(..)) {
            return tracees;
        }
        match self.poll_family(caller, group, wanted) {
            Poll::NoChild => tracees,
            found => found,
        }
    }

    fn poll_family(&self, parent: NodeId, group: Option<GroupId>, wanted: &Wanted) -> Poll {
        let Some(family) = &self.node(parent).family else { return Poll::NoChild };
        if let Some(id) = family.waits.ready(group, wanted) {
            let node = self.node(id);
            let kind = node.event.expect("a queued child has an event");
            return Poll::Ready(NodeRef { id, generation: node.generation }, kind);
        }
        if family.waits.could_match(group, wanted) { Poll::Nothing } else { Poll::NoChild }
    }

    /// Takes what `poll` found, or only looks at it.
    pub(crate) fn consume(&mut self, child: NodeRef, keep: bool) -> Found {
        let node = self.node(child.id);
        let status = match &node.body {
            Body::Zombie(_) if !keep && !self.is_anothers(child.id) => {
                return Found::Reaped(self.reap(child));
            }
            Body::Zombie(zombie) if !keep => {
                let waited = Waited::of(node.pid, zombie);
                let reaped = self.hand_back(child);
                return Found::HandedBack(waited, reaped);
            }
            Body::Zombie(zombie) => return Found::Seen(Waited::of(node.pid, zombie)),
            Body::Live { record, .. } => {
                let stop = record.state.lock().stopped_by;
                let stop = stop.filter(|_| node.event == Some(EventKind::Stopped));
                stop.map_or(ExitStatus::resumed(), ExitStatus::stopped)
            }
            Body::Vacant => unreachable!("a child is there"),
        };
        let usage = node.live().map(|record| usage_now(record)).unwrap_or_default();
        let children_usage = self.reaped_usage(child);
        let waited = Waited { pid: node.pid, status, usage, children_usage, report: None };
        if !keep {
            self.clear_event(child.id);
        }
        Found::Seen(waited)
    }

    /// A child has nothing to report any more.
    pub(super) fn clear_event(&mut self, child: NodeId) {
        let node = self.arena.get_mut(child);
        if node.traced {
            return self.clear_tracees_event(child);
        }
        let (former, parent, held) = (node.event.take(), node.parent, node.held);
        let (group, class) = (node.group, node.class());
        if let (Some(former), Some(parent), false) = (former, parent, held) {
            self.with_family(parent, |family, arena| {
                family.waits.unqueue(arena, child, group, class, former);
            });
        }
    }

    /// A process stopped, or went on.
    pub(crate) fn post_change(&mut self, node: NodeRef, kind: EventKind) {
        if !self.arena.holds(node) || self.node(node.id).is_zombie() {
            return;
        }
        self.note_stopped(node.id, kind == EventKind::Stopped);
        self.post_event(node.id, kind);
    }

    /// Counts those that stand still.
    pub(super) fn note_stopped(&mut self, id: NodeId, stopped: bool) {
        let node = self.arena.get_mut(id);
        let before = std::mem::replace(&mut node.stopped, stopped);
        self.stopped = self.stopped + usize::from(stopped) - usize::from(before);
    }

    /// Gives a child an event, in place of the one it had, and tells one waiter that it fits (decision 27).
    pub(crate) fn post_event(&mut self, child: NodeId, kind: EventKind) {
        let node = self.arena.get_mut(child);
        if node.traced {
            self.clear_tracees_event(child);
            self.queue_for_tracer(child, kind);
            return self.tell_ready(child);
        }
        let former = node.event.replace(kind);
        let (parent, held, group, class) = (node.parent, node.held, node.group, node.class());
        if let (Some(parent), false) = (parent, held) {
            self.with_family(parent, |family, arena| {
                if let Some(former) = former {
                    family.waits.unqueue(arena, child, group, class, former);
                }
                family.waits.queue(arena, child, group, class, kind);
            });
        }
        self.tell_ready(child);
    }

    /// Tells one waiter about the event that a child has.
    pub(super) fn tell_ready(&mut self, child: NodeId) {
        let node = self.node(child);
        if node.traced {
            return self.tell_tracer(child);
        }
        let (Some(parent), Some(kind)) = (node.parent, node.event) else { return };
        let (held, class) = (node.held, node.class());
        let reference = NodeRef { id: child, generation: node.generation };
        let pgid = self.groups.pgid(node.group);
        self.with_channel(parent, |_, channel| {
            channel.tell_one(reference, |wanted| {
                let meant = match wanted.who {
                    Who::Any => !held,
                    Who::Group(number) => !held && number == pgid,
                    Who::Child(waited) => !held && waited == reference,
                    Who::Held(waited) => held && waited == reference,
                };
                meant && wanted.takes_class(class) && wanted.kinds.contains(kind.into())
            });
        });
    }

    /// Tells every waiter of `parent` that has nothing left to wait for, now that this child ended, went or moved: those
    /// that wait for it alone, and those whose whole selection has come to nothing.
    pub(super) fn tell_lost(&mut self, parent: NodeId, child: NodeRef) {
        let parent = NodeRef { id: parent, generation: self.node(parent).generation };
        self.with_channel(parent.id, |tree, channel| {
            channel.tell_all(|wanted| {
                let concerned = match wanted.who {
                    Who::Child(node) | Who::Held(node) => node == child,
                    Who::Any | Who::Group(_) => true,
                };
                concerned && tree.poll(parent, wanted) == Poll::NoChild
            });
        });
    }

    /// Puts a waiter into the parent's channel.
    pub(crate) fn enter_channel(&mut self, parent: NodeRef, slot: &Arc<WaitSlot>, wanted: Wanted) {
        self.family_mut(parent.id).channel.enter(slot, wanted);
    }

    /// A waiter is about to sleep: it listens until it is told of something. False if it does already.
    pub(crate) fn listen(
        &mut self,
        parent: NodeRef,
        slot: &Arc<WaitSlot>,
        listen: impl FnOnce() -> Listening,
    ) -> bool {
        self.family_mut(parent.id).channel.listen(slot, listen)
    }

    /// Takes a waiter out, which took the event of the child `took`. If it was told of another one, the next waiter
    /// that has something to take is told.
    pub(crate) fn leave_channel(&mut self, parent: NodeRef, slot: &Arc<WaitSlot>, took: Option<NodeRef>) {
        if self.family_mut(parent.id).channel.leave(slot, took) == Owes::Wakeup {
            self.pass_on(parent);
        }
    }

    /// Takes a waiter out, whatever it was told of: a mistake.
    #[cfg(feature = "racelab")]
    pub(crate) fn leave_silently(&mut self, parent: NodeRef, slot: &Arc<WaitSlot>) {
        let _ = self.family_mut(parent.id).channel.leave(slot, None);
    }

    /// A waiter that was told found nothing for itself and will sleep again.
    pub(crate) fn rearm(&mut self, parent: NodeRef, slot: &Arc<WaitSlot>) {
        if self.family_mut(parent.id).channel.rearm(slot) == Owes::Wakeup {
            self.pass_on(parent);
        }
    }

    /// Hands a wake-up on to the first waiter that was not told yet and has something to take.
    fn pass_on(&mut self, parent: NodeRef) {
        self.with_channel(parent.id, |tree, channel| {
            channel.tell_first(|wanted| match tree.poll(parent, wanted) {
                Poll::Ready(child, _) => Some(child),
                Poll::Nothing | Poll::NoChild => None,
            });
        });
    }

    /// Works on a parent's channel while looking at the tree; a channel without waiters is left alone.
    pub(super) fn with_channel(&mut self, parent: NodeId, work: impl FnOnce(&ProcTree, &mut WaitChannel)) {
        #[cfg(feature = "racelab")]
        if self.lab.muted {
            return;
        }
        let Some(family) = self.arena.get_mut(parent).family.as_deref_mut() else { return };
        if family.channel.is_empty() {
            return;
        }
        let mut channel = std::mem::take(&mut family.channel);
        work(self, &mut channel);
        self.family_mut(parent).channel = channel;
    }
}
