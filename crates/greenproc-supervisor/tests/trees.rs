//! Trees of supervisors as processes: starts, restarts, ends, and what others have of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use greenproc::{Command, Mailbox, NoteFlags, Pid, Process, ProcessGroup, Signal};
use greenproc_supervisor::{
    AutoShutdown, Backoff, ChildSpec, ChildState, EventKind, Events, Intensity, ManualClock, OnSilence,
    RequestError, Restart, Shutdown, StartError, Strategy, Supervisor, Tree, Watchdog,
};
use greenproc_tests::{AN_HOUR, Fixture, owns};

fn sleeper(p: &Process) -> greenproc::Result<()> {
    p.sleep(AN_HOUR)
}

/// Supervisors without back-off and limit, for tests that are about something else.
fn patient(name: &str) -> Supervisor {
    Supervisor::new(name.to_owned()).unlimited().backoff(Backoff::NONE)
}

fn kinds(events: &Events) -> Vec<String> {
    std::iter::from_fn(|| events.try_recv())
        .map(|event| {
            let kind = format!("{:?}", event.kind);
            let word = kind.split([' ', '(']).next().expect("a word");
            format!("{} {word}", event.path)
        })
        .collect()
}

fn next(events: &Events, mut wanted: impl FnMut(&EventKind) -> bool) -> EventKind {
    loop {
        let event = events.receiver().recv_timeout(Duration::from_mins(1)).expect("it happens");
        if wanted(&event.kind) {
            return event.kind;
        }
    }
}

fn processes(fixture: &Fixture) -> usize {
    fixture.snapshot().processes.len()
}

#[test]
fn a_tree_starts_in_order_and_stops_in_reverse() {
    let fixture = Fixture::boot();
    let events = Events::bounded(100);
    let tree = Supervisor::new("root")
        .events(&events)
        .child(ChildSpec::new("a", sleeper))
        .child(ChildSpec::supervisor(Supervisor::new("b").child(ChildSpec::with_life("c", |p, life| {
            life.ready();
            sleeper(p)
        }))))
        .start(&fixture)
        .expect("it starts");
    let up = kinds(&events);
    // The process of `b` may start its child before its own start is told.
    let order = ["root/a Started", "root/a Ready", "root/b/c Started", "root/b/c Ready", "root/b Up"];
    let mut told =
        up.iter().filter(|line| !line.starts_with("root/b Started") && !line.starts_with("root/b Ready"));
    assert!(order.iter().all(|line| told.next().is_some_and(|other| other == line)), "{up:?}");
    let report = tree.shutdown().expect("mine");
    assert!(report.is_clean(), "{report}");
    let down = kinds(&events);
    let order = [
        "root/b Stopping",
        "root/b/c Stopping",
        "root/b/c Exited",
        "root/b Down",
        "root/b Exited",
        "root/a Stopping",
        "root/a Exited",
        "root Down",
    ];
    assert!(down.iter().filter(|line| *line != "root Up").eq(&order), "{down:?}");
    assert_eq!(events.dropped(), 0);
    assert!(tree.shutdown().expect("twice is harmless").is_clean());
}

/// What OTP has: gleam-lang/otp 45 had the two of intensity swapped.
#[test]
fn the_defaults_are_otps() {
    assert_eq!(Intensity::default(), Intensity { restarts: 1, period: Duration::from_secs(5) });
    assert_eq!(Strategy::default(), Strategy::OneForOne);
    assert_eq!(AutoShutdown::default(), AutoShutdown::Never);
    assert_eq!(Restart::default(), Restart::Permanent);
    assert_eq!(Shutdown::default(), Shutdown::Grace(Duration::from_secs(5)));
    let worker = format!("{:?}", ChildSpec::new("w", |_| {}));
    assert!(worker.contains("Permanent") && worker.contains("Grace(5s)"), "{worker}");
    let nested = format!("{:?}", ChildSpec::supervisor(Supervisor::new("s")));
    assert!(nested.contains("shutdown: Infinite"), "{nested}");
}

