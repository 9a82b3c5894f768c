//! How a stop ends: decisions 5, 6 and 16.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, EventFilter, ExitStatus, Process, SigAction, Signal, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, hold, living, next_event, same, soon, succeeded};

use crate::{change, end, go_on, letter, spin, spinning, stop, stop_untaken, told};

/// How often the three signals are fired.
const ROUNDS: usize = 2_000;

/// Decision 6: STOP, CONT and TERM, back to back, always are death by TERM, wherever the process is: not begun, asleep or
/// at work.
#[test]
fn stop_cont_term_back_to_back_always_is_death_by_term() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (hold, held) = hold();
        for round in 0..ROUNDS {
            let command = match round % 2 {
                0 => Command::new("sleeps", held.clone()),
                _ => Command::new("computes", spin),
            };
            let child = p.spawn(command).expect("room");
            if round % 4 > 1 {
                // Round trip: it has begun, most likely.
                stop(p, &child);
                go_on(p, &child);
            }
            for signal in [Signal::STOP, Signal::CONT, Signal::TERM] {
                child.signal(signal).expect("it lives");
            }
            assert_eq!(
                child.wait().expect("my child").status,
                ExitStatus::killed(Signal::TERM),
                "round {round}"
            );
        }
        drop(hold);
    });
}

/// Decision 6, from a thread of nobody, and with a second LWP.
#[test]
fn stop_cont_term_from_outside_always_is_death_by_term() {
    let fixture = Fixture::boot();
    for round in 0..ROUNDS / 4 {
        let child = fixture.child("two", |p| {
            p.spawn_lwp(|p| p.sleep(greenproc_tests::AN_HOUR)).expect("room").detach();
            spin(p);
        });
        for signal in [Signal::STOP, Signal::CONT, Signal::TERM] {
            child.signal(signal).expect("it lives");
        }
        let status = child.wait().expect("its handle owns it").status;
        assert_eq!(status, ExitStatus::killed(Signal::TERM), "round {round}");
    }
}

/// Decision 5: SIGKILL ends a stopped process, also one that blocks everything, also while the stop is not complete.
#[test]
fn sigkill_ends_a_stopped_process() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for waits in [true, false] {
            for change in [same, |command: Command| command.signal_mask(greenproc::SigSet::ALL)] {
                let (sleeps, _hold) = living(p, change);
                for child in [sleeps, spinning(p, change)] {
                    if waits {
                        stop(p, &child);
                    } else {
                        child.signal(Signal::STOP).expect("it lives");
                    }
                    end(p, &child);
                }
            }
        }
    });
}

/// POSIX, "signal generation and delivery": what would end a stopped process waits for its continuation, and ends it then.
#[test]
fn sigterm_to_a_stopped_process_waits_for_the_continuation() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let (hold, held) = hold();
    for child in [fixture.child("sleeps", held), fixture.child("computes", spin)] {
        let pid = child.id();
        child.signal(Signal::STOP).expect("it lives");
        assert_eq!(next_event(&events, pid, told), ExitStatus::stopped(Signal::STOP));
        for signal in [Signal::TERM, Signal::STOP, Signal::TERM] {
            child.signal(signal).expect("it lives");
            assert!(child.try_wait().expect("its handle owns it").is_none());
            assert_eq!(letter(&fixture, pid), 'T');
        }
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::TERM));
        assert_eq!(next_event(&events, pid, told), ExitStatus::resumed());
    }
    drop(hold);
}

