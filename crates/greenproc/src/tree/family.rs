//! The children of one process, arranged so that every wait finds its child at once.
//!
//! Children are counted and queued per (group, class of exit signal), and once more over all groups for waits for
//! any child. Both "is something there" and "could anything ever be there" are answered without looking at a
//! child (mistake a: nothing is counted by hand, the counts follow from joining and leaving).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::tree::arena::{Arena, Chain, List, NodeId};
use crate::tree::channel::WaitChannel;
use crate::tree::groups::GroupId;
use crate::tree::node::{Class, EventKind};
use crate::tree::wanted::Wanted;
use crate::usage::Usage;

#[derive(Default)]
pub(crate) struct Family {
    pub(crate) children: List,
    /// Children that no handle holds.
    pub(crate) waits: Buckets,
    /// `p_waitcv`: who waits for these children.
    pub(crate) channel: WaitChannel,
    /// What the reaped children used, and theirs.
    pub(crate) reaped_usage: Usage,
}

/// Those that waits look for: children, or tracees.
#[derive(Default)]
pub(crate) struct Buckets {
    /// Nobody looks here any more, and nothing is kept.
    pub(super) closed: bool,
    pub(super) any: Bucket,
    /// The group of most of them, kept apart from the map.
    pub(super) first_group: Option<GroupId>,
    pub(super) first: Bucket,
    pub(super) others: HashMap<GroupId, Bucket, BuildHasherDefault<IndexHasher>>,
}

/// As what a child is counted there, and queued if it has an event.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    pub(super) group: GroupId,
    pub(super) class: Class,
    pub(super) event: Option<EventKind>,
}

/// Children that some wait could be for, by class.
#[derive(Default)]
pub(super) struct Bucket(pub(super) [EventSet; 2]);

#[derive(Clone, Copy, Default)]
pub(super) struct EventSet {
    pub(super) members: u32,
    pub(super) zombies: u32,
    pub(super) queues: [List; 3],
}

impl Bucket {
    fn is_empty(&self) -> bool {
        self.0.iter().all(|set| set.members == 0)
    }

    /// The first child with a wanted event.
    fn ready(&self, wanted: &Wanted) -> Option<NodeId> {
        EventKind::ALL.into_iter().filter(|&kind| wanted.kinds.contains(kind.into())).find_map(|kind| {
            wanted.classes().find_map(|class| self.0[class as usize].queues[kind as usize].front())
        })
    }

    /// Whether a child is there that has, or may still get, a wanted event.
    fn could_match(&self, wanted: &Wanted) -> bool {
        wanted.classes().any(|class| {
            let set = self.0[class as usize];
            let candidates = if wanted.wants_dead() { set.members } else { set.members - set.zombies };
            candidates > 0
        })
    }
}

impl Buckets {
    /// Forgets all, and keeps nothing from here on: the parent has begun to give its children away, so no wait of its will ever
    /// look. To take a child out would cost as much as to put it into its new parent's.
    pub(crate) fn close(&mut self) {
        if !self.closed {
            *self = Buckets { closed: true, ..Buckets::default() };
        }
    }

    /// Counts a child of this group and class in.
    pub(crate) fn join(&mut self, group: GroupId, class: Class) {
        if self.closed {
            return;
        }
        self.any.0[class as usize].members += 1;
        self.bucket_mut(group).0[class as usize].members += 1;
    }

    /// Counts a child out; it must have no event queued.
    pub(crate) fn leave(&mut self, group: GroupId, class: Class) {
        if self.closed {
            return;
        }
        self.any.0[class as usize].members -= 1;
        self.bucket_mut(group).0[class as usize].members -= 1;
        if self.first_group != Some(group) && self.others.get(&group).is_some_and(Bucket::is_empty) {
            self.others.remove(&group);
        }
    }

    /// Counts a child out, with the event that it has.
    pub(super) fn forget(&mut self, arena: &mut Arena, child: NodeId, counted: Counted) {
        let Counted { group, class, event } = counted;
        if let Some(kind) = event {
            self.unqueue(arena, child, group, class, kind);
        }
        self.leave(group, class);
    }

    pub(crate) fn queue(
        &mut self,
        arena: &mut Arena,
        child: NodeId,
        group: GroupId,
        class: Class,
        kind: EventKind,
    ) {
        if self.closed {
            return;
        }
        let any = &mut self.any.0[class as usize];
        any.zombies += u32::from(kind == EventKind::Dead);
        any.queues[kind as usize].push_back(arena, Chain::AnyEvent, child);
        let grouped = &mut self.bucket_mut(group).0[class as usize];
        grouped.zombies += u32::from(kind == EventKind::Dead);
        grouped.queues[kind as usize].push_back(arena, Chain::GroupEvent, child);
    }

    pub(crate) fn unqueue(
        &mut self,
        arena: &mut Arena,
        child: NodeId,
        group: GroupId,
        class: Class,
        kind: EventKind,
    ) {
        if self.closed {
            return;
        }
        let any = &mut self.any.0[class as usize];
        any.zombies -= u32::from(kind == EventKind::Dead);
        any.queues[kind as usize].remove(arena, Chain::AnyEvent, child);
        let grouped = &mut self.bucket_mut(group).0[class as usize];
        grouped.zombies -= u32::from(kind == EventKind::Dead);
        grouped.queues[kind as usize].remove(arena, Chain::GroupEvent, child);
    }

    /// The first child that a wait for any child, or for one of `group`, finds.
    pub(crate) fn ready(&self, group: Option<GroupId>, wanted: &Wanted) -> Option<NodeId> {
        self.bucket(group)?.ready(wanted)
    }

    pub(crate) fn could_match(&self, group: Option<GroupId>, wanted: &Wanted) -> bool {
        self.bucket(group).is_some_and(|bucket| bucket.could_match(wanted))
    }

    fn bucket(&self, group: Option<GroupId>) -> Option<&Bucket> {
        match group {
            None => Some(&self.any),
            Some(group) if self.first_group == Some(group) => Some(&self.first),
            Some(group) => self.others.get(&group),
        }
    }

    fn bucket_mut(&mut self, group: GroupId) -> &mut Bucket {
        if self.first_group == Some(group) {
            return &mut self.first;
        }
        if self.first.is_empty() && !self.others.contains_key(&group) {
            self.first_group = Some(group);
            return &mut self.first;
        }
        self.others.entry(group).or_default()
    }
}

/// Spreads small integers; the standard hasher costs more than the rest of a look-up.
#[derive(Default)]
pub(crate) struct IndexHasher(u64);

impl Hasher for IndexHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_i32(&mut self, number: i32) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing; the rotation brings the well-mixed high bits to where both ends of the hash are used.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}
