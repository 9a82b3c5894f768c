//! What a process has done at its end: exit hooks and the personality.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | hooks: their order, what they are told, when they run, panics, what they may call | row 19, decisions 13 and 20, mistake n |
//! | the personality changes the status | row 24 |

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use greenproc::{
    Child, Command, Ending, EventFilter, EventKind, ExitReport, ExitStatus, Local, Process, Signal, State,
    WaitFor,
};
use greenproc_tests::{
    AN_HOUR, Fixture, OnDrop, barrier, burn, dead, errno, hold, living, next_event, same, soon, succeeded,
};

/// A way to end.
type End = (&'static str, fn(&Process) -> Result<i32, String>);

/// SIGSYS, which nobody handles.
const FATAL: Signal = Signal::SYS;

fn ends() -> [End; 8] {
    [
        ("returns", |_| Ok(3)),
        ("exits", |p| p.exit(4)),
        ("leaves", |p| p.exit_lwp()),
        ("panics", |_| panic!("on purpose")),
        ("fails", |_| Err("no luck".to_owned())),
        ("is killed", |p| p.raise(Signal::KILL).map(|()| 0).map_err(|error| error.to_string())),
        ("dies of a signal", |p| p.raise(FATAL).map(|()| 0).map_err(|error| error.to_string())),
        ("ends by another LWP", |p| {
            p.spawn_lwp(|p| p.exit(5)).expect("room").detach();
            p.sleep(AN_HOUR).expect_err("nothing interrupts it");
            Ok(0)
        }),
    ]
}

/// Registers a hook that says its name and what it is told.
fn says(p: &Process, name: &'static str, say: &Sender<(&'static str, Ending)>) {
    let say = say.clone();
    p.on_exit(move |_, ending| say.send((name, ending.clone())).expect("the test listens"))
        .expect("it lives");
}

/// Row 19, mistake n: whatever way a process ends, its hooks run, last registered first, and are told how.
#[test]
fn hooks_run_last_first_and_are_told_how_the_process_ends() {
    let fixture = Fixture::boot();
    for (what, end) in ends() {
        let (say, said) = unbounded();
        let child = fixture.child(what, move |p| {
            for name in ["first", "second", "third"] {
                says(p, name, &say);
            }
            drop(say);
            end(p)
        });
        let waited = child.wait().expect("its handle owns it");
        let said: Vec<_> = said.try_iter().collect();
        let names: Vec<_> = said.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["third", "second", "first"], "{what}");
        for (_, ending) in &said {
            assert_eq!(ending.status, waited.status, "{what}");
            let texts =
                [&ending.report, &waited.report].map(|report| report.as_ref().map(ToString::to_string));
            assert_eq!(texts[0], texts[1], "{what}");
        }
    }
}

/// Row 19, mistake n: what the process has used, and what its children have, is there when hooks ask.
#[test]
fn hooks_see_the_usage_so_far() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("used", move |p| {
        let helper = p.spawn(Command::new("helper", |_| burn(Duration::from_millis(2))));
        succeeded(&helper.expect("room").wait().expect("mine"));
        p.spawn_lwp(|_| burn(Duration::from_millis(2))).expect("room").join(p).expect("it returns");
        burn(Duration::from_millis(2));
        p.on_exit(move |p, _| {
            say.send((p.usage().total(), p.children_usage().total())).expect("the test listens");
        })
        .expect("it lives");
    });
    let waited = child.wait().expect("its handle owns it");
    let (own, children) = soon(&said);
    assert!(own >= Duration::from_millis(4), "{own:?}");
    assert!(own <= waited.usage.total());
    assert_eq!(children, waited.children_usage.total());
}

/// Row 19: hooks run when the other LWPs have left and all stacks are unwound, and before the zombie can be seen.
#[test]
fn hooks_run_between_the_last_lwp_and_the_zombie() {
    let fixture = Fixture::boot();
    let (arrive, barrier) = barrier();
    let left = Arc::new(AtomicUsize::new(0));
    let leaving = Arc::clone(&left);
    let (say, said) = unbounded();
    let child = fixture.child("hooked", move |p| {
        let count = || {
            let leaving = Arc::clone(&leaving);
            OnDrop(move || {
                leaving.fetch_add(1, Ordering::Relaxed);
            })
        };
        let _own = count();
        let (there, is_there) = unbounded();
        for _ in 0..3 {
            let (held, there) = (count(), there.clone());
            let lwp = move |p: &Process| {
                let _held = held;
                there.send(()).expect("main listens");
                p.sleep(AN_HOUR)
            };
            p.spawn_lwp(lwp).expect("room").detach();
        }
        for _ in 0..3 {
            p.recv(&is_there).expect("they come");
        }
        let left = Arc::clone(&leaving);
        p.on_exit(move |p, _| {
            say.send((left.load(Ordering::Relaxed), p.pid())).expect("the test listens");
            arrive();
        })
        .expect("it lives");
        p.exit(6)
    });
    assert_eq!(soon(&said), (4, child.id()));
    barrier.is_reached();
    assert!(child.try_wait().expect("its handle owns it").is_none());
    let state = fixture.snapshot().get(child.id()).expect("it is there").state;
    assert!(matches!(state, State::Exiting | State::Stuck), "{state:?}");
    drop(barrier);
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(6));
}

