//! Freezes and sweeps meet what else happens to processes: exec, vfork, tracers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenproc::{
    Command, Freeze, Pid, Process, Runtime, Signal, State, TraceOptions, TraceStop, WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, errno, hold, succeeded};

use crate::{all_ended, followed, sleeper};

fn frozen(runtime: &Runtime, p: &Process, pid: Pid) -> Freeze {
    let freeze = p.freeze_tree(pid).expect("it may be frozen");
    freeze.wait().expect("nobody interrupts it");
    assert_eq!(runtime.snapshot().get(pid).expect("it was not reaped").state, State::Frozen);
    freeze
}

fn moves(count: &AtomicUsize) {
    let before = count.load(Ordering::SeqCst);
    while count.load(Ordering::SeqCst) == before {
        std::thread::yield_now();
    }
}

/// Each round counts; frozen, nothing does, wherever the freeze found them.
fn stands_still_and_goes_on(body: impl FnOnce(&Process, Arc<AtomicUsize>) + Send + 'static) {
    let fixture = Fixture::with(|builder| builder.max_lwps(50));
    let runtime = (*fixture).clone();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let root = fixture.child("root", move |p| body(p, counter));
    fixture.inside(move |p| {
        for _ in 0..50 {
            moves(&count);
            let freeze = frozen(&runtime, p, root.id());
            let (before, spawned) = (count.load(Ordering::SeqCst), runtime.stats().spawned);
            for _ in 0..20 {
                std::thread::yield_now();
            }
            assert_eq!((count.load(Ordering::SeqCst), runtime.stats().spawned), (before, spawned));
            freeze.thaw();
        }
        moves(&count);
        let killed = root.kill_tree().expect("it lives");
        assert!(killed.count >= 1);
        assert_eq!(root.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
    });
}

#[test]
fn a_process_that_becomes_another_stands_still() {
    fn becomes(p: &Process, count: &Arc<AtomicUsize>) {
        count.fetch_add(1, Ordering::SeqCst);
        // Another LWP, which has to leave for each exec.
        p.spawn_lwp(sleeper).expect("room").detach();
        let next = Arc::clone(count);
        let error = p.exec(Command::new("next", move |p: &Process| becomes(p, &next)));
        panic!("{:?}", error.map(drop));
    }
    stands_still_and_goes_on(|p, count| becomes(p, &count));
}

#[test]
fn a_parent_in_vfork_and_its_child_stand_still() {
    stands_still_and_goes_on(|p, count| {
        loop {
            let inner = Arc::clone(&count);
            let child = p.vfork(Command::new("child", move |p| {
                inner.fetch_add(1, Ordering::SeqCst);
                p.checkpoint();
                inner.fetch_add(1, Ordering::SeqCst);
                p.exec(Command::new("after", |_| 0)).map(drop)
            }));
            succeeded(&child.expect("room").wait().expect("mine"));
        }
    });
}

/// The child alone is frozen: its parent, in vfork, waits for it until it is thawed, and can be killed meanwhile.
#[test]
fn a_frozen_child_keeps_its_vforking_parent() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        for kill in [false, true] {
            let (hold, held) = hold();
            let parent = p.spawn(Command::new("parent", move |p| {
                succeeded(&p.vfork(Command::new("child", held)).expect("room").wait().expect("mine"));
            }));
            let parent = parent.expect("room");
            let child = loop {
                let snapshot = runtime.snapshot();
                if let Some(child) = snapshot.processes.iter().find(|process| process.name == "child") {
                    break child.pid;
                }
            };
            let freeze = frozen(&runtime, p, child);
            drop(hold);
            assert!(parent.try_wait().expect("mine").is_none());
            if kill {
                parent.kill().expect("mine");
                assert_eq!(parent.wait().expect("mine").status.signal(), Some(Signal::KILL));
                assert_eq!(runtime.snapshot().get(child).expect("init's").state, State::Frozen);
            }
            freeze.thaw();
            if !kill {
                succeeded(&parent.wait().expect("mine"));
            }
        }
    });
}

