//! The supervisor's own races, explored by the race lab: the code as it is comes through every order that is tried, and each planted
//! fault is found.
//!
//! ```sh
//! cargo test -p greenproc-supervisor --features racelab --target-dir target/lab --test races
//! ```
#![cfg(feature = "racelab")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use greenproc::{Command, Process, Runtime, Signal};
use greenproc_lab::{Options, Scenario, StrategyKind, settles};
use greenproc_supervisor::racelab::Fault;
use greenproc_supervisor::{Backoff, ChildSpec, ChildState, RequestError, Supervisor, Tree};

fn sleeper(p: &Process) -> greenproc::Result<()> {
    p.sleep(Duration::from_hours(1))
}

fn worker(id: &'static str) -> ChildSpec {
    ChildSpec::new(id, sleeper).shared_thread()
}

fn supervisor(fault: Option<Fault>) -> Supervisor {
    let supervisor = Supervisor::new("s").unlimited().backoff(Backoff::NONE);
    match fault {
        Some(fault) => supervisor.with_fault(fault),
        None => supervisor,
    }
}

fn state(tree: &Tree, id: &str) -> Option<ChildState> {
    let children = tree.which_children().expect("it answers");
    children.iter().find(|child| &*child.id == id).map(|child| child.state)
}

fn ends(runtime: &Runtime, tree: &Tree) {
    let report = tree.shutdown().expect("mine");
    assert!(report.is_clean(), "{report}");
    assert!(settles(|| runtime.stats().processes == 1), "somebody is left");
}

/// The code as it is comes through; a fault is found, by one of the strategies.
#[track_caller]
fn explore(name: &str, shape: fn(&Runtime, Option<Fault>), fault: Fault) {
    let bounded = Options { schedules: 2_000, ..Options::default() };
    let random = Options { strategy: StrategyKind::Random { seed: 1 }, schedules: 500, ..Options::default() };
    for options in [&bounded, &random] {
        let report = Scenario::new(name, move |runtime| shape(runtime, None)).explore(options);
        if let Some(found) = report.found {
            panic!("{name}: {}\n{}\n{}", found.failure, found.timeline, found.token);
        }
    }
    let planted = Scenario::new(name, move |runtime| shape(runtime, Some(fault)));
    let found = [&bounded, &random].iter().any(|options| planted.explore(options).found.is_some());
    assert!(found, "{name}: {fault:?} was not found");
}

/// kameo 392: a handle that was taken before a restart, and a crash at the same time.
fn old_handle(runtime: &Runtime, fault: Option<Fault>) {
    let tree = supervisor(fault).child(worker("a")).start(runtime).expect("it starts");
    let first = tree.child("a").expect("it runs");
    let victim = first.clone();
    let killer = runtime.spawn(Command::new("killer", move |_| {
        // It may have been terminated already.
        let _ = victim.signal(Signal::KILL);
    }));
    match first.terminate() {
        Ok(()) => assert_eq!(state(&tree, "a"), Some(ChildState::Terminated)),
        Err(RequestError::Stale { incarnation: 1, .. }) => {
            assert_eq!(tree.child("a").expect("the next life runs").incarnation(), 2);
        }
        Err(other) => panic!("{other}"),
    }
    let lives = tree.which_children().expect("it answers")[0].incarnation;
    assert_eq!(lives == 2, state(&tree, "a") == Some(ChildState::Up), "only the first life was to be ended");
    drop(killer.expect("room").wait());
    ends(runtime, &tree);
}

/// fastrepl/anarlog 6870: terminated in the wait for its restart, and started by the timer.
fn pending_restart(runtime: &Runtime, fault: Option<Fault>) {
    let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
    let tree = supervisor(fault).backoff(backoff).child(worker("a")).child(worker("b")).start(runtime);
    let tree = tree.expect("it starts");
    for id in ["a", "b"] {
        tree.child(id).expect("it runs").signal(Signal::KILL).expect("it lives");
        // The one is terminated at any moment, the other when it surely waits.
        if id == "b" {
            assert!(settles(|| matches!(state(&tree, id), Some(ChildState::Waiting { .. }))), "it waits");
        }
        tree.terminate_child(id).expect("it is there, or waits");
    }
    // Long enough for their timers.
    let sleeps = runtime.spawn(Command::new("sleeps", |p| p.sleep(Duration::from_secs(1)))).expect("room");
    drop(sleeps.wait().expect("mine"));
    for id in ["a", "b"] {
        assert_eq!(state(&tree, id), Some(ChildState::Terminated));
        assert!(matches!(tree.child(id), Err(RequestError::NotRunning { .. })));
    }
    ends(runtime, &tree);
}

