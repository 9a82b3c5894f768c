//! A subtree stands still and goes on, and nobody but who froze it knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, bounded, unbounded};
use greenproc::{
    Child, Command, EventFilter, ExitStatus, Freeze, NoteFlags, NoteKind, Pid, Process, Runtime, SigAction,
    Signal, State, WaitFlags, WaitFor,
};
use greenproc_tests::{AN_HOUR, Fixture, barrier, dead, errno, is_dead, living, same, soon, stay, succeeded};

use crate::{all_ended, bomb, follow, followed, sleeper};

const CHANGES: WaitFlags = WaitFlags::STOPPED.union(WaitFlags::CONTINUED);

fn state(runtime: &Runtime, pid: Pid) -> State {
    runtime.snapshot().get(pid).expect("it was not reaped").state
}

/// Freezes, and waits until all stand still.
#[track_caller]
fn frozen(child: &Child) -> Freeze {
    let freeze = child.freeze_tree().expect("it may be frozen");
    freeze.wait().expect("nobody interrupts it");
    assert!(freeze.is_complete());
    assert_eq!((freeze.root(), freeze.refused()), (child.id(), 0));
    freeze
}

/// Counts for as long as it runs.
fn counting(command: impl FnOnce(Command) -> Command, p: &Process) -> (Child, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let body = move |p: &Process| {
        loop {
            counter.fetch_add(1, Ordering::SeqCst);
            p.checkpoint();
        }
    };
    (p.spawn(command(Command::new("counts", body))).expect("room"), count)
}

fn moves(count: &AtomicUsize) {
    let before = count.load(Ordering::SeqCst);
    while count.load(Ordering::SeqCst) == before {
        std::thread::yield_now();
    }
}

/// All stand still wherever they are, whatever they are, and go on; no parent, no wait and no stream is told.
#[test]
fn all_stand_still_and_go_on_and_nobody_is_told() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let runtime = (*fixture).clone();
    let (made, is_made) = unbounded();
    let (let_go, held) = bounded::<()>(0);
    let told = Arc::new(AtomicUsize::new(0));
    let sigchld = Arc::clone(&told);
    let root = fixture.child("root", move |p| {
        let count = Arc::clone(&sigchld);
        let handler = SigAction::handler(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        p.sigaction(Signal::CHLD, handler.flags(greenproc::SaFlags::RESTART)).expect("CHLD");
        let (computes, count) = counting(same, p);
        let (own, own_count) = counting(Command::own_thread, p);
        let inner = held.clone();
        let receives = p.spawn(Command::new("receives", move |p| stay(p, &inner))).expect("room");
        let sleeps = p.spawn(Command::new("sleeps", sleeper)).expect("room");
        let two = p.spawn(Command::new("two", |p| {
            p.spawn_lwp(sleeper).expect("room").detach();
            drop(counting(same, p));
            let _ = p.wait();
        }));
        moves(&count);
        moves(&own_count);
        let pids = [computes.id(), own.id(), receives.id(), sleeps.id(), two.expect("room").id()];
        made.send((pids, count, own_count)).expect("the test listens");
        while !p.waitid(WaitFor::Pid(receives.id()), WaitFlags::EXITED | CHANGES).is_ok_and(|seen| {
            assert!(seen.as_ref().is_some_and(|seen| seen.status.success()), "{seen:?}");
            true
        }) {}
        p.kill(computes.id(), Signal::KILL).expect("it lives");
        stay(p, &held);
    });
    let (pids, count, own_count) = soon(&is_made);
    for _ in 0..20 {
        let freeze = frozen(&root);
        let before = (count.load(Ordering::SeqCst), own_count.load(Ordering::SeqCst));
        for pid in pids.into_iter().chain([root.id()]) {
            assert_eq!(state(&runtime, pid), State::Frozen);
            assert_eq!(state(&runtime, pid).letter(), 'F');
        }
        std::thread::yield_now();
        assert_eq!(before, (count.load(Ordering::SeqCst), own_count.load(Ordering::SeqCst)), "it went on");
        freeze.thaw();
        moves(&count);
        moves(&own_count);
    }
    assert_eq!(told.load(Ordering::SeqCst), 0, "a parent was told");
    assert!(events.is_empty(), "no stop and no continuation: {:?}", events.try_recv());
    // What comes while it is frozen is found afterwards.
    let freeze = frozen(&root);
    drop(let_go);
    assert_eq!(state(&runtime, pids[2]), State::Frozen, "it does not come back to its code");
    drop(freeze);
    let _ = root.wait().expect("its handle owns it");
    for pid in pids {
        let _ = fixture.kill(pid, Signal::KILL);
    }
}

