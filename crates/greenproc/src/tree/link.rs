//! Birth, death and reaping: how a node comes and goes.

use std::sync::Arc;

use crate::command::ProcessGroup;
use crate::ktrace::Fact;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::report::ExitReport;
use crate::signal::{Disposition, Signal};
use crate::status::ExitStatus;
use crate::tree::ProcTree;
use crate::tree::arena::{Chain, NodeId, NodeRef};
use crate::tree::channel::WaitSlot;
use crate::tree::family::Counted;
use crate::tree::groups::Freed;
use crate::tree::node::{Body, EventKind, Node, Zombie};
use crate::tree::wanted::{Wanted, Who};
use crate::usage::Usage;

/// What a new process brings along.
pub(crate) struct Birth {
    pub(crate) record: Arc<Proc>,
    pub(crate) exit_signal: Option<Signal>,
    /// Its handle owns it.
    pub(crate) held: bool,
    /// The group it asks for; else its parent's.
    pub(crate) group: Option<ProcessGroup>,
    /// It leads a new session.
    pub(crate) new_session: bool,
    /// The most processes its user may have.
    pub(crate) user_limit: Option<u32>,
}

/// Why a process could not be linked; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// The parent has begun to exit, or is gone.
    ParentExiting,
    UserLimit(u32),
    /// The group it asks for is in another session, or does not exist.
    BadGroup,
}

/// How a process ended.
pub(crate) struct Death {
    pub(crate) status: ExitStatus,
    pub(crate) usage: Usage,
    pub(crate) report: Option<Arc<ExitReport>>,
}

/// A process that left the tree. To be dropped after unlocking.
#[must_use = "its pid is to be given back, and its record dropped after unlocking"]
pub(crate) struct Reaped {
    pub(crate) pid: Pid,
    pub(crate) zombie: Zombie,
    pub(crate) freed: Freed,
}

/// What is left of a process that ended.
#[must_use]
pub(crate) struct Buried {
    /// Its record, to be dropped after unlocking.
    pub(crate) record: Arc<Proc>,
    /// Its parent ignores its children: it is gone already (row 40).
    pub(crate) reaped: Option<Box<Reaped>>,
}

impl ProcTree {
    /// Links the first process, the root of the tree, as leader of its own group and session.
    pub(crate) fn link_init(&mut self, record: Arc<Proc>) -> NodeRef {
        let (pid, uid) = (record.pid, record.uid());
        let node = self.arena.insert(|node| {
            node.pid = pid;
            node.body = Body::Live { record, closed: false };
        });
        let group = self.groups.create(pid, pid);
        self.groups.join(&mut self.arena, group, node.id);
        self.users.count(uid);
        self.init = Some(node.id);
        self.mirror(node.id);
        node
    }

    /// Links a new process below `parent` (decision 24).
    pub(crate) fn link(&mut self, parent: NodeRef, birth: Birth) -> Result<NodeRef, LinkError> {
        if !self.arena.holds(parent) || !self.node(parent.id).takes_children() {
            return Err(LinkError::ParentExiting);
        }
        let (pid, uid) = (birth.record.pid, birth.record.uid());
        if let Some(limit) = birth.user_limit.filter(|&limit| self.processes_of(uid) >= limit) {
            return Err(LinkError::UserLimit(limit));
        }
        let inherited_group = self.node(parent.id).group;
        let session = self.groups.session(inherited_group);
        let group = match birth.group {
            None if birth.new_session => self.groups.create(pid, pid),
            None => inherited_group,
            Some(ProcessGroup::New) => self.groups.create(pid, session),
            Some(ProcessGroup::Join(number)) => match self.groups.find(number) {
                Some(group) if self.groups.session(group) == session => group,
                Some(_) | None => return Err(LinkError::BadGroup),
            },
        };
        if let Some(record) = self.node(parent.id).live().filter(|_| !planted!(self, ParentEndsLightly)) {
            record.end_in_full();
        }
        // Actions are inherited (decision 15).
        let sigchld = self.node(parent.id).sigchld;
        let node = self.arena.insert(|node| {
            node.pid = pid;
            node.parent = Some(parent.id);
            node.exit_signal = birth.exit_signal;
            node.held = birth.held;
            node.sigchld = sigchld;
            node.body = Body::Live { record: birth.record, closed: false };
        });
        self.groups.join(&mut self.arena, group, node.id);
        self.add_child(parent.id, node.id);
        self.users.count(uid);
        self.mirror(node.id);
        Ok(node)
    }

    /// Puts a new node among a parent's children: listed always, counted and queued unless a handle holds it.
    fn add_child(&mut self, parent: NodeId, child: NodeId) {
        let node = self.arena.get_mut(child);
        node.parent = Some(parent);
        debug_assert!(node.event.is_none() && !node.traced, "it is new");
        let (held, group, class) = (node.held, node.group, node.class());
        self.with_family(parent, |family, arena| {
            family.children.push_back(arena, Chain::Siblings, child);
            if !held {
                family.waits.join(group, class);
            }
        });
    }