/// suture 34 and 38: two stops at once; both come back when the child is gone.
fn two_terminates(runtime: &Runtime, fault: Option<Fault>) {
    let tree = supervisor(fault).child(worker("a")).start(runtime).expect("it starts");
    let child = tree.child("a").expect("it runs");
    let (other, seen) = ((*tree).clone(), child.clone());
    let second = runtime.spawn(Command::new("second", move |_| {
        other.terminate_child("a").expect("it stops");
        assert_eq!(seen.signal(Signal::USR1).expect_err("it is gone").errno(), 3);
    }));
    tree.terminate_child("a").expect("it stops");
    assert_eq!(child.signal(Signal::USR1).expect_err("it is gone").errno(), 3);
    let waited = second.expect("room").wait().expect("mine");
    assert!(waited.status.success(), "{waited:?}");
    ends(runtime, &tree);
}

/// A child that crashes while it is started again: it is not left as it is.
fn crash_during_start(runtime: &Runtime, fault: Option<Fault>) {
    let lives = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&lives);
    let child = ChildSpec::with_life("a", move |p, life| {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => life.ready(),
            1 => return Ok(()),
            _ => {
                life.ready();
                return sleeper(p);
            }
        }
        Ok(())
    });
    let tree = supervisor(fault).child(child.shared_thread()).start(runtime).expect("its first life says so");
    assert!(settles(|| lives.load(Ordering::SeqCst) == 3), "it is started again");
    assert_eq!(state(&tree, "a"), Some(ChildState::Up));
    ends(runtime, &tree);
}

/// A supervisor ends while a child of its starts: that one is asked to end too, and has its time.
fn stop_during_start(runtime: &Runtime, fault: Option<Fault>) {
    let tree = supervisor(fault).child(worker("a")).start(runtime).expect("it starts");
    let (begun, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begins, is_asked) = (Arc::clone(&begun), Arc::clone(&asked));
    let slow = ChildSpec::with_life("slow", move |p, _| {
        // From here on it is polite, unless its end had been decided before.
        assert!(!p.stop_requested());
        p.checkpoint();
        begins.store(true, Ordering::SeqCst);
        if sleeper(p).is_err() {
            is_asked.store(true, Ordering::SeqCst);
        }
    });
    let root = (*tree).clone();
    let slow = slow.shared_thread();
    let starter = runtime.spawn(Command::new("starter", move |_| match root.start_child(slow.clone()) {
        Err(RequestError::ShuttingDown | RequestError::Gone { .. } | RequestError::StartFailed { .. }) => {}
        other => panic!("{other:?}"),
    }));
    let report = tree.shutdown().expect("mine");
    assert!(report.is_clean(), "{report}");
    let waited = starter.expect("room").wait().expect("mine");
    assert!(waited.status.success(), "{waited:?}");
    assert!(settles(|| runtime.stats().processes == 1), "somebody is left");
    assert_eq!(begun.load(Ordering::SeqCst), asked.load(Ordering::SeqCst), "it was not asked to end");
}

/// A supervisor is killed while it starts its children: nobody is left.
fn killed_during_start(runtime: &Runtime, _: Option<Fault>) {
    let supervisor = supervisor(None).child(worker("a")).child(worker("b"));
    let root = runtime.spawn(Command::new("root", move |p| supervisor.run(p))).expect("room");
    root.kill().expect("it lives");
    assert_eq!(root.wait().expect("mine").status.signal(), Some(Signal::KILL));
    assert!(settles(|| runtime.stats().processes == 1), "an orphan is left");
}

#[test]
fn an_old_handle_and_a_new_life() {
    explore("old-handle", old_handle, Fault::HandleReachesAnyLife);
}

#[test]
fn terminate_and_a_pending_restart() {
    explore("pending-restart", pending_restart, Fault::TimerOutlivesTermination);
}

#[test]
fn two_terminates_at_once() {
    explore("two-terminates", two_terminates, Fault::SecondAnsweredEarly);
}

#[test]
fn a_crash_during_the_start() {
    explore("crash-during-start", crash_during_start, Fault::CrashDuringStartIgnored);
}

#[test]
fn a_stop_during_a_start() {
    explore("stop-during-start", stop_during_start, Fault::StopForgetsStarts);
}

#[test]
fn a_kill_during_the_start() {
    let options = Options { schedules: 2_000, ..Options::default() };
    let scenario = Scenario::new("killed-during-start", |runtime| killed_during_start(runtime, None));
    if let Some(found) = scenario.explore(&options).found {
        panic!("{}\n{}\n{}", found.failure, found.timeline, found.token);
    }
}
