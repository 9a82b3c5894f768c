//! What comes between the decision and the zombie: rows 13, 14, 17, 37, 38, 42, 44, 46 and 49, decisions 13 and 20, mistake f.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{
    Command, EventFilter, EventKind, ExitStatus, Process, RecvError, SigCode, Signal, State, WaitFlags,
    WaitFor,
};
use greenproc_sync::time;
use greenproc_tests::{
    AN_HOUR, Fixture, OnDrop, barrier, burn, errno, hold, next_event, owns, soon, stay, succeeded,
};

use crate::{Case, Counted, round_trip};

/// Row 13: once the end is decided signals are taken and do nothing.
#[test]
fn a_signal_to_an_exiting_process_is_ok_and_changes_nothing() {
    let fixture = Fixture::boot();
    let (arrive, barrier) = barrier();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let child = fixture.child("leaving", move |p| {
        p.on_term(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let _held = OnDrop(arrive);
        p.exit(5)
    });
    barrier.is_reached();
    for signal in [Signal::TERM, Signal::SEGV, Signal::KILL] {
        child.signal(signal).expect("it is not reaped");
        fixture.kill(child.id(), signal).expect("it is not reaped");
    }
    drop(barrier);
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(5));
    assert_eq!(handled.load(Ordering::Relaxed), 0);
}

/// Rows 13, 14, 41 and 46: what happens to one process is told in one order.
#[test]
fn the_events_of_a_life_come_in_their_order() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::all());
    let (parent, child) = fixture.inside(|p| {
        let (hold, held) = hold();
        let child = p.spawn(Command::new("child", held)).expect("room");
        p.kill(child.id(), Signal::WINCH).expect("it lives");
        drop(hold);
        succeeded(&p.wait().expect("my child"));
        (p.pid(), child.id())
    });
    let seen: Vec<_> = std::iter::from_fn(|| Some(soon(&events)))
        .take_while(|event| event.pid != parent || !matches!(event.kind, EventKind::Exited { .. }))
        .filter(|event| event.pid == child)
        .collect();
    let order = [
        |kind: &EventKind| matches!(kind, EventKind::Spawned { .. }),
        |kind: &EventKind| matches!(kind, EventKind::Signalled { signal: Signal::WINCH }),
        |kind: &EventKind| matches!(kind, EventKind::Exiting),
        |kind: &EventKind| matches!(kind, EventKind::ExitSignal { .. }),
        |kind: &EventKind| matches!(kind, EventKind::Exited { .. }),
        |kind: &EventKind| matches!(kind, EventKind::Reaped),
    ];
    assert_eq!(seen.len(), order.len(), "{seen:#?}");
    for (event, is_next) in seen.iter().zip(order) {
        assert!(is_next(&event.kind), "{seen:#?}");
        assert_eq!(event.name, "child");
    }
    assert!(seen.is_sorted_by_key(|event| event.time));
    assert!(matches!(seen[0].kind, EventKind::Spawned { parent: by } if by == parent));
}

/// Row 14: the event comes when the other LWPs have left, not before.
#[test]
fn exiting_is_told_when_the_other_lwps_have_left() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXITING);
    let (arrive, barrier) = barrier();
    let child = fixture.child("two", move |p| {
        let (there, is_there) = unbounded();
        let lwp = move |p: &Process| {
            let _held = OnDrop(arrive);
            there.send(()).expect("main listens");
            p.sleep(AN_HOUR)
        };
        p.spawn_lwp(lwp).expect("room").detach();
        p.recv(&is_there).expect("it comes");
    });
    barrier.is_reached();
    round_trip(&fixture);
    assert!(events.try_iter().all(|event| event.pid != child.id()), "the other LWP is still there");
    drop(barrier);
    next_event(&events, child.id(), |kind| matches!(kind, EventKind::Exiting).then_some(()));
    succeeded(&child.wait().expect("its handle owns it"));
}