/// Fork bombs stand still too: from the end of the wait on nobody is born, and when they go on, they go on.
#[test]
fn no_fork_bomb_escapes_a_freeze() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 15 } else { 50 };
    let fixture = Fixture::with(|builder| builder.max_lwps(100));
    for round in 0..ROUNDS {
        let (root, watch) = followed(&fixture, bomb);
        let rest = (*watch).clone();
        for _ in 0..10 * (round % 6) {
            soon(&rest);
        }
        let freeze = frozen(&root);
        let spawned = fixture.stats().spawned;
        let snapshot = fixture.snapshot();
        let bombs =
            snapshot.processes.iter().filter(|process| process.name == "bomb" && process.status.is_none());
        for process in bombs {
            assert_eq!(process.state, State::Frozen, "{snapshot}");
        }
        assert_eq!(fixture.stats().spawned, spawned, "somebody was born");
        if round % 2 == 0 {
            drop(freeze);
            assert!(root.kill_tree().expect("it was not reaped").count >= 1);
        } else {
            // Frozen ones are killed like others.
            assert!(root.kill_tree().expect("it was not reaped").count >= 1);
            while rest.recv_timeout(greenproc_tests::PATIENCE).is_ok() {}
            drop(freeze);
        }
        while rest.recv_timeout(greenproc_tests::PATIENCE).is_ok() {}
        assert_eq!(root.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
    }
}

/// A process goes on when it is in no freeze: overlapping ones, in every order of their ends.
#[test]
fn a_process_goes_on_when_its_last_freeze_ends() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    let (made, is_made) = unbounded();
    let root = fixture.child("root", move |p| {
        let (inner, count) = counting(same, p);
        made.send((inner.id(), count)).expect("the test listens");
        sleeper(p);
    });
    let (inner, count) = soon(&is_made);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut freezes = [
            Some(frozen(&root)),
            Some(runtime.freeze_tree(inner).expect("it lives")),
            Some(runtime.freeze_tree(root.id()).expect("it lives")),
        ];
        for (ended, which) in order.into_iter().enumerate() {
            assert_eq!(state(&runtime, inner), State::Frozen);
            freezes[which] = None;
            let is_root_frozen = freezes[0].is_some() || freezes[2].is_some();
            assert_eq!(state(&runtime, root.id()) == State::Frozen, is_root_frozen, "{order:?}, {ended}");
        }
        moves(&count);
    }
    assert_eq!(root.kill_tree().expect("it lives").count, 2);
    let _ = root.wait().expect("its handle owns it");
}

/// A stop by a signal and a freeze know nothing of one another.
#[test]
fn stops_and_freezes_are_two_things() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let change = |child: &Child| {
            p.waitid(WaitFor::Child(child), CHANGES | WaitFlags::NOHANG)
                .expect("mine")
                .map(|seen| seen.status)
        };
        let (child, count) = counting(same, p);
        moves(&count);
        // Frozen, then stopped: the parent is told of the stop only, and SIGCONT thaws nobody.
        let freeze = frozen(&child);
        assert_eq!(change(&child), None);
        child.signal(Signal::STOP).expect("mine");
        assert_eq!(change(&child), Some(ExitStatus::stopped(Signal::STOP)));
        child.signal(Signal::CONT).expect("mine");
        assert_eq!(change(&child), Some(ExitStatus::resumed()));
        assert_eq!(state(&runtime, child.id()), State::Frozen);
        child.signal(Signal::STOP).expect("mine");
        assert_eq!(change(&child), Some(ExitStatus::stopped(Signal::STOP)));
        // Thawed, it is stopped still.
        freeze.thaw();
        assert_eq!((change(&child), state(&runtime, child.id())), (None, State::Stopped));
        // Stopped, then frozen, then thawed.
        let freeze = frozen(&child);
        assert_eq!(state(&runtime, child.id()), State::Frozen);
        drop(freeze);
        assert_eq!((change(&child), state(&runtime, child.id())), (None, State::Stopped));
        child.signal(Signal::CONT).expect("mine");
        assert_eq!(change(&child), Some(ExitStatus::resumed()));
        moves(&count);
        // A stop whose continuation came while it was frozen is over when it is thawed.
        child.signal(Signal::STOP).expect("mine");
        let stopped = p.waitid(WaitFor::Child(&child), CHANGES).expect("mine").expect("no NOHANG");
        assert_eq!(stopped.status, ExitStatus::stopped(Signal::STOP));
        let freeze = frozen(&child);
        child.signal(Signal::CONT).expect("mine");
        drop(freeze);
        moves(&count);
        child.kill().expect("mine");
        let _ = child.wait().expect("mine");
    });
}

