//! Process groups and sessions: who is a member, and which numbers are taken.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::pid::Pid;
use crate::tree::arena::{Arena, Chain, List, NodeId};
use crate::tree::family::IndexHasher;
use crate::tree::terminals::Controlling;

/// The index of a group in its table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct GroupId(pub(super) u32);

pub(super) struct Group {
    pub(super) pgid: Pid,
    pub(super) session: Pid,
    pub(super) members: List,
    pub(super) count: u32,
}

/// All groups and sessions. A session is known by its leader's number; it lasts as long as it has a group.
#[derive(Default)]
pub(crate) struct Groups {
    pub(super) table: Vec<Option<Group>>,
    free: Vec<GroupId>,
    pub(super) by_number: HashMap<Pid, GroupId, BuildHasherDefault<IndexHasher>>,
    pub(super) sessions: HashMap<Pid, u32, BuildHasherDefault<IndexHasher>>,
    /// Of the sessions that have one; it goes with the leader, so before the session.
    pub(super) terminals: HashMap<Pid, Controlling, BuildHasherDefault<IndexHasher>>,
}

/// The numbers that a departure made free: of a group, and of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "the pid table has to learn which numbers may be used again"]
pub(crate) struct Freed {
    pub(crate) group: Option<Pid>,
    pub(crate) session: Option<Pid>,
}

impl Groups {
    /// Makes an empty group; its number must not be in use by another.
    pub(crate) fn create(&mut self, pgid: Pid, session: Pid) -> GroupId {
        let group = Group { pgid, session, members: List::default(), count: 0 };
        let id = self.free.pop().unwrap_or_else(|| {
            self.table.push(None);
            GroupId(self.table.len() as u32 - 1)
        });
        self.table[id.0 as usize] = Some(group);
        let previous = self.by_number.insert(pgid, id);
        debug_assert_eq!(previous, None, "a group's number is its own");
        *self.sessions.entry(session).or_default() += 1;
        id
    }

    pub(crate) fn find(&self, pgid: Pid) -> Option<GroupId> {
        self.by_number.get(&pgid).copied()
    }

    pub(crate) fn pgid(&self, id: GroupId) -> Pid {
        self.group(id).pgid
    }

    pub(crate) fn session(&self, id: GroupId) -> Pid {
        self.group(id).session
    }

    /// The members, in the order in which they joined.
    pub(crate) fn members<'a>(&'a self, arena: &'a Arena, id: GroupId) -> impl Iterator<Item = NodeId> + 'a {
        let first = self.group(id).members.front();
        std::iter::successors(first, |&member| arena.next(Chain::Group, member))
    }

    pub(crate) fn join(&mut self, arena: &mut Arena, id: GroupId, member: NodeId) {
        let group = self.group_mut(id);
        group.count += 1;
        group.members.push_back(arena, Chain::Group, member);
        arena.get_mut(member).group = id;
    }

    /// Takes a member out; an empty group goes, and then an empty session (row 64).
    pub(crate) fn leave(&mut self, arena: &mut Arena, member: NodeId) -> Freed {
        let id = arena.get(member).group;
        let group = self.group_mut(id);
        group.count -= 1;
        group.members.remove(arena, Chain::Group, member);
        if group.count > 0 {
            return Freed::default();
        }
        let (pgid, session) = (group.pgid, group.session);
        self.table[id.0 as usize] = None;
        self.free.push(id);
        self.by_number.remove(&pgid);
        if let Some(own) = self.terminals.get_mut(&session).filter(|own| own.foreground == Some(pgid)) {
            own.foreground = None;
        }
        let mut freed = Freed { group: Some(pgid), session: None };
        let left = self.sessions.get_mut(&session).expect("a group's session is known");
        *left -= 1;
        if *left == 0 {
            self.sessions.remove(&session);
            freed.session = Some(session);
        }
        freed
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.by_number.len(), self.sessions.len())
    }

    fn group(&self, id: GroupId) -> &Group {
        self.table[id.0 as usize].as_ref().expect("a member's group exists")
    }

    fn group_mut(&mut self, id: GroupId) -> &mut Group {
        self.table[id.0 as usize].as_mut().expect("a member's group exists")
    }
}
