//! Ends that take no lock of the tree: whoever has to know of one learns of it, although nobody looks at the tree.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{
    Child, Command, EventFilter, EventKind, Process, ProcessGroup, SigAction, Signal, Target, WaitFlags,
    WaitFor, Waited,
};
use greenproc_tests::{AN_HOUR, Fixture, errno, hold, living, next_event, same, soon, succeeded};

/// Spawns a child that only returns, as soon as there is room for it.
fn as_soon_as_possible(p: &Process) -> Child {
    loop {
        match p.spawn(Command::new("brief", |_| {})) {
            Ok(child) => return child,
            refused => assert_eq!(errno(refused), libc::EAGAIN),
        }
        std::thread::yield_now();
    }
}

/// Row 40: pids of children that nobody waits for are free again, although only spawns follow.
#[test]
fn a_spawn_finds_the_pids_of_those_that_have_ended() {
    let fixture = Fixture::with(|builder| builder.pid_max(6));
    fixture.inside(|p| {
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        for _ in 0..200 {
            as_soon_as_possible(p);
        }
    });
}

/// Places of LWPs that have ended are free again, although only spawns follow; the zombies are all there afterwards.
#[test]
fn a_spawn_finds_the_threads_of_those_that_have_ended() {
    let fixture = Fixture::with(|builder| builder.max_lwps(4));
    fixture.inside(|p| {
        let children: BTreeSet<_> = (0..200).map(|_| as_soon_as_possible(p).id()).collect();
        let waited: BTreeSet<_> = (0..200).map(|_| p.wait().expect("a child of mine").pid).collect();
        assert_eq!(waited, children);
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}

/// A parent that asks to be told of deaths after its child began is told of it, in a sleep that is no wait.
#[test]
fn a_parent_that_asks_late_is_told() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let action = SigAction::handler(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        p.sigaction(Signal::CHLD, action).expect("it can be caught");
        drop(hold);
        while told.load(Ordering::Relaxed) == 0 {
            let _interrupted = p.sleep(AN_HOUR);
        }
        assert_eq!(told.load(Ordering::Relaxed), 1);
        succeeded(&child.wait().expect("my child"));
    });
}

/// Who subscribes after a process began is told of its end, while its parent sleeps and waits for nobody.
#[test]
fn a_late_subscriber_is_told() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let (made, is_made) = unbounded();
    let parent = fixture.child("parent", move |p: &Process| {
        let child = p.spawn(Command::new("child", held)).expect("room");
        made.send(child.id()).expect("the test listens");
        let _killed = p.sleep(AN_HOUR);
    });
    let child = soon(&is_made);
    let events = fixture.events(EventFilter::EXITED);
    drop(hold);
    let status = next_event(&events, child, |kind| match kind {
        EventKind::Exited { status } => Some(*status),
        _ => None,
    });
    assert!(status.success());
    parent.kill().expect("it lives");
    assert_eq!(parent.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
}

/// The first to end is the first to be waited for, whether its end is in the tree or still on its way.
#[test]
fn children_that_end_one_after_another_are_waited_for_in_that_order() {
    // Init, the parent and one child.
    let fixture = Fixture::with(|builder| builder.max_lwps(3));
    fixture.inside(|p| {
        let children: Vec<_> = (0..100).map(|_| as_soon_as_possible(p).id()).collect();
        let waited: Vec<_> = (0..100).map(|_| p.wait().expect("a child of mine").pid).collect();
        assert_eq!(waited, children);
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}

/// Whichever way a child is waited for while others end: each is there once, with its own status, and what it used is what its
/// parent's children used.
#[test]
fn ends_are_taken_in_every_way_while_more_come() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let mut used = Duration::ZERO;
        for round in 0..200 {
            let spawn = |code: i32| {
                p.spawn(Command::new("brief", move |_| code).process_group(ProcessGroup::New)).expect("room")
            };
            let children: Vec<_> = (0..6).map(spawn).collect();
            let pid = |child: usize| children[child].id();
            let mut left: BTreeSet<_> = (0..6).map(pid).collect();
            let mut take = |found: greenproc::Result<Option<Waited>>| {
                let waited = found.expect("a child is left")?;
                let code = children.iter().position(|child| child.id() == waited.pid).expect("my child");
                assert_eq!(waited.status.code(), Some(code as i32), "round {round}");
                assert!(left.remove(&waited.pid), "round {round}: {} was there before", waited.pid);
                used += waited.usage.total();
                Some(waited.pid)
            };
            assert_eq!(take(p.wait4(WaitFor::Pid(pid(4)), WaitFlags::empty())), Some(pid(4)));
            assert_eq!(take(p.wait4(WaitFor::Group(pid(2)), WaitFlags::empty())), Some(pid(2)));
            let early = take(p.wait4(WaitFor::Any, WaitFlags::NOHANG));
            let seen = p.waitid(WaitFor::Any, WaitFlags::EXITED | WaitFlags::NOWAIT).expect("three are left");
            let seen = seen.expect("it was waited for").pid;
            let next = take(p.wait4(WaitFor::Any, WaitFlags::empty()));
            assert_eq!(next, Some(seen), "round {round}: what was only looked at stays the first");
            for _ in 0..6 - 3 - usize::from(early.is_some()) {
                assert!(take(p.wait4(WaitFor::Any, WaitFlags::empty())).is_some());
            }
            assert_eq!(errno(p.wait()), libc::ECHILD);
            let group = p.kill(Target::Group(pid(2)), Signal::TERM);
            assert_eq!(errno(group), libc::ESRCH, "round {round}: its number is free");
        }
        assert_eq!(p.children_usage().total(), used);
    });
}
