//! Who traces whom: tracees are a second list of a process, besides its children (decision 8).
//!
//! A tracee keeps its parent. Only what it has to report goes to its tracer instead, which finds it as fast as a child:
//! tracees are counted and queued in buckets of their own, looked at before the children's. What the parent has of it
//! meanwhile is a candidate that may still come: its waits sleep (mistake i).
//!
//! All that tracing needs is beside the nodes, and empty while nobody traces; a node has one mark. There are ids here and
//! no pointers: a parent that ends is nobody's any more (row 35, mistake c).

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::proc::Proc;
use crate::signal::{Disposition, Signal};
use crate::tree::ProcTree;
use crate::tree::arena::{NodeId, NodeRef};
use crate::tree::family::{Buckets, IndexHasher};
use crate::tree::groups::GroupId;
use crate::tree::link::Reaped;
use crate::tree::node::{Body, Class, EventKind};
use crate::tree::poll::Poll;
use crate::tree::wanted::{Wanted, Who};

#[derive(Default)]
pub(crate) struct Tracing {
    /// The tracer of each tracee.
    pub(super) tracers: HashMap<NodeId, NodeId, BuildHasherDefault<IndexHasher>>,
    /// The tracees of each tracer.
    pub(super) charges: HashMap<NodeId, Tracees, BuildHasherDefault<IndexHasher>>,
}

#[derive(Default)]
pub(super) struct Tracees {
    pub(super) members: BTreeSet<NodeId>,
    /// All in one class: a tracer's waits take tracees whatever their exit signal is (row 57).
    pub(super) waits: Buckets,
}

/// The class of all tracees.
pub(super) const CLASS: Class = Class::Child;

/// Why a process cannot be traced; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttachError {
    /// ESRCH: it has ended, or was reaped.
    Gone,
    /// ESRCH: the tracer is exiting.
    Exiting,
    /// EPERM: a process does not trace itself.
    Oneself,
    /// EPERM: nobody traces init.
    Init,
    /// EPERM: somebody traces it already.
    Traced,
    /// EPERM: it traces the tracer, or one that does.
    Circle,
}

impl ProcTree {
    /// From here on, what `tracee` has to report is its tracer's. An event that its parent was not told of is dropped: what
    /// the process does now is told to the tracer.
    pub(crate) fn attach(&mut self, tracer: NodeRef, tracee: NodeRef) -> Result<(), AttachError> {
        if !self.arena.holds(tracer) || !self.node(tracer.id).takes_children() {
            return Err(AttachError::Exiting);
        }
        if !self.arena.holds(tracee) || self.node(tracee.id).live().is_none() {
            return Err(AttachError::Gone);
        }
        if tracer == tracee {
            return Err(AttachError::Oneself);
        }
        if Some(tracee.id) == self.init {
            return Err(AttachError::Init);
        }
        if self.node(tracee.id).traced {
            return Err(AttachError::Traced);
        }
        let mut above = std::iter::successors(self.tracer_of(tracer.id), |&id| self.tracer_of(id));
        if above.any(|id| id == tracee.id) {
            return Err(AttachError::Circle);
        }
        self.clear_event(tracee.id);
        self.leave_waits(tracee.id);
        self.arena.get_mut(tracee.id).traced = true;
        self.tracing.tracers.insert(tracee.id, tracer.id);
        self.enter_waits(tracee.id);
        self.tracing.charges.entry(tracer.id).or_default().members.insert(tracee.id);
        self.enter_tracer(tracee.id);
        Ok(())
    }

    /// The process is traced no more: its parent has it again. A death that the tracer did not wait for is the parent's to
    /// be waited for; any other event is dropped. Tells nobody but those who waited as tracers.
    pub(crate) fn untrace(&mut self, tracee: NodeId) {
        let Some(tracer) = self.tracer_of(tracee) else { return };
        self.leave_tracer(tracee);
        self.leave_waits(tracee);
        self.tracing.tracers.remove(&tracee);
        if let Some(tracees) = self.tracing.charges.get_mut(&tracer) {
            tracees.members.remove(&tracee);
            if tracees.members.is_empty() {
                self.tracing.charges.remove(&tracer);
            }
        }
        let node = self.arena.get_mut(tracee);
        node.traced = false;
        if !node.is_zombie() {
            node.event = None;
        }
        let reference = NodeRef { id: tracee, generation: node.generation };
        self.enter_waits(tracee);
        self.tell_lost(tracer, reference);
    }

