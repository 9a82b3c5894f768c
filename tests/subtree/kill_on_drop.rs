//! A child that goes with its handle.

use crossbeam_channel::unbounded;
use greenproc::{Command, EventFilter, EventKind, NoteFlags, NoteKind, Process, Signal, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, burn, dead, errno, hold, is_dead, living, next_event, same, soon, succeeded};

use crate::sleeper;

/// Of the runtime's and of a process's: the drop kills, and nobody has to wait.
#[test]
fn a_dropped_handle_kills_and_the_runtime_reaps() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::REAPED);
    let watch = {
        let child = fixture.child("sleeper", sleeper);
        child.kill_on_drop(true);
        child.watch(NoteFlags::EXIT).expect("it lives")
    };
    assert!(matches!(soon(&watch).kind, NoteKind::Exit { status } if status.signal() == Some(Signal::KILL)));
    next_event(&events, watch.pid(), |kind| matches!(kind, EventKind::Reaped).then_some(()));
    let pid = fixture.inside(|p| {
        let (child, _hold) = living(p, same);
        child.kill_on_drop(true);
        let pid = child.id();
        drop(child);
        // From the drop on no wait finds it.
        assert_eq!(errno(p.wait4(WaitFor::Pid(pid), WaitFlags::empty())), libc::ECHILD);
        assert_eq!(errno(p.wait()), libc::ECHILD);
        pid
    });
    next_event(&events, pid, |kind| matches!(kind, EventKind::Reaped).then_some(()));
}

/// Unless it was asked to, and if it was asked not to, a handle kills nobody; nor if the process was waited for.
#[test]
fn only_who_was_asked_to_kills() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        let pid = child.id();
        child.kill_on_drop(true);
        child.kill_on_drop(false);
        drop(child);
        drop(hold);
        let waited = p.wait().expect("still mine");
        assert_eq!(waited.pid, pid);
        succeeded(&waited);

        let (first, hold) = living(p, same);
        first.kill_on_drop(true);
        drop(hold);
        succeeded(&first.wait().expect("mine"));
        drop(first);
    });
    // The number of one that was waited for is in use again: the drop does not mean the other.
    let fixture = Fixture::with(|builder| builder.pid_max(8));
    let first = fixture.child("first", |_| ());
    first.kill_on_drop(true);
    succeeded(&first.wait().expect("its handle owns it"));
    let mut first = Some(first);
    while let Some(old) = first.take() {
        let (hold, held) = hold();
        let other = fixture.child("other", held);
        if other.id() == old.id() {
            drop(old);
        } else {
            first = Some(old);
        }
        drop(hold);
        succeeded(&other.wait().expect("its handle owns it"));
    }
}

/// A zombie is reaped by the drop, and its usage is its parent's.
#[test]
fn a_zombie_is_reaped_by_the_drop_and_its_usage_kept() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let zombie = dead(p, 3, same);
        zombie.kill_on_drop(true);
        let pid = zombie.id();
        drop(zombie);
        assert_eq!(errno(p.kill(pid, Signal::TERM)), libc::ESRCH, "it is gone");
        assert_eq!(errno(p.wait()), libc::ECHILD);

        let (burnt, is_burnt) = unbounded();
        let busy = p.spawn(Command::new("busy", move |p: &Process| {
            burn(std::time::Duration::from_millis(20));
            burnt.send(()).expect("they listen");
            sleeper(p);
        }));
        let busy = busy.expect("room");
        p.recv(&is_burnt).expect("it burns");
        busy.kill_on_drop(true);
        let watch = busy.watch(NoteFlags::EXIT).expect("mine");
        drop(busy);
        p.recv(&watch).expect("it ends");
        assert!(p.children_usage().total() >= std::time::Duration::from_millis(20));
    });
}

/// A wait of another LWP that is left with nothing to wait for ends with ECHILD (mistake e).
#[test]
fn who_waits_for_it_meanwhile_is_told_that_it_is_gone() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for who in [WaitFor::Any, WaitFor::MyGroup] {
            let (child, _hold) = living(p, same);
            child.kill_on_drop(true);
            let (waiting, is_waiting) = unbounded();
            let waiter = p.spawn_lwp({
                let pid = child.id();
                move |p| {
                    waiting.send(()).expect("main listens");
                    let any = errno(p.wait4(who, WaitFlags::empty()));
                    (any, errno(p.wait4(WaitFor::Pid(pid), WaitFlags::empty())))
                }
            });
            p.recv(&is_waiting).expect("it waits");
            drop(child);
            let waited = waiter.expect("room").join(p).expect("it returned");
            assert_eq!(waited, (libc::ECHILD, libc::ECHILD));
        }
    });
}

/// An LWP that is killed unwinds, its handles go, and its children with them; a parent that dies first does not matter.
#[test]
fn a_killed_process_takes_its_children_along() {
    let fixture = Fixture::boot();
    let (made, is_made) = unbounded();
    let parent = fixture.child("parent", move |p| {
        let child = p.spawn(Command::new("child", sleeper)).expect("room");
        child.kill_on_drop(true);
        made.send(child.watch(NoteFlags::EXIT).expect("mine")).expect("the test listens");
        sleeper(p);
    });
    let watch = soon(&is_made);
    parent.kill().expect("it lives");
    assert!(matches!(soon(&watch).kind, NoteKind::Exit { status } if status.signal() == Some(Signal::KILL)));
    let _ = parent.wait().expect("its handle owns it");

    // The handle outlives the parent: the orphan is killed and reaped wherever it is.
    let events = fixture.events(EventFilter::REAPED);
    let orphan = fixture.inside(|p| {
        let child = p.spawn(Command::new("child", sleeper)).expect("room");
        child.kill_on_drop(true);
        child
    });
    let pid = orphan.id();
    drop(orphan);
    next_event(&events, pid, |kind| matches!(kind, EventKind::Reaped).then_some(()));
    fixture.inside(|p| {
        let own = dead(p, 0, Command::own_thread);
        own.kill_on_drop(true);
        is_dead(p, own.id());
    });
}

/// Who may not signal the process leaves it alone.
#[test]
fn a_handle_whose_maker_may_not_signal_kills_nobody() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        if p.uid() != 0 {
            return;
        }
        let maker = p.spawn(Command::new("maker", |p| {
            let (hold, held) = hold();
            let child = p.spawn(Command::new("root's", held)).expect("room");
            child.kill_on_drop(true);
            p.setuid(1001).expect("root may");
            drop(child);
            drop(hold);
            succeeded(&p.wait().expect("it lives on, and is still a child"));
        }));
        succeeded(&maker.expect("room").wait().expect("mine"));
    });
}
