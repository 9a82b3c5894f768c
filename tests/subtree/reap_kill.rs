//! Everybody below a process is reached, once, and nobody escapes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{TryRecvError, bounded, unbounded};
use greenproc::{
    Command, EventFilter, EventKind, NoteFlags, Pid, Process, SaFlags, SigAction, Signal, State, WaitFlags,
    WaitFor,
};
use greenproc_tests::{
    Fixture, OnDrop, barrier, dead, errno, hold, is_dead, living, new_group, same, soon, stay, succeeded,
};

use crate::{all_ended, bomb, follow, followed, patiently, reap_all, sleeper};

/// A chain of processes below `p`, of this length, each the parent of the next; says when the last is there.
fn chain(p: &Process, length: usize, there: crossbeam_channel::Sender<Pid>) {
    if length > 1 {
        p.spawn(Command::new("link", move |p| chain(p, length - 1, there))).expect("room");
    } else {
        there.send(p.pid()).expect("the test listens");
    }
    sleeper(p);
}

/// Sleepers, a stopped one, one with a thread of its own, one in its own session, a chain of many, a zombie; the caller is
/// spared, and so is who is not below it.
#[test]
fn everybody_below_is_killed_whatever_it_does_and_nobody_else() {
    let fixture = Fixture::boot();
    let (bystander, _hold) = fixture.inside(|p| living(p, same));
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("it lives");
        let zombie = dead(p, 3, same);
        let (stopped, _hold) = living(p, same);
        stopped.signal(Signal::STOP).expect("mine");
        let _ = p.waitid(WaitFor::Child(&stopped), WaitFlags::STOPPED).expect("mine").expect("no NOHANG");
        let _ = p.spawn(Command::new("own", sleeper).own_thread()).expect("room");
        let _ = p.spawn(Command::new("session", sleeper).new_session()).expect("room");
        let _ = p.spawn(new_group(Command::new("group", sleeper))).expect("room");
        let (there, is_there) = unbounded();
        p.spawn(Command::new("chain", move |p| chain(p, 50, there))).expect("room");
        p.recv(&is_there).expect("the last of the chain");
        // An orphan comes to the caller.
        let middle = p.spawn(Command::new("middle", |p| drop(p.spawn(Command::new("orphan", sleeper)))));
        succeeded(&middle.expect("room").wait().expect("mine"));

        let killed = p.reap_kill(Signal::KILL).expect("a subreaper");
        // Stopped, own, session, group, chain, orphan; a zombie takes no signal.
        assert_eq!((killed.count, killed.refused, killed.first_refused), (4 + 50 + 1, 0, None));
        assert_eq!(zombie.wait().expect("mine").status.code(), Some(3));
        let mut ends = 0;
        while let Ok(waited) = p.wait() {
            assert_eq!(waited.status.signal(), Some(Signal::KILL));
            ends += 1;
        }
        assert_eq!(ends, killed.count);
        assert_eq!(p.reap_kill(Signal::KILL).expect("nobody is below it").count, 0);
    });
    assert!(fixture.snapshot().get(bystander.id()).is_some());
    bystander.kill().expect("it lives");
}

/// Fork bombs, some with threads of their own: after the call not one of them is left but the dying, and their waits end.
#[test]
fn no_fork_bomb_escapes() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 15 } else { 60 };
    let fixture = Fixture::with(|builder| builder.max_lwps(120));
    for round in 0..ROUNDS {
        let reaped = fixture.inside(move |p| {
            p.set_child_subreaper(true).expect("it lives");
            let watch = p.watch(p.pid(), NoteFlags::TRACK).expect("it lives");
            for _ in 0..3 {
                // The first may have taken all the room.
                drop(p.spawn(Command::new("bomb", bomb)));
            }
            // In each round at another moment: when so many were made.
            for _ in 0..10 * (round % 5) {
                p.recv(&watch).expect("they multiply");
            }
            let killed = p.reap_kill(Signal::KILL).expect("a subreaper");
            assert!(killed.count >= 1);
            // Would one be left, this had no end.
            reap_all(p)
        });
        assert!(reaped >= 1);
    }
}

/// The same from outside, for the tree below a child that is no subreaper: its watch ends.
#[test]
fn no_fork_bomb_escapes_the_end_of_its_tree() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 15 } else { 60 };
    let fixture = Fixture::with(|builder| builder.max_lwps(100));
    for round in 0..ROUNDS {
        let (root, watch) = followed(&fixture, bomb);
        let rest = (*watch).clone();
        for _ in 0..10 * (round % 6) {
            soon(&rest);
        }
        let killed = root.kill_tree().expect("it was not reaped");
        assert!(killed.count >= 1);
        assert_eq!(root.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
        // What was received above is missing here: the stream ends all the same.
        while rest.recv_timeout(greenproc_tests::PATIENCE).is_ok() {}
        assert!(watch.is_empty());
    }
}

