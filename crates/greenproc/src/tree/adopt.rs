//! Changing parents: orphans, and children that a handle lets go of.

use std::borrow::Cow;
use std::sync::Arc;

use crate::ktrace::Fact;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::siginfo::SigInfo;
use crate::signal::{Disposition, Signal};
use crate::tree::ProcTree;
use crate::tree::arena::{Chain, NodeId, NodeRef};
use crate::tree::family::Family;
use crate::tree::link::Reaped;
use crate::tree::node::{Body, EventKind};
use crate::tree::sweep::SweepId;

/// A child that changed its parent.
pub(crate) struct Moved {
    pub(crate) pid: Pid,
    pub(crate) name: Cow<'static, str>,
    /// Its new parent.
    pub(crate) to: Pid,
    /// What the new parent is told of a zombie it inherits (row 43, decision 7).
    pub(crate) info: Option<SigInfo>,
}

/// What one batch of adoptions did.
#[must_use]
pub(crate) struct Adopted {
    /// Who moved, if it was asked for.
    pub(crate) moved: Vec<Moved>,
    /// Who takes them.
    pub(crate) reaper: Option<Arc<Proc>>,
    /// Zombies whose new parent ignores its children.
    pub(crate) reaped: Vec<Reaped>,
    /// Who gets a signal, as its parent ended.
    pub(crate) mourning: Vec<Arc<Proc>>,
    /// Who was given away out of the reach of sweeps that had not come to it.
    pub(crate) given: Vec<(SweepId, Arc<Proc>)>,
}

impl ProcTree {
    /// Whether a process has children to give away.
    pub(crate) fn has_children(&self, node: NodeRef) -> bool {
        self.node(node.id).family.as_ref().is_some_and(|family| family.children.front().is_some())
    }

    /// Moves up to `batch` children of an exiting process, which takes no new ones from here on (row 7), to the nearest subreaper, else to init, which is looked up
    /// afresh in each batch (rows 36, 72 to 74). Moved zombies take their event along, and the new parent is told.
    pub(crate) fn give_away(&mut self, from: NodeRef, batch: usize, log: bool) -> Adopted {
        let mut adopted = Adopted {
            moved: Vec::new(),
            reaper: None,
            reaped: Vec::new(),
            mourning: Vec::new(),
            given: Vec::new(),
        };
        if let Body::Live { closed, .. } = &mut self.arena.get_mut(from.id).body {
            *closed = true;
        }
        let Some(reaper) = self.reaper_of(from.id) else { return adopted };
        if log {
            adopted.reaper = self.node(reaper).live().map(Arc::clone);
        }
        let over = self.sweeps_giving(from.id);
        let mut news = Vec::new();
        // Out, so that both are at hand for the whole batch, beside the nodes.
        let mut old = self.arena.get_mut(from.id).family.take().unwrap_or_default();
        let mut new = self.arena.get_mut(reaper).family.take().unwrap_or_default();
        old.waits.close();
        let (mut next, mut last) = (old.children.front(), None);
        for _ in 0..batch {
            let Some(child) = next else { break };
            if log {
                adopted.moved.extend(self.moved(child, reaper));
            }
            if !over.is_empty() {
                self.step_past(child);
            }
            next = self.arena.next(Chain::Siblings, child);
            last = Some(child);
            let event = self.join_family(child, reaper, &mut new);
            self.note_adoption(child, reaper, event);
            if let Some(record) = self.living(child, event).filter(|record| record.is_mourning()) {
                adopted.mourning.push(Arc::clone(record));
            }
            if !over.is_empty() {
                self.sweep_given(&over, child, &mut adopted.given);
            }
            if self.node(child).traced {
                #[cfg(feature = "racelab")]
                self.lab.adopted.push(child);
                // What it has to report is its tracer's.
            } else if event.is_some() {
                news.push(child);
            }
        }
        if let Some(last) = last {
            old.children.give_front(&mut self.arena, Chain::Siblings, last, &mut new.children);
        }
        let is_awaited = new.channel.is_awaited();
        self.arena.get_mut(from.id).family = Some(old);
        self.arena.get_mut(reaper).family = Some(new);
        let ignores = self.node(reaper).ignores_children();
        for child in news.into_iter().filter(|_| ignores || is_awaited) {
            let node = self.node(child);
            if ignores && node.is_zombie() && !node.held {
                adopted.reaped.push(self.bury_ignored(child, reaper));
            } else if !planted!(self, InheritedUnannounced) {
                self.tell_ready(child);
            }
        }
        adopted
    }

