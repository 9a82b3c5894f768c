//! Storms, kills and long use, in small: the bench `supervisor` has them at full size, with times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use greenproc::{Mailbox, Process, Signal};
use greenproc_supervisor::{Backoff, ChildSpec, RequestError, Supervisor};
use greenproc_tests::{AN_HOUR, Fixture};

fn sleeper(p: &Process) -> greenproc::Result<()> {
    p.sleep(AN_HOUR)
}

fn patient(name: &str) -> Supervisor {
    Supervisor::new(name.to_owned()).unlimited().backoff(Backoff::NONE)
}

/// Waits until nobody but init is there: who was killed comes to its end by itself. The fixture ends the test if not.
fn nobody_is_left(fixture: &Fixture) {
    while fixture.stats().processes > 1 {
        std::thread::yield_now();
    }
}

/// Children that fail as fast as they are started again keep nobody waiting: not a sibling, not who asks their supervisor for
/// something, not who ends it; and they leave nothing.
#[test]
fn a_storm_of_restarts_keeps_nobody_waiting() {
    const RESTARTS: u64 = 3_000;
    let fixture = Fixture::boot();
    let (pings, pongs, lives) = (Mailbox::new(), Mailbox::new(), Arc::new(AtomicU64::new(0)));
    let (theirs, answers, counted) = (pings.clone(), pongs.clone(), Arc::clone(&lives));
    let sibling = ChildSpec::new("sibling", move |_: &Process| {
        while theirs.receive().is_ok() {
            let _ = answers.post(());
        }
    });
    let failing = move |_: &Process| {
        counted.fetch_add(1, Ordering::Relaxed);
        1
    };
    let storm = patient("storm")
        .children((0..30).map(|number| ChildSpec::new(format!("{number}"), failing.clone()).shared_thread()));
    let tree = patient("root")
        .child(sibling)
        .child(ChildSpec::supervisor(storm))
        .start(&fixture)
        .expect("it starts");
    let storm = tree.supervisor("storm").expect("it runs");
    let mut asked = 0;
    while lives.load(Ordering::Relaxed) < RESTARTS {
        pings.post(()).expect("it is open");
        pongs.receive().expect("it is open");
        assert_eq!(storm.count_children().expect("it answers").specs, 30);
        asked += 1;
        // 30 children, 3 supervisors and siblings and init, and so many again that are on their way.
        let stats = fixture.stats();
        assert!(stats.processes + stats.zombies < 200, "{stats:?}");
    }
    assert!(asked > 0);
    storm.terminate_child("0").expect("it is heard");
    assert!(tree.shutdown().expect("it is heard").is_clean());
    nobody_is_left(&fixture);
}

/// erlang/otp 5201. The root is killed when so and so many have started, anywhere between the first and the last.
#[test]
fn a_root_that_is_killed_at_any_moment_leaves_nobody() {
    const CHILDREN: u64 = 60;
    let fixture = Fixture::boot();
    for killed_at in (0..=CHILDREN).step_by(4) {
        let started = Mailbox::new();
        let telling = started.clone();
        let child = move |p: &Process| {
            let _ = telling.post(());
            sleeper(p)
        };
        let supervisor = |number| {
            let children = (0..CHILDREN / 3).map(|number| ChildSpec::new(format!("{number}"), child.clone()));
            ChildSpec::supervisor(Supervisor::new(format!("supervisor {number}")).children(children))
        };
        let root = Supervisor::new("root").children((0..3).map(supervisor));
        let root = fixture.child("root", move |p| root.run(p));
        for _ in 0..killed_at {
            started.receive().expect("they start");
        }
        root.kill().expect("it lives");
        assert_eq!(root.wait().expect("mine").status.signal(), Some(Signal::KILL));
        nobody_is_left(&fixture);
    }
}

/// gleam-lang/otp 65: a supervisor that leaked for a week. What can be counted is the same after many lives as after some.
#[test]
fn many_lives_leave_nothing() {
    let fixture = Fixture::boot();
    let tree = patient("root").child(ChildSpec::new("fixed", sleeper)).start(&fixture).expect("it starts");
    let nested = || Supervisor::new("nested").child(ChildSpec::new("below", sleeper));
    let cycle = || {
        let first = tree.start_child(ChildSpec::new("worker", sleeper)).expect("room");
        first.signal(Signal::KILL).expect("it lives");
        let second = loop {
            // It is being started again.
            match tree.child("worker") {
                Ok(life) if life.incarnation() == 2 => break life,
                Ok(_) | Err(RequestError::NotRunning { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        };
        second.terminate().expect("it is the present one");
        assert_eq!(tree.restart_child("worker").expect("room").incarnation(), 3);
        tree.terminate_child("worker").expect("it runs");
        tree.delete_child("worker").expect("it is stopped");
        tree.start_child(ChildSpec::supervisor(nested())).expect("room");
        tree.terminate_child("nested").expect("it runs");
        assert!(matches!(tree.supervisor("nested"), Err(RequestError::NoChild { .. })));
        tree.delete_child("nested").expect("it is stopped");
    };
    let counts = || {
        let stats = fixture.stats();
        (
            stats.processes,
            stats.zombies,
            stats.pids_in_use,
            stats.lwps,
            tree.which_children().expect("it answers").len(),
        )
    };
    for _ in 0..20 {
        cycle();
    }
    let after_some = counts();
    for _ in 0..500 {
        cycle();
    }
    assert_eq!(counts(), after_some);
    // init, the root, the fixed child
    assert_eq!(after_some, (3, 0, 3, 3, 1));
    assert!(tree.shutdown().expect("mine").is_clean());
}
