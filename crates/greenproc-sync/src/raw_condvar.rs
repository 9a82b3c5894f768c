//! The condition variable: `parking_lot`'s raw one, tied to the mutexes of one class.
//!
//! A wait sleeps without its own mutex and must hold no other lock: whoever is to wake it may need that one. The checks
//! see to it in a debug build. They name the places where both locks were taken; the place of the wait itself is in the
//! backtrace, since `lock_api` does not hand it down.
#![allow(unsafe_code, reason = "the raw traits of lock_api are unsafe to implement")]

use std::fmt;
use std::marker::PhantomData;
#[cfg(feature = "racelab")]
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::check;
#[cfg(feature = "racelab")]
use crate::lab;
use crate::order::LockClass;
use crate::raw_mutex::RawMutex;
use crate::time;

/// A condition variable for mutexes of the class `C`, with a mutex of that class as its interlock.
///
/// Waits never return without a notification or the time-out, and `notify_one` and `notify_all` return exactly whom they
/// woke. All waiters of one moment must use the same mutex; a second one panics. In a debug build a wait panics if the
/// calling thread holds any lock besides.
///
/// A mutex of another class does not compile:
///
/// ```compile_fail,E0308
/// use greenproc_sync::{Condvar, Mutex, lock_order};
/// lock_order! {
///     pub Proclist = "proclist_lock",
///     pub PSmutex = "p_smutex",
/// }
/// let changed: Condvar<Proclist> = Condvar::new();
/// let state: Mutex<PSmutex, bool> = Mutex::new(false);
/// changed.wait(&mut state.lock());
/// ```
pub type Condvar<C> = lock_api::Condvar<RawCondvar<C>>;

/// The condition variable in a [`Condvar`].
///
/// Has no spurious wake-ups, and so counts exactly whom it wakes.
pub struct RawCondvar<C> {
    inner: parking_lot::RawCondvar,
    class: PhantomData<fn() -> C>,
    #[cfg(feature = "racelab")]
    tag: lab::Tag,
}

#[cfg(feature = "racelab")]
impl<C: LockClass> RawCondvar<C> {
    fn object(&self) -> lab::Object<'_> {
        lab::Object { tag: &self.tag, name: C::NAME, kind: lab::Kind::Condvar }
    }

    /// Sleeps under a controller; whether the time was over first.
    ///
    /// # Safety
    /// As for `lock_api::RawCondvar::wait`.
    unsafe fn wait_controlled(
        &self,
        control: lab::Control,
        mutex: &RawMutex<C>,
        guard: &mut <RawMutex<C> as lock_api::RawMutex>::Guard,
        until: Option<Instant>,
    ) -> bool {
        /// Takes the raw lock again, also when the controller unwinds the thread out of its sleep.
        struct Again<'a, C: LockClass>(&'a RawMutex<C>, &'a mut <RawMutex<C> as lock_api::RawMutex>::Guard);
        impl<C: LockClass> Drop for Again<'_, C> {
            fn drop(&mut self) {
                self.1.inner = self.0.granted();
            }
        }
        // SAFETY: the caller holds `mutex`, with this proof, which is a mark without a destructor; another takes its place
        // when the lock is taken again, before the caller sees it.
        unsafe { lock_api::RawMutex::unlock(&mutex.inner, std::ptr::read(&raw const guard.inner)) };
        let _again = Again(mutex, guard);
        !control.by.wait(control.me, self.object(), mutex.object(), until)
    }
}

impl<C: LockClass> fmt::Debug for RawCondvar<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawCondvar").field("class", &C::NAME).finish_non_exhaustive()
    }
}

// SAFETY: unlocking, sleeping and locking again are those of the raw condition variable below, on the raw mutex below and
// with its proof. The check panics only before the mutex is unlocked.
unsafe impl<C: LockClass> lock_api::RawCondvar for RawCondvar<C> {
    const INIT: Self = Self {
        inner: parking_lot::RawCondvar::INIT,
        class: PhantomData,
        #[cfg(feature = "racelab")]
        tag: lab::Tag::new(),
    };

    type RawMutex = RawMutex<C>;

    #[inline]
    unsafe fn wait(&self, mutex: &RawMutex<C>, guard: &mut <RawMutex<C> as lock_api::RawMutex>::Guard) {
        let _released = check::waiting::<C>(mutex.id());
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            // SAFETY: passed on.
            unsafe { self.wait_controlled(control, mutex, guard, None) };
            return;
        }
        #[cfg(feature = "hold-times")]
        let hold = mutex.hold_ends(guard);
        // SAFETY: the caller holds `mutex`, with the proof the mutex below gave for it.
        unsafe { self.inner.wait(&mutex.inner, &mut guard.inner) };
        #[cfg(feature = "hold-times")]
        mutex.next_hold(hold, guard);
    }

    #[inline]
    #[cfg_attr(feature = "racelab", track_caller)]
    fn notify_one(&self) -> bool {
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            return control.by.notify(control.me, self.object(), false, Location::caller()) != 0;
        }
        self.inner.notify_one()
    }

    #[inline]
    #[cfg_attr(feature = "racelab", track_caller)]
    fn notify_all(&self) -> usize {
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            return control.by.notify(control.me, self.object(), true, Location::caller());
        }
        self.inner.notify_all()
    }
}

// SAFETY: as for `RawCondvar`.
unsafe impl<C: LockClass> lock_api::RawCondvarTimed for RawCondvar<C> {
    #[inline]
    fn checked_duration_to_instant(timeout: &Duration) -> Option<Instant> {
        time::now().checked_add(*timeout)
    }

    #[inline]
    unsafe fn wait_until(
        &self,
        mutex: &RawMutex<C>,
        guard: &mut <RawMutex<C> as lock_api::RawMutex>::Guard,
        timeout: &Instant,
    ) -> bool {
        let _released = check::waiting::<C>(mutex.id());
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            // SAFETY: passed on.
            return unsafe { self.wait_controlled(control, mutex, guard, Some(*timeout)) };
        }
        #[cfg(feature = "hold-times")]
        let hold = mutex.hold_ends(guard);
        // SAFETY: the caller holds `mutex`, with the proof the mutex below gave for it.
        let notified = unsafe { self.inner.wait_until(&mutex.inner, &mut guard.inner, timeout) };
        #[cfg(feature = "hold-times")]
        mutex.next_hold(hold, guard);
        notified
    }

    #[inline]
    unsafe fn wait_for(
        &self,
        mutex: &RawMutex<C>,
        guard: &mut <RawMutex<C> as lock_api::RawMutex>::Guard,
        timeout: &Duration,
    ) -> bool {
        let _released = check::waiting::<C>(mutex.id());
        #[cfg(feature = "racelab")]
        if let Some(control) = lab::control() {
            // SAFETY: passed on.
            return unsafe { self.wait_controlled(control, mutex, guard, Some(lab::after(*timeout))) };
        }
        #[cfg(feature = "hold-times")]
        let hold = mutex.hold_ends(guard);
        // SAFETY: the caller holds `mutex`, with the proof the mutex below gave for it.
        let notified = unsafe { self.inner.wait_for(&mutex.inner, &mut guard.inner, timeout) };
        #[cfg(feature = "hold-times")]
        mutex.next_hold(hold, guard);
        notified
    }
}
