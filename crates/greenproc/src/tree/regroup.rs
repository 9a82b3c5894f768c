//! Moving a process from one group to another, or from one class of exit signals to another.

use crate::pid::Pid;
use crate::signal::Signal;
use crate::tree::ProcTree;
use crate::tree::arena::NodeRef;
use crate::tree::groups::Freed;

/// Why a process cannot change its group (decision 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegroupError {
    /// ESRCH: the process is neither the caller nor one of its children.
    NotMine,
    /// EACCES: the process is a child that has replaced its body.
    Executed,
    /// EPERM: the process leads its session.
    SessionLeader,
    /// EPERM: the process is in another session than the caller.
    OtherSession,
    /// EPERM: the group is not in the caller's session.
    NoSuchGroup,
}

impl ProcTree {
    /// Moves `target`, the caller itself or a child of it, into a group of the caller's session, which is made if its
    /// number is the target's own pid. Waiters of the target's parent are looked at again.
    pub(crate) fn regroup(
        &mut self,
        caller: NodeRef,
        target: NodeRef,
        pgid: Pid,
    ) -> Result<Freed, RegroupError> {
        let live = |node: NodeRef| self.arena.holds(node) && self.node(node.id).live().is_some();
        if !live(caller)
            || !live(target)
            || (target != caller && self.node(target.id).parent != Some(caller.id))
        {
            return Err(RegroupError::NotMine);
        }
        let session_of = |node: NodeRef| self.groups.session(self.node(node.id).group);
        let session = session_of(caller);
        if session_of(target) != session {
            return Err(RegroupError::OtherSession);
        }
        if target != caller && self.node(target.id).live().is_some_and(|record| record.has_executed()) {
            return Err(RegroupError::Executed);
        }
        if session == self.node(target.id).pid {
            return Err(RegroupError::SessionLeader);
        }
        let found = self.groups.find(pgid);
        #[cfg(feature = "racelab")]
        let found = found.filter(|_| !std::mem::take(&mut self.lab.group_is_new));
        let group = match found {
            Some(group) if group == self.node(target.id).group => return Ok(Freed::default()),
            Some(group) if self.groups.session(group) == session => group,
            None if pgid == self.node(target.id).pid => self.groups.create(pgid, session),
            Some(_) | None => return Err(RegroupError::NoSuchGroup),
        };
        self.leave_waits(target.id);
        self.leave_tracer(target.id);
        let freed = self.groups.leave(&mut self.arena, target.id);
        self.groups.join(&mut self.arena, group, target.id);
        self.enter_waits(target.id);
        self.enter_tracer(target.id);
        self.mirror(target.id);
        self.tell_ready(target.id);
        self.tell_tracer_lost(target.id);
        if let Some(parent) = self.node(target.id).parent {
            self.tell_lost(parent, target);
        }
        Ok(freed)
    }

    /// Another body replaces the process's own: its exit signal is SIGCHLD from here on. Waiters of its parent are looked at
    /// again.
    pub(crate) fn reset_exit_signal(&mut self, node: NodeRef) {
        let id = node.id;
        if !self.arena.holds(node) || self.node(id).exit_signal == Some(Signal::CHLD) {
            return;
        }
        self.leave_waits(id);
        self.arena.get_mut(id).exit_signal = Some(Signal::CHLD);
        self.enter_waits(id);
        self.tell_ready(id);
        if let Some(parent) = self.node(id).parent {
            self.tell_lost(parent, node);
        }
    }
}
