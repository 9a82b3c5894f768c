//! The end of init: row 6.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{
    Command, Error, EventFilter, EventKind, ExitStatus, OnInitExit, Pid, Process, Runtime, Signal,
};
use greenproc_tests::{AN_HOUR, Fixture, assert_empty, next_event, soon, stay};

/// How init comes to its end.
#[derive(Clone, Copy, Debug)]
enum InitEnd {
    Returns,
    Exits,
    Panics,
    Fails,
    KilledFromOutside(Signal),
    KilledFromInside(Signal),
}

impl InitEnd {
    const ALL: [InitEnd; 7] = [
        InitEnd::Returns,
        InitEnd::Exits,
        InitEnd::Panics,
        InitEnd::Fails,
        InitEnd::KilledFromOutside(Signal::KILL),
        InitEnd::KilledFromOutside(Signal::SEGV),
        InitEnd::KilledFromInside(Signal::TERM),
    ];

    fn status(self) -> ExitStatus {
        match self {
            InitEnd::Returns => ExitStatus::exited(9),
            InitEnd::Exits => ExitStatus::exited(1000),
            InitEnd::Panics => ExitStatus::dumped(Signal::ABRT),
            InitEnd::Fails => ExitStatus::exited(1),
            InitEnd::KilledFromOutside(Signal::SEGV) => ExitStatus::dumped(Signal::SEGV),
            InitEnd::KilledFromOutside(signal) | InitEnd::KilledFromInside(signal) => {
                ExitStatus::killed(signal)
            }
        }
    }

    /// What a custom init does when it is let go.
    fn come(self, p: &Process) -> Result<i32, String> {
        match self {
            InitEnd::Returns => Ok(9),
            InitEnd::Exits => p.exit(1000),
            InitEnd::Panics => panic!("on purpose"),
            InitEnd::Fails => Err("no reason".to_owned()),
            InitEnd::KilledFromOutside(_) | InitEnd::KilledFromInside(_) => {
                p.sleep(AN_HOUR).map(|()| 0).map_err(|e| e.to_string())
            }
        }
    }

    fn provoke(self, runtime: &Runtime) {
        match self {
            InitEnd::KilledFromOutside(signal) => runtime.kill(Pid::INIT, signal).expect("init lives"),
            InitEnd::KilledFromInside(signal) => {
                let killer = Command::new("killer", move |p: &Process| {
                    p.kill(Pid::INIT, signal).expect("init lives");
                    drop(p.sleep(AN_HOUR));
                });
                let status = runtime.run(killer).expect("it was there in time");
                assert_eq!(status, ExitStatus::killed(Signal::KILL), "it goes down with init");
            }
            InitEnd::Returns | InitEnd::Exits | InitEnd::Panics | InitEnd::Fails => {}
        }
    }
}

/// Row 6: when init ends, all others are killed and every call names init's status.
#[test]
fn the_end_of_init_is_the_end_of_the_runtime() {
    for end in InitEnd::ALL {
        let (go, gone) = crossbeam_channel::bounded::<()>(0);
        let fixture = Fixture::with(|builder| {
            builder.init(move |p: &Process| {
                stay(p, &gone);
                end.come(p)
            })
        });
        goes_down_with_init(fixture, end, || drop(go));
    }
}

/// Row 6: the same for the init that the runtime brings along.
#[test]
fn the_end_of_the_built_in_init_is_the_end_of_the_runtime() {
    for signal in [Signal::KILL, Signal::TERM, Signal::SEGV] {
        goes_down_with_init(Fixture::boot(), InitEnd::KilledFromOutside(signal), || {});
    }
    goes_down_with_init(Fixture::boot(), InitEnd::KilledFromInside(Signal::KILL), || {});
}

