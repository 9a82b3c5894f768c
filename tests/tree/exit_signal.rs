//! The signal that tells a parent: rows 1 to 3 and 41.

use crossbeam_channel::unbounded;
use greenproc::{Command, EventFilter, EventKind, ExitStatus, Pid, SigCode, Signal};
use greenproc_tests::{AN_HOUR, Fixture, errno, is_dead, living, next_event, soon, succeeded};

use crate::exit_signals;

/// Rows 1 and 41: another exit signal does to the parent what it does.
#[test]
fn another_exit_signal_is_sent_to_the_parent_and_does_what_it_does() {
    let fixture = Fixture::boot();
    let cases = [
        (Some(Signal::USR1), Some(ExitStatus::killed(Signal::USR1))),
        (Some(Signal::SEGV), Some(ExitStatus::dumped(Signal::SEGV))),
        (Some(Signal::KILL), Some(ExitStatus::killed(Signal::KILL))),
        (Some(Signal::WINCH), None),
        (Some(Signal::CHLD), None),
        (None, None),
    ];
    for (signal, end) in cases {
        let events = fixture.events(EventFilter::EXIT_SIGNAL | EventFilter::REAPED);
        let (made, is_made) = unbounded();
        let parent = fixture.child("parent", move |p| {
            let child = p.spawn(Command::new("child", |_| 5).exit_signal(signal)).expect("room");
            made.send(child.id()).expect("the test listens");
            is_dead(p, child.id());
            // With the zombie visible the signal is there as well.
            p.checkpoint();
            assert_eq!(child.wait().expect("my child").status.code(), Some(5));
            42
        });
        let status = parent.wait().expect("its handle owns it").status;
        assert_eq!(status, end.unwrap_or(ExitStatus::exited(42)), "{signal:?}");
        let sent = exit_signals(&events, soon(&is_made));
        let first = sent.first().map(|(to, info)| (*to, info.signal, info.status));
        assert_eq!(first, signal.map(|signal| (parent.id(), signal, 5)), "{signal:?}");
    }
}

/// Row 1: SIGTERM as exit signal asks a polite parent to stop.
#[test]
fn sigterm_as_exit_signal_asks_a_polite_parent_to_stop() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert!(!p.stop_requested());
        let (child, hold) = living(p, |command| command.exit_signal(Some(Signal::TERM)));
        drop(hold);
        assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        assert!(p.stop_requested());
        succeeded(&child.wait().expect("my child"));
    });
}

/// Rows 2 and 3: the exit signal says why, who and whose, from the typed cause.
#[test]
fn the_exit_signal_says_why_and_whose() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXIT_SIGNAL);
    let cases = [
        // 0x8b is what the packed word of a dumped SIGSEGV looks like: it must not be taken for one.
        (ExitStatus::exited(0x8b), SigCode::Exited, libc::CLD_EXITED, 0x8b),
        (ExitStatus::exited(-1), SigCode::Exited, libc::CLD_EXITED, -1),
        (ExitStatus::killed(Signal::TERM), SigCode::Killed, libc::CLD_KILLED, libc::SIGTERM),
        (ExitStatus::dumped(Signal::SEGV), SigCode::Dumped, libc::CLD_DUMPED, libc::SIGSEGV),
    ];
    let uid = fixture.snapshot().get(Pid::INIT).expect("init").uid;
    for (status, code, raw, value) in cases {
        let (parent, child) = fixture.inside(move |p| {
            let child = p.spawn(Command::new("child", move |_| status)).expect("room");
            assert_eq!(p.wait().expect("my child").status, status);
            (p.pid(), child.id())
        });
        let (to, info) = next_event(&events, child, |kind| match kind {
            EventKind::ExitSignal { to, info } => Some((*to, *info)),
            _ => None,
        });
        assert_eq!(to, parent);
        assert_eq!((info.code, info.code.as_raw(), info.status), (code, raw, value));
        assert_eq!((info.pid, info.uid), (child, uid));
    }
}
