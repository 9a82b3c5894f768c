//! Recorded locks: which holds there are, and that waiting is no part of them.
#![cfg(feature = "hold-times")]

use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::hold_times::Holds;
use greenproc_sync::{Condvar, Mutex, MutexGuard, RawMutex, lock_order, time};

lock_order! {
    /// The only class.
    pub Only = "only",
}

/// What a hold is far below that lasts no longer than the test needs it, on however busy a machine.
const LONG: Duration = Duration::from_millis(50);

fn recorded<T>(value: T) -> (Arc<Mutex<Only, T>>, Arc<Holds>) {
    let holds = Arc::new(Holds::new());
    (Arc::new(Mutex::from_raw(RawMutex::recorded(Arc::clone(&holds)), value)), holds)
}

/// Passes that much time.
fn spend(time: Duration) {
    let until = time::now() + time;
    while time::now() < until {
        std::hint::spin_loop();
    }
}

#[test]
fn each_way_of_taking_the_lock_is_one_hold() {
    let (lock, holds) = recorded(0);
    for _ in 0..1000 {
        *lock.lock() += 1;
    }
    assert_eq!(holds.take().holds(), 1000);
    drop(lock.try_lock().expect("nobody has it"));
    drop(lock.try_lock_for(LONG).expect("nobody has it"));
    drop(lock.try_lock_until(time::now()).expect("nobody has it"));
    MutexGuard::unlock_fair(lock.lock());
    assert_eq!(holds.take().holds(), 4);
    let guard = lock.lock();
    assert!(lock.try_lock().is_none());
    assert_eq!(holds.take().holds(), 0, "one that goes on is not recorded yet");
    drop(guard);
    assert_eq!(holds.take().holds(), 1);
}

#[test]
fn a_lock_made_as_others_are_is_not_recorded() {
    let (_, holds) = recorded(0);
    let lock: Mutex<Only, u32> = Mutex::new(0);
    drop(lock.lock());
    assert_eq!(holds.take().holds(), 0);
}

#[test]
fn a_hold_lasts_as_long_as_the_lock_is_held() {
    let (lock, holds) = recorded(0);
    let guard = lock.lock();
    spend(LONG);
    drop(guard);
    let times = holds.take();
    assert_eq!(times.holds(), 1);
    // The two clocks need not go alike to the last digit.
    assert!(times.longest() > LONG.mul_f64(0.9), "{times:?}");
    assert_eq!(times.longest(), times.sum());
}

#[test]
fn letting_go_for_a_moment_ends_a_hold_and_begins_another() {
    let (lock, holds) = recorded(0);
    let begin = time::now();
    let mut guard = lock.lock();
    MutexGuard::unlocked(&mut guard, || {
        assert_eq!(holds.take().holds(), 1);
        spend(LONG);
    });
    MutexGuard::bump(&mut guard);
    drop(guard);
    let (times, all) = (holds.take(), begin.elapsed());
    assert_eq!(times.holds(), 2);
    assert!(times.sum() + LONG.mul_f64(0.9) <= all, "{:?} of {all:?}", times.sum());
}

#[test]
fn a_sleep_for_a_condition_is_no_part_of_a_hold() {
    static CHANGED: Condvar<Only> = Condvar::new();
    let (lock, holds) = recorded(());
    let begin = time::now();
    let mut guard = lock.lock();
    assert!(CHANGED.wait_for(&mut guard, LONG).timed_out());
    assert!(CHANGED.wait_until(&mut guard, time::now() + LONG).timed_out());
    drop(guard);
    let (times, all) = (holds.take(), begin.elapsed());
    assert_eq!(times.holds(), 3);
    // However long the host kept this thread waiting in between: holds and sleeps do not overlap.
    assert!(times.sum() + LONG.mul_f64(1.8) <= all, "{:?} of {all:?}", times.sum());
}

#[test]
fn who_waits_for_the_lock_does_not_hold_it() {
    let (lock, holds) = recorded(());
    let begin = time::now();
    let first = lock.lock();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| drop(lock.lock()));
        while !second.is_finished() && begin.elapsed() < LONG {
            std::thread::yield_now();
        }
        drop(first);
    });
    let (times, all) = (holds.take(), begin.elapsed());
    assert_eq!(times.holds(), 2);
    assert!(times.sum() <= all.mul_f64(1.1), "{:?} of {all:?}: the two never overlap", times.sum());
}
