//! The list of locks a thread holds, for the checks of debug builds.
//!
//! A thread-local without a destructor and without heap: it is there from the first instruction of a thread to the
//! last, so that destructors of other thread-locals can take locks. Release may come in any order.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use crate::order::LockClass;

/// How many locks one thread may hold. Far above what any order needs: to reach it is a leak of guards.
pub(crate) const CAPACITY: usize = 32;

/// One lock, as taken or wanted by a thread.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    /// Which lock: the address of its raw part. No raw lock has size zero, so no two share one.
    pub(crate) lock: usize,
    /// [`LockClass::RANK`].
    pub(crate) rank: u8,
    /// [`LockClass::NAME`].
    pub(crate) name: &'static str,
    /// [`LockClass::ORDER`].
    pub(crate) order: &'static [(u8, &'static str)],
    /// Where in the source.
    pub(crate) site: &'static Location<'static>,
}

impl Held {
    /// Describes the lock at address `lock` as taken by the caller.
    #[track_caller]
    pub(crate) fn here<C: LockClass>(lock: usize) -> Self {
        Self { lock, rank: C::RANK, name: C::NAME, order: C::ORDER, site: Location::caller() }
    }

    /// Says whether the ranks of both mean something to each other.
    pub(crate) fn comparable(&self, other: &Self) -> bool {
        std::ptr::eq(self.order, other.order) || self.order == other.order
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (rank {})", self.name, self.rank)
    }
}

/// The list itself: the first `len` slots are filled.
struct HeldLocks {
    len: Cell<usize>,
    slots: [Cell<Option<Held>>; CAPACITY],
}

thread_local! {
    static HELD: HeldLocks = const { HeldLocks { len: Cell::new(0), slots: [const { Cell::new(None) }; CAPACITY] } };
}

// With a destructor the list would be gone when the destructors of other thread-locals take locks.
const _: () = assert!(!std::mem::needs_drop::<HeldLocks>());

/// Says how many locks the calling thread holds.
pub(crate) fn count() -> usize {
    HELD.with(|held| held.len.get())
}

/// Puts a lock on the list. Returns whether there was room.
pub(crate) fn push(lock: Held) -> bool {
    HELD.with(|held| {
        let len = held.len.get();
        let Some(slot) = held.slots.get(len) else { return false };
        slot.set(Some(lock));
        held.len.set(len + 1);
        true
    })
}

/// Takes the lock at address `lock` off the list: the latest acquisition, should there be several.
pub(crate) fn remove(lock: usize) -> Option<Held> {
    HELD.with(|held| {
        let len = held.len.get();
        let filled = &held.slots[..len];
        let at = filled.iter().rposition(|slot| slot.get().is_some_and(|held| held.lock == lock))?;
        let removed = filled[at].take();
        for pair in filled[at..].windows(2) {
            pair[0].swap(&pair[1]);
        }
        held.len.set(len - 1);
        removed
    })
}

/// Finds a lock on the list, from the one taken last to the one taken first.
pub(crate) fn find(mut wanted: impl FnMut(&Held) -> bool) -> Option<Held> {
    HELD.with(|held| {
        held.slots[..held.len.get()].iter().rev().filter_map(Cell::get).find(|held| wanted(held))
    })
}

/// Shows all locks of the calling thread with the places where they were taken.
pub(crate) struct AllHeld;

impl fmt::Display for AllHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HELD.with(|held| {
            for (index, lock) in held.slots[..held.len.get()].iter().filter_map(Cell::get).enumerate() {
                let separator = if index == 0 { "" } else { ", " };
                write!(f, "{separator}{lock} taken at {}", lock.site)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{AllHeld, CAPACITY, Held, count, find, push, remove};

    crate::lock_order! {
        /// The only class.
        pub(crate) Only = "only",
    }

    #[test]
    fn locks_leave_in_any_order() {
        for lock in [1, 2, 3] {
            assert!(push(Held::here::<Only>(lock)));
        }
        assert_eq!(remove(2).map(|held| held.lock), Some(2));
        assert_eq!(find(|_| true).map(|held| held.lock), Some(3));
        assert_eq!(remove(1).map(|held| held.lock), Some(1));
        assert_eq!(count(), 1);
        assert_eq!(remove(3).map(|held| held.lock), Some(3));
        assert_eq!(count(), 0);
    }

    #[test]
    fn an_unknown_lock_is_not_found() {
        assert!(remove(1).is_none());
        assert!(push(Held::here::<Only>(1)));
        assert!(remove(2).is_none());
        assert!(remove(1).is_some());
    }

    #[test]
    fn of_two_acquisitions_the_latest_goes_first() {
        let (first, second) = (Held::here::<Only>(1), Held::here::<Only>(1));
        assert_ne!(first.site, second.site);
        assert!(push(first) && push(second));
        assert_eq!(remove(1).map(|held| held.site), Some(second.site));
        assert_eq!(remove(1).map(|held| held.site), Some(first.site));
    }

    #[test]
    fn a_full_list_refuses() {
        for lock in 1..=CAPACITY {
            assert!(push(Held::here::<Only>(lock)));
        }
        assert!(!push(Held::here::<Only>(0)));
        for lock in 1..=CAPACITY {
            assert!(remove(lock).is_some());
        }
    }

    #[test]
    fn all_locks_are_shown_with_their_sites() {
        let (first, second) = (Held::here::<Only>(1), Held::here::<Only>(2));
        assert!(push(first) && push(second));
        let shown = AllHeld.to_string();
        assert!(remove(1).is_some() && remove(2).is_some());
        assert_eq!(
            shown,
            format!("`only` (rank 0) taken at {}, `only` (rank 0) taken at {}", first.site, second.site)
        );
    }
}