/// Signals to a frozen process stay pending; a fatal one ends it when it is thawed, a handler runs then, SIGKILL at once.
#[test]
fn signals_wait_for_the_thaw_but_sigkill() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let (ready, is_ready) = unbounded();
    let child = fixture.child("handles", move |p| {
        p.sigaction(
            Signal::USR1,
            SigAction::handler(move |_, _| {
                count.fetch_add(1, Ordering::SeqCst);
            }),
        )
        .expect("USR1");
        ready.send(()).expect("the test listens");
        assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        p.exit(7)
    });
    soon(&is_ready);
    let freeze = frozen(&child);
    child.signal(Signal::USR1).expect("it lives");
    assert_eq!((handled.load(Ordering::SeqCst), state(&runtime, child.id())), (0, State::Frozen));
    freeze.thaw();
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(7));
    assert_eq!(handled.load(Ordering::SeqCst), 1);

    let child = fixture.child("ends", sleeper);
    let freeze = frozen(&child);
    child.signal(Signal::TERM).expect("it lives");
    assert!(child.try_wait().expect("owned").is_none());
    assert_eq!(state(&runtime, child.id()), State::Frozen);
    freeze.thaw();
    assert_eq!(child.wait().expect("its handle owns it").status.signal(), Some(Signal::TERM));

    let child = fixture.child("is killed", sleeper);
    let freeze = frozen(&child);
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
    freeze.thaw();
    assert_eq!(errno(child.freeze_tree().map(drop)), libc::ESRCH);

    let polite = fixture.child("polite", |p| {
        while !p.stop_requested() {
            let _ = p.sleep(AN_HOUR);
        }
        5
    });
    while state(&fixture, polite.id()) != State::Sleeping {
        std::thread::yield_now();
    }
    let freeze = frozen(&polite);
    polite.signal(Signal::TERM).expect("it lives");
    assert_eq!(state(&runtime, polite.id()), State::Frozen);
    drop(freeze);
    let status = polite.wait().expect("its handle owns it").status;
    assert!(status.code() == Some(5) || status.signal() == Some(Signal::TERM), "{status}");
}

/// A frozen process whose parent is killed stays frozen below its new one, until the freeze ends.
#[test]
fn who_is_frozen_stays_so_with_another_parent() {
    let fixture = Fixture::boot();
    let (made, is_made) = unbounded();
    let root = fixture.child("root", move |p| {
        let middle = p.spawn(Command::new("middle", move |p| {
            let (leaf, count) = counting(same, p);
            made.send((p.pid(), leaf.id(), count)).expect("the test listens");
            sleeper(p);
        }));
        drop(middle);
        sleeper(p);
    });
    let (middle, leaf, count) = soon(&is_made);
    moves(&count);
    let freeze = frozen(&root);
    let watch = fixture.watch(middle, NoteFlags::EXIT).expect("it lives");
    fixture.kill(middle, Signal::KILL).expect("it lives");
    assert!(matches!(soon(&watch).kind, NoteKind::Exit { .. }));
    let before = count.load(Ordering::SeqCst);
    let snapshot = fixture.snapshot();
    let orphan = snapshot.get(leaf).expect("it lives");
    assert_eq!((orphan.state, orphan.ppid), (State::Frozen, Pid::INIT));
    assert_eq!(count.load(Ordering::SeqCst), before);
    freeze.thaw();
    moves(&count);
    fixture.kill(leaf, Signal::KILL).expect("it lives");
    root.kill().expect("it lives");
    let _ = root.wait().expect("its handle owns it");
}

