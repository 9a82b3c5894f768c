//! What a debug build finds: locks out of order, taken twice, and held where none may be.
#![cfg(debug_assertions)]

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::Duration;

use greenproc_sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, assert_no_locks_held, held_locks, lock_order, time,
};

lock_order! {
    /// Outermost.
    pub Tree = "tree_lock",
    /// In the middle.
    pub Process = "process_lock",
    /// Innermost.
    pub Leaf = "leaf_lock",
}

/// The order of some other part of the program.
mod elsewhere {
    greenproc_sync::lock_order! {
        /// The only class.
        pub Other = "other_lock",
    }
}

/// Long enough never to be reached: a watchdog, not a delay.
const WATCHDOG: Duration = Duration::from_mins(1);

/// The place of the call, as reports show it.
#[track_caller]
fn here() -> String {
    let site = Location::caller();
    format!("{}:{}:", site.file(), site.line())
}

/// Keeps the place of the call, for a panic on the same line.
#[track_caller]
fn note(place: &mut String) {
    *place = here();
}

/// Runs what must panic and returns the message.
#[track_caller]
fn panic_of<T>(body: impl FnOnce() -> T) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(body)) else {
        panic!("nothing was found");
    };
    *payload.downcast::<String>().expect("a formatted message")
}

#[track_caller]
fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn the_declared_order_passes() {
    let tree: Mutex<Tree, ()> = Mutex::new(());
    let process: RwLock<Process, ()> = RwLock::new(());
    let leaf: Mutex<Leaf, ()> = Mutex::new(());
    let _tree = tree.lock();
    let reader = process.read();
    let leaf_guard = leaf.lock();
    assert_eq!(held_locks(), 3);
    drop(reader);
    drop(leaf_guard);
    let _writer = process.write();
    let _leaf = leaf.try_lock_for(WATCHDOG).unwrap();
    assert_eq!(held_locks(), 3);
}

#[test]
fn the_wrong_order_is_reported_with_both_places_and_the_order() {
    let tree: Mutex<Tree, ()> = Mutex::new(());
    let leaf: Mutex<Leaf, ()> = Mutex::new(());
    let (_leaf, taken) = (leaf.lock(), here());
    let mut wanted = String::new();
    let message = panic_of(|| drop((note(&mut wanted), tree.lock())));
    assert_ne!(taken, wanted);
    assert_names(
        &message,
        &[
            "lock order violated",
            &format!("`tree_lock` (rank 0) wanted at {wanted}"),
            &format!("`leaf_lock` (rank 2) taken at {taken}"),
            "tree_lock < process_lock < leaf_lock",
        ],
    );
    assert!(!tree.is_locked());
    assert_eq!(held_locks(), 1);
}

#[test]
fn every_way_to_wait_for_a_lock_is_checked() {
    let mutex: Mutex<Tree, ()> = Mutex::new(());
    let lock: RwLock<Tree, ()> = RwLock::new(());
    let leaf: Mutex<Leaf, ()> = Mutex::new(());
    let _leaf = leaf.lock();
    let messages = [
        panic_of(|| drop(mutex.lock())),
        panic_of(|| drop(mutex.try_lock_for(WATCHDOG))),
        panic_of(|| drop(mutex.try_lock_until(time::now() + WATCHDOG))),
        panic_of(|| drop(lock.read())),
        panic_of(|| drop(lock.write())),
        panic_of(|| drop(lock.try_read_for(WATCHDOG))),
        panic_of(|| drop(lock.try_read_until(time::now() + WATCHDOG))),
        panic_of(|| drop(lock.try_write_for(WATCHDOG))),
        panic_of(|| drop(lock.try_write_until(time::now() + WATCHDOG))),
    ];
    for message in messages {
        assert_names(&message, &["lock order violated: `tree_lock`", file!()]);
        assert_eq!(message.matches(file!()).count(), 2, "both places are of this file: {message}");
    }
    assert!(!mutex.is_locked() && !lock.is_locked());
}