/// Row 17: what the body owns is dropped before the zombie can be seen, however the process ended.
#[test]
fn what_a_process_owns_is_dropped_before_its_end_is_seen() {
    let fixture = Fixture::boot();
    let ends: [Case; 6] = [
        ("returns", |_| {}),
        ("exits", |p| p.exit(1)),
        ("leaves", |p| p.exit_lwp()),
        ("panics", |_| panic!("on purpose")),
        ("is killed, asleep", |p| drop(p.sleep(AN_HOUR))),
        ("is killed, running", |p| {
            loop {
                p.checkpoint();
            }
        }),
    ];
    for (what, end) in ends {
        for _ in 0..20 {
            let dropped = Arc::new(AtomicUsize::new(0));
            let [captured, local, handlers] = [(); 3].map(|()| Counted(Arc::clone(&dropped)));
            let child = fixture.child("owner", move |p| {
                let _local = local;
                p.on_term(move |_| owns(&handlers));
                end(p);
                drop(captured);
            });
            if what.starts_with("is killed") {
                // Sometimes before its first step: then the body is dropped as it is.
                child.kill().expect("it lives");
            }
            let _ = child.wait().expect("its handle owns it");
            assert_eq!(dropped.load(Ordering::Relaxed), 3, "{what}");
        }
    }
}

/// Row 17, decision 13: a destructor that panics when the process's body is over stops nothing, and is told as an event.
#[test]
fn a_panicking_destructor_is_reported_and_stops_nothing() {
    struct Bomb(&'static str);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("{} went off", self.0);
        }
    }
    let fixture = Fixture::boot();
    let [of_handler, of_payload] = [(); 2].map(|()| fixture.events(EventFilter::TROUBLE));
    let handler = fixture.child("handler", |p| {
        let bomb = Bomb("handler");
        p.on_term(move |_| owns(&bomb));
        p.exit(3)
    });
    let payload = fixture.child("payload", |_| panic_any(Bomb("payload")));
    let cases = [
        (handler, of_handler, ExitStatus::exited(3)),
        (payload, of_payload, ExitStatus::dumped(Signal::ABRT)),
    ];
    for (child, events, status) in cases {
        assert_eq!(child.wait().expect("its handle owns it").status, status);
        let message = next_event(&events, child.id(), |kind| match kind {
            EventKind::DropPanicked { message } => Some(message.clone()),
            _ => None,
        });
        assert_eq!(message, format!("{} went off", child.name()));
    }
    fixture.inside(|_| {});
}

/// Row 17, decision 13: the same for a process that is killed before its first step, whose body is dropped whole.
#[test]
fn a_destructor_that_panics_before_the_first_step_is_reported() {
    struct Armed(bool);
    impl Drop for Armed {
        fn drop(&mut self) {
            assert!(!self.0, "never begun");
        }
    }
    const CHILDREN: usize = 200;
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let begun = Arc::new(AtomicUsize::new(0));
    let children: Vec<_> = (0..CHILDREN)
        .map(|_| {
            let mut bomb = Armed(true);
            let begun = Arc::clone(&begun);
            let child = fixture.child("child", move |p| {
                bomb.0 = false;
                begun.fetch_add(1, Ordering::Relaxed);
                p.sleep(AN_HOUR).map(|()| drop(bomb))
            });
            child.kill().expect("it lives");
            child
        })
        .collect();
    for child in children {
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
    }
    let reported = events.try_iter().filter(|event| match &event.kind {
        EventKind::DropPanicked { message } => message == "never begun",
        _ => false,
    });
    assert_eq!(reported.count(), CHILDREN - begun.load(Ordering::Relaxed));
}

