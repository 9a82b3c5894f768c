//! What the lab looks at while everybody stands still: silent where all is well, and heard where something is not.
#![cfg(feature = "racelab")]

use greenproc::{Command, Runtime};
use greenproc_lab::{Failure, Fault, Options, Race, Scenario};
use greenproc_sync::{Mutex, lock_order};

lock_order! {
    /// A lock of the test's own.
    Own = "own",
}

fn options() -> Options {
    Options { schedules: 3_000, ..Options::default() }
}

#[track_caller]
fn invariant(name: &str, body: impl Fn(&Runtime) + Send + Sync + 'static) -> String {
    let found = Scenario::new(name, body).explore(&options()).found.expect("something is wrong");
    match found.failure {
        Failure::Invariant(sentence) => sentence,
        other => panic!("{other}\n{}", found.timeline),
    }
}

#[test]
fn a_lock_that_an_lwp_leaves_behind_is_named() {
    let sentence = invariant("lock-left", |runtime| {
        let _ = runtime.run(Command::new("forgetful", |_| {
            let lock = Box::leak(Box::new(Mutex::<Own, ()>::new(())));
            std::mem::forget(lock.lock());
        }));
    });
    assert!(sentence.contains("forgetful 2.") && sentence.ends_with("and holds own#1"), "{sentence}");
}

/// In a debug build the checks of the facade are heard first, at the next sleep of that thread.
#[test]
fn a_lock_that_a_thread_leaves_behind_is_named() {
    let scenario = Scenario::new("lock-left-outside", |_| {
        let lock = Box::leak(Box::new(Mutex::<Own, ()>::new(())));
        std::mem::forget(lock.lock());
    });
    match scenario.explore(&options()).found.expect("something is wrong").failure {
        Failure::Invariant(sentence) => {
            assert!(sentence.contains("has ended") && sentence.ends_with("and holds own#1"), "{sentence}");
        }
        Failure::Panic(message) if cfg!(debug_assertions) => {
            assert!(message.contains("while holding `own`"), "{message}");
        }
        other => panic!("{other}"),
    }
}

/// What is said of a planted fault.
#[track_caller]
fn sentence(race: &str, fault: &str) -> String {
    let race = Race::find(race).expect("a race of this name");
    let fault = Fault::from_name(fault).expect("a fault of this name");
    match race.scenario(Some(fault)).explore(&options()).found.expect("it is found").failure {
        Failure::Invariant(sentence) => sentence,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_wrong_is_said_when_it_is_wrong_and_not_when_somebody_suffers_from_it() {
    assert_eq!(
        sentence("adopted-exit", "mirror-forgotten"),
        "process 3 says that its parent is 2, and in the tree it is 1"
    );
    assert_eq!(
        sentence("peek-reap", "peek-keeps-wakeup"),
        "a waiter of process 2 sleeps, and process 3, for which it waits, is Dead"
    );
    assert_eq!(
        sentence("ignored-wait", "ignored-tells-nobody"),
        "a waiter of process 2 sleeps, and nothing is left that it waits for"
    );
}
