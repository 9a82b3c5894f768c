//! The mutex: `parking_lot`'s raw mutex in a newtype that knows its class.
//!
//! The class is a type parameter and takes no space. Each operation is the one of `parking_lot` between two calls into
//! the checks, which are empty in a release build.
#![allow(unsafe_code, reason = "the raw traits of lock_api are unsafe to implement")]

use std::fmt;
use std::marker::PhantomData;
#[cfg(feature = "racelab")]
use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::RawMutex as _;

use crate::check;
use crate::guard::RawGuard;
#[cfg(feature = "hold-times")]
use crate::hold_times::{Hold, Holds};
#[cfg(feature = "racelab")]
use crate::lab;
use crate::order::LockClass;

/// A mutex of the class `C` around a `T`.
///
/// In a debug build `lock`, `try_lock_for` and `try_lock_until` panic if the calling thread holds a lock that must not be
/// outside this one; `try_lock` never does.
pub type Mutex<C, T> = lock_api::Mutex<RawMutex<C>, T>;

/// The right to use what a [`Mutex`] guards.
pub type MutexGuard<'a, C, T> = lock_api::MutexGuard<'a, RawMutex<C>, T>;

/// A [`MutexGuard`] narrowed to a part of what the mutex guards.
pub type MappedMutexGuard<'a, C, T> = lock_api::MappedMutexGuard<'a, RawMutex<C>, T>;

/// The proof `parking_lot` gives.
type Proof = <parking_lot::RawMutex as lock_api::RawMutex>::Guard;

/// The lock in a [`Mutex`], without what it guards.
pub struct RawMutex<C> {
    pub(crate) inner: parking_lot::RawMutex,
    class: PhantomData<fn() -> C>,
    #[cfg(feature = "racelab")]
    tag: lab::Tag,
    /// Where its holds are recorded, if they are.
    #[cfg(feature = "hold-times")]
    holds: Option<std::sync::Arc<Holds>>,
}

impl<C> RawMutex<C> {
    /// Names this lock to the checks.
    #[inline]
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The guard of a hold that has just begun.
    #[inline]
    #[cfg_attr(
        not(feature = "hold-times"),
        expect(
            clippy::unused_self,
            unused_mut,
            reason = "the beginning is noted only if holds are recorded"
        )
    )]
    fn guard(&self, proof: Proof) -> RawGuard<Proof> {
        let mut guard = RawGuard::new(proof);
        #[cfg(feature = "hold-times")]
        self.hold_begins(&mut guard);
        guard
    }
}

#[cfg(feature = "hold-times")]
impl<C: LockClass> RawMutex<C> {
    /// A free lock whose holds are recorded there; `Mutex::from_raw` puts it around a value.
    pub fn recorded(holds: std::sync::Arc<Holds>) -> Self {
        Self { holds: Some(holds), ..<Self as lock_api::RawMutex>::INIT }
    }
}

#[cfg(feature = "hold-times")]
impl<C> RawMutex<C> {
    /// Notes that the lock was taken just now.
    #[inline]
    pub(crate) fn hold_begins(&self, guard: &mut RawGuard<Proof>) {
        if self.holds.is_some() {
            guard.began = Holds::begin();
        }
    }

    /// Notes that the lock is given back right after this; what it says is recorded when that is done.
    #[inline]
    pub(crate) fn hold_ends(&self, guard: &RawGuard<Proof>) -> Option<Hold<'_>> {
        self.holds.as_deref().map(|holds| holds.end(guard.began))
    }

    /// Records the hold that ended, and notes that another began just now, by the same thread.
    #[inline]
    pub(crate) fn next_hold(&self, hold: Option<Hold<'_>>, guard: &mut RawGuard<Proof>) {
        // The record is made while the lock is held again, so it is made before the next hold begins.
        Hold::record(hold);
        self.hold_begins(guard);
    }
}

#[cfg(feature = "racelab")]
impl<C: LockClass> RawMutex<C> {
    /// Names this lock to a controller.
    pub(crate) fn object(&self) -> lab::Object<'_> {
        lab::Object { tag: &self.tag, name: C::NAME, kind: lab::Kind::Lock }
    }

    /// The raw lock, which a controller has granted to the caller.
    pub(crate) fn granted(&self) -> Proof {
        self.inner.try_lock().expect("a lock of controlled threads is shared with one that is not controlled")
    }
}