    /// Takes a node from its parent's children.
    pub(super) fn remove_child(&mut self, child: NodeId) {
        if self.is_swept() {
            self.step_past(child);
        }
        let counted = self.counted(child);
        if let Some(parent) = self.arena.get_mut(child).parent.take() {
            self.with_family(parent, |family, arena| {
                if let Some((_, counted)) = counted {
                    family.waits.forget(arena, child, counted);
                }
                family.children.remove(arena, Chain::Siblings, child);
            });
        }
    }

    /// As what a child is counted among those that its parent's waits look at, and whose waits these are.
    fn counted(&self, child: NodeId) -> Option<(NodeId, Counted)> {
        let node = self.node(child);
        let parent = node.parent.filter(|_| !node.held)?;
        if node.traced && self.tracer_of(child) == Some(parent) {
            // It is among those that the parent traces, which its waits look at too.
            return None;
        }
        let counted = Counted { group: node.group, class: node.class(), event: node.event_for_parent() };
        Some((parent, counted))
    }

    /// Makes a child visible to its parent's waits, with the event it has. Does not wake anybody.
    pub(super) fn enter_waits(&mut self, child: NodeId) {
        let Some((parent, Counted { group, class, event })) = self.counted(child) else { return };
        self.with_family(parent, |family, arena| {
            family.waits.join(group, class);
            if let Some(kind) = event {
                family.waits.queue(arena, child, group, class, kind);
            }
        });
    }

    /// Hides a child from its parent's waits.
    pub(super) fn leave_waits(&mut self, child: NodeId) {
        let Some((parent, counted)) = self.counted(child) else { return };
        self.with_family(parent, |family, arena| family.waits.forget(arena, child, counted));
    }

    /// Publishes a death (row 46): state, event, and the choice of who is told, in one step.
    ///
    /// The process must have given its children away.
    pub(crate) fn zombify(&mut self, node: NodeRef, death: Death) -> Buried {
        debug_assert!(self.arena.holds(node));
        let id = node.id;
        let dying = self.arena.get_mut(id);
        let Body::Live { record, .. } = std::mem::replace(&mut dying.body, Body::Vacant) else {
            unreachable!("a process dies once");
        };
        let family = dying.family.take();
        debug_assert!(
            family
                .as_ref()
                .is_none_or(|family| family.children.front().is_none() && family.channel.is_empty()),
            "a dead parent has no children, and nobody waits in a dead process"
        );
        let children_usage =
            family.map(|family| family.reaped_usage).filter(|usage| *usage != Usage::default()).map(Box::new);
        let (parent, held, traced) = (dying.parent, dying.held, dying.traced);
        // Row 22: what becomes of it from here on happens to the zombie.
        let status = death.status;
        let recording =
            record.end_ktrace(|| Fact::Exited { status, parent: parent.map(|parent| self.node(parent).pid) });
        self.recorded += usize::from(recording.is_some());
        self.arena.get_mut(id).body = Body::Zombie(Zombie {
            status: death.status,
            usage: death.usage,
            children_usage,
            report: death.report,
            name: record.name().clone(),
            uid: record.uid(),
            gid: record.gid(),
            started: record.started,
            record: held.then(|| Arc::clone(&record)),
            recording,
        });
        self.zombies += 1;
        self.ledger.note_ended(death.usage);
        if !planted!(self, StopStaysCounted) {
            self.note_stopped(id, false);
        }
        let reaped = match parent {
            Some(parent) if !held && !traced && self.node(parent).ignores_children() => {
                Some(Box::new(self.bury_ignored(id, parent)))
            }
            _ => {
                self.post_event(id, EventKind::Dead);
                if traced {
                    self.tell_tracer_lost(id);
                }
                // Who waits for stops only may have lost the last that could.
                if let Some(parent) = parent {
                    self.tell_lost(parent, node);
                }
                None
            }
        };
        Buried { record, reaped }
    }

    /// Init has ended. If it is the last, it goes, and the numbers it carried are returned; what could not be stopped
    /// stays below it and leaves no zombie.
    pub(crate) fn bury_init(&mut self, node: NodeRef) -> Option<Freed> {
        self.arena.get_mut(node.id).sigchld = Disposition::Ignore;
        self.forget_tracees(node);
        if self.arena.len() > 1 {
            return None;
        }
        self.init = None;
        let (_, freed) = self.take_out(node.id);
        debug_assert_eq!(freed.session, Some(Pid::INIT), "init leads the first session");
        Some(freed)
    }

