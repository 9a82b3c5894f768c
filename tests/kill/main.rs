//! Signals: what ends a process wherever it is, what it may say about that, and what a kill never breaks.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | a process is ended in every place where it can wait, its destructors run | 50, 51 |
//! | an embryo is killed, its closure dropped as that process | 38 |
//! | a kick never hits the next process on the thread | 50 |
//! | process, group, own group, all; zombies and stale handles | decisions 3, 18, 23 |
//! | what each signal does by default | decision 1, row 2 |
//! | `critical`, unwinding, swallowed unwinding | decisions 19, 20 |
//! | SIGTERM, politely | decisions 20, 21 |
//! | what took effect is returned, whatever is pending | decision 19, row 62 |

mod effects;
mod places;
mod polite;
mod targets;
mod unwinding;

use std::time::Duration;

use crossbeam_channel::{Sender, bounded, unbounded};
use greenproc::{ExitStatus, Pid, Process, Result, Signal};
use greenproc_tests::Fixture;

/// Longer than any test: a sleep that a test waits for in vain runs into the watchdog.
pub(crate) const FOR_EVER: Duration = Duration::from_hours(1);

/// How often a process is killed in one place: sometimes before it sleeps there, mostly while it does.
pub(crate) const ROUNDS: usize = 25;

/// The number of an error that is expected.
#[track_caller]
pub(crate) fn errno<T: std::fmt::Debug>(result: Result<T>) -> i32 {
    result.expect_err("it has to fail").errno()
}

/// Says on its drop that it was dropped, and by which process.
pub(crate) struct Witness(pub(crate) Sender<Option<Pid>>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send(greenproc::current().ok().map(|p| p.pid()));
    }
}

/// Lets processes sit in `place`, from where they never come back by themselves, and ends them by SIGKILL and by SIGTERM.
#[track_caller]
pub(crate) fn is_ended_in(fixture: &Fixture, place: impl Fn(&Process) + Clone + Send + 'static) {
    for signal in [Signal::KILL, Signal::TERM] {
        for _ in 0..ROUNDS {
            let (ready, is_ready) = bounded(0);
            let (dropped, was_dropped) = unbounded();
            let place = place.clone();
            let victim = fixture.child("victim", move |p| {
                let _witness = Witness(dropped);
                ready.send(()).expect("the test listens");
                place(p);
                p.checkpoint();
                77
            });
            is_ready.recv().expect("it begins");
            victim.signal(signal).expect("it lives");
            let waited = victim.wait().expect("its handle owns it");
            assert_eq!(waited.status, ExitStatus::killed(signal));
            assert_eq!(
                was_dropped.try_recv(),
                Ok(Some(victim.id())),
                "its destructors ran before its end was seen"
            );
        }
    }
}
