//! The locks as their users see them, in both kinds of build.

use std::time::Duration;

use greenproc_sync::{
    Condvar, MappedMutexGuard, Mutex, MutexGuard, RawCondvar, RawMutex, RawRwLock, RwLock, RwLockReadGuard,
    RwLockWriteGuard, assert_no_locks_held, held_locks, lock_order, time,
};

lock_order! {
    /// Outermost.
    pub Outer = "outer_lock",
    /// Innermost.
    pub Inner = "inner_lock",
}

/// Long enough never to be reached: a watchdog, not a delay.
const WATCHDOG: Duration = Duration::from_mins(1);

#[test]
fn a_lock_is_as_small_as_the_one_below() {
    if cfg!(feature = "hold-times") {
        // There a lock knows where it is recorded, and a guard when it was taken.
        return;
    }
    assert_eq!(size_of::<Mutex<Outer, u64>>(), 16);
    assert_eq!(size_of::<RawMutex<Outer>>(), size_of::<parking_lot::RawMutex>());
    assert_eq!(size_of::<RawRwLock<Outer>>(), size_of::<parking_lot::RawRwLock>());
    assert_eq!(size_of::<RawCondvar<Outer>>(), size_of::<parking_lot::RawCondvar>());
    assert_eq!(size_of::<MutexGuard<'_, Outer, u64>>(), size_of::<parking_lot::MutexGuard<'_, u64>>());
    assert_eq!(
        size_of::<RwLockReadGuard<'_, Outer, u64>>(),
        size_of::<parking_lot::RwLockReadGuard<'_, u64>>()
    );
    assert_eq!(
        size_of::<RwLockWriteGuard<'_, Outer, u64>>(),
        size_of::<parking_lot::RwLockWriteGuard<'_, u64>>()
    );
}

#[test]
fn locks_are_counted_in_debug_builds_only() {
    let counted = usize::from(cfg!(debug_assertions));
    let outer: Mutex<Outer, u32> = Mutex::new(1);
    let inner: RwLock<Inner, u32> = RwLock::new(2);
    let outer_guard = outer.lock();
    assert_eq!(held_locks(), counted);
    let inner_guard = inner.read();
    assert_eq!(held_locks(), 2 * counted);
    assert_eq!(*outer_guard + *inner_guard, 3);
    drop(outer_guard);
    assert_eq!(held_locks(), counted);
    drop(inner_guard);
    assert_eq!(held_locks(), 0);
    assert_no_locks_held();
}

#[cfg(not(debug_assertions))]
#[test]
fn a_release_build_checks_nothing() {
    let outer: Mutex<Outer, ()> = Mutex::new(());
    let inner: Mutex<Inner, ()> = Mutex::new(());
    let _inner = inner.lock();
    let _outer = outer.lock();
    assert_eq!(held_locks(), 0);
    assert_no_locks_held();
}

#[test]
fn every_way_to_lock_and_unlock_leaves_nothing_held() {
    let mutex: Mutex<Outer, (u32, u32)> = Mutex::new((1, 2));
    drop(mutex.try_lock().unwrap());
    drop(mutex.try_lock_for(WATCHDOG).unwrap());
    drop(mutex.try_lock_until(time::now() + WATCHDOG).unwrap());
    MutexGuard::unlock_fair(mutex.lock());
    let mapped: MappedMutexGuard<'_, Outer, u32> = MutexGuard::map(mutex.lock(), |pair| &mut pair.1);
    assert_eq!(*mapped, 2);
    drop(mapped);
    let mut guard = mutex.lock();
    MutexGuard::bump(&mut guard);
    MutexGuard::unlocked(&mut guard, assert_no_locks_held);
    drop(guard);
    assert_no_locks_held();

    let lock: RwLock<Outer, u32> = RwLock::new(3);
    drop(lock.try_read().unwrap());
    drop(lock.try_write().unwrap());
    drop(lock.try_read_for(WATCHDOG).unwrap());
    drop(lock.try_write_for(WATCHDOG).unwrap());
    drop(lock.try_read_until(time::now() + WATCHDOG).unwrap());
    drop(lock.try_write_until(time::now() + WATCHDOG).unwrap());
    RwLockReadGuard::unlock_fair(lock.read());
    let mut writer = lock.write();
    RwLockWriteGuard::bump(&mut writer);
    let mut reader = RwLockWriteGuard::downgrade(writer);
    RwLockReadGuard::bump(&mut reader);
    drop(reader);
    assert_no_locks_held();
}