/// Decision 20: a hook that stays where no request reaches it is named, state D, and delays nobody else.
#[test]
fn a_hook_that_stays_is_named() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (arrive, barrier) = barrier();
    let child = fixture.child("stays", move |p| p.on_exit(move |_, _| arrive()));
    barrier.is_reached();
    let stuck = next_event(&events, child.id(), |kind| match kind {
        EventKind::Stuck(stuck) => Some(stuck.clone()),
        _ => None,
    });
    assert_eq!((stuck.name.as_ref(), stuck.in_host_call), ("stays", false));
    assert_eq!(fixture.snapshot().get(child.id()).expect("it is there").state, State::Stuck);
    assert!(fixture.run(Command::new("other", |_| {})).expect("room").success());
    drop(barrier);
    succeeded(&child.wait().expect("its handle owns it"));
}

/// Row 19: also on a thread of its own, which ends before the zombie is seen.
#[test]
fn hooks_run_on_a_thread_of_its_own_too() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let body = move |p: &Process| says(p, "own", &say);
    assert!(fixture.run(Command::new("own", body).own_thread()).expect("room").success());
    assert_eq!(said.try_recv().expect("it ran").0, "own");
}

/// Decision 13: a hook that panics stops nothing and nobody.
#[test]
fn a_panicking_hook_is_reported_and_the_next_one_runs() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (say, said) = unbounded();
    let child = fixture.child("bad", move |p| {
        says(p, "first", &say);
        p.on_exit(|_, _| panic!("bad hook")).expect("it lives");
        says(p, "third", &say);
        9
    });
    let message = next_event(&events, child.id(), |kind| match kind {
        EventKind::HookPanicked { message } => Some(message.clone()),
        _ => None,
    });
    assert_eq!(message, "bad hook");
    let waited = child.wait().expect("its handle owns it");
    assert_eq!(waited.status, ExitStatus::exited(9));
    assert!(waited.report.is_none());
    assert_eq!(said.try_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["third", "first"]);
}

/// Row 4: the end is decided; `exit` in a hook ends the hook.
#[test]
fn an_exit_in_a_hook_changes_nothing() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (say, said) = unbounded();
    let child = fixture.child("exits twice", move |p| {
        says(p, "first", &say);
        p.on_exit(|p, _| p.exit(1)).expect("it lives");
        p.on_exit(|p, _| p.exit_lwp()).expect("it lives");
        p.on_exit(|p, _| drop(p.raise(Signal::KILL))).expect("it lives");
        7
    });
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(7));
    assert_eq!(said.try_iter().count(), 1);
    assert_eq!(events.try_iter().count(), 0);
}

/// Decision 20: a hook makes nothing new and does not sleep, but finds what is there.
#[test]
fn hooks_do_not_sleep_and_make_nothing_new() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("late", move |p| {
        let zombie = dead(p, 8, same).id();
        let (alive, held) = living(p, same);
        let (_never, silent) = unbounded::<()>();
        p.on_exit(move |p, _| {
            let errors = [
                errno(p.sleep(AN_HOUR)),
                errno(p.spawn(Command::new("new", |_| {}))),
                errno(p.spawn_lwp(|_| {})),
                errno(p.setpgid(None, None)),
                errno(p.setsid()),
                errno(p.wait4(WaitFor::Child(&alive), greenproc::WaitFlags::empty())),
            ];
            let interrupted = p.recv(&silent).is_err();
            let found = p.wait4(WaitFor::Pid(zombie), greenproc::WaitFlags::empty());
            let found = found.expect("it is there").expect("no NOHANG").status.code();
            p.checkpoint();
            drop(held);
            say.send((errors, interrupted, found)).expect("the test listens");
        })
        .expect("it lives");
    });
    succeeded(&child.wait().expect("its handle owns it"));
    let (eintr, esrch) = (libc::EINTR, libc::ESRCH);
    assert_eq!(soon(&said), ([eintr, esrch, esrch, esrch, esrch, eintr], true, Some(8)));
}

/// Says what comes of registering a hook when it is dropped.
struct TooLate(Sender<i32>);

impl Drop for TooLate {
    fn drop(&mut self) {
        let p = greenproc::current().expect("it is dropped as that process");
        let error = errno(p.on_exit(|_, _| unreachable!("hooks are over")));
        self.0.send(error).expect("the test listens");
    }
}

