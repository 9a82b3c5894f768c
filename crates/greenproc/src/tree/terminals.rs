//! Which session has which controlling terminal, and which of its groups is in the foreground.

use std::sync::Arc;

use crate::pid::Pid;
use crate::tree::ProcTree;
use crate::tty::Terminal;

/// The controlling terminal of a session.
pub(crate) struct Controlling {
    pub(crate) terminal: Arc<Terminal>,
    /// `None` once that group has no members.
    pub(crate) foreground: Option<Pid>,
}

impl ProcTree {
    /// The controlling terminal of a session.
    pub(crate) fn controlling(&self, session: Pid) -> Option<&Controlling> {
        self.groups.terminals.get(&session)
    }

    /// The same, to change its foreground group.
    pub(crate) fn controlling_mut(&mut self, session: Pid) -> Option<&mut Controlling> {
        self.groups.terminals.get_mut(&session)
    }

    pub(crate) fn set_terminal(&mut self, session: Pid, controlling: Controlling) {
        let former = self.groups.terminals.insert(session, controlling);
        debug_assert!(former.is_none(), "a session has one controlling terminal");
    }

    pub(crate) fn take_terminal(&mut self, session: Pid) -> Option<Controlling> {
        self.groups.terminals.remove(&session)
    }

    /// Whether there is such a group in the session.
    pub(crate) fn is_group_of(&self, group: Pid, session: Pid) -> bool {
        self.groups.find(group).is_some_and(|group| self.groups.session(group) == session)
    }
}