    /// Gives a zombie back to its parent (row 63), whose waiters are told; one that ignores its children never gets it.
    pub(crate) fn hand_back(&mut self, tracee: NodeRef) -> Option<Box<Reaped>> {
        self.untrace(tracee.id);
        let node = self.node(tracee.id);
        let parent = node.parent?;
        if !node.held && self.node(parent).ignores_children() {
            return Some(Box::new(self.bury_ignored(tracee.id, parent)));
        }
        #[cfg(feature = "racelab")]
        if planted!(self, HandBackToFormer) && self.lab.adopted.contains(&tracee.id) {
            return None;
        }
        if !planted!(self, TracerLeavesQuietly) {
            self.tell_ready(tracee.id);
        }
        None
    }

    pub(crate) fn parent_node(&self, child: NodeRef) -> Option<NodeRef> {
        let parent = self.arena.holds(child).then(|| self.node(child.id).parent).flatten()?;
        Some(NodeRef { id: parent, generation: self.node(parent).generation })
    }

    /// Who traces this process.
    pub(crate) fn tracer(&self, tracee: NodeRef) -> Option<NodeRef> {
        let tracer = self.arena.holds(tracee).then(|| self.tracer_of(tracee.id)).flatten()?;
        Some(NodeRef { id: tracer, generation: self.node(tracer).generation })
    }

    pub(crate) fn has_tracees(&self, tracer: NodeRef) -> bool {
        !self.tracing.charges.is_empty() && self.tracing.charges.contains_key(&tracer.id)
    }

    /// Up to so many of those that an exiting process traces; it takes no new ones from here on.
    pub(crate) fn last_tracees(&mut self, tracer: NodeRef, batch: usize) -> Vec<NodeRef> {
        if let Body::Live { closed, .. } = &mut self.arena.get_mut(tracer.id).body {
            *closed = true;
        }
        let Some(tracees) = self.tracing.charges.get(&tracer.id) else { return Vec::new() };
        let ids = tracees.members.iter().take(batch);
        ids.map(|&id| NodeRef { id, generation: self.node(id).generation }).collect()
    }

    /// Init has ended: whoever outlives it is traced no more.
    pub(super) fn forget_tracees(&mut self, init: NodeRef) {
        while let Some(&tracee) = self.last_tracees(init, 1).first() {
            self.untrace(tracee.id);
        }
    }

    /// A process that stood goes on: its stop is no news any more (decision 5).
    pub(crate) fn forget_stop(&mut self, node: NodeRef) {
        if self.arena.holds(node) && !self.node(node.id).is_zombie() {
            self.note_stopped(node.id, false);
            self.clear_event(node.id);
        }
    }

    /// The tracer of a process that has this mark, or of any.
    pub(super) fn tracer_of(&self, tracee: NodeId) -> Option<NodeId> {
        if self.tracing.tracers.is_empty() { None } else { self.tracing.tracers.get(&tracee).copied() }
    }

    /// Whether the process is traced by another than its parent.
    pub(super) fn is_anothers(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.traced && (node.held || self.tracer_of(id) != node.parent)
    }

    /// The tracer that is to be told of a death, which is always told by SIGCHLD (row 1).
    pub(super) fn tracer_notice(&self, tracee: NodeId) -> Option<(Signal, &Arc<Proc>)> {
        let tracer = self.node(self.tracer_of(tracee)?);
        let listens = tracer.sigchld != Disposition::Ignore;
        tracer.live().filter(|_| listens).map(|record| (Signal::CHLD, record))
    }

