//! The reader-writer lock: `parking_lot`'s raw lock in a newtype that knows its class.
//!
//! Readers and writers are of one class, and the checks treat a read like a write: a second read by the same thread
//! deadlocks as soon as a writer queues between the two. There are no upgradable reads; nothing has needed them.
#![allow(unsafe_code, reason = "the raw traits of lock_api are unsafe to implement")]

use std::fmt;
use std::marker::PhantomData;
#[cfg(feature = "racelab")]
use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::RawRwLock as _;

use crate::check;
use crate::guard::RawGuard;
#[cfg(feature = "racelab")]
use crate::lab;
use crate::order::LockClass;

/// A reader-writer lock of the class `C` around a `T`.
///
/// In a debug build the blocking and timed operations panic if the calling thread holds a lock that must not be outside
/// this one, or this one already, for reading too; `try_read` and `try_write` never do.
pub type RwLock<C, T> = lock_api::RwLock<RawRwLock<C>, T>;

/// The right to read what a [`RwLock`] guards.
pub type RwLockReadGuard<'a, C, T> = lock_api::RwLockReadGuard<'a, RawRwLock<C>, T>;

/// The right to read and write what a [`RwLock`] guards.
pub type RwLockWriteGuard<'a, C, T> = lock_api::RwLockWriteGuard<'a, RawRwLock<C>, T>;

/// The proof `parking_lot` gives to a reader.
type SharedProof = <parking_lot::RawRwLock as lock_api::RawRwLock>::SharedGuard;

/// The proof `parking_lot` gives to a writer.
type ExclusiveProof = <parking_lot::RawRwLock as lock_api::RawRwLock>::ExclusiveGuard;

/// The lock in a [`RwLock`], without what it guards.
pub struct RawRwLock<C> {
    inner: parking_lot::RawRwLock,
    class: PhantomData<fn() -> C>,
    #[cfg(feature = "racelab")]
    tag: lab::Tag,
}

impl<C> RawRwLock<C> {
    /// Names this lock to the checks.
    #[inline]
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

#[cfg(feature = "racelab")]
impl<C: LockClass> RawRwLock<C> {
    /// Asks the controller of the calling thread, if it has one, for this lock; whether it may be taken below.
    #[track_caller]
    fn ask(&self, mode: lab::Mode, how: Asking) -> bool {
        let Some(control) = lab::control() else { return true };
        let object = lab::Object { tag: &self.tag, name: C::NAME, kind: lab::Kind::Lock };
        match how {
            Asking::Wait => {
                control.by.lock(control.me, object, mode, Location::caller());
                true
            }
            Asking::Try => control.by.try_lock(control.me, object, mode, Location::caller()),
            Asking::Until(until) => {
                control.by.lock_until(control.me, object, mode, until, Location::caller())
            }
        }
    }

    fn tell_unlocked(&self, mode: lab::Mode) {
        if let Some(control) = lab::control() {
            let object = lab::Object { tag: &self.tag, name: C::NAME, kind: lab::Kind::Lock };
            control.by.unlock(control.me, object, mode);
        }
    }
}

/// How long a lock is asked for.
#[cfg(feature = "racelab")]
#[derive(Clone, Copy)]
enum Asking {
    Wait,
    Try,
    Until(Instant),
}

impl<C: LockClass> fmt::Debug for RawRwLock<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRwLock")
            .field("class", &C::NAME)
            .field("locked", &self.inner.is_locked())
            .finish_non_exhaustive()
    }
}

// SAFETY: exclusion, and acquire and release, are those of the raw lock below, each operation being passed to it with the
// proof it gave. The checks panic only before an acquisition, so none is left behind by unwinding, and never in a release.
unsafe impl<C: LockClass> lock_api::RawRwLock for RawRwLock<C> {
    const INIT: Self = Self {
        inner: parking_lot::RawRwLock::INIT,
        class: PhantomData,
        #[cfg(feature = "racelab")]
        tag: lab::Tag::new(),
    };