/// Who waits for all to stand still is woken when the last does, or ends; and can be interrupted and killed.
#[test]
fn the_wait_ends_with_the_last_and_can_be_interrupted() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    let (arrive, barrier) = barrier();
    let child = Arc::new(fixture.child("busy", move |p| {
        // Code without a checkpoint holds a freeze up.
        arrive();
        sleeper(p);
    }));
    barrier.is_reached();
    let owner = |handled: bool| {
        let (ready, is_ready) = unbounded();
        let runtime = runtime.clone();
        let target = child.id();
        let owner = fixture.child("owner", move |p| {
            if handled {
                p.sigaction(Signal::USR1, SigAction::handler(|_, _| ())).expect("USR1");
            }
            let freeze = p.freeze_tree(target).expect("it lives");
            assert!(!freeze.is_complete());
            ready.send(()).expect("the test listens");
            let waited = freeze.wait();
            assert_eq!(state(&runtime, target) == State::Frozen, waited.is_ok());
            waited.map_or_else(|error| error.errno(), |()| 0)
        });
        soon(&is_ready);
        while state(&fixture, owner.id()) != State::Sleeping {
            std::thread::yield_now();
        }
        owner
    };
    let handles = owner(true);
    handles.signal(Signal::USR1).expect("it lives");
    assert_eq!(handles.wait().expect("its handle owns it").status.code(), Some(libc::EINTR));
    let killed = owner(false);
    killed.kill().expect("it lives");
    assert_eq!(killed.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
    let waits = owner(false);
    let outside = std::thread::Builder::new().spawn({
        let child = Arc::clone(&child);
        move || {
            let freeze = child.freeze_tree().expect("it lives");
            freeze.wait().expect("nobody interrupts a thread");
            assert!(freeze.is_complete());
        }
    });
    let outside = outside.expect("a thread");
    drop(barrier);
    assert_eq!(waits.wait().expect("its handle owns it").status.code(), Some(0));
    outside.join().expect("no panic");

    // One that is killed before it stands still is waited for no longer.
    let (arrive, barrier) = self::barrier();
    let busy = fixture.child("busy", move |_| arrive());
    barrier.is_reached();
    let freeze = busy.freeze_tree().expect("it lives");
    busy.kill().expect("it lives");
    assert!(!freeze.is_complete());
    drop(barrier);
    freeze.wait().expect("nobody interrupts it");
    let _ = busy.wait().expect("its handle owns it");
    child.kill().expect("it lives");
    let _ = child.wait().expect("its handle owns it");
}

/// A freeze ends with its owner.
#[test]
fn a_killed_owner_thaws() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = unbounded();
    let (child, count) = fixture.inside(|p| counting(same, p));
    let target = child.id();
    let owner = fixture.child("owner", move |p| {
        let freeze = p.freeze_tree(target).expect("it lives");
        freeze.wait().expect("nobody interrupts it");
        ready.send(()).expect("the test listens");
        sleeper(p);
        drop(freeze);
    });
    soon(&is_ready);
    assert_eq!(state(&fixture, target), State::Frozen);
    owner.kill().expect("it lives");
    let _ = owner.wait().expect("its handle owns it");
    moves(&count);
    child.kill().expect("it lives");
}