#[test]
fn a_refused_lock_is_not_held() {
    let mutex: Mutex<Outer, ()> = Mutex::new(());
    let lock: RwLock<Outer, ()> = RwLock::new(());
    let mutex_guard = mutex.lock();
    let lock_guard = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                assert!(mutex.try_lock().is_none());
                assert!(mutex.try_lock_for(Duration::ZERO).is_none());
                assert!(mutex.try_lock_until(time::now()).is_none());
                assert_no_locks_held();
            })
            .join()
            .unwrap();
        drop(mutex_guard);
        lock.write()
    });
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                assert!(lock.try_read().is_none());
                assert!(lock.try_write_for(Duration::ZERO).is_none());
                assert_no_locks_held();
            })
            .join()
            .unwrap();
    });
    drop(lock_guard);
}

#[test]
fn a_wait_ends_with_its_mutex_held_again() {
    let mutex: Mutex<Outer, bool> = Mutex::new(false);
    let changed: Condvar<Outer> = Condvar::new();
    let mut guard = mutex.lock();
    std::thread::scope(|scope| {
        // The spawned thread gets the mutex only once the wait below has let go of it.
        scope.spawn(|| {
            *mutex.lock() = true;
            assert!(changed.notify_one());
        });
        changed.wait(&mut guard);
    });
    assert!(*guard);
    assert_eq!(held_locks(), usize::from(cfg!(debug_assertions)));
    drop(guard);
    assert_no_locks_held();
}

#[test]
fn a_timed_wait_ends_with_its_mutex_held_again() {
    let mutex: Mutex<Outer, ()> = Mutex::new(());
    let changed: Condvar<Outer> = Condvar::new();
    let mut guard = mutex.lock();
    assert!(changed.wait_for(&mut guard, Duration::ZERO).timed_out());
    assert!(changed.wait_until(&mut guard, time::now()).timed_out());
    assert_eq!(held_locks(), usize::from(cfg!(debug_assertions)));
    drop(guard);
    assert_no_locks_held();
}

#[test]
fn notifying_counts_whom_it_woke() {
    let mutex: Mutex<Outer, usize> = Mutex::new(0);
    let changed: Condvar<Outer> = Condvar::new();
    assert!(!changed.notify_one());
    std::thread::scope(|scope| {
        let wait = || {
            let mut waiters = mutex.lock();
            *waiters += 1;
            changed.wait(&mut waiters);
        };
        scope.spawn(wait);
        scope.spawn(wait);
        // A thread counts itself and goes to sleep under one hold of the mutex, so at two both are asleep.
        while *mutex.lock() < 2 {
            std::thread::yield_now();
        }
        assert_eq!(changed.notify_all(), 2);
    });
}

#[test]
fn destructors_of_thread_locals_can_lock() {
    struct LocksAtExit;
    impl Drop for LocksAtExit {
        fn drop(&mut self) {
            *COUNT.lock() += 1;
            assert_no_locks_held();
        }
    }
    static COUNT: Mutex<Outer, u32> = Mutex::new(0);
    greenproc_sync::thread_local! {
        static AT_EXIT: LocksAtExit = const { LocksAtExit };
    }
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                AT_EXIT.with(|_| ());
                drop(COUNT.lock());
            })
            .join()
            .unwrap();
    });
    assert_eq!(*COUNT.lock(), 1);
}