    type SharedGuard = RawGuard<SharedProof>;
    type ExclusiveGuard = RawGuard<ExclusiveProof>;

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn lock_shared(&self) -> Self::SharedGuard {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        self.ask(lab::Mode::Shared, Asking::Wait);
        let proof = self.inner.lock_shared();
        check::locked::<C>(self.id());
        RawGuard::new(proof)
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_shared(&self) -> Option<Self::SharedGuard> {
        check::before_try_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if !self.ask(lab::Mode::Shared, Asking::Try) {
            return None;
        }
        let proof = self.inner.try_lock_shared()?;
        check::locked::<C>(self.id());
        Some(RawGuard::new(proof))
    }

    #[inline]
    unsafe fn unlock_shared(&self, guard: Self::SharedGuard) {
        check::unlocking(self.id());
        // SAFETY: the caller holds this lock in this mode, with the proof the lock below gave for it.
        unsafe { self.inner.unlock_shared(guard.inner) };
        #[cfg(feature = "racelab")]
        self.tell_unlocked(lab::Mode::Shared);
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn lock_exclusive(&self) -> Self::ExclusiveGuard {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        self.ask(lab::Mode::Exclusive, Asking::Wait);
        let proof = self.inner.lock_exclusive();
        check::locked::<C>(self.id());
        RawGuard::new(proof)
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_exclusive(&self) -> Option<Self::ExclusiveGuard> {
        check::before_try_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if !self.ask(lab::Mode::Exclusive, Asking::Try) {
            return None;
        }
        let proof = self.inner.try_lock_exclusive()?;
        check::locked::<C>(self.id());
        Some(RawGuard::new(proof))
    }

    #[inline]
    unsafe fn unlock_exclusive(&self, guard: Self::ExclusiveGuard) {
        check::unlocking(self.id());
        // SAFETY: the caller holds this lock in this mode, with the proof the lock below gave for it.
        unsafe { self.inner.unlock_exclusive(guard.inner) };
        #[cfg(feature = "racelab")]
        self.tell_unlocked(lab::Mode::Exclusive);
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.inner.is_locked_exclusive()
    }
}

// SAFETY: as for `RawRwLock`. A bump is checked before it lets go, so it unwinds with the lock held and the proof untouched.
unsafe impl<C: LockClass> lock_api::RawRwLockFair for RawRwLock<C> {
    #[inline]
    unsafe fn unlock_shared_fair(&self, guard: Self::SharedGuard) {
        check::unlocking(self.id());
        // SAFETY: the caller holds this lock in this mode, with the proof the lock below gave for it.
        unsafe { self.inner.unlock_shared_fair(guard.inner) };
        #[cfg(feature = "racelab")]
        self.tell_unlocked(lab::Mode::Shared);
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self, guard: Self::ExclusiveGuard) {
        check::unlocking(self.id());
        // SAFETY: the caller holds this lock in this mode, with the proof the lock below gave for it.
        unsafe { self.inner.unlock_exclusive_fair(guard.inner) };
        #[cfg(feature = "racelab")]
        self.tell_unlocked(lab::Mode::Exclusive);
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    unsafe fn bump_shared(&self, guard: &mut Self::SharedGuard) {
        check::before_bump::<C>(self.id());
        // SAFETY: the caller holds this lock in this mode, with the proof the lock below gave for it.
        unsafe { self.inner.bump_shared(&mut guard.inner) };
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    unsafe fn bump_exclusive(&self, guard: &mut Self::ExclusiveGuard) {
        check::before_bump::<C>(self.id());
        // SAFETY: the caller holds this lock in this mode, with the proof the lock below gave for it.
        unsafe { self.inner.bump_exclusive(&mut guard.inner) };
    }
}

// SAFETY: as for `RawRwLock`. To the checks a reader and a writer are the same, so nothing changes for them.
unsafe impl<C: LockClass> lock_api::RawRwLockDowngrade for RawRwLock<C> {
    #[inline]
    unsafe fn downgrade(&self, guard: Self::ExclusiveGuard) -> Self::SharedGuard {
        #[cfg(feature = "racelab")]
        {
            self.tell_unlocked(lab::Mode::Exclusive);
            self.ask(lab::Mode::Shared, Asking::Try);
        }
        // SAFETY: the caller holds this lock for writing, with the proof the lock below gave for it.
        RawGuard::new(unsafe { self.inner.downgrade(guard.inner) })
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<C: LockClass> lock_api::RawRwLockTimed for RawRwLock<C> {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_shared_for(&self, timeout: Duration) -> Option<Self::SharedGuard> {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if !self.ask(lab::Mode::Shared, Asking::Until(lab::after(timeout))) {
            return None;
        }
        let proof = self.inner.try_lock_shared_for(timeout)?;
        check::locked::<C>(self.id());
        Some(RawGuard::new(proof))
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_shared_until(&self, timeout: Instant) -> Option<Self::SharedGuard> {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if !self.ask(lab::Mode::Shared, Asking::Until(timeout)) {
            return None;
        }
        let proof = self.inner.try_lock_shared_until(timeout)?;
        check::locked::<C>(self.id());
        Some(RawGuard::new(proof))
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> Option<Self::ExclusiveGuard> {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if !self.ask(lab::Mode::Exclusive, Asking::Until(lab::after(timeout))) {
            return None;
        }
        let proof = self.inner.try_lock_exclusive_for(timeout)?;
        check::locked::<C>(self.id());
        Some(RawGuard::new(proof))
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_exclusive_until(&self, timeout: Instant) -> Option<Self::ExclusiveGuard> {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if !self.ask(lab::Mode::Exclusive, Asking::Until(timeout)) {
            return None;
        }
        let proof = self.inner.try_lock_exclusive_until(timeout)?;
        check::locked::<C>(self.id());
        Some(RawGuard::new(proof))
    }
}