/// Row 17, decision 20: in a dying process nothing sleeps and nothing new is made, but what is there can be taken.
#[test]
fn destructors_of_a_dying_process_do_not_sleep() {
    let fixture = Fixture::boot();
    let ends: [Case; 2] = [
        ("exits", |p| p.exit(1)),
        ("is killed", |p| {
            p.kill(p.pid(), Signal::KILL).expect("itself");
            p.checkpoint();
        }),
    ];
    for (what, end) in ends {
        let (report, reports) = unbounded();
        let (hold, held) = hold();
        let child = fixture.child("dying", move |p| {
            let living = p.spawn(Command::new("living", held)).expect("room").id();
            let zombie = p.spawn(Command::new("zombie", |_| 9)).expect("room").id();
            let flags = WaitFlags::EXITED | WaitFlags::NOWAIT;
            assert!(p.waitid(WaitFor::Pid(zombie), flags).expect("my child").is_some());
            let _guard = OnDrop(|| {
                let p = greenproc::current().expect("its LWP is still here");
                let reaped = p.wait4(WaitFor::Pid(zombie), WaitFlags::empty());
                let (sender, receiver) = crossbeam_channel::bounded(1);
                sender.send(7).expect("room for one");
                let received = p.recv(&receiver).ok();
                let recv = match p.recv(&receiver) {
                    Err(RecvError::Interrupted(error)) => error.errno(),
                    other => panic!("{other:?}"),
                };
                let refused = [
                    ("recv", recv, libc::EINTR),
                    ("sleep", errno(p.sleep(AN_HOUR)), libc::EINTR),
                    ("wait", errno(p.wait4(WaitFor::Pid(living), WaitFlags::empty())), libc::EINTR),
                    ("spawn", errno(p.spawn(Command::new("more", |_| {}))), libc::ESRCH),
                    ("spawn_lwp", errno(p.spawn_lwp(|_| {})), libc::ESRCH),
                    ("setpgid", errno(p.setpgid(None, None)), libc::ESRCH),
                ];
                let taken = (reaped.ok().flatten().and_then(|waited| waited.status.code()), received);
                report.send((taken, refused)).expect("the test listens");
            });
            end(p);
        });
        let (taken, refused) = soon(&reports);
        assert_eq!(taken, (Some(9), Some(7)), "{what}: what is there is there");
        for (call, seen, expected) in refused {
            assert_eq!(seen, expected, "{what}: {call}");
        }
        drop(hold);
        let _ = child.wait().expect("its handle owns it");
    }
}

/// Rows 37 and 38: from the decision to the reaping every look-up finds the process, with a status once it is a zombie.
#[test]
fn an_ending_process_is_found_by_every_look_up_until_it_is_reaped() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let (arrive, barrier) = barrier();
        let child = p.spawn(Command::new("child", move |p| {
            let _held = OnDrop(arrive);
            p.exit(5)
        }));
        let child = child.expect("room");
        let pid = child.id();
        barrier.is_reached();
        let find = |state: State, status: Option<ExitStatus>| {
            let snapshot = runtime.snapshot();
            let found = snapshot.get(pid).expect("not reaped");
            assert_eq!((found.state, found.status, found.ppid), (state, status, p.pid()));
            p.kill(pid, Signal::TERM).expect("not reaped");
            assert_eq!(p.getpgid(Some(pid)).expect("not reaped"), p.pgid());
        };
        find(State::Exiting, None);
        drop(barrier);
        assert!(p.waitid(WaitFor::Any, WaitFlags::EXITED | WaitFlags::NOWAIT).expect("my child").is_some());
        find(State::Zombie, Some(ExitStatus::exited(5)));
        assert_eq!(p.wait().expect("my child").pid, pid);
        assert!(runtime.snapshot().get(pid).is_none());
    });
}

/// Row 38: whoever looks while processes end sees each either before or after its end.
#[test]
fn nobody_sees_a_half_ended_process() {
    let fixture = Fixture::boot();
    let (go, gone) = crossbeam_channel::bounded::<()>(0);
    let mut go = Some(go);
    let maker = fixture.child("maker", move |p| {
        for code in 0..400 {
            p.spawn(Command::new("child", move |_| code)).expect("room");
        }
        stay(p, &gone);
        (0..400).map(|_| p.wait().expect("400 children").status.code().expect("it exited")).sum::<i32>()
    });
    // Looked at while they end, and from the 100th zombie on while they are reaped.
    while maker.try_wait().expect("mine").is_none() {
        let mut zombies = 0;
        for seen in fixture.snapshot().processes {
            assert_eq!(seen.state == State::Zombie, seen.status.is_some(), "{seen:?}");
            assert_eq!(seen.state == State::Zombie, seen.lwps == 0, "{seen:?}");
            zombies += usize::from(seen.status.is_some());
        }
        if zombies >= 100 {
            go = None;
        }
    }
    assert!(go.is_none(), "it cannot have ended before");
    assert_eq!(maker.wait().expect("mine").status.code(), Some((0..400).sum()));
}