#[test]
fn two_locks_of_one_class_are_reported() {
    let first: Mutex<Process, ()> = Mutex::new(());
    let second: Mutex<Process, ()> = Mutex::new(());
    let (_first, taken) = (first.lock(), here());
    let message = panic_of(|| drop(second.lock()));
    assert_names(
        &message,
        &["lock order violated: `process_lock`", &format!("`process_lock` (rank 1) taken at {taken}")],
    );
}

#[test]
fn a_lock_taken_twice_is_reported_as_recursion() {
    let mutex: Mutex<Tree, ()> = Mutex::new(());
    let (_guard, taken) = (mutex.lock(), here());
    // The one without a time-out comes last: unchecked, it would hang.
    assert_names(&panic_of(|| drop(mutex.try_lock_for(Duration::ZERO))), &["recursive locking", &taken]);
    let mut wanted = String::new();
    let message = panic_of(|| drop((note(&mut wanted), mutex.lock())));
    assert_names(&message, &["recursive locking: `tree_lock`", &taken, &wanted]);
    assert!(mutex.try_lock().is_none());
}

#[test]
fn a_second_read_is_reported_as_recursion() {
    let lock: RwLock<Tree, ()> = RwLock::new(());
    let (reader, taken) = (lock.read(), here());
    assert_names(&panic_of(|| drop(lock.read())), &["recursive locking: `tree_lock`", &taken]);
    assert_names(&panic_of(|| drop(lock.write())), &["recursive locking: `tree_lock`", &taken]);
    drop(reader);
    drop(lock.write());
}

#[test]
fn try_lock_may_go_against_the_order_and_is_noted() {
    let tree: Mutex<Tree, ()> = Mutex::new(());
    let process: Mutex<Process, ()> = Mutex::new(());
    let leaf: RwLock<Leaf, ()> = RwLock::new(());
    let leaf_guard = leaf.try_write().unwrap();
    let process_guard = process.try_lock().unwrap();
    assert_eq!(held_locks(), 2);
    drop(leaf_guard);
    let message = panic_of(|| drop(tree.lock()));
    assert_names(&message, &["lock order violated", "`process_lock`"]);
    drop(process_guard);
    drop(tree.lock());
}

#[test]
fn unlocking_in_any_order_keeps_the_rest_checked() {
    let tree: Mutex<Tree, ()> = Mutex::new(());
    let process: Mutex<Process, ()> = Mutex::new(());
    let leaf: Mutex<Leaf, ()> = Mutex::new(());
    let (tree_guard, process_guard, leaf_guard) = (tree.lock(), process.lock(), leaf.lock());
    drop(process_guard);
    drop(tree_guard);
    assert_names(&panic_of(|| drop(process.lock())), &["`process_lock`", "`leaf_lock`"]);
    drop(leaf_guard);
    drop(process.lock());
    assert_no_locks_held();
}

#[test]
fn a_wait_with_another_lock_held_is_reported() {
    let tree: Mutex<Tree, ()> = Mutex::new(());
    let process: Mutex<Process, ()> = Mutex::new(());
    let changed: Condvar<Process> = Condvar::new();
    let (_tree, outer_taken) = (tree.lock(), here());
    let (mut guard, interlock_taken) = (process.lock(), here());
    assert_ne!(outer_taken, interlock_taken);
    let messages = [
        panic_of(|| changed.wait_for(&mut guard, Duration::ZERO)),
        panic_of(|| changed.wait_until(&mut guard, time::now())),
        // The one without a time-out comes last: unchecked, it would hang.
        panic_of(|| changed.wait(&mut guard)),
    ];
    for message in messages {
        assert_names(
            &message,
            &[
                "waiting with a lock held",
                &format!("`process_lock` (rank 1) taken at {interlock_taken}"),
                &format!("`tree_lock` (rank 0) taken at {outer_taken}"),
            ],
        );
    }
    assert!(process.is_locked());
    assert_eq!(held_locks(), 2);
}

