//! Limits: what is refused, that it is refused whole, and that everything works when there is room again.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | `max_lwps`: EAGAIN for what is too much, of processes and LWPs | decision 24, design "Admission by reservation" |
//! | pids | rows 68, 70, decision 18 |
//! | `Limits::processes`: zombies count, children inherit it | row 70, decision 15 |
//! | each of 2,000 blocked processes has a native thread of its own | design "Threads" |
//!
//! What the host refuses is in the tests of `refusal`, and more processes than 2,000 in those of `many`.

use std::collections::HashSet;
use std::sync::Arc;

use crossbeam_channel::unbounded;
use greenproc::{Child, Command, Error, Exhausted, Limits, Process, ProcessGroup, Result, Signal, Target};
use greenproc_tests::{Fixture, hold, stay, succeeded};

/// What has run out, where a call has to say EAGAIN.
#[track_caller]
fn exhausted<T: std::fmt::Debug>(result: Result<T>) -> Exhausted {
    match result.expect_err("it has to fail") {
        Error::Exhausted(what) => what,
        other => panic!("{other}"),
    }
}

/// Spawns until it is refused; returns what was made, and why there are not more.
fn fill(p: &Process, body: impl FnOnce(&Process) + Clone + Send + 'static) -> (Vec<Child>, Exhausted) {
    let mut children = Vec::new();
    loop {
        match p.spawn(Command::new("filler", body.clone())) {
            Ok(child) => children.push(child),
            refused => return (children, exhausted(refused)),
        }
    }
}

/// Decision 24: of the spawns beyond `max_lwps` nothing is left, not even the closure; and there is room again when LWPs
/// have ended, as often as one likes.
#[test]
fn spawns_beyond_max_lwps_are_refused_whole() {
    let fixture = Fixture::with(|builder| builder.max_lwps(6));
    assert_eq!(fixture.stats().lwp_capacity, 6);
    for round in 0..50 {
        let before = fixture.stats();
        let (hold, held) = hold();
        // Init and this are two.
        let (stats, refused_closures) = {
            let runtime = (*fixture).clone();
            fixture.inside(move |p| {
                let (children, why) = fill(p, held);
                assert_eq!(why, Exhausted::Lwps { capacity: 6 });
                assert_eq!(children.len(), 4, "in round {round}");
                let full = runtime.stats();
                let closure = Arc::new(());
                for _ in 0..20 {
                    let captured = Arc::clone(&closure);
                    let refused = p.spawn(Command::new("refused", move |_| drop(captured)));
                    assert_eq!(exhausted(refused), Exhausted::Lwps { capacity: 6 });
                    assert_eq!(exhausted(p.spawn_lwp(|_| ()).map(greenproc::LwpHandle::detach)), why);
                }
                assert_eq!(exhausted(runtime.spawn(Command::new("refused", |_| {}))), why);
                let after = runtime.stats();
                assert_eq!((after.processes, after.lwps), (full.processes, full.lwps));
                assert_eq!((after.pids_in_use, after.spawned), (full.pids_in_use, full.spawned));
                drop(hold);
                for child in &children {
                    succeeded(&child.wait().expect("mine"));
                }
                (after, Arc::strong_count(&closure))
            })
        };
        assert_eq!((stats.lwps, refused_closures), (6, 1));
        let after = fixture.stats();
        assert_eq!((after.processes, after.pids_in_use), (before.processes, before.pids_in_use));
        // A thread that just finished and does not rest yet may have got a successor.
        assert!(after.threads < 12, "{after:?}");
    }
}

/// Each LWP is counted: a process with many leaves as many less room for others.
#[test]
fn lwps_take_the_room_of_processes() {
    let fixture = Fixture::with(|builder| builder.max_lwps(6));
    fixture.inside(|p| {
        let (hold, held) = hold();
        let lwps = [(); 3].map(|()| p.spawn_lwp(held.clone()).expect("room"));
        let (children, why) = fill(p, held);
        assert_eq!((children.len(), why), (1, Exhausted::Lwps { capacity: 6 }));
        drop(hold);
        for lwp in lwps {
            lwp.join(p).expect("it returns");
        }
        succeeded(&p.wait().expect("a child"));
    });
}

/// Where there is room for init only, nothing else can be made.
#[test]
fn a_runtime_for_init_alone_runs_nothing() {
    let fixture = Fixture::with(|builder| builder.max_lwps(1));
    let refused = fixture.run(Command::new("refused", |_| {}));
    assert_eq!(exhausted(refused), Exhausted::Lwps { capacity: 1 });
    assert_eq!(fixture.stats().processes, 1);
}