#[test]
fn what_cannot_work_is_said_before_anything_starts() {
    let fixture = Fixture::boot();
    let plain = || ChildSpec::new("a", |_| {});
    let beaten = |interval| plain().watchdog(Watchdog { interval, on_silence: OnSilence::Report });
    let bad_backoff = Backoff { factor: 0.0, ..Backoff::default() };
    let table: [(Supervisor, &str); 11] = [
        (Supervisor::new(""), ": a name is not empty"),
        (Supervisor::new("a/b"), "a/b: a name has no slash, which stands between the names of a path"),
        (Supervisor::new("a\0"), "a\0: a name has no NUL"),
        (
            Supervisor::new("s").child(plain()).child(plain()),
            "s/a: its supervisor has another child of this name",
        ),
        (Supervisor::new("s").backoff(bad_backoff), "s: the factor of a back-off is at least 1"),
        (
            Supervisor::new("s").child(plain().backoff(bad_backoff)),
            "s/a: the factor of a back-off is at least 1",
        ),
        (Supervisor::new("s").max_children(0).child(plain()), "s: it has 1 children, and may have 0"),
        (
            Supervisor::new("s").child(plain().significant()),
            "s/a: a permanent child never ends for good, so it cannot be significant",
        ),
        (
            Supervisor::new("s").child(plain().restart(Restart::Temporary).significant()),
            "s/a: it is significant, but its supervisor has no auto-shutdown",
        ),
        (
            Supervisor::new("s").child(ChildSpec::supervisor(Supervisor::new("t").child(beaten(AN_HOUR)))),
            "s/t/a: a watchdog needs a child that beats: use ChildSpec::with_life",
        ),
        (
            Supervisor::new("s").child(beaten(Duration::ZERO)),
            "s/a: the interval of a watchdog is longer than nothing",
        ),
    ];
    for (supervisor, expected) in table {
        let error = supervisor.start(&fixture).expect_err(expected);
        assert!(matches!(error, StartError::Spec(_)), "{error:?}");
        assert_eq!(error.to_string(), expected);
    }
    let late =
        Supervisor::new("s").child(plain().ready_within(AN_HOUR)).check().expect_err("it is ready at once");
    assert_eq!(
        late.to_string(),
        "s/a: it is ready at once: use ChildSpec::with_life for one that says when it is"
    );
    assert!(
        Supervisor::new("x".repeat(256)).check().expect_err("too long").to_string().contains("255 bytes")
    );
    assert_eq!(processes(&fixture), 1, "only init");
}

#[test]
fn a_start_that_fails_says_why_and_leaves_nobody() {
    let fixture = Fixture::boot();
    let inner = Supervisor::new("inner")
        .child(ChildSpec::new("fine", sleeper))
        .child(ChildSpec::with_life("broken", |_, _| Err::<(), _>("no such file")));
    let tree =
        Supervisor::new("outer").child(ChildSpec::new("first", sleeper)).child(ChildSpec::supervisor(inner));
    let error = tree.start(&fixture).expect_err("a child fails");
    assert_eq!(
        error.to_string(),
        "outer/inner failed to start: it ended before it was ready: exit status: 1 (outer/inner/broken failed to start: it \
         ended before it was ready: exit status: 1 (no such file))"
    );
    assert_eq!(processes(&fixture), 1, "only init");
}