    /// Makes a child another one's, but for the list of all children. The event that it takes along is returned.
    fn join_family(&mut self, child: NodeId, to: NodeId, family: &mut Family) -> Option<EventKind> {
        let node = self.arena.get_mut(child);
        node.parent = Some(to);
        node.exit_signal = Some(Signal::CHLD);
        let (held, group, class, event) = (node.held, node.group, node.class(), node.event);
        let (traced, reported) = (node.traced, node.event_for_parent());
        // Whom a handle holds, or its parent traces, no wait finds among the children.
        let is_elsewhere = held || (traced && self.tracer_of(child) == Some(to));
        if !is_elsewhere {
            family.waits.join(group, class);
            if let Some(kind) = reported.filter(|_| !planted!(self, CountStaysBehind)) {
                family.waits.queue(&mut self.arena, child, group, class, kind);
            }
        }
        event
    }

    /// Tells an adopted child who its parent is, and who records it that it was adopted. The event is looked at first, as that of
    /// the dead spares a look at what is behind the node.
    fn note_adoption(&self, child: NodeId, reaper: NodeId, event: Option<EventKind>) {
        if event != Some(EventKind::Dead) && !planted!(self, MirrorForgotten) {
            self.mirror(child);
        }
        let node = self.node(child);
        if event != Some(EventKind::Dead) || self.recorded > 0 {
            node.ktrace(|| Fact::Adopted { by: self.node(reaper).pid });
        }
    }

    /// The record of a child that has this event, if it has not ended.
    fn living(&self, child: NodeId, event: Option<EventKind>) -> Option<&Arc<Proc>> {
        if event == Some(EventKind::Dead) { None } else { self.node(child).live() }
    }

    /// What is told of a child that is about to move.
    fn moved(&self, child: NodeId, to: NodeId) -> Option<Moved> {
        let node = self.node(child);
        let info = match &node.body {
            Body::Zombie(zombie) if self.node(to).sigchld != Disposition::Ignore && !node.traced => {
                Some(SigInfo::of_child(Signal::CHLD, node.pid, zombie.uid, zombie.status, &zombie.usage))
            }
            Body::Zombie(_) | Body::Live { .. } | Body::Vacant => None,
        };
        Some(Moved { pid: node.pid, name: node.name()?.clone(), to: self.node(to).pid, info })
    }

    /// Who adopts the children of a process.
    pub(crate) fn reaper(&self, from: NodeRef) -> Option<&Arc<Proc>> {
        self.reaper_of(from.id).and_then(|reaper| self.node(reaper).live())
    }

    /// The nearest ancestor that adopts and is not exiting itself, else init.
    fn reaper_of(&self, from: NodeId) -> Option<NodeId> {
        let ancestors = std::iter::successors(self.node(from).parent, |&id| self.node(id).parent);
        let subreaper =
            ancestors.into_iter().find(|&id| self.node(id).subreaper && self.node(id).takes_children());
        subreaper.or(self.init).filter(|&reaper| reaper != from)
    }

    /// The handle of a process was dropped: from now on its parent's waits find it (decision 23).
    pub(crate) fn release(&mut self, node: NodeRef) -> Option<Reaped> {
        if !self.arena.holds(node) || !self.node(node.id).held {
            return None;
        }
        self.arena.get_mut(node.id).held = false;
        self.enter_waits(node.id);
        let parent = self.node(node.id).parent?;
        if let Body::Zombie(zombie) = &mut self.arena.get_mut(node.id).body {
            zombie.record = None;
        }
        if self.node(node.id).traced {
            return None;
        }
        if self.node(node.id).is_zombie() && self.node(parent).ignores_children() {
            return Some(self.bury_ignored(node.id, parent));
        }
        self.tell_ready(node.id);
        None
    }

    /// The handle of a process was dropped, and kills it: no wait finds it from here on. If it has ended, it is reaped.
    pub(crate) fn abandon(&mut self, node: NodeRef) -> Option<Reaped> {
        if !self.arena.holds(node) {
            return None;
        }
        if self.node(node.id).is_zombie() {
            return Some(self.reap(node));
        }
        if let Some(record) = self.node(node.id).live() {
            record.set_abandoned();
        }
        if !self.node(node.id).held {
            self.leave_waits(node.id);
            self.arena.get_mut(node.id).held = true;
            // Who waited for it, or for its parent's last child, has nothing to wait for.
            if let Some(parent) = self.node(node.id).parent {
                self.tell_lost(parent, node);
            }
        }
        None
    }
}
