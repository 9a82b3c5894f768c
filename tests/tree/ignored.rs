//! Children that their parent ignores: row 40, decision 2, mistake e.

use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{
    Command, EventFilter, EventKind, Process, SigAction, SigCode, Signal, Usage, WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, burn, dead, errno, living, new_group, next_event, same, soon};

use crate::is_reaped;

const IGNORING: [SigAction; 2] = [SigAction::IGNORE, SigAction::NO_CHILD_WAIT];

/// Row 40, decision 2: ignored children leave no zombie, and a wait for them ends when none is left.
#[test]
fn a_wait_for_ignored_children_ends_with_echild_when_the_last_one_ends() {
    let fixture = Fixture::boot();
    for disposition in IGNORING {
        fixture.inside(move |p| {
            assert_eq!(p.sigaction(Signal::CHLD, disposition.clone()).expect("SIGCHLD"), SigAction::DEFAULT);
            for who in [WaitFor::Any, WaitFor::MyGroup, WaitFor::Group(p.pgid())] {
                let family = [living(p, same), living(p, same), living(p, same)];
                assert!(p.wait4(who, WaitFlags::NOHANG).expect("they live").is_none(), "{who:?}");
                let [one, two, three] = family.map(|(_, hold)| hold);
                drop((one, two));
                let letting_go = p.spawn_lwp(move |_| drop(three)).expect("room");
                assert_eq!(errno(p.wait4(who, WaitFlags::empty())), libc::ECHILD, "{who:?}");
                letting_go.join(p).expect("it returned");
            }
            let (child, hold) = living(p, same);
            drop(hold);
            assert_eq!(errno(child.wait()), libc::ECHILD, "through the handle");
            assert_eq!(errno(child.kill()), libc::ESRCH, "nothing is left of it");
        });
    }
}

/// Row 40, mistake e: a wait for one ignored child ends when that one does, while others live.
#[test]
fn a_wait_for_one_ignored_child_ends_while_others_live() {
    let fixture = Fixture::boot();
    for disposition in IGNORING {
        fixture.inside(move |p| {
            p.sigaction(Signal::CHLD, disposition.clone()).expect("SIGCHLD");
            let (keeper, keeper_hold) = living(p, same);
            let (child, hold) = living(p, new_group);
            let (waiting, is_waiting) = unbounded();
            let one = child.id();
            let lwps = [WaitFor::Pid(one), WaitFor::Group(one), WaitFor::Pid(one)].map(|who| {
                let waiting = waiting.clone();
                let wait = move |p: &Process| {
                    waiting.send(()).expect("main listens");
                    errno(p.wait4(who, WaitFlags::empty()))
                };
                p.spawn_lwp(wait).expect("room")
            });
            for _ in &lwps {
                soon(&is_waiting);
            }
            drop(hold);
            for lwp in lwps {
                assert_eq!(lwp.join(p).expect("it returned"), libc::ECHILD);
            }
            assert!(p.wait4(WaitFor::Any, WaitFlags::NOHANG).expect("one lives").is_none());
            drop(keeper_hold);
            assert_eq!(errno(p.wait4(WaitFor::Pid(keeper.id()), WaitFlags::empty())), libc::ECHILD);
        });
    }
}

/// Row 40, decision 2: `SIG_IGN` sends no SIGCHLD, `SA_NOCLDWAIT` does; either way the child is reaped at once, and its usage
/// is nobody's.
#[test]
fn ignored_children_are_reaped_at_once_and_count_nowhere() {
    let fixture = Fixture::boot();
    for disposition in IGNORING {
        let events = fixture.events(EventFilter::EXIT_SIGNAL | EventFilter::EXITED | EventFilter::REAPED);
        let signalled = disposition == SigAction::NO_CHILD_WAIT;
        let (parent, child) = fixture.inside(move |p| {
            p.sigaction(Signal::CHLD, disposition.clone()).expect("SIGCHLD");
            let child = p.spawn(Command::new("child", |_| burn(Duration::from_millis(3)))).expect("room");
            assert_eq!(errno(p.wait()), libc::ECHILD);
            assert_eq!(p.children_usage(), Usage::default());
            (p.pid(), child.id())
        });
        let mut seen = Vec::new();
        next_event(&events, child, |kind| {
            seen.push(match kind {
                EventKind::ExitSignal { to, info } => {
                    assert_eq!((*to, info.signal, info.code), (parent, Signal::CHLD, SigCode::Exited));
                    assert!(info.user_time + info.system_time >= Duration::from_millis(3));
                    "signal"
                }
                EventKind::Exited { .. } => "exited",
                _ => "reaped",
            });
            is_reaped(kind)
        });
        let expected: &[&str] =
            if signalled { &["signal", "exited", "reaped"] } else { &["exited", "reaped"] };
        assert_eq!(seen, expected);
    }
}

/// Row 40: what counts is the action at the time of the death.
#[test]
fn children_that_end_before_and_after_they_are_ignored_leave_zombies() {
    let fixture = Fixture::boot();
    for disposition in IGNORING {
        fixture.inside(move |p| {
            let before = dead(p, 1, same);
            assert_eq!(p.sigaction(Signal::CHLD, disposition.clone()).expect("SIGCHLD"), SigAction::DEFAULT);
            let ignored = p.spawn(Command::new("ignored", |_| 2)).expect("room");
            assert_eq!(errno(p.wait4(WaitFor::Pid(ignored.id()), WaitFlags::empty())), libc::ECHILD);
            let first = p.wait().expect("it was a zombie already");
            assert_eq!(p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("SIGCHLD"), disposition);
            let after = dead(p, 3, same);
            let second = p.wait().expect("a zombie");
            assert_eq!((first.pid, second.pid), (before.id(), after.id()));
            assert_eq!(p.children_usage().total(), first.usage.total() + second.usage.total());
        });
    }
}

/// Row 40: zombies that are inherited by a process that ignores its children are reaped at once.
#[test]
fn a_subreaper_that_ignores_its_children_keeps_no_inherited_zombie() {
    let fixture = Fixture::boot();
    for disposition in IGNORING {
        let events = fixture.events(EventFilter::REAPED);
        let zombie = fixture.inside(move |p| {
            p.set_child_subreaper(true).expect("it runs");
            p.sigaction(Signal::CHLD, disposition.clone()).expect("SIGCHLD");
            let (made, is_made) = unbounded();
            let parent = Command::new("parent", move |p: &Process| {
                // The action was inherited.
                assert_eq!(p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("SIGCHLD"), disposition);
                made.send(dead(p, 1, same).id()).expect("the test listens");
            });
            p.spawn(parent).expect("room");
            assert_eq!(errno(p.wait()), libc::ECHILD);
            soon(&is_made)
        });
        next_event(&events, zombie, is_reaped);
    }
}