    /// Reaps a child whose parent ignores it: no zombie is left, its usage is nobody's, and whoever waited for it as
    /// the last one is told that there is nothing left (row 40, mistake e).
    pub(super) fn bury_ignored(&mut self, child: NodeId, parent: NodeId) -> Reaped {
        let reference = NodeRef { id: child, generation: self.node(child).generation };
        let reaped = self.unlink(child);
        self.ledger.note_nobodys(&reaped.zombie);
        let others =
            || self.node(parent).family.as_ref().is_some_and(|family| family.children.front().is_some());
        let quiet = planted!(self, IgnoredTellsNobody) || (planted!(self, IgnoredTellsLast) && others());
        if !quiet {
            self.tell_lost(parent, reference);
        }
        reaped
    }

    /// Reaps a zombie for its parent: usage is added to the parent's, once (row 66).
    pub(crate) fn reap(&mut self, node: NodeRef) -> Reaped {
        let parent = self.node(node.id).parent;
        let reaped = self.unlink(node.id);
        if let Some(parent) = parent {
            let usage = &mut self.family_mut(parent).reaped_usage;
            *usage += reaped.zombie.usage;
            if let Some(children) = &reaped.zombie.children_usage {
                *usage += **children;
            }
            if !planted!(self, ReapTellsNobody) {
                self.tell_lost(parent, node);
            }
        }
        reaped
    }

    /// Whether a wait of `parent` takes the end of this process, and nobody else can have anything to do with it: then
    /// [`pass_by`](ProcTree::pass_by) is all that is to be done.
    pub(crate) fn is_plainly_wanted(
        &self,
        parent: NodeRef,
        child: NodeRef,
        wanted: &Wanted,
        waiter: &Arc<WaitSlot>,
    ) -> bool {
        let node = self.node(child.id);
        let listens = |node: &Node| node.live().is_none_or(|record| record.hears_of_deaths());
        let mother = self.node(parent.id);
        node.parent == Some(parent.id)
            && !node.held
            && !node.traced
            && node.live().is_some_and(|record| !record.ends_in_full() && record.extras().is_none())
            && wanted.wants_dead()
            && wanted.takes_class(node.class())
            && match wanted.who {
                Who::Any => true,
                Who::Child(wanted) => wanted == child,
                Who::Group(number) => self.groups.pgid(node.group) == number,
                Who::Held(_) => false,
            }
            && !mother.ignores_children()
            && !listens(mother)
            && mother.family.as_ref().is_none_or(|family| !family.channel.has_others(waiter))
            && self.stopped == 0
            && !self.is_swept()
    }

    /// A process ends, and its parent has waited for it: it goes without having been a zombie that anybody could see.
    pub(crate) fn pass_by(&mut self, child: NodeRef, usage: Usage) -> (Arc<Proc>, Freed) {
        debug_assert!(self.arena.holds(child));
        let parent = self.node(child.id).parent;
        let (body, freed) = self.take_out(child.id);
        self.ledger.note_ended(usage);
        if let Some(parent) = parent {
            self.family_mut(parent).reaped_usage += usage;
        }
        let Body::Live { record, .. } = body else { unreachable!("a process dies once") };
        (record, freed)
    }

    /// A live process acts for another user, and counts among that one's.
    pub(crate) fn change_user(&mut self, node: NodeRef, uid: u32) {
        let Some(record) = self.record(node).map(Arc::clone) else { return };
        self.users.discount(record.uid());
        record.set_uid(uid);
        self.users.count(uid);
    }

    fn unlink(&mut self, id: NodeId) -> Reaped {
        let pid = self.node(id).pid;
        let (body, freed) = self.take_out(id);
        let Body::Zombie(zombie) = body else { unreachable!("only a zombie is reaped") };
        self.zombies -= 1;
        self.recorded -= usize::from(zombie.recording.is_some());
        Reaped { pid, zombie, freed }
    }

    fn take_out(&mut self, id: NodeId) -> (Body, Freed) {
        if self.node(id).traced {
            self.untrace(id);
        }
        self.remove_child(id);
        let freed = self.groups.leave(&mut self.arena, id);
        let body = self.arena.remove(id);
        let uid = match &body {
            Body::Live { record, .. } => record.uid(),
            Body::Zombie(zombie) => zombie.uid,
            Body::Vacant => unreachable!("a place that was taken out held a process"),
        };
        self.users.discount(uid);
        (body, freed)
    }

    /// Puts what others read without the lock where they read it.
    pub(super) fn mirror(&self, id: NodeId) {
        let node = self.node(id);
        let Some(record) = node.live() else { return };
        let parent = node.parent.map(|parent| self.node(parent).pid);
        record.mirror(
            NodeRef { id, generation: node.generation },
            parent,
            self.groups.pgid(node.group),
            self.groups.session(node.group),
        );
    }
}
