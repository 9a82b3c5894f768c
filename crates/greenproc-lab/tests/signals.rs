//! Signals that the scheduler sends: at every point, and so also at the one that hurts.
#![cfg(feature = "racelab")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenproc::{Command, Runtime, SigAction, Signal, WaitFlags, WaitFor};
use greenproc_lab::{Fault, Options, Scenario, StrategyKind, signal_at_any_point};
use parking_lot::Mutex;

/// How many places the process of [`walk`] comes to.
const PLACES: usize = 6;

#[test]
fn it_comes_between_any_two_places_of_a_process() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let told = Arc::clone(&seen);
    let scenario = Scenario::new("walk", move |runtime| walk(runtime, &told));
    let options = Options { strategy: StrategyKind::Bounded { bound: 1 }, ..Options::default() };
    let report = scenario.explore(&options);
    assert!(report.found.is_none(), "{:?}", report.found);
    // And after the last, when nobody is there to be disturbed.
    let all = (0..PLACES).map(Some).chain([None]).collect();
    assert_eq!(*seen.lock(), all);
}

/// A process passes checkpoints, and a handler notes where it was.
fn walk(runtime: &Runtime, seen: &Mutex<BTreeSet<Option<usize>>>) {
    let at = Arc::new(AtomicUsize::new(0));
    let came = Arc::new(Mutex::new(None));
    let (here, place, noted) = (Arc::clone(&at), Arc::clone(&at), Arc::clone(&came));
    let child = runtime
        .spawn(
            Command::new("walker", move |p| {
                let note =
                    SigAction::handler(move |_, _| *noted.lock() = Some(place.load(Ordering::Relaxed)));
                p.sigaction(Signal::USR1, note).expect("it can be caught");
                // From here on it may come.
                p.sigmask(greenproc::MaskHow::Unblock, Signal::USR1).expect("it can be unblocked");
                for next in 1..=PLACES {
                    p.checkpoint();
                    here.store(next, Ordering::Relaxed);
                    greenproc_sync::lab::point("between two places");
                }
            })
            .signal_mask(Signal::USR1),
        )
        .expect("a process");
    let signal = signal_at_any_point(runtime, child.id(), Signal::USR1);
    assert!(child.wait().expect("it ends").status.success());
    drop(signal);
    seen.lock().insert(came.lock().take());
}

/// The shape of `wait-signal`, but that nobody in it sends the signal.
fn wait_disturbed(runtime: &Runtime) {
    let parent = runtime.spawn(
        Command::new("parent", |p| {
            p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be caught");
            p.sigmask(greenproc::MaskHow::Unblock, Signal::USR1).expect("it can be unblocked");
            let child = p.spawn(Command::new("child", |_| 3)).expect("a child").id();
            let waited = loop {
                match p.wait4(WaitFor::Pid(child), WaitFlags::empty()) {
                    Ok(waited) => break waited,
                    Err(error) => assert_eq!(error.errno(), 4, "nobody else has reaped it"),
                }
            };
            assert_eq!(waited.and_then(|waited| waited.status.code()), Some(3));
        })
        .signal_mask(Signal::USR1),
    );
    let parent = parent.expect("a process");
    let signal = signal_at_any_point(runtime, parent.id(), Signal::USR1);
    assert!(parent.wait().expect("it ends").status.success());
    drop(signal);
}

#[test]
fn a_fault_that_only_a_signal_shows_is_found() {
    let options = Options { schedules: 20_000, ..Options::default() };
    let planted = Scenario::new("disturbed", wait_disturbed).with_fault(Fault::LookAfterReap);
    let found = planted.explore(&options).found.expect("the status is lost");
    assert!(found.failure.to_string().contains("nobody else has reaped it"), "{}", found.failure);
    let clean = Scenario::new("disturbed", wait_disturbed);
    let report = clean.explore(&Options { schedules: 1_000, ..options });
    assert!(report.found.is_none(), "{:?}", report.found);
}
