//! The benchmark's own list of a pile: who is in it, and in which group.

use std::collections::HashMap;

use greenproc::Pid;

use super::random::Random;

/// Which of the parent's groups a zombie is in.
pub(crate) type GroupIndex = usize;

/// Finds an entry at random or by pid, and removes either, in constant time.
#[derive(Default)]
pub(crate) struct Roster {
    entries: Vec<(Pid, GroupIndex)>,
    places: HashMap<Pid, usize>,
}

impl Roster {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn insert(&mut self, pid: Pid, group: GroupIndex) {
        self.places.insert(pid, self.entries.len());
        self.entries.push((pid, group));
    }

    /// Removes an entry chosen at random. The roster is not empty.
    pub(crate) fn remove_random(&mut self, random: &mut Random) -> (Pid, GroupIndex) {
        let place = random.below(self.entries.len());
        self.remove_at(place)
    }

    /// Removes this entry; nothing if it is not in the roster.
    pub(crate) fn remove(&mut self, pid: Pid) -> Option<GroupIndex> {
        self.places.get(&pid).copied().map(|place| self.remove_at(place).1)
    }

    fn remove_at(&mut self, place: usize) -> (Pid, GroupIndex) {
        let removed = self.entries.swap_remove(place);
        if let Some(&(moved, _)) = self.entries.get(place) {
            self.places.insert(moved, place);
        }
        self.places.remove(&removed.0);
        removed
    }
}