/// A tracee is frozen where it stands, and a frozen one can be attached to; what the tracer lets go, goes on with the thaw.
#[test]
fn a_tracee_is_frozen_and_thawed() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let child = p.spawn(Command::new("counts", move |p| {
            loop {
                counter.fetch_add(1, Ordering::SeqCst);
                p.checkpoint();
            }
        }));
        let child = child.expect("room");
        moves(&count);
        // Frozen, then attached to: it stands for both.
        let freeze = frozen(&runtime, p, child.id());
        let tracee = p.trace(child.id(), TraceOptions::empty()).expect("mine");
        assert_eq!(tracee.wait(p).expect("traced").status.stopped_signal(), Some(Signal::STOP));
        assert_eq!(tracee.stop().expect("it stands"), TraceStop::Attached);
        let before = count.load(Ordering::SeqCst);
        tracee.cont(None).expect("it stands");
        assert_eq!(runtime.snapshot().get(child.id()).expect("it lives").state, State::Frozen);
        assert_eq!(count.load(Ordering::SeqCst), before, "its tracer thaws nobody");
        freeze.thaw();
        moves(&count);
        // It stands for its tracer, then it is frozen, and thawed: it stands for its tracer still.
        child.signal(Signal::USR1).expect("mine");
        let stopped = tracee.wait(p).expect("traced").status;
        assert_eq!(stopped.stopped_signal(), Some(Signal::USR1));
        let freeze = frozen(&runtime, p, child.id());
        assert!(matches!(tracee.stop().expect("it stands"), TraceStop::Signal(_)));
        let before = count.load(Ordering::SeqCst);
        freeze.thaw();
        assert_eq!(count.load(Ordering::SeqCst), before, "a thaw continues nobody");
        assert!(matches!(tracee.stop().expect("it stands"), TraceStop::Signal(_)));
        tracee.cont(None).expect("it stands");
        moves(&count);
        // A signal that comes while it is frozen is its tracer's after the thaw.
        let freeze = frozen(&runtime, p, child.id());
        child.signal(Signal::USR2).expect("mine");
        let seen = p.wait4(WaitFor::Child(&child), WaitFlags::NOHANG).expect("mine");
        assert!(seen.is_none(), "{seen:?}");
        freeze.thaw();
        assert_eq!(tracee.wait(p).expect("traced").status.stopped_signal(), Some(Signal::USR2));
        // Nor does a freeze hold a kill up.
        let freeze = frozen(&runtime, p, child.id());
        tracee.kill().expect("traced");
        assert_eq!(tracee.wait(p).expect("traced").status.signal(), Some(Signal::KILL));
        drop(freeze);
        assert_eq!(errno(child.signal(Signal::KILL)), libc::ESRCH);
    });
}

/// A tracer that is frozen with its tracee: both go on where they were.
#[test]
fn a_tracer_is_frozen_with_its_tracee() {
    stands_still_and_goes_on(|p, count| {
        let child = p.spawn(Command::new("steps", |p| {
            loop {
                drop(p.getpgid(None));
                p.checkpoint();
            }
        }));
        let tracee = p.trace(child.expect("room").id(), TraceOptions::empty()).expect("mine");
        loop {
            let waited = tracee.wait(p).expect("traced");
            assert!(waited.status.stopped_signal().is_some(), "{}", waited.status);
            count.fetch_add(1, Ordering::SeqCst);
            tracee.step_call(None).expect("it stands");
        }
    });
}

/// Nobody escapes a sweep by being born in a vfork, by becoming another, or for being traced.
#[test]
fn no_bomb_of_another_kind_escapes_a_sweep() {
    fn bomb(p: &Process) {
        loop {
            match p.pid().as_raw() % 4 {
                0 => drop(p.vfork(Command::new("lent", |p| p.exec(Command::new("bomb", bomb)).map(drop)))),
                // It stands until it is killed.
                1 => drop(p.spawn(Command::new("traced", bomb).traced(TraceOptions::SPAWN))),
                2 => drop(p.spawn(Command::new("bomb", bomb)).and_then(|child| {
                    let tracee = p.trace(child.id(), TraceOptions::DETACH_ON_EXIT)?;
                    let _ = tracee.wait(p)?;
                    tracee.cont(None)
                })),
                _ => {
                    drop(p.spawn(Command::new("bomb", bomb)));
                    drop(p.exec(Command::new("bomb", bomb)));
                }
            }
            p.checkpoint();
        }
    }
    const ROUNDS: usize = if cfg!(debug_assertions) { 15 } else { 60 };
    let fixture = Fixture::with(|builder| builder.max_lwps(100));
    for round in 0..ROUNDS {
        let (root, watch) = followed(&fixture, bomb);
        // In each round at another moment.
        for _ in 0..100 * (round % 6) {
            std::thread::yield_now();
        }
        assert!(root.kill_tree().expect("it lives").count >= 1);
        assert_eq!(root.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
        all_ended(&watch);
    }
}
