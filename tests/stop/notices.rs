//! What else is told of a stop: SIGCHLD, the stream of events, the snapshot, the usage.

use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use greenproc::{
    Command, EventFilter, ExitStatus, SaFlags, SigAction, SigCode, Signal, State, WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, burn, hold, living, new_group, next_event, same, soon, succeeded};

use crate::{end, go_on, letter, spin, spinning, stop, told};

/// Decision 5, POSIX `sigaction`: SIGCHLD says what happened, by which signal, and to whom; under NOCLDSTOP only of ends.
#[test]
fn sigchld_tells_of_stops_and_continuations_unless_nocldstop() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for (flags, is_told) in [(SaFlags::RESTART, true), (SaFlags::RESTART | SaFlags::NOCLDSTOP, false)] {
            let (tell, notices) = unbounded();
            let action = SigAction::handler(move |_, info| {
                tell.send((info.pid, info.code, info.status)).expect("the test listens");
            });
            p.sigaction(Signal::CHLD, action.flags(flags)).expect("SIGCHLD can be caught");
            for child in [spinning(p, same), spinning(p, new_group)] {
                let expected = |code, signal: Signal| {
                    Vec::from_iter(is_told.then_some((child.id(), code, signal.as_raw())))
                };
                let met = || {
                    // The signal was posted in the hold that made the event.
                    p.checkpoint();
                    notices.try_iter().collect::<Vec<_>>()
                };
                for _ in 0..5 {
                    stop(p, &child);
                    assert_eq!(met(), expected(SigCode::Stopped, Signal::STOP), "{flags:?}");
                    child.signal(Signal::STOP).expect("it lives");
                    assert_eq!(met(), [], "it stands already");
                    go_on(p, &child);
                    assert_eq!(met(), expected(SigCode::Continued, Signal::CONT), "{flags:?}");
                }
                end(p, &child);
                assert_eq!(met(), [(child.id(), SigCode::Killed, libc::SIGKILL)]);
            }
        }
    });
}

/// The parent sleeps in `pause`, and does not wait: SIGCHLD of a stop interrupts it.
#[test]
fn sigchld_of_a_stop_wakes_the_parent() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (tell, notices) = unbounded();
        let action = SigAction::handler(move |_, info| tell.send(info.code).expect("the test listens"));
        p.sigaction(Signal::CHLD, action).expect("SIGCHLD can be caught");
        p.sigmask(greenproc::MaskHow::Block, Signal::CHLD).expect("itself");
        let child = spinning(p, same);
        for (signal, code) in [(Signal::STOP, SigCode::Stopped), (Signal::CONT, SigCode::Continued)] {
            child.signal(signal).expect("it lives");
            let woken = p.sigsuspend(greenproc::SigSet::EMPTY);
            assert_eq!(greenproc_tests::errno(woken), libc::EINTR);
            assert_eq!(notices.try_iter().collect::<Vec<_>>(), [code]);
        }
        p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("the default");
        end(p, &child);
    });
}

/// The stream tells each stop, with its signal, and each continuation, in order; the snapshot shows state T in between.
#[test]
fn the_stream_and_the_snapshot_show_who_stands_still() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let (hold, held) = hold();
    for child in [fixture.child("sleeps", held), fixture.child("computes", spin)] {
        let pid = child.id();
        for _ in 0..10 {
            child.signal(Signal::STOP).expect("it lives");
            assert_eq!(next_event(&events, pid, told), ExitStatus::stopped(Signal::STOP));
            assert_eq!(letter(&fixture, pid), 'T');
            assert_eq!(fixture.inspect(pid).expect("it lives").process.state, State::Stopped);
            child.signal(Signal::STOP).expect("it lives");
            child.signal(Signal::CONT).expect("it lives");
            assert_eq!(next_event(&events, pid, told), ExitStatus::resumed());
            assert_ne!(letter(&fixture, pid), 'T');
        }
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
        assert!(events.is_empty(), "its end is neither");
    }
    drop(hold);
}

/// A stop signal that is not SIGSTOP is named as it is.
#[test]
fn each_stop_signal_is_reported_as_itself() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    fixture.inside(move |p| {
        let (child, hold) = living(p, new_group);
        for signal in [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU] {
            child.signal(signal).expect("it lives");
            let found = p.wait4(WaitFor::Any, WaitFlags::UNTRACED).expect("a child").expect("no NOHANG");
            assert_eq!(found.status.stopped_signal(), Some(signal));
            assert_eq!(found.status.into_raw(), (signal.as_raw() << 8) | 0x7f);
            assert_eq!(next_event(&events, child.id(), told), ExitStatus::stopped(signal));
            go_on(p, &child);
            assert_eq!(next_event(&events, child.id(), told), ExitStatus::resumed());
        }
        drop(hold);
        succeeded(&child.wait().expect("my child"));
    });
}

/// Mistake g: the usage of a child that stopped is what it used, not nothing and nobody else's.
#[test]
fn the_usage_of_a_stopped_child_is_real() {
    const WORK: Duration = Duration::from_millis(5);
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (done, is_done) = bounded(0);
        let child = p.spawn(Command::new("works", move |p| {
            burn(WORK);
            done.send(()).expect("the test listens");
            spin(p);
        }));
        let child = child.expect("room");
        soon(&is_done);
        let mut before = WORK;
        for (signal, flags) in [
            (Signal::STOP, WaitFlags::STOPPED),
            (Signal::CONT, WaitFlags::CONTINUED),
            (Signal::STOP, WaitFlags::STOPPED),
            (Signal::KILL, WaitFlags::EXITED),
        ] {
            child.signal(signal).expect("it lives");
            let found = p.waitid(WaitFor::Child(&child), flags).expect("my child").expect("no NOHANG");
            assert!(found.usage.total() >= before, "{:?} after {before:?}", found.usage);
            before = found.usage.total();
        }
    });
}