/// Any signal: each process gets it once, also those that are born or move while it goes round.
#[test]
fn each_process_gets_the_signal_once_while_others_are_born_and_die() {
    let fixture = Fixture::with(|builder| builder.max_lwps(200));
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("it lives");
        let got = Arc::new(AtomicUsize::new(0));
        let (hold, held) = bounded::<()>(0);
        let (ready, is_ready) = unbounded();
        for _ in 0..40 {
            let (got, held, ready) = (Arc::clone(&got), held.clone(), ready.clone());
            let body = move |p: &Process| {
                let count = Arc::clone(&got);
                let handler = SigAction::handler(move |_, _| {
                    count.fetch_add(1, Ordering::SeqCst);
                });
                p.sigaction(Signal::USR1, handler.flags(SaFlags::RESTART)).expect("USR1");
                // Its children have the handler from their first moment on.
                let inner = held.clone();
                let _ = p
                    .spawn(Command::new("inner", move |p| {
                        patiently(p, &inner);
                        p.checkpoint();
                    }))
                    .expect("room");
                ready.send(()).expect("the test listens");
                patiently(p, &held);
                p.checkpoint();
                reap_all(p);
            };
            p.spawn(Command::new("outer", body)).expect("room");
        }
        (0..40).for_each(|_| p.recv(&is_ready).expect("each"));
        let killed = p.reap_kill(Signal::USR1).expect("a subreaper");
        assert_eq!(killed.count, 80);
        drop((hold, held));
        reap_all(p);
        assert_eq!(got.load(Ordering::SeqCst), 80);
    });
}

/// Whoever is born before the sweep has come to its end is reached, also a child of the caller: in the order of the stream,
/// everybody who was there before the last signal got it.
#[test]
fn children_that_the_caller_makes_meanwhile_are_reached() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 30 } else { 100 };
    let fixture = Fixture::boot();
    for _ in 0..ROUNDS {
        let events = fixture.events(EventFilter::SPAWNED | EventFilter::SIGNALLED);
        let (supervisor, count) = fixture.inside(|p| {
            p.set_child_subreaper(true).expect("it lives");
            let (there, is_there) = unbounded();
            for _ in 0..10 {
                let there = there.clone();
                p.spawn(Command::new("chain", move |p| chain(p, 5, there))).expect("room");
                p.recv(&is_there).expect("the last of the chain");
            }
            let (over, is_over) = bounded::<()>(0);
            let maker = p.spawn_lwp(move |p| {
                while is_over.try_recv() == Err(TryRecvError::Empty) {
                    let _ = p.spawn(Command::new("late", sleeper));
                }
            });
            let killed = p.reap_kill(Signal::WINCH).expect("a subreaper");
            drop(over);
            maker.expect("room").join(p).expect("it returned");
            p.reap_kill(Signal::KILL).expect("a subreaper");
            reap_all(p);
            (p.pid(), killed.count)
        });
        let seen: Vec<_> = events.try_iter().filter(|event| event.pid != supervisor).collect();
        let is_told = |kind: &EventKind| matches!(kind, EventKind::Signalled { signal: Signal::WINCH });
        let last = seen.iter().rposition(|event| is_told(&event.kind)).expect("50 at least");
        let (before, _) = seen.split_at(last + 1);
        let (told, born): (Vec<_>, Vec<_>) = before.iter().partition(|event| is_told(&event.kind));
        assert_eq!((told.len(), born.len()), (count, count), "each once");
    }
}

/// A process that ends of itself in the middle gives its children away: they are reached nevertheless.
#[test]
fn who_changes_parents_meanwhile_is_reached() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 30 } else { 100 };
    let fixture = Fixture::with(|builder| builder.max_lwps(300));
    for _ in 0..ROUNDS {
        let (go, gone) = hold();
        let root = fixture.child("root", move |p| {
            p.set_child_subreaper(true).expect("it lives");
            gone(p);
            for _ in 0..20 {
                let middle = Command::new("middle", |p| {
                    for _ in 0..5 {
                        let _ = p.spawn(Command::new("leaf", sleeper));
                    }
                    // Ends, and its children go to the root.
                });
                let _ = p.spawn(middle);
            }
            while p.wait().is_ok() {}
        });
        let watch = follow(&root);
        drop(go);
        soon(&watch);
        root.kill_tree().expect("it was not reaped");
        let rest = (*watch).clone();
        while rest.recv_timeout(greenproc_tests::PATIENCE).is_ok() {}
        assert_eq!(rest.recv(), Err(crossbeam_channel::RecvError));
        let _ = root.wait().expect("its handle owns it");
    }
}