/// Design "Threads": idle threads with another stack give way to the one that is needed.
#[test]
fn idle_threads_of_another_stack_give_way() {
    let fixture = Fixture::with(|builder| builder.max_lwps(3).stack_size(128 << 10));
    for round in 0..30 {
        let pair = [(64 << 10) << (round % 4), 128 << 10].map(|size| {
            let command = Command::new("sized", |p| p.lwp_id().as_raw() as i32).stack_size(size);
            fixture.spawn(command).expect("room for two")
        });
        for child in &pair {
            assert_eq!(child.wait().expect("mine").status.code(), Some(1));
        }
    }
}

/// Rows 68 and 70: a pid is taken until its process was reaped; then the next one gets it.
#[test]
fn pids_run_out_and_come_back() {
    let fixture = Fixture::with(|builder| builder.pid_max(5));
    fixture.inside(|p| {
        let (children, why) = fill(p, |_| {});
        assert_eq!((children.len(), why), (3, Exhausted::Pids { max: 5 }), "init and this are two");
        let waited = p.wait().expect("a child");
        let next = p.spawn(Command::new("next", |_| {})).expect("one is free");
        assert_eq!(next.id(), waited.pid);
        assert_eq!(exhausted(p.spawn(Command::new("refused", |_| {}))), Exhausted::Pids { max: 5 });
        for _ in 0..3 {
            succeeded(&p.wait().expect("a child"));
        }
    });
}

/// Row 70: the user's processes are counted until they are reaped, those of other parents too.
#[test]
fn zombies_count_against_the_users_limit() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let other = fixture.child("other", held);
    // Init, the other and the limited process are three.
    let limits = Limits { processes: Some(5), ..Limits::default() };
    let limited = Command::new("limited", |p| {
        let (children, why) = fill(p, |_| {});
        assert_eq!((children.len(), why), (2, Exhausted::UserProcesses { limit: 5 }));
        let zombie = children[0].wait().expect("mine");
        succeeded(&zombie);
        let child = p.spawn(Command::new("child", |p| {
            // The limit is the child's too.
            assert_eq!(
                exhausted(p.spawn(Command::new("grandchild", |_| {}))),
                Exhausted::UserProcesses { limit: 5 }
            );
        }));
        succeeded(&child.expect("room again").wait().expect("mine"));
        succeeded(&p.wait().expect("the last"));
    });
    assert!(fixture.run(limited.limits(limits)).expect("it ran").success());
    assert!(fixture.run(Command::new("unlimited", |_| {})).expect("init has no limit").success());
    drop(hold);
    succeeded(&other.wait().expect("mine"));
}

/// Design "Threads": no process waits for another to finish, so 2,000 that are blocked have 2,000 native threads; one signal
/// to their group ends them all.
#[test]
fn two_thousand_blocked_processes_have_a_thread_each() {
    const COUNT: usize = 2000;
    let fixture = Fixture::with(|builder| builder.stack_size(64 << 10));
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let (hold, held) = crossbeam_channel::bounded::<()>(0);
        let (ready, is_ready) = unbounded();
        let blocked = move |p: &Process| {
            ready.send(greenproc_os::thread::tid().as_raw()).expect("the parent listens");
            stay(p, &held);
        };
        let leader = Command::new("leader", blocked.clone()).process_group(ProcessGroup::New);
        let group = p.spawn(leader).expect("room").id();
        for _ in 1..COUNT {
            let member = Command::new("member", blocked.clone()).process_group(ProcessGroup::Join(group));
            p.spawn(member).expect("room");
        }
        drop(blocked);
        let threads: HashSet<i32> =
            (0..COUNT).map(|_| p.recv(&is_ready).expect("each comes to its receive")).collect();
        assert_eq!(threads.len(), COUNT);
        let stats = runtime.stats();
        assert!(stats.threads > COUNT && stats.lwps == COUNT + 2 && stats.queued_starts == 0, "{stats:?}");
        p.kill(Target::Group(group), Signal::KILL).expect("it has members");
        for _ in 0..COUNT {
            assert_eq!(p.wait().expect("a child").status.signal(), Some(Signal::KILL));
        }
        assert_eq!(p.wait().expect_err("all are reaped").errno(), libc::ECHILD);
        drop(hold);
        let stats = runtime.stats();
        assert_eq!((stats.processes, stats.zombies, stats.lwps), (2, 0, 2));
    });
}