    /// Looks among those that the caller traces.
    pub(super) fn poll_tracees(&self, caller: NodeId, group: Option<GroupId>, wanted: &Wanted) -> Poll {
        if self.tracing.charges.is_empty() {
            return Poll::NoChild;
        }
        let Some(Tracees { waits, .. }) = self.tracing.charges.get(&caller) else { return Poll::NoChild };
        let wanted = wanted.of_tracees();
        if let Some(id) = waits.ready(group, &wanted) {
            let node = self.node(id);
            let kind = node.event.expect("a queued tracee has an event");
            return Poll::Ready(NodeRef { id, generation: node.generation }, kind);
        }
        if waits.could_match(group, &wanted) { Poll::Nothing } else { Poll::NoChild }
    }

    /// Makes a tracee visible to its tracer's waits, with the event it has.
    pub(super) fn enter_tracer(&mut self, tracee: NodeId) {
        let node = self.node(tracee);
        let (group, event) = (node.group, node.event);
        let Some(waits) = self.tracers_waits(tracee) else { return };
        waits.join(group, CLASS);
        if let Some(kind) = event {
            self.queue_for_tracer(tracee, kind);
        }
    }

    /// Hides a tracee from its tracer's waits.
    pub(super) fn leave_tracer(&mut self, tracee: NodeId) {
        if !self.node(tracee).traced {
            return;
        }
        let event = self.node(tracee).event;
        self.clear_tracees_event(tracee);
        let node = self.arena.get_mut(tracee);
        node.event = event;
        let group = node.group;
        if let Some(waits) = self.tracers_waits(tracee) {
            waits.leave(group, CLASS);
        }
    }

    /// Gives a tracee an event; it must have none.
    pub(super) fn queue_for_tracer(&mut self, tracee: NodeId, kind: EventKind) {
        let node = self.arena.get_mut(tracee);
        node.event = Some(kind);
        let group = node.group;
        let Some(tracer) = self.tracer_of(tracee) else { return };
        if let Some(tracees) = self.tracing.charges.get_mut(&tracer) {
            tracees.waits.queue(&mut self.arena, tracee, group, CLASS, kind);
        }
    }

    /// A tracee has nothing to report any more.
    pub(super) fn clear_tracees_event(&mut self, tracee: NodeId) {
        let node = self.arena.get_mut(tracee);
        let (former, group) = (node.event.take(), node.group);
        let (Some(former), Some(tracer)) = (former, self.tracer_of(tracee)) else { return };
        if let Some(tracees) = self.tracing.charges.get_mut(&tracer) {
            tracees.waits.unqueue(&mut self.arena, tracee, group, CLASS, former);
        }
    }

    /// Tells one waiter of the tracer about the event that a tracee has.
    pub(super) fn tell_tracer(&mut self, tracee: NodeId) {
        let node = self.node(tracee);
        let (Some(tracer), Some(kind)) = (self.tracer_of(tracee), node.event) else { return };
        let reference = NodeRef { id: tracee, generation: node.generation };
        let pgid = self.groups.pgid(node.group);
        self.with_channel(tracer, |_, channel| {
            channel.tell_one(reference, |wanted| {
                let meant = match wanted.who {
                    Who::Any => true,
                    Who::Group(number) => number == pgid,
                    Who::Child(waited) => waited == reference,
                    Who::Held(_) => false,
                };
                meant && wanted.of_tracees().kinds.contains(kind.into())
            });
        });
    }

    /// Tells every waiter of the tracer that has nothing left to wait for, now that this tracee ended or moved.
    pub(super) fn tell_tracer_lost(&mut self, tracee: NodeId) {
        let reference = NodeRef { id: tracee, generation: self.node(tracee).generation };
        if let Some(tracer) = self.tracer_of(tracee) {
            self.tell_lost(tracer, reference);
        }
    }

    fn tracers_waits(&mut self, tracee: NodeId) -> Option<&mut Buckets> {
        let tracer = self.tracer_of(tracee)?;
        self.tracing.charges.get_mut(&tracer).map(|tracees| &mut tracees.waits)
    }
}
