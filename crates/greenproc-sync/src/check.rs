//! The checks of debug builds: every acquisition against the locks the thread already holds.
//!
//! The raw locks call in here around each operation; in a release build all of it is empty. The rules:
//!
//! - A **blocking or timed** acquisition panics, before it blocks, if the thread holds a lock of the same or a higher
//!   rank. There is no exception for two locks of one class: nothing orders them, so two threads can take them in
//!   opposite order. The same lock a second time is reported as recursion; that goes for two reads of one `RwLock` too,
//!   which deadlock when a writer queues between them.
//! - A **`try_lock`** is never refused: it does not wait, so it closes no cycle. What it took is on the list like any other
//!   lock, and a blocking acquisition after it is checked against that.
//! - **Yielding** a lock (`bump`) ends in taking it again, so it is checked as an acquisition.
//! - **Waiting** on a condition variable panics if the thread holds any lock but the one the wait releases: whoever is to
//!   wake it may need that lock. While asleep the thread does not hold the released lock.
//! - A thread that is **panicking** is not checked: a second panic aborts the process and hides the first. Its locks are
//!   still put on the list. Release never panics.
//!
//! `MutexGuard::unlocked` takes its lock again inside `lock_api`, which cannot unwind from there: a violation at that point
//! prints its message and aborts the process.
//!
//! A guard that is forgotten stays on the list, as its lock stays locked.

use std::panic::Location;
use std::thread::panicking;

use crate::held::{self, AllHeld, Held};
use crate::order::LockClass;

/// Whether this build checks. A constant, so that both kinds of build compile all of it and release keeps none.
const CHECKED: bool = cfg!(debug_assertions);

/// Says how many locks the calling thread holds. Always 0 in a release build, which does not count.
#[inline]
pub fn held_locks() -> usize {
    if CHECKED { held::count() } else { 0 }
}

/// Panics if the calling thread holds a lock; does nothing in a release build, but for telling the controller of a
/// controlled thread, which then looks.
///
/// To stand before whatever may take long or run foreign code: a user's closure, a `Drop` of a user's value, a system call.
///
/// # Panics
///
/// In a debug build, if the thread holds any lock and is not panicking already; the message names each lock with the
/// place where it was taken.
#[inline]
#[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
pub fn assert_no_locks_held() {
    #[cfg(feature = "racelab")]
    if let Some(control) = crate::lab::control() {
        control.by.no_locks(control.me, Location::caller());
    }
    if CHECKED && held::count() != 0 && !panicking() {
        panic_locks_held();
    }
}

/// Checks an acquisition that may block. To be called before it.
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn before_lock<C: LockClass>(lock: usize) {
    if CHECKED && !panicking() {
        check_room::<C>(lock);
        check_order(&Held::here::<C>(lock));
    }
}

/// Checks an acquisition that does not block. To be called before it.
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn before_try_lock<C: LockClass>(lock: usize) {
    if CHECKED && !panicking() {
        check_room::<C>(lock);
    }
}

/// Notes an acquisition that succeeded.
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn locked<C: LockClass>(lock: usize) {
    if CHECKED {
        // The list can be full only if this thread is panicking, and then the loss of a note is the smaller evil.
        let _noted = held::push(Held::here::<C>(lock));
    }
}

/// Notes a release. To be called before it, as afterwards the lock may be gone.
#[inline]
pub(crate) fn unlocking(lock: usize) {
    if CHECKED {
        // Nothing is found for a lock taken while panicking with a full list.
        let _noted = held::remove(lock);
    }
}

/// Checks that the thread may let go of `lock` for a moment and take it again.
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn before_bump<C: LockClass>(lock: usize) {
    if CHECKED && !panicking() {
        let _released = Released::take(lock);
        check_order(&Held::here::<C>(lock));
    }
}