/// A spawn that is under way when its process is killed comes to nothing.
#[test]
fn a_spawn_that_is_under_way_makes_nobody_after_the_kill() {
    let fixture = Fixture::boot();
    let (arrive, barrier) = barrier();
    let root = fixture.child("root", move |p| {
        // Held in its own code, not at a checkpoint: killed by then, it spawns.
        arrive();
        let made = p.spawn(Command::new("late", sleeper));
        drop(made);
        p.checkpoint();
    });
    let watch = follow(&root);
    barrier.is_reached();
    assert_eq!(root.kill_tree().expect("it lives").count, 1);
    drop(barrier);
    assert_eq!(all_ended(&watch), 1, "it made nobody");
    let _ = root.wait().expect("its handle owns it");
}

/// Every error, and who was refused.
#[test]
fn who_may_not_and_who_cannot_is_told_so() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(errno(p.reap_kill(Signal::KILL)), libc::EINVAL, "it is no subreaper");
        p.set_child_subreaper(true).expect("it lives");
        assert_eq!(p.reap_kill(Signal::KILL).expect("nobody is below it").count, 0);
        let child = p.spawn(Command::new("child", |_| ())).expect("room");
        is_dead(p, child.id());
        assert_eq!(child.kill_tree().expect("a zombie").count, 0);
        succeeded(&child.wait().expect("mine"));
        assert_eq!(errno(child.kill_tree()), libc::ESRCH);
        assert_eq!(errno(child.signal_tree(Signal::USR1)), libc::ESRCH);
    });
    let kept = fixture.inside(|p| p.uid() == 0);
    if !kept {
        return;
    }
    // A subreaper that has become another user, with children of both.
    fixture.inside(|p| {
        let (ready, is_ready) = unbounded();
        let (hold, held) = bounded::<()>(0);
        let supervisor = p.spawn(Command::new("supervisor", move |p| {
            p.set_child_subreaper(true).expect("it lives");
            let foreign = p.spawn(Command::new("root's", move |p| {
                let mine = p.spawn(Command::new("nobody's", move |p| {
                    p.setuid(1001).expect("root may");
                    ready.send(()).expect("they listen");
                    sleeper(p);
                }));
                drop(mine);
                stay(p, &held);
            }));
            let foreign = foreign.expect("room").id();
            p.recv(&is_ready).expect("it is there");
            p.setuid(1001).expect("root may");
            let killed = p.reap_kill(Signal::KILL).expect("one of them");
            assert_eq!((killed.count, killed.refused, killed.first_refused), (1, 1, Some(foreign)));
            (p.reap_kill(Signal::KILL).map(|killed| (killed.count, killed.refused)), foreign).0.map_or_else(
                |error| assert_eq!(error.errno(), libc::EPERM),
                |_| panic!("nobody was left to kill"),
            );
        }));
        succeeded(&supervisor.expect("room").wait().expect("mine"));
        drop(hold);
    });
}

/// `Child::kill_tree` of a stopped tree, and of one whose bodies have not begun.
#[test]
fn a_stopped_tree_and_one_that_has_not_begun_are_killed() {
    let fixture = Fixture::boot();
    let (there, is_there) = unbounded();
    let (root, watch) = followed(&fixture, move |p| chain(p, 5, there));
    soon(&is_there);
    assert_eq!(root.signal_tree(Signal::STOP).expect("it lives").count, 5);
    let stopped =
        |state| fixture.snapshot().processes.iter().filter(|process| process.state == state).count();
    while stopped(State::Stopped) < 5 {
        std::thread::yield_now();
    }
    assert_eq!(root.kill_tree().expect("it lives").count, 5);
    assert_eq!(all_ended(&watch), 5);
    let _ = root.wait().expect("its handle owns it");

    // A destructor of what a body owns runs once, also if the body never does.
    let dropped = Arc::new(AtomicUsize::new(0));
    for _ in 0..200 {
        let count = Arc::clone(&dropped);
        let owned = OnDrop(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let child = fixture.child("embryo", move |p| {
            greenproc_tests::owns(&owned);
            sleeper(p);
        });
        assert_eq!(child.kill_tree().expect("it lives").count, 1);
        let _ = child.wait().expect("its handle owns it");
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 200);
}