/// Decision 16: while the process stands still no handler runs; SIGCONT's own and those of what came meanwhile run after
/// it goes on.
#[test]
fn handlers_run_after_the_continuation() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for computes in [false, true] {
            let allowed = Arc::new(AtomicBool::new(false));
            let (tell, handled) = unbounded();
            let (ready, is_ready) = unbounded();
            let is_allowed = Arc::clone(&allowed);
            let child = p.spawn(Command::new("handles", move |p: &Process| {
                for signal in [Signal::USR1, Signal::CONT] {
                    let (tell, is_allowed) = (tell.clone(), Arc::clone(&is_allowed));
                    let action = SigAction::handler(move |_, info| {
                        tell.send((info.signal, is_allowed.load(Ordering::SeqCst)))
                            .expect("the test listens");
                    });
                    p.sigaction(signal, action).expect("it can be caught");
                }
                ready.send(()).expect("the test listens");
                if computes {
                    spin(p);
                }
                while p.sleep(greenproc_tests::AN_HOUR).is_err() {}
            }));
            let child = child.expect("room");
            soon(&is_ready);
            for _ in 0..20 {
                stop(p, &child);
                child.signal(Signal::USR1).expect("it lives");
                // Also what is woken by a second stop stays where it is.
                child.signal(Signal::STOP).expect("it lives");
                assert!(handled.is_empty(), "a handler ran");
                allowed.store(true, Ordering::SeqCst);
                go_on(p, &child);
                let mut both = [soon(&handled), soon(&handled)];
                both.sort_unstable_by_key(|(signal, _)| signal.as_raw());
                assert_eq!(both, [(Signal::USR1, true), (Signal::CONT, true)]);
                allowed.store(false, Ordering::SeqCst);
            }
            end(p, &child);
            assert!(handled.is_empty());
        }
    });
}

/// A stopped process that is polite about SIGTERM is asked when it goes on.
#[test]
fn a_polite_process_is_asked_after_the_continuation() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (ready, is_ready) = unbounded();
        let child = p.spawn(Command::new("polite", move |p: &Process| {
            assert!(!p.stop_requested());
            ready.send(()).expect("the test listens");
            let interrupted = p.sleep(greenproc_tests::AN_HOUR).is_err();
            i32::from(interrupted && p.stop_requested())
        }));
        let child = child.expect("room");
        soon(&is_ready);
        stop(p, &child);
        child.signal(Signal::TERM).expect("it lives");
        assert!(child.try_wait().expect("my child").is_none());
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(child.wait().expect("my child").status, ExitStatus::exited(1));
    });
}

/// Decision 25: a shutdown ends those who stand still as well; SIGTERM alone does not.
#[test]
fn a_shutdown_ends_who_stands_still() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let (hold, held) = hold();
    let (ready, is_ready) = unbounded();
    let children = [
        fixture.child("sleeps", held),
        fixture.child("computes", spin),
        fixture.child("two", move |p| {
            p.spawn_lwp(spin).expect("room").detach();
            ready.send(()).expect("the test listens");
            let _ = p.sleep(greenproc_tests::AN_HOUR);
        }),
    ];
    // A dying process makes no LWP: it has to have made it before.
    soon(&is_ready);
    for child in &children {
        child.signal(Signal::STOP).expect("it lives");
        assert_eq!(next_event(&events, child.id(), told), ExitStatus::stopped(Signal::STOP));
    }
    let report = fixture.shutdown(Duration::from_millis(20)).expect("nobody else shuts it down");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.asked, report.killed), (3, 3));
    for child in children {
        assert_eq!(child.wait().expect("its last word").status, ExitStatus::killed(Signal::KILL));
    }
    drop(hold);
    fixture.is_down(ExitStatus::exited(0));
}

/// Row 36, mistake j: a child that stands still takes its event along to the parent that adopts it.
#[test]
fn an_adopted_child_keeps_its_event() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("itself");
        for taken in [false, true] {
            let (made, is_made) = unbounded();
            let parent = p.spawn(Command::new("parent", move |p: &Process| {
                let (child, hold) = living(p, same);
                if taken {
                    stop(p, &child);
                } else {
                    stop_untaken(p, &child, Signal::STOP);
                }
                made.send((child, hold)).expect("the test listens");
            }));
            succeeded(&parent.expect("room").wait().expect("my child"));
            let (child, hold) = soon(&is_made);
            let found = p.wait4(WaitFor::Any, WaitFlags::UNTRACED | WaitFlags::NOHANG).expect("mine now");
            let found = found.map(|found| (found.pid, found.status));
            assert_eq!(found, (!taken).then_some((child.id(), ExitStatus::stopped(Signal::STOP))));
            child.signal(Signal::CONT).expect("it lives");
            assert_eq!(change(p, child.id()), ExitStatus::resumed());
            drop(hold);
            succeeded(&p.wait().expect("mine now"));
        }
    });
}