/// Checks that the thread may sleep with `lock` as its interlock, and takes `lock` off the list until the result is dropped.
#[inline]
pub(crate) fn waiting<C: LockClass>(lock: usize) -> Released {
    let released = Released::take(lock);
    if CHECKED
        && !panicking()
        && let Some(other) = held::find(|_| true)
    {
        panic_waiting_with_lock(C::NAME, &released, &other);
    }
    released
}

/// A lock that is off the list for as long as this lives; also when unwinding, since a wait takes its lock again first.
#[must_use]
pub(crate) struct Released(Option<Held>);

impl Released {
    #[inline]
    fn take(lock: usize) -> Self {
        Self(if CHECKED { held::remove(lock) } else { None })
    }
}

impl Drop for Released {
    #[inline]
    fn drop(&mut self) {
        if CHECKED && let Some(lock) = self.0.take() {
            // There is room: the lock was on the list before.
            let _noted = held::push(lock);
        }
    }
}

#[track_caller]
fn check_room<C: LockClass>(lock: usize) {
    if held::count() == held::CAPACITY {
        panic_full(&Held::here::<C>(lock));
    }
}

fn check_order(wanted: &Held) {
    if let Some(same) = held::find(|held| held.lock == wanted.lock) {
        panic_recursion(wanted, &same);
    }
    if let Some(inner) = held::find(|held| held.comparable(wanted) && held.rank >= wanted.rank) {
        panic_order(wanted, &inner);
    }
}

#[cold]
#[track_caller]
fn panic_locks_held() -> ! {
    panic!("locks held where none may be, at {}: {AllHeld}", Location::caller())
}

#[cold]
fn panic_full(wanted: &Held) -> ! {
    panic!(
        "this thread holds {} locks, more than can be followed; one more, {wanted}, wanted at {}; held: {AllHeld}",
        held::CAPACITY,
        wanted.site
    )
}

#[cold]
fn panic_recursion(wanted: &Held, held: &Held) -> ! {
    panic!(
        "recursive locking: {wanted} wanted at {}, and held already by this thread, taken at {}",
        wanted.site, held.site
    )
}

#[cold]
fn panic_order(wanted: &Held, held: &Held) -> ! {
    let order = wanted.order.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" < ");
    panic!(
        "lock order violated: {wanted} wanted at {}, while holding {held} taken at {}; declared order, outermost first: \
         {order}",
        wanted.site, held.site
    )
}

#[cold]
fn panic_waiting_with_lock(class: &str, released: &Released, held: &Held) -> ! {
    match &released.0 {
        Some(interlock) => panic!(
            "waiting with a lock held: a wait that releases {interlock} taken at {}, while holding {held} taken at {}",
            interlock.site, held.site
        ),
        None => panic!(
            "waiting with a lock held: a wait of `{class}`, while holding {held} taken at {}",
            held.site
        ),
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::{held_locks, waiting};
    use crate::{Mutex, held};

    crate::lock_order! {
        /// The only class.
        pub(crate) Only = "only",
    }

    #[test]
    fn a_sleeper_does_not_hold_its_interlock() {
        let mutex: Mutex<Only, ()> = Mutex::new(());
        let guard = mutex.lock();
        let before = held::find(|_| true).unwrap();
        let released = waiting::<Only>(before.lock);
        assert_eq!(held_locks(), 0);
        drop(released);
        let after = held::find(|_| true).unwrap();
        assert_eq!((held_locks(), after.lock, after.site), (1, before.lock, before.site));
        drop(guard);
        assert_eq!(held_locks(), 0);
    }

    #[test]
    fn unwinding_out_of_a_wait_puts_the_interlock_back() {
        let mutex: Mutex<Only, ()> = Mutex::new(());
        let _guard = mutex.lock();
        let lock = held::find(|_| true).unwrap().lock;
        let unwound = std::panic::catch_unwind(|| {
            let _released = waiting::<Only>(lock);
            panic!("as parking_lot does for a second mutex");
        });
        assert!(unwound.is_err());
        assert_eq!(held_locks(), 1);
    }
}