/// A child of a frozen parent is frozen from birth: of init, which makes one from outside.
#[test]
fn what_is_born_of_a_frozen_process_is_frozen() {
    let fixture = Fixture::boot();
    let freeze = fixture.freeze_tree(Pid::INIT).expect("init is there");
    freeze.wait().expect("nobody interrupts it");
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let child = fixture.child("born", move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    assert!(freeze.is_complete(), "one that has not begun stands still");
    assert_eq!(state(&fixture, child.id()), State::Frozen);
    assert_eq!(state(&fixture, Pid::INIT), State::Frozen);
    assert!(child.try_wait().expect("owned").is_none());
    assert_eq!(count.load(Ordering::SeqCst), 0);
    freeze.thaw();
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// A shutdown thaws: who can end by SIGTERM does, and needs no SIGKILL.
#[test]
fn a_shutdown_thaws_everybody() {
    let fixture = Fixture::boot();
    let children: Vec<Child> = (0..5).map(|_| fixture.child("sleeper", sleeper)).collect();
    let freezes: Vec<Freeze> = children.iter().map(frozen).collect();
    let all = fixture.freeze_tree(Pid::INIT).expect("init is there");
    let runtime = (*fixture).clone();
    let report = fixture.shut_down();
    assert_eq!((report.asked, report.killed), (5, 0));
    drop((freezes, all));
    assert_eq!(errno(runtime.freeze_tree(Pid::INIT).map(drop)), libc::ESRCH);
    assert_eq!(errno(children[0].freeze_tree().map(drop)), libc::ESHUTDOWN);
}

/// Every error.
#[test]
fn who_cannot_be_frozen_is_an_error() {
    let fixture = Fixture::boot();
    let nobody = Pid::new(30_000).expect("positive");
    assert_eq!(errno(fixture.freeze_tree(nobody).map(drop)), libc::ESRCH);
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        assert_eq!(errno(p.freeze_tree(nobody).map(drop)), libc::ESRCH);
        assert_eq!(errno(p.freeze_tree(p.pid()).map(drop)), libc::EDEADLK, "itself");
        assert_eq!(errno(p.freeze_tree(Pid::INIT).map(drop)), libc::EDEADLK, "who it is below");
        assert_eq!(errno(runtime.freeze_tree(Pid::INIT).map(drop)), libc::EDEADLK, "in whatever way");
        let zombie = dead(p, 0, same);
        let freeze = zombie.freeze_tree().expect("a zombie: there is nobody to freeze");
        freeze.wait().expect("nobody interrupts it");
        drop(freeze);
        is_dead(p, zombie.id());
        let _ = zombie.wait().expect("mine");
        assert_eq!(errno(zombie.freeze_tree().map(drop)), libc::ESRCH);
    });
    // Closing, but not down yet.
    let (begun, is_begun) = unbounded();
    let polite = fixture.child("polite", move |p| {
        assert!(!p.stop_requested());
        begun.send(()).expect("the test listens");
        let _ = p.sleep(AN_HOUR);
        errno(p.freeze_tree(p.pid()).map(drop))
    });
    soon(&is_begun);
    let _clean = fixture.shut_down();
    assert_eq!(polite.wait().expect("kept for the handle").status.code(), Some(libc::EAGAIN));
}

/// Who may not be stopped goes on, and is counted; if that is everybody, it is an error.
#[test]
fn who_may_not_be_stopped_goes_on() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        if p.uid() != 0 {
            return;
        }
        let (made, is_made): (_, Receiver<(Pid, Arc<AtomicUsize>)>) = unbounded();
        let root = p.spawn(Command::new("root's", move |p| {
            let (_, count) = counting(same, p);
            let (ready, is_ready) = unbounded();
            let other = p.spawn(Command::new("alice's", move |p: &Process| {
                p.setuid(1001).expect("root may");
                ready.send(()).expect("they listen");
                sleeper(p);
            }));
            p.recv(&is_ready).expect("it is there");
            made.send((other.expect("room").id(), count)).expect("the test listens");
            sleeper(p);
        }));
        let root = root.expect("room");
        let (alices, count) = p.recv(&is_made).expect("it is there");
        let target = root.id();
        let alice = p.spawn(Command::new("alice", move |p| {
            p.setuid(1001).expect("root may");
            let freeze = p.freeze_tree(target).expect("one of them");
            assert_eq!(freeze.refused(), 2);
            freeze.wait().expect("nobody interrupts it");
            moves(&count);
            p.kill(alices, Signal::KILL).expect("hers");
            drop(freeze);
            let (bobs, _hold) = living(p, same);
            drop(frozen(&bobs));
            bobs.kill().expect("hers");
        }));
        let alice = alice.expect("room");
        succeeded(&alice.wait().expect("mine"));
        let watch = follow(&root);
        root.kill_tree().expect("mine");
        assert!(all_ended(&watch) >= 1);
        let bob = p.spawn(Command::new("bob", |p| {
            let (foreign, _hold) = living(p, same);
            p.setuid(1002).expect("root may");
            assert_eq!(errno(foreign.freeze_tree().map(drop)), libc::EPERM);
        }));
        while let Ok(waited) = p.wait() {
            assert!(waited.status.success() || waited.status.signal().is_some());
        }
        drop(bob);
    });
}
