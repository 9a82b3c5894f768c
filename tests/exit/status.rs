//! Which end counts: rows 4 and 5, decisions 1, 12, 17 and 19.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::unbounded;
use greenproc::{
    Command, EventFilter, EventKind, ExitStatus, JoinError, Process, SigCode, Signal, WaitFlags, WaitFor, sys,
};
use greenproc_tests::{AN_HOUR, Fixture, OnDrop, barrier, next_event, soon, stay};

use crate::{Case, round_trip};

/// Row 5, decision 1: `waitid` and SIGCHLD have the whole value, the wait word its low byte.
#[test]
fn the_whole_exit_value_is_kept_and_the_wait_word_has_its_low_byte() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXIT_SIGNAL);
    for code in [0, 1, 127, 128, 255, 256, 259, 65_536, -1, -256, i32::MIN, i32::MAX] {
        let bodies: [fn(&Process, i32) -> i32; 3] = [
            |_, code| code,
            |p, code| p.exit(code),
            |_, code| match sys::_exit(code) {
                Ok(never) => match never {},
                Err(errno) => panic!("errno {errno}"),
            },
        ];
        for body in bodies {
            let child = fixture.inside(move |p| {
                let child = p.spawn(Command::new("child", move |p| body(p, code))).expect("room");
                let found = p.waitid(WaitFor::Any, WaitFlags::EXITED | WaitFlags::NOWAIT);
                let waited = found.expect("a child").expect("no NOHANG");
                assert_eq!(waited.status.code(), Some(code));
                let (pid, word, _) = sys::wait4(child.id().as_raw(), 0).expect("a zombie");
                assert_eq!((pid, word), (child.id().as_raw(), (code & 0xff) << 8));
                child.id()
            });
            let info = next_event(&events, child, |kind| match kind {
                EventKind::ExitSignal { info, .. } => Some(*info),
                _ => None,
            });
            assert_eq!((info.code, info.status), (SigCode::Exited, code));
        }
    }
}

/// Row 4: the first LWP to call `exit` decides, whichever ends first.
#[test]
fn the_first_lwp_to_exit_decides_the_status() {
    let fixture = Fixture::boot();
    // What the second does when the first has called exit(3) and is held in its unwinding.
    let seconds: [Case; 4] = [
        ("exits", |p| p.exit(4)),
        ("panics", |_| panic!("too late")),
        ("returns", |_| {}),
        ("leaves", |p| p.exit_lwp()),
    ];
    for (what, second) in seconds {
        for main_is_first in [true, false] {
            let (arrive, barrier) = barrier();
            let (go, gone) = unbounded::<()>();
            let (tried, has_tried) = unbounded();
            let (there, is_there) = unbounded();
            let child = fixture.child("two", move |p| {
                let first = move |p: &Process| {
                    // One that had not begun would leave without a try.
                    soon(&is_there);
                    let _held = OnDrop(arrive);
                    p.exit(3)
                };
                let second = move |p: &Process| {
                    there.send(()).expect("the first listens");
                    let _tried = OnDrop(|| tried.send(()).expect("the test listens"));
                    assert!(gone.recv().is_err(), "nothing is ever sent");
                    second(p);
                };
                if main_is_first {
                    let _other = p.spawn_lwp(second).expect("room");
                    first(p);
                } else {
                    let _other = p.spawn_lwp(first).expect("room");
                    second(p);
                }
                9
            });
            // The first has called exit and is held in its unwinding while the second tries.
            barrier.is_reached();
            drop(go);
            soon(&has_tried);
            drop(barrier);
            let waited = child.wait().expect("its handle owns it");
            assert_eq!(
                waited.status,
                ExitStatus::exited(3),
                "the second {what}, main first: {main_is_first}"
            );
            assert!(waited.report.is_none(), "a panic that came too late is not why it ended");
        }
    }
}

/// Row 4: of many LWPs that exit at once one decides, and the process ends once.
#[test]
fn of_many_lwps_that_exit_at_once_one_decides() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXITED);
    for _ in 0..50 {
        let child = fixture.child("many", |p| {
            let (go, gone) = unbounded::<()>();
            for code in 1..8 {
                let gone = gone.clone();
                let exit = move |p: &Process| {
                    assert!(gone.recv().is_err(), "nothing is ever sent");
                    p.exit(code)
                };
                p.spawn_lwp(exit).expect("room").detach();
            }
            drop(go);
            p.exit(8)
        });
        let status = child.wait().expect("its handle owns it").status;
        assert!((1..=8).contains(&status.code().expect("it exited")), "{status}");
        let exits = || events.try_iter().filter(|event| event.pid == child.id()).map(|event| event.kind);
        let seen: Vec<EventKind> = exits().collect();
        assert!(matches!(seen[..], [EventKind::Exited { status: told }] if told == status), "{seen:?}");
    }
}

/// Decision 17: the value of an exit wins over the end of the last LWP.
#[test]
fn an_exit_wins_over_another_lwps_thread_exit() {
    let fixture = Fixture::boot();
    let (arrive, barrier) = barrier();
    let (go, gone) = unbounded::<()>();
    let child = fixture.child("two", move |p| {
        let exit = move |p: &Process| {
            assert!(gone.recv().is_err(), "nothing is ever sent");
            p.exit(5)
        };
        p.spawn_lwp(exit).expect("room").detach();
        let _held = OnDrop(arrive);
        p.exit_lwp()
    });
    barrier.is_reached();
    drop(go);
    drop(barrier);
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(5));
}

