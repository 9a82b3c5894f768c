//! How many processes each user has, zombies included (row 70).

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::tree::family::IndexHasher;

/// Most runtimes have processes of one user only: its count is kept apart from the map.
#[derive(Default)]
pub(super) struct Users {
    first: u32,
    firsts: u32,
    others: HashMap<u32, u32, BuildHasherDefault<IndexHasher>>,
}

impl Users {
    pub(super) fn processes_of(&self, uid: u32) -> u32 {
        let firsts = if self.first == uid { self.firsts } else { 0 };
        firsts + if self.others.is_empty() { 0 } else { self.others.get(&uid).copied().unwrap_or(0) }
    }

    /// All users that have any, with how many.
    #[cfg(any(debug_assertions, feature = "racelab"))]
    pub(super) fn each(&self) -> impl Iterator<Item = (u32, u32)> {
        let others = self.others.keys().copied().filter(|&uid| uid != self.first || self.firsts == 0);
        let first = (self.firsts > 0).then_some(self.first);
        first.into_iter().chain(others).map(|uid| (uid, self.processes_of(uid)))
    }

    pub(super) fn count(&mut self, uid: u32) {
        if self.firsts == 0 {
            self.first = uid;
        }
        if self.first == uid {
            self.firsts += 1;
        } else {
            *self.others.entry(uid).or_default() += 1;
        }
    }

    pub(super) fn discount(&mut self, uid: u32) {
        // A user who has become the first one may have processes that were counted before.
        if self.first == uid && self.firsts > 0 {
            self.firsts -= 1;
            return;
        }
        let count = self.others.get_mut(&uid).expect("a process is counted with its user");
        *count -= 1;
        if *count == 0 {
            self.others.remove(&uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Users;

    proptest! {
        #[test]
        fn each_users_processes_are_counted(steps in prop::collection::vec((0_u32..4, any::<bool>()), 0..200)) {
            let (mut users, mut model) = (Users::default(), [0_u32; 4]);
            for (uid, comes) in steps {
                if comes {
                    users.count(uid);
                    model[uid as usize] += 1;
                } else if model[uid as usize] > 0 {
                    users.discount(uid);
                    model[uid as usize] -= 1;
                }
                for uid in 0..4 {
                    prop_assert_eq!(users.processes_of(uid), model[uid as usize]);
                }
            }
        }
    }
}