/// A hook may register another, which runs next; when the last has run there are none any more.
#[test]
fn a_hook_that_a_hook_registers_runs_next() {
    static LATE: Local<OnceLock<TooLate>> = Local::new(OnceLock::new);
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let (refuse, refused) = unbounded();
    let child = fixture.child("chain", move |p| {
        says(p, "first", &say);
        p.on_exit(move |p, _| {
            says(p, "inner", &say);
            LATE.with(p, |late| assert!(late.set(TooLate(refuse)).is_ok())).expect("values are there");
        })
        .expect("it lives");
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(said.try_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["inner", "first"]);
    assert_eq!(refused.try_iter().collect::<Vec<_>>(), [libc::ESRCH]);
}

/// Row 19: hooks are the process's own.
#[test]
fn children_do_not_inherit_hooks() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("parent", move |p| {
        says(p, "parent's", &say);
        let child = p.spawn(Command::new("child", |_| {})).expect("room");
        succeeded(&child.wait().expect("mine"));
        assert_eq!(say.len(), 0);
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(said.try_iter().count(), 1);
}

fn code_of(child: &Child) -> Option<i32> {
    child.wait().expect("its handle owns it").status.code()
}

/// Row 24: the personality says with which status the process ends; hooks are told what was decided.
#[test]
fn the_personality_changes_the_status() {
    let fixture = Fixture::boot();
    let told = [Some(103), Some(104), Some(100), Some(70), Some(71), None, None, Some(105)];
    for ((what, end), told) in ends().into_iter().zip(told) {
        let (say, said) = unbounded();
        let body = move |p: &Process| {
            says(p, "hook", &say);
            end(p)
        };
        let command = Command::new(what, body).personality(|p, ending| {
            assert_ne!(p.pid(), p.ppid());
            match (ending.status.code(), ending.report.as_deref()) {
                (_, Some(ExitReport::Panic(_))) => ExitStatus::exited(70),
                (_, Some(ExitReport::Error(text))) => ExitStatus::exited(text.len() as i32 + 64),
                (Some(code), _) => ExitStatus::exited(code + 100),
                (None, _) => ExitStatus::killed(Signal::TERM),
            }
        });
        let child = fixture.spawn(command).expect("room");
        let waited = child.wait().expect("its handle owns it");
        assert_eq!(waited.status.code(), told, "{what}");
        assert_eq!(waited.status.signal(), told.is_none().then_some(Signal::TERM), "{what}");
        assert_ne!(soon(&said).1.status, waited.status, "{what}");
    }
}

/// Row 24: it is inherited, a command's own takes its place, and a process that never began has one too.
#[test]
fn the_personality_is_inherited() {
    let fixture = Fixture::boot();
    let command = Command::new("parent", |p| {
        let codes: Vec<_> = [
            Command::new("heir", |_| 1),
            Command::new("own", |_| 1).personality(|_, _| ExitStatus::exited(50)),
        ]
        .into_iter()
        .map(|command| p.spawn(command).expect("room").wait().expect("mine").status.code())
        .collect();
        assert_eq!(codes, [Some(11), Some(50)]);
        20
    });
    let ten_more = |_: &Process, ending: &Ending| ExitStatus::exited(ending.status.code().unwrap_or(80) + 10);
    let child = fixture.spawn(command.personality(ten_more)).expect("room");
    assert_eq!(code_of(&child), Some(30));
    for _ in 0..50 {
        // Sometimes before its first step.
        let child =
            fixture.spawn(Command::new("embryo", |p| p.sleep(AN_HOUR)).personality(ten_more)).expect("room");
        child.kill().expect("it is not reaped");
        assert_eq!(code_of(&child), Some(90));
    }
}

/// Row 24, decision 13: one that panics changes nothing; what is no end counts as success.
#[test]
fn a_personality_that_fails_changes_nothing() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let panics = Command::new("panics", |_| 12).personality(|_, _| panic!("bad personality"));
    let child = fixture.spawn(panics).expect("room");
    let message = next_event(&events, child.id(), |kind| match kind {
        EventKind::HookPanicked { message } => Some(message.clone()),
        _ => None,
    });
    assert_eq!(message, "bad personality");
    assert_eq!(code_of(&child), Some(12));
    let exits = Command::new("exits", |_| 13).personality(|p, _| p.exit(1));
    assert_eq!(fixture.run(exits).expect("room").code(), Some(13));
    let stops = Command::new("stops", |_| 14).personality(|_, _| ExitStatus::stopped(Signal::STOP));
    assert!(fixture.run(stops).expect("room").success());
    assert_eq!(events.try_iter().count(), 0);
}

/// Row 24: the runtime's is init's, and everybody's who has no other.
#[test]
fn the_personality_of_the_runtime_is_inits_own() {
    let fixture = Fixture::with(|builder| {
        builder
            .init(|p| {
                let (_hold, held) = hold();
                let child = p.spawn(Command::new("held", held)).expect("room");
                child.kill().expect("it lives");
                p.wait().expect("my child").status
            })
            .personality(|p, ending| match ending.status.signal() {
                Some(signal) => ExitStatus::exited(128 + signal.as_raw()),
                None => ExitStatus::exited(ending.status.code().unwrap_or(0) + p.pid().as_raw()),
            })
    });
    assert_eq!(fixture.wait().expect("it ended by itself"), ExitStatus::exited(128 + 9 + 1));
    fixture.is_down(ExitStatus::exited(128 + 9 + 1));
}