/// Row 42, mistake f: what the exit signal says is final; a wait says the same.
#[test]
fn the_exit_signal_carries_what_the_wait_returns() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXIT_SIGNAL);
    let ends: [(Case<i32>, SigCode, i32); 4] = [
        (("returns", |_| 300), SigCode::Exited, 300),
        (("exits", |p| p.exit(-5)), SigCode::Exited, -5),
        (("panics", |_| panic!("on purpose")), SigCode::Dumped, libc::SIGABRT),
        (
            ("is killed", |p| {
                p.kill(p.pid(), Signal::USR1).expect("itself");
                loop {
                    p.checkpoint();
                }
            }),
            SigCode::Killed,
            libc::SIGUSR1,
        ),
    ];
    for ((what, end), code, status) in ends {
        // A short life and one that is long enough to have its time split.
        for work in [Duration::from_micros(100), Duration::from_millis(15)] {
            let (parent, waited) = fixture.inside(move |p| {
                let child = Command::new("child", move |p: &Process| {
                    let other = p.spawn_lwp(move |_| burn(work)).expect("room");
                    burn(work);
                    other.join(p).expect("it returned");
                    end(p)
                });
                p.spawn(child).expect("room");
                (p.pid(), p.wait().expect("my child"))
            });
            let (to, info) = next_event(&events, waited.pid, |kind| match kind {
                EventKind::ExitSignal { to, info } => Some((*to, *info)),
                _ => None,
            });
            assert_eq!((to, info.pid, info.signal), (parent, waited.pid, Signal::CHLD));
            assert_eq!((info.code, info.status), (code, status), "who {what}");
            assert_eq!((info.user_time, info.system_time), (waited.usage.user(), waited.usage.system()));
            assert!(waited.usage.total() >= 2 * work, "{:?} for two LWPs of {work:?}", waited.usage);
        }
    }
}

/// Row 44: the time-out of a sleep dies with its LWP, and does not reach the next one on its thread.
#[test]
fn the_time_out_of_a_killed_sleep_reaches_nobody() {
    let fixture = Fixture::boot();
    let begun = time::now();
    for _ in 0..10 {
        let sleeper = fixture.child("sleeper", |p| {
            loop {
                p.sleep(Duration::from_millis(40)).expect("it is not polite");
            }
        });
        fixture.inside(|_| {});
        sleeper.kill().expect("it lives");
        assert_eq!(sleeper.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
        fixture.inside(|p| {
            let begun = time::now();
            p.sleep(Duration::from_millis(45)).expect("nobody signals it");
            assert!(time::now() - begun >= Duration::from_millis(45));
        });
    }
    let an_hour = fixture.child("an hour", |p| p.sleep(AN_HOUR));
    fixture.inside(|_| {});
    an_hour.kill().expect("it lives");
    assert_eq!(an_hour.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
    assert!(time::now() - begun < AN_HOUR);
}

/// Row 46: whoever has heard of the end finds the zombie.
#[test]
fn who_was_told_of_an_end_finds_the_zombie() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXIT_SIGNAL);
    fixture.inside(move |p| {
        for code in 0..300 {
            let child = p.spawn(Command::new("child", move |_| code)).expect("room");
            let told = p.recv(&events).expect("the runtime is up");
            assert_eq!(told.pid, child.id());
            let found = p.wait4(WaitFor::Any, WaitFlags::NOHANG).expect("my child");
            assert_eq!(found.and_then(|waited| waited.status.code()), Some(code));
        }
    });
}

thread_local! {
    static LAST_ACT: std::cell::RefCell<Option<Act>> = const { std::cell::RefCell::new(None) };
}

/// What a thread-local destructor does.
type Act = OnDrop<Box<dyn FnMut()>>;

fn leave_behind(act: impl FnMut() + 'static) {
    LAST_ACT.set(Some(OnDrop(Box::new(act))));
}

/// Row 49: with a thread of its own the process has run its thread-local destructors before it is a zombie.
#[test]
fn a_process_with_its_own_thread_leaves_nothing_on_it() {
    let fixture = Fixture::boot();
    for _ in 0..20 {
        let (told, is_told) = unbounded();
        let command = Command::new("own thread", move |p: &Process| {
            let pid = p.pid();
            leave_behind(move || told.send(pid).expect("the test listens"));
            3
        });
        let child = fixture.spawn(command.own_thread()).expect("room");
        assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(3));
        assert_eq!(is_told.try_recv(), Ok(child.id()), "before the zombie was seen");
    }
}

/// Row 49: thread-local destructors that run after the zombie are tolerated; they run as no process.
#[test]
fn what_runs_after_the_zombie_runs_as_no_process() {
    let fixture = Fixture::boot();
    let (told, is_told) = unbounded();
    let child = fixture.child("retires", move |p| {
        p.retire_thread();
        leave_behind(move || told.send(errno(greenproc::current())).expect("the test listens"));
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(soon(&is_told), libc::ESRCH);
}
