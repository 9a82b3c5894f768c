//! Sessions, and groups that nobody in their session looks after.

use smallvec::SmallVec;

use crate::pid::Pid;
use crate::tree::ProcTree;
use crate::tree::arena::{Chain, NodeId, NodeRef};
use crate::tree::groups::{Freed, GroupId};

/// Why a process cannot make a session (decision 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetsidError {
    /// ESRCH: it has ended.
    Gone,
    /// EPERM: there is a group of its number.
    GroupLeader,
}

impl ProcTree {
    /// Makes the process the leader of a new session and of its first group.
    pub(crate) fn setsid(&mut self, node: NodeRef) -> Result<Freed, SetsidError> {
        if !self.arena.holds(node) || self.node(node.id).live().is_none() {
            return Err(SetsidError::Gone);
        }
        let pid = self.node(node.id).pid;
        if let Some(record) = self.node(node.id).live() {
            record.end_in_full();
        }
        // Its number may be in use by a group that it has led and left.
        if self.groups.find(pid).is_some() {
            return Err(SetsidError::GroupLeader);
        }
        self.leave_waits(node.id);
        self.leave_tracer(node.id);
        let freed = self.groups.leave(&mut self.arena, node.id);
        let group = self.groups.create(pid, pid);
        self.groups.join(&mut self.arena, group, node.id);
        self.enter_waits(node.id);
        self.enter_tracer(node.id);
        self.mirror(node.id);
        self.tell_ready(node.id);
        self.tell_tracer_lost(node.id);
        if let Some(parent) = self.node(node.id).parent {
            self.tell_lost(parent, node);
        }
        Ok(freed)
    }

    /// The session of a process, dead or alive.
    pub(crate) fn sid(&self, node: NodeRef) -> Option<Pid> {
        self.arena.holds(node).then(|| self.groups.session(self.node(node.id).group))
    }

    /// Whether a process is a tie between a group and its session: it has a member as a child, and is in another group of
    /// the same session. Init, which adopts anybody, is none.
    fn ties(&self, parent: NodeId, group: GroupId) -> bool {
        let node = self.node(parent);
        Some(parent) != self.init
            && node.live().is_some()
            && node.group != group
            && self.groups.session(node.group) == self.groups.session(group)
    }

    /// Whether no process outside the group, but in its session, is the parent of a member that lives: nobody would continue
    /// it. A zombie is a member still, but its parent has nobody to continue.
    ///
    /// Source: POSIX, "orphaned process group".
    fn is_group_orphaned(&self, group: GroupId) -> bool {
        let members = self.groups.members(&self.arena, group).map(|member| self.node(member));
        let mut parents = members.filter(|member| member.live().is_some()).filter_map(|member| member.parent);
        !parents.any(|parent| self.ties(parent, group))
    }

    /// Whether the group of this process is orphaned.
    pub(crate) fn is_orphaned(&self, node: NodeRef) -> bool {
        self.arena.holds(node) && self.is_group_orphaned(self.node(node.id).group)
    }

    /// The groups that may become orphaned with the end of this process: its own, and those of its children that it ties
    /// to the session. None if nobody stands still anyway.
    pub(crate) fn ties_of(&self, node: NodeRef) -> SmallVec<[Pid; 2]> {
        let mut groups = SmallVec::new();
        if self.stopped == 0 || !self.arena.holds(node) {
            return groups;
        }
        let dying = self.node(node.id);
        if dying.parent.is_some_and(|parent| self.ties(parent, dying.group)) {
            groups.push(self.groups.pgid(dying.group));
        }
        let first = dying.family.as_ref().and_then(|family| family.children.front());
        for child in std::iter::successors(first, |&child| self.arena.next(Chain::Siblings, child)) {
            let group = self.node(child).group;
            let number = self.groups.pgid(group);
            if self.ties(node.id, group) && !groups.contains(&number) {
                groups.push(number);
            }
        }
        groups
    }

    /// Whether a group is orphaned and a member of it stands still.
    pub(crate) fn is_stranded(&self, pgid: Pid) -> bool {
        self.groups.find(pgid).is_some_and(|group| {
            self.is_group_orphaned(group)
                && self.groups.members(&self.arena, group).any(|member| self.node(member).stopped)
        })
    }
}