/// Decision 17: the process ends with 0 if all of its LWPs have left, main first or last.
#[test]
fn the_last_lwp_to_leave_takes_the_process_along() {
    let fixture = Fixture::boot();
    for main_is_last in [true, false] {
        let (hold, held) = crossbeam_channel::bounded::<()>(0);
        let (alive, is_alive) = unbounded();
        let child = fixture.child("two", move |p| {
            let leave = |p: &Process| p.exit_lwp();
            let linger = move |p: &Process| {
                alive.send(()).expect("the test listens");
                stay(p, &held);
            };
            if main_is_last {
                let other = p.spawn_lwp(leave).expect("room");
                assert!(matches!(other.join(p), Err(JoinError::Left)));
                linger(p);
                p.exit_lwp()
            }
            p.spawn_lwp(linger).expect("room").detach();
            leave(p)
        });
        soon(&is_alive);
        round_trip(&fixture);
        assert!(child.try_wait().expect("mine").is_none(), "one LWP is left");
        drop(hold);
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(0), "{main_is_last}");
    }
}

/// `exit_with`, decision 1: any end can be given; what is no end is success.
#[test]
fn a_process_can_end_with_a_status_made_elsewhere() {
    let fixture = Fixture::boot();
    let cases = [
        (ExitStatus::exited(77), ExitStatus::exited(77)),
        (ExitStatus::killed(Signal::TERM), ExitStatus::killed(Signal::TERM)),
        (ExitStatus::dumped(Signal::SEGV), ExitStatus::dumped(Signal::SEGV)),
        (ExitStatus::stopped(Signal::STOP), ExitStatus::exited(0)),
        (ExitStatus::resumed(), ExitStatus::exited(0)),
    ];
    for (given, expected) in cases {
        let called = fixture.run(Command::new("calls", move |p| -> () { p.exit_with(given) }));
        assert_eq!(called.expect("room"), expected);
        let returned = fixture.run(Command::new("returns", move |_| given));
        assert_eq!(returned.expect("room"), expected);
    }
}

/// Decision 12.
#[test]
fn a_panic_in_any_lwp_is_sigabrt_with_the_core_flag_and_a_report() {
    let fixture = Fixture::boot();
    for in_main in [true, false] {
        let (line, lines) = unbounded();
        let child = fixture.child("panics", move |p| {
            let fail = move |_: &Process| {
                line.send(line!() + 1).expect("the test listens");
                panic!("no {} today", "luck");
            };
            if in_main {
                fail(p);
            } else {
                p.spawn_lwp(fail).expect("room").detach();
                p.sleep(AN_HOUR).expect("it is not polite");
            }
        });
        let waited = child.wait().expect("its handle owns it");
        assert_eq!(waited.status, ExitStatus::dumped(Signal::ABRT));
        assert!(waited.status.core_dumped());
        let Some(greenproc::ExitReport::Panic(crash)) = waited.report.as_deref() else {
            panic!("no crash report: {waited:?}");
        };
        assert_eq!(crash.message, "no luck today");
        let place = format!("{}:{}:", file!(), soon(&lines));
        assert!(
            crash.location.as_ref().is_some_and(|location| location.starts_with(&place)),
            "{crash:?} at {place}"
        );
    }
}

/// Row 4, decision 19: an exit that was swallowed stays decided, and the next checkpoint meets it.
#[test]
fn a_swallowed_exit_stays_decided() {
    let fixture = Fixture::boot();
    let afterwards: [Case<i32>; 5] = [
        ("returns", |_| 4),
        ("exits again", |p| p.exit(4)),
        ("panics", |_| panic!("too late")),
        ("sleeps", |p| p.sleep(AN_HOUR).map_or(4, |()| 4)),
        ("checkpoints", |p| {
            loop {
                p.checkpoint();
            }
        }),
    ];
    for (what, after) in afterwards {
        let status = fixture.run(Command::new("swallows", move |p| {
            let unwound = catch_unwind(AssertUnwindSafe(|| p.exit(3)));
            assert!(unwound.is_err());
            after(p)
        }));
        assert_eq!(status.expect("room"), ExitStatus::exited(3), "{what}");
    }
}

/// The same for the end of one LWP.
#[test]
fn a_swallowed_thread_exit_is_met_at_the_next_checkpoint() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let lwp = p.spawn_lwp(|p| {
            assert!(catch_unwind(AssertUnwindSafe(|| p.exit_lwp())).is_err());
            p.sleep(AN_HOUR)
        });
        assert!(matches!(lwp.expect("room").join(p), Err(JoinError::Left)));
    });
}

/// Decision 20: `exit` is a wish of the LWP itself, so `critical` does not hold it back; nothing of the section is left
/// for the next process on the thread.
#[test]
fn an_exit_inside_critical_ends_the_process() {
    let fixture = Fixture::boot();
    for _ in 0..3 {
        let status =
            fixture.run(Command::new("critical", |p| -> i32 { p.critical(|| p.critical(|| p.exit(6))) }));
        assert_eq!(status.expect("room"), ExitStatus::exited(6));
        let next = fixture.child("next", |p| {
            p.kill(p.pid(), Signal::KILL).expect("itself");
            p.checkpoint();
        });
        assert_eq!(next.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
    }
}