/// tqwewe/kameo 387 and 392: the next life began before the old one was gone, and old handles reached it or the wrong one.
#[test]
fn the_next_life_begins_when_the_last_is_gone_and_old_handles_do_not_reach_it() {
    struct Gone(Arc<AtomicU32>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local! {
        static LEFT: std::cell::RefCell<Option<Gone>> = const { std::cell::RefCell::new(None) };
    }
    let fixture = Fixture::boot();
    let gone = Arc::new(AtomicU32::new(0));
    let lives = Mailbox::new();
    let (theirs, seen) = (Arc::clone(&gone), lives.clone());
    let tree = patient("s")
        .child(ChildSpec::with_life("a", move |p, life| {
            seen.post((life.incarnation(), theirs.load(Ordering::SeqCst))).expect("open");
            LEFT.set(Some(Gone(Arc::clone(&theirs))));
            life.ready();
            sleeper(p)
        }))
        .start(&fixture)
        .expect("it starts");
    let first = tree.child("a").expect("it runs");
    assert_eq!(lives.receive().expect("open"), (1, 0));
    first.signal(Signal::KILL).expect("it lives");
    assert_eq!(lives.receive().expect("open"), (2, 1), "what the thread had is gone before the next life");
    assert_eq!(first.signal(Signal::KILL).expect_err("it is over").errno(), 3);
    assert!(matches!(first.terminate(), Err(RequestError::Stale { incarnation: 1, .. })));
    let second = tree.child("a").expect("it runs");
    assert_eq!(second.incarnation(), 2);
    second.terminate().expect("it is the present one");
    assert!(matches!(tree.child("a"), Err(RequestError::NotRunning { state: ChildState::Terminated, .. })));
    assert_eq!(tree.restart_child("a").expect("it starts").incarnation(), 3);
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// Supervisor/supervisor 1101 and others: grandchildren survived.
#[test]
fn what_a_child_has_started_ends_with_it() {
    let fixture = Fixture::boot();
    let watches = Mailbox::new();
    let theirs = watches.clone();
    let parent = move |p: &Process| {
        let bystander = p.spawn(Command::new("grandchild", sleeper))?;
        let runaway = p.spawn(Command::new("middle", |p| {
            // It leaves the group and the parent.
            p.spawn(Command::new("daemon", sleeper).process_group(ProcessGroup::New)).map(drop)
        }))?;
        drop(runaway.wait()?);
        theirs.post(bystander.watch(NoteFlags::EXIT)?).expect("open");
        sleeper(p)
    };
    let tree = patient("s").child(ChildSpec::new("parent", parent)).start(&fixture).expect("it starts");
    for _ in 0..3 {
        let watch = watches.receive().expect("open");
        tree.child("parent").expect("it runs").signal(Signal::KILL).expect("it lives");
        watch.recv().expect("the grandchild ends too");
    }
    drop(watches.receive().expect("the last life runs"));
    assert!(tree.shutdown().expect("mine").is_clean());
    while processes(&fixture) > 1 {
        // Who was killed comes to its end by itself.
        std::thread::yield_now();
    }
}

/// erlang/otp 5201: a supervisor that died left its children.
#[test]
fn a_supervisor_that_is_killed_takes_all_along() {
    let fixture = Fixture::boot();
    for _ in 0..20 {
        let nested =
            Supervisor::new("nested").children((0..5).map(|n| ChildSpec::new(format!("{n}"), sleeper)));
        let tree = patient("root")
            .children((0..5).map(|n| ChildSpec::new(format!("{n}"), sleeper)))
            .child(ChildSpec::supervisor(nested))
            .start(&fixture)
            .expect("it starts");
        let watches: Vec<_> =
            ["0", "4"].map(|id| tree.supervisor("nested").expect("it runs").child(id)).into();
        owns(&watches);
        tree.process().kill().expect("it lives");
        let report = tree.wait().expect("mine");
        assert_eq!(report.status.signal(), Some(Signal::KILL));
        assert!(matches!(tree.which_children(), Err(RequestError::Gone { .. })));
    }
    while processes(&fixture) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_supervisor_gives_up_and_the_one_above_starts_it_again() {
    let fixture = Fixture::boot();
    let events = Events::bounded(1000);
    let lives = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&lives);
    let crashing = ChildSpec::new("crashing", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        1
    });
    let inner = Supervisor::new("inner").intensity(2, AN_HOUR).backoff(Backoff::NONE).child(crashing);
    let tree = Supervisor::new("outer")
        .events(&events)
        .intensity(3, AN_HOUR)
        .backoff(Backoff::NONE)
        .child(ChildSpec::supervisor(inner))
        .start(&fixture)
        .expect("it starts");
    let report = tree.wait().expect("mine");
    assert_eq!(report.status.code(), Some(1));
    assert_eq!(lives.load(Ordering::SeqCst), 3 * 4, "three lives for each of four");
    let gave_up: Vec<String> = std::iter::from_fn(|| events.try_recv())
        .filter(|event| matches!(event.kind, EventKind::GaveUp { .. }))
        .map(|event| event.to_string())
        .collect();
    assert_eq!(gave_up.len(), 5);
    assert_eq!(
        gave_up[0],
        "outer/inner: gives up: \"crashing\" failed, and 2 restarts in 3600s are the limit"
    );
}

/// Finomnis/tokio-graceful-shutdown 50, suture 37: who did not stop is named, and not waited for.
#[test]
fn who_cannot_be_stopped_is_in_the_report() {
    let fixture = Fixture::boot();
    let events = Events::bounded(100);
    let release = Arc::new(AtomicBool::new(false));
    let released = Arc::clone(&release);
    let deaf = ChildSpec::with_life("deaf", move |_, life| {
        life.ready();
        while !released.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    let short = Duration::from_millis(10);
    let inner = Supervisor::new("inner").stuck_after(short).child(deaf.shutdown(Shutdown::Grace(short)));
    let tree = Supervisor::new("outer")
        .stuck_after(short)
        .events(&events)
        .child(ChildSpec::supervisor(inner))
        .child(ChildSpec::new("fine", sleeper))
        .start(&fixture)
        .expect("it starts");
    let deaf = tree.supervisor("inner").expect("it runs").child("deaf").expect("it runs");
    let report = tree.shutdown().expect("mine");
    assert!(report.status.success() && !report.is_clean());
    let unstopped: Vec<(&str, Pid)> = report.unstopped.iter().map(|one| (&*one.path, one.pid)).collect();
    assert_eq!(unstopped, [("outer/inner/deaf", deaf.pid())]);
    assert!(report.to_string().contains("outer/inner/deaf (process"), "{report}");
    let stuck = next(&events, |kind| matches!(kind, EventKind::Stuck { signal: Signal::KILL, .. }));
    assert!(matches!(stuck, EventKind::Stuck { pid, .. } if pid == deaf.pid()));
    release.store(true, Ordering::Relaxed);
}

#[test]
fn waits_are_those_of_the_formula() {
    let fixture = Fixture::boot();
    let (clock, events) = (ManualClock::new(), Events::bounded(100));
    let backoff = Backoff { jitter: 0.5, ..Backoff::default() };
    let tree = Supervisor::new("s")
        .clock(&clock)
        .events(&events)
        .unlimited()
        .backoff(backoff)
        .seed(7)
        .child(ChildSpec::new("a", sleeper))
        .start(&fixture)
        .expect("it starts");
    let mut chance = fastrand::Rng::with_seed(7);
    for failure in 1..=12 {
        tree.child("a").expect("it runs").signal(Signal::KILL).expect("it lives");
        let restarting = next(&events, |kind| matches!(kind, EventKind::Restarting { .. }));
        let EventKind::Restarting { after, failures } = restarting else { unreachable!("it was looked at") };
        assert_eq!((after, failures), (backoff.wait(failure, chance.f64()), failure));
        clock.advance(after.saturating_sub(Duration::from_nanos(1)));
        assert!(matches!(
            tree.child("a"),
            Err(RequestError::NotRunning { state: ChildState::Waiting { .. }, .. })
        ));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(tree.child("a").expect("its time has come").incarnation(), u64::from(failure) + 1);
    }
    clock.advance(backoff.reset_after);
    tree.child("a").expect("it runs").signal(Signal::KILL).expect("it lives");
    let restarting = next(&events, |kind| matches!(kind, EventKind::Restarting { .. }));
    assert!(matches!(restarting, EventKind::Restarting { failures: 1, .. }), "{restarting:?}");
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// erlang/otp 8361: a slow start held up the supervisor.
#[test]
fn a_slow_start_holds_nobody_up() {
    let fixture = Fixture::boot();
    let tree = patient("s").child(ChildSpec::new("other", sleeper)).start(&fixture).expect("it starts");
    let go = Mailbox::new();
    let theirs = go.clone();
    let slow = ChildSpec::with_life("slow", move |p, life| {
        theirs.receive().map_err(|error| error.to_string())?;
        life.ready();
        sleeper(p).map_err(|error| error.to_string())
    });
    let (starter, started) = (tree.clone(), Mailbox::new());
    let told = started.clone();
    let request = fixture.child("requests", move |_| {
        let result = starter.start_child(slow).map(|child| child.incarnation());
        told.post(result).map_err(|_| "nobody listens")
    });
    loop {
        let state = tree.which_children().expect("it answers").get(1).map(|child| child.state);
        if state == Some(ChildState::Starting) {
            break;
        }
    }
    tree.child("other").expect("it runs").signal(Signal::KILL).expect("it lives");
    while !matches!(tree.child("other"), Ok(child) if child.incarnation() == 2) {}
    assert_eq!(started.try_receive().map(|result| result.is_ok()), None, "it is not ready yet");
    go.post(()).expect("open");
    assert_eq!(started.receive().expect("an answer").expect("it starts"), 1);
    greenproc_tests::succeeded(&request.wait().expect("mine"));
    assert!(tree.shutdown().expect("mine").is_clean());
}

#[test]
fn a_silent_child_is_killed_and_started_again() {
    let fixture = Fixture::boot();
    let (clock, events) = (ManualClock::new(), Events::bounded(100));
    let interval = Duration::from_secs(1);
    let (beats, beaten) = (Mailbox::new(), Mailbox::new());
    let (theirs, tells) = (beats.clone(), beaten.clone());
    let child = ChildSpec::with_life("a", move |_, life| {
        life.ready();
        while let Ok(()) = theirs.receive() {
            life.beat();
            tells.post(()).expect("open");
        }
    });
    let tree = patient("s")
        .clock(&clock)
        .events(&events)
        .child(child.watchdog(Watchdog { interval, on_silence: OnSilence::Kill }))
        .start(&fixture)
        .expect("it starts");
    clock.advance(interval / 2);
    beats.post(()).expect("open");
    beaten.receive().expect("open");
    clock.advance(interval / 2);
    assert_eq!(tree.child("a").expect("it has beaten").incarnation(), 1);
    clock.advance(interval * 2);
    let silent = next(&events, |kind| matches!(kind, EventKind::Silent { .. }));
    assert!(matches!(silent, EventKind::Silent { then: OnSilence::Kill, .. }));
    let exited = next(&events, |kind| matches!(kind, EventKind::Exited { .. }));
    assert!(matches!(exited, EventKind::Exited { status, .. } if status.signal() == Some(Signal::KILL)));
    next(&events, |kind| matches!(kind, EventKind::Ready { incarnation: 2, .. }));
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// A request of a process is one of its waits: it can be interrupted and killed, and is done all the same.
#[test]
fn a_request_from_inside_can_be_interrupted() {
    let fixture = Fixture::boot();
    let tree: Arc<Tree> = Arc::new(patient("s").start(&fixture).expect("it starts"));
    let never = ChildSpec::with_life("never", |p, _| sleeper(p));
    let (theirs, begun) = (Arc::clone(&tree), Mailbox::new());
    let begins = begun.clone();
    let polite = fixture.child("polite", move |p| {
        assert!(!p.stop_requested());
        begins.post(()).expect("open");
        match theirs.start_child(never.clone()) {
            Err(RequestError::Interrupted(error)) => error.errno(),
            other => panic!("{other:?}"),
        }
    });
    begun.receive().expect("it begins");
    polite.signal(Signal::TERM).expect("it lives");
    assert_eq!(polite.wait().expect("mine").status.code(), Some(4));
    assert_eq!(tree.count_children().expect("it answers").specs, 1);
    tree.terminate_child("never").expect("it stops");
    assert_eq!(tree.count_children().expect("it answers").specs, 0, "a start that failed leaves nothing");
    assert!(tree.shutdown().expect("mine").is_clean());
}

#[test]
fn a_process_has_a_tree_of_its_own() {
    let fixture = Fixture::boot();
    let clean = fixture.inside(|p| {
        let tree = patient("s").child(ChildSpec::new("a", sleeper)).start_in(p).expect("it starts");
        assert_eq!(tree.child("a").expect("it runs").incarnation(), 1);
        tree.shutdown().expect("mine").is_clean()
    });
    assert!(clean);
}

/// The runtime's own end asks supervisors and children alike, in no order; nobody is started anew, and all end.
#[test]
fn the_runtime_can_end_around_a_tree() {
    for _ in 0..20 {
        let fixture = Fixture::boot();
        let nested = ChildSpec::supervisor(
            patient("t").children((0..4).map(|n| ChildSpec::new(format!("{n}"), sleeper))),
        );
        let tree = patient("s")
            .child(nested)
            .child(ChildSpec::new("a", sleeper))
            .start(&fixture)
            .expect("it starts");
        let report = fixture.shut_down();
        assert!(report.is_clean(), "{report}");
        assert!(matches!(tree.which_children(), Err(RequestError::Gone { .. })));
    }
}

#[test]
fn events_that_find_no_room_are_counted() {
    let fixture = Fixture::boot();
    let events = Events::bounded(2);
    let tree =
        patient("s").events(&events).child(ChildSpec::new("a", sleeper)).start(&fixture).expect("it starts");
    assert!(tree.shutdown().expect("mine").is_clean());
    assert_eq!(
        (kinds(&events).len(), events.dropped()),
        (2, 4),
        "started, ready; up, stopping, exited, down"
    );
}

#[test]
fn a_supervisor_below_is_reached_by_its_path() {
    let fixture = Fixture::boot();
    let leaf = Supervisor::new("c").child(ChildSpec::new("d", sleeper));
    let middle = Supervisor::new("b").child(ChildSpec::supervisor(leaf));
    let tree = patient("a").child(ChildSpec::supervisor(middle)).start(&fixture).expect("it starts");
    let below = tree.supervisor("b/c").expect("it runs");
    assert_eq!(below.path(), "a/b/c");
    assert_eq!(below.child("d").expect("it runs").id(), "d");
    assert!(matches!(tree.supervisor("c"), Err(RequestError::NoChild { .. })));
    let counts = tree.count_children().expect("it answers");
    assert_eq!((counts.specs, counts.active, counts.supervisors, counts.workers), (1, 1, 1, 0));
    assert_eq!(tree.child_spec("b").expect("it has it").id(), "b");
    assert!(matches!(tree.child_spec("x"), Err(RequestError::NoChild { .. })));
    tree.terminate_child("b").expect("it stops");
    assert!(matches!(below.which_children(), Err(RequestError::Gone { .. })));
    assert!(matches!(tree.supervisor("b/c"), Err(RequestError::NoChild { .. })));
    assert!(tree.shutdown().expect("mine").is_clean());
}