fn goes_down_with_init(fixture: Fixture, end: InitEnd, go: impl FnOnce()) {
    let events = fixture.events(EventFilter::EXITED);
    let (there, is_there) = unbounded();
    let (below, of_below) = unbounded();
    let parent = fixture.child("parent", move |p| {
        let grandchild = Command::new("grandchild", move |p: &Process| {
            there.send(()).expect("the test listens");
            p.sleep(AN_HOUR)
        });
        below.send(p.spawn(grandchild).expect("room").id()).expect("the test listens");
        p.wait().map(|waited| waited.status)
    });
    let deaths = fixture.events(EventFilter::EXITED);
    let zombie = fixture.child("zombie", |_| 12);
    next_event(&deaths, zombie.id(), |kind| matches!(kind, EventKind::Exited { .. }).then_some(()));
    soon(&is_there);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| fixture.wait());
        go();
        end.provoke(&fixture);
        let waited = waiter.join().expect("no panic");
        match (end.status().code(), waited) {
            (Some(_), Ok(status)) | (None, Err(Error::InitEnded { status })) => {
                assert_eq!(status, end.status(), "{end:?}");
            }
            (_, other) => panic!("{end:?}: {other:?}"),
        }
    });
    let refusals = [
        ("run", fixture.run(Command::new("late", |_| {})).map(|_| ())),
        ("spawn", fixture.spawn(Command::new("late", |_| {})).map(|_| ())),
        ("spawn_returning", fixture.spawn_returning("late", |_| {}).map(|_| ())),
    ];
    for (call, refusal) in refusals {
        let error = refusal.expect_err(call);
        assert_eq!(error.errno(), libc::ESHUTDOWN, "{end:?} {call}: {error}");
        assert!(error.to_string().contains(&end.status().to_string()), "{end:?} {call}: {error}");
    }
    // The handles keep what is theirs.
    assert_eq!(
        parent.wait().expect("kept for its handle").status,
        ExitStatus::killed(Signal::KILL),
        "{end:?}"
    );
    assert_eq!(zombie.wait().expect("kept for its handle").status, ExitStatus::exited(12), "{end:?}");
    let ends: Vec<_> = events.iter().collect();
    let told = |pid| ends.iter().filter(move |event| event.pid == pid).map(|event| &event.kind);
    assert!(
        matches!(told(Pid::INIT).next_back(), Some(EventKind::Exited { status }) if *status == end.status()),
        "{ends:#?}"
    );
    assert_eq!(told(soon(&of_below)).count(), 1, "the grandchild ended: {ends:#?}");
    fixture.is_down(end.status());
}

/// A call on a runtime, whatever it answers.
type Call = fn(&Runtime);

/// Row 6: the builder's option makes it a panic that names the status.
#[test]
fn the_end_of_init_can_be_made_a_panic() {
    let builder =
        Runtime::builder().on_init_exit(OnInitExit::Panic).panic_report(greenproc::PanicReport::Silent);
    let runtime = builder.boot().expect("it boots");
    runtime.kill(Pid::INIT, Signal::KILL).expect("init lives");
    let status = ExitStatus::killed(Signal::KILL).to_string();
    let calls: [(&str, Call); 4] = [
        ("wait", |runtime| drop(runtime.wait())),
        ("run", |runtime| drop(runtime.run(Command::new("late", |_| {})))),
        ("spawn", |runtime| drop(runtime.spawn(Command::new("late", |_| {})))),
        ("shutdown", |runtime| drop(runtime.shutdown(Duration::ZERO))),
    ];
    for (what, call) in calls {
        let payload = catch_unwind(AssertUnwindSafe(|| call(&runtime))).expect_err(what);
        let message = payload.downcast::<String>().expect("a formatted message");
        assert!(message.contains(&status), "{what}: {message}");
    }
    assert_empty(&runtime);
}

/// Row 6: a signal to all spares init.
#[test]
fn a_signal_to_all_spares_init() {
    let fixture = Fixture::boot();
    let (there, is_there) = unbounded();
    let child = fixture.child("child", move |p| {
        there.send(()).expect("the test listens");
        p.sleep(AN_HOUR)
    });
    soon(&is_there);
    fixture.kill(greenproc::Target::All, Signal::KILL).expect("always");
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
    fixture.inside(|p| assert_eq!(p.ppid(), Pid::INIT));
}