#[test]
fn a_wait_keeps_the_place_where_its_mutex_was_taken() {
    let process: Mutex<Process, ()> = Mutex::new(());
    let changed: Condvar<Process> = Condvar::new();
    let (mut guard, taken) = (process.lock(), here());
    assert!(changed.wait_for(&mut guard, Duration::ZERO).timed_out());
    assert_names(&panic_of(assert_no_locks_held), &["`process_lock`", &taken]);
    drop(guard);
    assert_no_locks_held();
}

#[test]
fn yielding_an_outer_lock_under_an_inner_one_is_reported() {
    let tree: Mutex<Tree, ()> = Mutex::new(());
    let process: RwLock<Process, ()> = RwLock::new(());
    let leaf: Mutex<Leaf, ()> = Mutex::new(());
    let mut tree_guard = tree.lock();
    let mut reader = process.read();
    RwLockReadGuard::bump(&mut reader);
    let leaf_guard = leaf.lock();
    assert_names(&panic_of(|| RwLockReadGuard::bump(&mut reader)), &["`process_lock`", "`leaf_lock`"]);
    assert_names(&panic_of(|| MutexGuard::bump(&mut tree_guard)), &["lock order violated: `tree_lock`"]);
    assert_eq!(held_locks(), 3);
    drop((leaf_guard, reader));
    MutexGuard::bump(&mut tree_guard);
    assert_eq!(held_locks(), 1);
}

#[test]
fn assert_no_locks_held_names_every_lock_and_its_place() {
    let tree: Mutex<Tree, ()> = Mutex::new(());
    let leaf: RwLock<Leaf, ()> = RwLock::new(());
    let (tree_guard, tree_taken) = (tree.lock(), here());
    let (leaf_guard, leaf_taken) = (leaf.write(), here());
    let mut asked = String::new();
    let message = panic_of(|| (note(&mut asked), assert_no_locks_held()));
    assert_names(
        &message,
        &[
            &asked,
            &format!("`tree_lock` (rank 0) taken at {tree_taken}"),
            &format!("`leaf_lock` (rank 2) taken at {leaf_taken}"),
        ],
    );
    drop((tree_guard, leaf_guard));
    assert_no_locks_held();
}

#[test]
fn a_panicking_thread_is_not_checked() {
    struct LocksInDrop<'a>(&'a Mutex<Tree, u32>);
    impl Drop for LocksInDrop<'_> {
        fn drop(&mut self) {
            *self.0.lock() += 1;
            assert_no_locks_held();
        }
    }
    let tree: Mutex<Tree, u32> = Mutex::new(0);
    let leaf: Mutex<Leaf, ()> = Mutex::new(());
    let leaf_guard = leaf.lock();
    let message = panic_of(|| {
        let _locks_in_drop = LocksInDrop(&tree);
        panic!("{}", String::from("the first panic"));
    });
    assert_eq!(message, "the first panic");
    assert_eq!(held_locks(), 1);
    drop(leaf_guard);
    assert_eq!(*tree.lock(), 1);
}

#[test]
fn two_orders_say_nothing_about_each_other_but_nobody_sleeps_with_either() {
    let other: Mutex<elsewhere::Other, ()> = Mutex::new(());
    let process: Mutex<Process, ()> = Mutex::new(());
    let changed: Condvar<Process> = Condvar::new();
    drop((process.lock(), other.lock()));
    let _other = other.lock();
    let mut guard = process.lock();
    let message = panic_of(|| changed.wait_for(&mut guard, Duration::ZERO));
    assert_names(&message, &["waiting with a lock held", "`other_lock`"]);
}

#[test]
fn more_locks_than_can_be_followed_are_reported() {
    let locks: Vec<Mutex<Leaf, ()>> = (0..33).map(|_| Mutex::new(())).collect();
    let guards: Vec<_> = locks.iter().take(32).map(|lock| lock.try_lock().unwrap()).collect();
    let message = panic_of(|| locks[32].try_lock().is_some());
    assert_names(&message, &["holds 32 locks", "`leaf_lock`"]);
    assert!(!locks[32].is_locked());
    drop(guards);
    assert_no_locks_held();
}
