//! What is pending when a process stops and goes on: decision 5.

use crossbeam_channel::unbounded;
use greenproc::{Command, ExitStatus, MaskHow, Process, SigAction, SigSet, Signal};
use greenproc_tests::{Fixture, new_group, soon, succeeded};

use crate::{change, change_now, end, spin, stop};

const STOPS: [Signal; 3] = [Signal::TSTP, Signal::TTIN, Signal::TTOU];

/// Decision 5: a stop signal discards a pending SIGCONT, SIGCONT discards pending stop signals; both for the process and for
/// an LWP.
#[test]
fn stops_and_continuations_discard_each_other() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let stops: SigSet = STOPS.into_iter().fold(SigSet::EMPTY, SigSet::with);
        p.sigmask(MaskHow::Block, stops.with(Signal::CONT)).expect("itself");
        let send = |to_lwp: bool, signal| {
            let sent = if to_lwp { p.tgkill(p.lwp_id(), signal) } else { p.kill(p.pid(), signal) };
            sent.expect("itself");
        };
        for (first, second) in [(false, false), (false, true), (true, false), (true, true)] {
            for signal in STOPS {
                send(first, Signal::CONT);
                assert_eq!(p.sigpending(), SigSet::of(Signal::CONT));
                send(second, signal);
                assert_eq!(p.sigpending(), SigSet::of(signal), "SIGCONT is gone");
            }
            for signal in STOPS {
                send(first, signal);
            }
            assert_eq!(p.sigpending(), stops);
            send(second, Signal::CONT);
            assert_eq!(p.sigpending(), SigSet::of(Signal::CONT), "they are gone");
        }
    });
}

/// Decision 5: the SIGCONT that was pending when SIGSTOP came is gone: what is handled later is the one that came after.
#[test]
fn sigstop_discards_a_pending_sigcont() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (tell, handled) = unbounded();
        let (ready, is_ready) = unbounded();
        let child = p.spawn(Command::new("handles", move |p: &Process| {
            let handler =
                move |_: &Process, info: &greenproc::SigInfo| tell.send(info.pid).expect("the test listens");
            p.sigaction(Signal::CONT, SigAction::handler(handler)).expect("it can be caught");
            p.sigmask(MaskHow::Block, Signal::CONT).expect("itself");
            p.kill(p.pid(), Signal::CONT).expect("itself");
            assert_eq!(p.sigpending(), SigSet::of(Signal::CONT));
            ready.send(()).expect("the test listens");
            p.raise(Signal::STOP).expect("itself");
            p.sigmask(MaskHow::Unblock, Signal::CONT).expect("itself");
        }));
        let child = child.expect("room");
        soon(&is_ready);
        assert_eq!(change(p, child.id()), ExitStatus::stopped(Signal::STOP));
        assert!(handled.is_empty());
        p.kill(child.id(), Signal::CONT).expect("it lives");
        assert_eq!(soon(&handled), p.pid(), "of one signal the first is kept");
        succeeded(&child.wait().expect("my child"));
        assert!(handled.is_empty(), "once");
    });
}

/// Decision 5: a blocked stop signal stops when it is unblocked, unless a SIGCONT came in between.
#[test]
fn a_blocked_stop_that_was_continued_never_stops() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for signal in STOPS {
            for continued in [false, true] {
                let body = move |p: &Process| {
                    p.sigmask(MaskHow::Block, signal).expect("itself");
                    p.kill(p.pid(), signal).expect("itself");
                    assert_eq!(p.sigpending(), SigSet::of(signal));
                    p.checkpoint();
                    if continued {
                        p.kill(p.pid(), Signal::CONT).expect("itself");
                        assert_eq!(p.sigpending(), SigSet::EMPTY);
                    }
                    p.sigmask(MaskHow::Unblock, signal).expect("itself");
                    p.checkpoint();
                };
                // The test is in another group of the session: this one is not orphaned.
                let child = p.spawn(new_group(Command::new("blocks", body))).expect("room");
                if !continued {
                    assert_eq!(change(p, child.id()), ExitStatus::stopped(signal));
                    child.signal(Signal::CONT).expect("it lives");
                }
                let flags = crate::CHANGES | greenproc::WaitFlags::EXITED;
                let next = |p: &Process| {
                    let waited = p.waitid(greenproc::WaitFor::Child(&child), flags).expect("my child");
                    waited.expect("no NOHANG").status
                };
                let mut last = next(p);
                if !continued && last == ExitStatus::resumed() {
                    last = next(p);
                }
                assert_eq!(last, ExitStatus::exited(0), "{signal}");
            }
        }
    });
}

/// POSIX `sigaction`: a stop signal that is caught or ignored does not stop; SIGSTOP always does.
#[test]
fn a_stop_signal_that_is_caught_or_ignored_does_not_stop() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for ignored in [false, true] {
            let (tell, handled) = unbounded();
            let (ready, is_ready) = unbounded();
            let body = move |p: &Process| {
                for signal in STOPS {
                    let tell = tell.clone();
                    let action =
                        SigAction::handler(move |_, info| tell.send(info.signal).expect("the test listens"));
                    let action = if ignored { SigAction::IGNORE } else { action };
                    p.sigaction(signal, action).expect("it can be caught");
                }
                ready.send(()).expect("the test listens");
                spin(p);
            };
            let child = p.spawn(new_group(Command::new("catches", body))).expect("room");
            soon(&is_ready);
            for signal in STOPS {
                child.signal(signal).expect("it lives");
                if !ignored {
                    assert_eq!(soon(&handled), signal);
                }
                assert_eq!(change_now(p, child.id()), None, "{signal}");
            }
            stop(p, &child);
            end(p, &child);
        }
    });
}

/// Decisions 5 and 6: TSTP, CONT and TERM in this order end a process that unblocks TSTP at just that time; the stop that was
/// taken from the queue before SIGCONT came does not come after it.
#[test]
fn a_stop_that_is_being_met_does_not_outlive_the_continuation() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for round in 0..2_000 {
            let (ready, is_ready) = unbounded();
            let body = move |p: &Process| {
                ready.send(()).expect("the test listens");
                loop {
                    p.sigmask(MaskHow::Block, Signal::TSTP).expect("itself");
                    p.sigmask(MaskHow::Unblock, Signal::TSTP).expect("itself");
                }
            };
            let child = p.spawn(new_group(Command::new("unblocks", body))).expect("room");
            soon(&is_ready);
            for signal in [Signal::TSTP, Signal::CONT, Signal::TERM] {
                child.signal(signal).expect("it lives");
            }
            assert_eq!(
                child.wait().expect("my child").status,
                ExitStatus::killed(Signal::TERM),
                "round {round}"
            );
        }
    });
}