impl<C: LockClass> fmt::Debug for RawMutex<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex")
            .field("class", &C::NAME)
            .field("locked", &self.inner.is_locked())
            .finish_non_exhaustive()
    }
}

// SAFETY: exclusion, and acquire and release, are those of the raw mutex below, each operation being passed to it with the
// proof it gave. The checks panic only before an acquisition, so none is left behind by unwinding, and never in a release.
unsafe impl<C: LockClass> lock_api::RawMutex for RawMutex<C> {
    const INIT: Self = Self {
        inner: parking_lot::RawMutex::INIT,
        class: PhantomData,
        #[cfg(feature = "racelab")]
        tag: lab::Tag::new(),
        #[cfg(feature = "hold-times")]
        holds: None,
    };

    type Guard = RawGuard<Proof>;

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn lock(&self) -> Self::Guard {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            control.by.lock(control.me, self.object(), lab::Mode::Exclusive, Location::caller());
            check::locked::<C>(self.id());
            return self.guard(self.granted());
        }
        let proof = self.inner.lock();
        check::locked::<C>(self.id());
        self.guard(proof)
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock(&self) -> Option<Self::Guard> {
        check::before_try_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control()
            && !control.by.try_lock(control.me, self.object(), lab::Mode::Exclusive, Location::caller())
        {
            return None;
        }
        let proof = self.inner.try_lock()?;
        check::locked::<C>(self.id());
        Some(self.guard(proof))
    }

    #[inline]
    unsafe fn unlock(&self, guard: Self::Guard) {
        #[cfg(feature = "hold-times")]
        let hold = self.hold_ends(&guard);
        check::unlocking(self.id());
        // SAFETY: the caller holds this mutex, with the proof the mutex below gave for it.
        unsafe { self.inner.unlock(guard.inner) };
        #[cfg(feature = "hold-times")]
        Hold::record(hold);
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            control.by.unlock(control.me, self.object(), lab::Mode::Exclusive);
        }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }
}

// SAFETY: as for `RawMutex`. A bump is checked before it lets go, so it unwinds with the mutex held and the proof untouched.
unsafe impl<C: LockClass> lock_api::RawMutexFair for RawMutex<C> {
    #[inline]
    unsafe fn unlock_fair(&self, guard: Self::Guard) {
        #[cfg(feature = "hold-times")]
        let hold = self.hold_ends(&guard);
        check::unlocking(self.id());
        // SAFETY: the caller holds this mutex, with the proof the mutex below gave for it.
        unsafe { self.inner.unlock_fair(guard.inner) };
        #[cfg(feature = "hold-times")]
        Hold::record(hold);
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            control.by.unlock(control.me, self.object(), lab::Mode::Exclusive);
        }
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    unsafe fn bump(&self, guard: &mut Self::Guard) {
        check::before_bump::<C>(self.id());
        #[cfg(feature = "hold-times")]
        let hold = self.hold_ends(guard);
        // SAFETY: the caller holds this mutex, with the proof the mutex below gave for it.
        unsafe { self.inner.bump(&mut guard.inner) };
        #[cfg(feature = "hold-times")]
        self.next_hold(hold, guard);
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            // Nobody else waits in the raw lock, so the caller has it still while it lets the others go first.
            control.by.point(control.me, lab::Point::Named("bump"), Location::caller());
        }
    }
}

// SAFETY: as for `RawMutex`.
unsafe impl<C: LockClass> lock_api::RawMutexTimed for RawMutex<C> {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_for(&self, timeout: Duration) -> Option<Self::Guard> {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            let (until, mode) = (lab::after(timeout), lab::Mode::Exclusive);
            let granted = control.by.lock_until(control.me, self.object(), mode, until, Location::caller());
            return granted.then(|| {
                check::locked::<C>(self.id());
                self.guard(self.granted())
            });
        }
        let proof = self.inner.try_lock_for(timeout)?;
        check::locked::<C>(self.id());
        Some(self.guard(proof))
    }

    #[inline]
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    fn try_lock_until(&self, timeout: Instant) -> Option<Self::Guard> {
        check::before_lock::<C>(self.id());
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            let (until, mode) = (timeout, lab::Mode::Exclusive);
            let granted = control.by.lock_until(control.me, self.object(), mode, until, Location::caller());
            return granted.then(|| {
                check::locked::<C>(self.id());
                self.guard(self.granted())
            });
        }
        let proof = self.inner.try_lock_until(timeout)?;
        check::locked::<C>(self.id());
        Some(self.guard(proof))
    }
}
