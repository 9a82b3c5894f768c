//! The end of a runtime, and of its init.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | SIGTERM, then SIGKILL; the report; who cannot be stopped is named, and ends harmlessly later | decision 25 |
//! | statuses are kept for the handles | decisions 23, 25, mistake r |
//! | calls during and after a shutdown, and from inside | decision 25 |
//! | dropping the last handle | decision 25 |
//! | several runtimes at once | design "The public face" |
//! | the end of init is the end of the runtime | row 6 |

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use greenproc::{
    Builder, Command, Error, EventFilter, EventKind, Exhausted, ExitStatus, OnInitExit, PanicReport, Pid,
    Process, Result, Runtime, Signal, State, Stuck, Target, WaitFlags, WaitFor,
};
use greenproc_sync::time;
use greenproc_tests::{Fixture, assert_empty, hold, next_event, succeeded};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_hours(1);

/// A grace that is never used up.
const LONG: Duration = Duration::from_secs(30);

/// A grace that is used up.
const SHORT: Duration = Duration::from_millis(50);

/// A runtime that is not looked over: its test shuts it down itself, or leaves something behind.
fn boot(change: impl FnOnce(Builder) -> Builder) -> Runtime {
    change(Runtime::builder().panic_report(PanicReport::Silent)).boot().expect("it boots")
}

#[track_caller]
fn errno<T: std::fmt::Debug>(result: Result<T>) -> i32 {
    result.expect_err("it has to fail").errno()
}

/// A body that takes SIGTERM and stays; says when it is ready to.
fn stubborn(ready: Sender<()>) -> impl FnOnce(&Process) + Send + 'static {
    move |p| {
        assert!(!p.stop_requested());
        ready.send(()).expect("the test listens");
        while p.sleep(FOR_EVER).is_err() {}
    }
}

/// Decision 25: all are asked, those who stay are killed, and the report counts both; the handles keep every status.
#[test]
fn who_does_not_go_when_asked_is_killed() {
    let _watchdog = Fixture::boot();
    let runtime = boot(|builder| builder);
    let (ready, is_ready) = bounded(0);
    let spawn = |command| runtime.spawn(command).expect("room");
    let exited = runtime.events(EventFilter::EXITED);
    let dead = spawn(Command::new("dead", |_| 42));
    next_event(&exited, dead.id(), |_| Some(()));
    let asked = [(); 3].map(|()| spawn(Command::new("sleeper", |p| p.sleep(FOR_EVER))));
    let polite = spawn(Command::new("polite", |p| {
        p.on_term(|p| p.exit(9));
        p.sleep(FOR_EVER)
    }));
    let killed = [(); 2].map(|()| spawn(Command::new("stubborn", stubborn(ready.clone()))));
    (0..2).for_each(|_| is_ready.recv().expect("they begin"));
    let report = runtime.shutdown(Duration::from_millis(300)).expect("the first");
    assert_eq!((report.asked, report.killed), (6, 2), "{report}");
    assert!(report.is_clean() && report.stuck.is_empty() && report.threads_left == 0, "{report}");
    assert_eq!(report.init, ExitStatus::exited(0));
    assert_eq!(report.to_string(), "6 processes asked to end, 2 killed, nothing left");
    assert_empty(&runtime);
    for _ in 0..2 {
        assert_eq!(dead.wait().expect("kept").status, ExitStatus::exited(42));
        assert!(
            asked.iter().all(|child| child.wait().expect("kept").status == ExitStatus::killed(Signal::TERM))
        );
        assert!(
            killed.iter().all(|child| child.wait().expect("kept").status == ExitStatus::killed(Signal::KILL))
        );
        let status = polite.try_wait().expect("kept").expect("it ended").status;
        assert!(status == ExitStatus::exited(9) || status == ExitStatus::killed(Signal::TERM), "{status}");
    }
    assert_eq!(dead.exit_status(), Some(ExitStatus::exited(42)));
}

/// Decision 25: a grace of nothing kills at once.
#[test]
fn no_grace_kills_at_once() {
    let _watchdog = Fixture::boot();
    let runtime = boot(|builder| builder);
    let (ready, is_ready) = bounded(0);
    let child = runtime.spawn(Command::new("stubborn", stubborn(ready))).expect("room");
    is_ready.recv().expect("it begins");
    let report = runtime.shutdown(Duration::ZERO).expect("the first");
    assert_eq!((report.asked, report.killed, report.is_clean()), (1, 1, true), "{report}");
    assert_eq!(child.wait().expect("kept").status, ExitStatus::killed(Signal::KILL));
}

/// Decision 25: 1000 sleeping processes go when asked.
#[test]
fn a_thousand_sleeping_processes_go_when_asked() {
    let fixture = Fixture::with(|builder| builder.stack_size(64 << 10));
    let (ready, is_ready) = unbounded();
    let children: Vec<_> = (0..1000)
        .map(|_| {
            let ready = ready.clone();
            fixture.child("sleeper", move |p| {
                ready.send(()).expect("the test listens");
                p.sleep(FOR_EVER)
            })
        })
        .collect();
    (0..1000).for_each(|_| is_ready.recv().expect("they begin"));
    let report = fixture.shut_down();
    assert_eq!((report.asked, report.killed), (1000, 0), "{report}");
    assert!(
        children.iter().all(|child| child.wait().expect("kept").status == ExitStatus::killed(Signal::TERM))
    );
}

thread_local! {
    /// Dropped when the native thread ends.
    static LAST: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
}

/// What a body that comes to no more checkpoint says of itself before it is stuck.
#[derive(Debug)]
struct Said {
    tid: i32,
    checkpoint: String,
}

/// A body that comes to no checkpoint until `released` is closed. `ended` is closed when its native thread has ended.
fn stuck(
    say: Sender<Said>,
    released: Receiver<()>,
    ended: Sender<()>,
) -> impl FnOnce(&Process) + Send + 'static {
    move |p| {
        LAST.set(Some(ended));
        let line = line!() + 1;
        p.checkpoint();
        let checkpoint = format!("{}:{line}:", file!());
        say.send(Said { tid: greenproc_os::thread::tid().as_raw(), checkpoint }).expect("the test listens");
        let _ = released.recv();
    }
}

fn assert_names(stuck: &Stuck, pid: Pid, name: &str, said: &Said) {
    assert_eq!((stuck.pid, &*stuck.name, stuck.tid), (pid, name, Some(said.tid)));
    let checkpoint = stuck.last_checkpoint.as_deref().expect("it came to one");
    assert!(checkpoint.starts_with(&said.checkpoint), "{checkpoint} is not {}", said.checkpoint);
    assert!(!stuck.in_host_call);
    let line = stuck.to_string();
    assert!([name, &said.tid.to_string(), &said.checkpoint].iter().all(|word| line.contains(word)), "{line}");
}

/// Decision 25: who comes to no checkpoint is named with thread and last checkpoint, within a second after the grace; it
/// keeps what it uses, and ends harmlessly when it comes to its end.
#[test]
fn who_cannot_be_stopped_is_named_and_ends_harmlessly_later() {
    let _watchdog = Fixture::boot();
    let runtime = boot(|builder| builder);
    let events = runtime.events(EventFilter::TROUBLE);
    let (say, said) = bounded(0);
    let (release, released) = bounded(0);
    let (ended, has_ended) = bounded(0);
    let child = runtime.spawn(Command::new("loops", stuck(say, released, ended))).expect("room");
    let said = said.recv().expect("it begins");
    let begun = time::now();
    let report = runtime.shutdown(SHORT).expect("the first");
    let took = begun.elapsed();
    assert!(took < SHORT + Duration::from_millis(1500), "{took:?}");
    assert_eq!((report.asked, report.killed, report.threads_left), (1, 1, 1), "{report}");
    assert!(!report.is_clean());
    assert_eq!(report.stuck.len(), 1);
    assert_names(&report.stuck[0], child.id(), "loops", &said);
    assert!(report.to_string().contains(&report.stuck[0].to_string()));
    let told: Vec<Stuck> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Stuck(stuck) => Some(stuck),
            _ => None,
        })
        .collect();
    assert!(!told.is_empty(), "an event said so too, before the stream ended");
    for stuck in &told {
        assert_names(stuck, child.id(), "loops", &said);
    }
    let process = runtime.snapshot().get(child.id()).expect("it is still there").clone();
    assert_eq!((process.state, process.state.letter()), (State::Stuck, 'D'));
    assert!(child.try_wait().expect("mine").is_none());

    drop(release);
    assert!(has_ended.recv().is_err(), "its thread ended");
    // Its zombie is its handle's, although the runtime is down.
    assert_eq!(
        child.wait().expect("mine").status.signal(),
        Some(Signal::TERM),
        "it was asked before it was killed"
    );
    drop(child);
    assert_empty(&runtime);
}

/// State D, `EventKind::Stuck`: also without a shutdown; it dies as it was told when it comes to its end.
#[test]
fn a_killed_process_without_a_checkpoint_is_in_state_d() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (say, said) = bounded(0);
    let (release, released) = bounded(0);
    let (ended, _has_ended) = bounded(0);
    let child = fixture.spawn(Command::new("loops", stuck(say, released, ended))).expect("room");
    let said = said.recv().expect("it begins");
    child.kill().expect("it lives");
    let event = next_event(&events, child.id(), |kind| match kind {
        EventKind::Stuck(stuck) => Some(stuck.clone()),
        _ => None,
    });
    assert_names(&event, child.id(), "loops", &said);
    let snapshot = fixture.snapshot();
    let process = snapshot.get(child.id()).expect("it is still there");
    assert_eq!((process.state, process.state.letter()), (State::Stuck, 'D'));
    let detail = fixture.inspect(child.id()).expect("it is still there");
    assert_eq!((detail.lwps[0].state, detail.lwps[0].tid), (State::Stuck, Some(said.tid)));
    assert!(child.try_wait().expect("mine").is_none());
    drop(release);
    assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
}

/// Decision 25: a wait that another thread is in gets its status from the shutdown.
#[test]
fn a_wait_that_is_under_way_gets_its_status() {
    let _watchdog = Fixture::boot();
    for _ in 0..20 {
        let runtime = boot(|builder| builder);
        let children =
            [(); 4].map(|()| runtime.spawn(Command::new("sleeper", |p| p.sleep(FOR_EVER))).expect("room"));
        std::thread::scope(|scope| {
            let waits =
                children.each_ref().map(|child| scope.spawn(|| child.wait().map(|waited| waited.status)));
            assert!(runtime.shutdown(LONG).expect("the first").is_clean());
            for wait in waits {
                assert_eq!(wait.join().expect("no panic").expect("kept"), ExitStatus::killed(Signal::TERM));
            }
        });
    }
}

/// Decision 25: while it closes nobody is admitted, from outside or inside, and nobody else can shut it down.
#[test]
fn a_runtime_that_closes_admits_nobody() {
    let _watchdog = Fixture::boot();
    let runtime = boot(|builder| builder);
    let (closing, is_closing) = bounded(0);
    let (go_on, may_go_on) = bounded::<()>(0);
    let inside = runtime.clone();
    let (ready, is_ready) = bounded(0);
    let is_polite = ready.clone();
    let child = runtime.spawn(Command::new("polite", move |p| {
        p.on_term(move |p| {
            let seen = [
                errno(p.spawn(Command::new("late", |_| {}))),
                errno(inside.spawn(Command::new("late", |_| {}))),
                errno(inside.shutdown(LONG)),
                errno(inside.wait()),
            ];
            closing.send(seen).expect("the test listens");
            let _ = may_go_on.recv();
            p.exit(8)
        });
        is_polite.send(()).expect("the test listens");
        p.sleep(FOR_EVER)
    }));
    let child = child.expect("room");
    let handled = runtime.spawn(Command::new("ready", move |p| {
        ready.send(()).expect("the test listens");
        p.sleep(FOR_EVER)
    }));
    for _ in 0..2 {
        is_ready.recv().expect("it begins");
    }
    std::thread::scope(|scope| {
        let shutdown = scope.spawn(|| runtime.shutdown(LONG));
        let inside = is_closing.recv().expect("SIGTERM comes");
        assert_eq!(inside, [libc::EAGAIN, libc::EAGAIN, libc::EDEADLK, libc::EDEADLK]);
        let refused = runtime.spawn(Command::new("late", |_| {}));
        assert!(matches!(refused, Err(Error::Exhausted(Exhausted::ShuttingDown))), "{refused:?}");
        assert_eq!(errno(runtime.run(Command::new("late", |_| {}))), libc::EAGAIN);
        assert_eq!(errno(runtime.shutdown(LONG)), libc::EAGAIN);
        drop(go_on);
        let report = shutdown.join().expect("no panic").expect("the first");
        assert_eq!((report.asked, report.killed), (2, 0), "{report}");
    });
    assert_eq!(child.wait().expect("kept").status.code(), Some(8));
    drop(handled);
}

/// Row 6, decision 25: what is down says so, with init's status, each time.
#[test]
fn a_runtime_that_is_down_says_so() {
    let _watchdog = Fixture::boot();
    let runtime = boot(|builder| builder);
    let events = runtime.events(EventFilter::all());
    let child = runtime.spawn(Command::new("child", |_| 1)).expect("room");
    let pid = child.id();
    next_event(&events, pid, |kind| matches!(kind, EventKind::Exited { .. }).then_some(()));
    assert!(runtime.shutdown(LONG).expect("the first").is_clean());
    for _ in 0..2 {
        for refused in [
            runtime.spawn(Command::new("late", |_| {})).map(drop),
            runtime.run(Command::new("late", |_| {})).map(drop),
            runtime.spawn_returning("late", |_| ()).map(drop),
            runtime.shutdown(LONG).map(drop),
        ] {
            match refused {
                Err(Error::InitEnded { status }) => assert_eq!(status, ExitStatus::exited(0)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(runtime.wait().expect("init ended by itself"), ExitStatus::exited(0));
        assert_eq!(errno(runtime.kill(pid, Signal::KILL)), libc::ESRCH);
        assert_eq!(errno(runtime.kill(Pid::INIT, Signal::KILL)), libc::ESRCH);
        assert_eq!(errno(runtime.inspect(pid).map(|_| ())), libc::ESRCH);
        assert!(runtime.snapshot().processes.is_empty());
        assert_eq!(errno(child.kill()), libc::ESRCH);
        assert_eq!(child.wait().expect("kept").status.code(), Some(1));
    }
    assert!(events.iter().count() > 0, "the stream has an end");
    assert!(runtime.events(EventFilter::all()).recv().is_err(), "a new one has nothing else");
}

/// Decision 25: a process that would wait for its own end is told so, init too.
#[test]
fn waiting_for_ones_own_runtime_is_edeadlk() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        assert_eq!(errno(runtime.shutdown(LONG)), libc::EDEADLK);
        assert_eq!(errno(runtime.wait()), libc::EDEADLK);
        p.checkpoint();
    });
    let (give, given) = bounded::<Runtime>(1);
    let (say, said) = bounded(1);
    let other = boot(|builder| {
        builder.init(move |_| {
            let runtime = given.recv().expect("the test gives it");
            say.send((errno(runtime.shutdown(LONG)), errno(runtime.wait()))).expect("the test listens");
        })
    });
    give.send(other.clone()).expect("room");
    assert_eq!(said.recv(), Ok((libc::EDEADLK, libc::EDEADLK)));
    assert_eq!(other.wait().expect("it returned"), ExitStatus::exited(0));
}

/// Says on its drop which process it was dropped by.
struct Witness(Sender<Pid>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send(greenproc::current().expect("in a process").pid());
    }
}

/// Decision 25: dropping the last handle shuts the runtime down, and comes back when that is done.
#[test]
fn dropping_the_last_handle_shuts_down() {
    let _watchdog = Fixture::boot();
    let runtime = boot(|builder| builder);
    let (dropped, was_dropped) = unbounded();
    let (ready, is_ready) = bounded(0);
    let child = runtime.spawn(Command::new("sleeper", move |p| {
        let _witness = Witness(dropped);
        ready.send(()).expect("the test listens");
        p.sleep(FOR_EVER)
    }));
    let child = child.expect("room");
    is_ready.recv().expect("it begins");
    let (second, pid) = (runtime.clone(), child.id());
    drop(runtime);
    assert!(child.try_wait().expect("mine").is_none(), "one handle is left");
    drop(second);
    assert_eq!(was_dropped.try_recv(), Ok(pid), "it has ended by now");
    assert_eq!(child.wait().expect("kept").status, ExitStatus::killed(Signal::TERM));
}

/// Decision 25: one of its own processes may drop the last handle; it cannot wait for itself, and ends with the rest.
#[test]
fn a_process_may_drop_the_last_handle_of_its_own_runtime() {
    let _watchdog = Fixture::boot();
    for _ in 0..20 {
        let runtime = boot(|builder| builder);
        let (give, given) = bounded::<Runtime>(1);
        let other = runtime.spawn(Command::new("other", |p| p.sleep(FOR_EVER))).expect("room");
        let child = runtime.spawn(Command::new("owner", move |p| {
            drop(p.recv(&given).expect("the test gives it"));
            p.sleep(FOR_EVER)
        }));
        let child = child.expect("room");
        give.send(runtime).expect("room");
        assert_eq!(child.wait().expect("kept").status, ExitStatus::killed(Signal::TERM));
        assert_eq!(other.wait().expect("kept").status, ExitStatus::killed(Signal::TERM));
    }
}

/// A size of stacks that nobody else has here.
const LARGE: usize = 64 << 20;

/// How many stacks of about that size are mapped.
fn large_stacks() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the host tells");
    let size = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (low, high) = range.split_once('-')?;
        let [low, high] = [low, high].map(|number| usize::from_str_radix(number, 16));
        rest.starts_with("rw").then_some(high.ok()? - low.ok()?)
    };
    maps.lines().filter_map(size).filter(|size| size.abs_diff(LARGE) <= 1 << 20).count()
}

/// The runtimes that end so leave nothing of a thread behind: no thread, and no stack.
#[test]
fn a_runtime_that_its_own_process_has_ended_leaves_no_memory_behind() {
    let _watchdog = Fixture::boot();
    let drop_inside = || {
        let runtime = boot(|builder| builder.stack_size(LARGE));
        let (give, given) = bounded::<Runtime>(1);
        let child =
            runtime.spawn(Command::new("owner", move |p| drop(p.recv(&given).expect("the test gives it"))));
        let child = child.expect("room");
        give.send(runtime).expect("room");
        drop(child.wait().expect("kept"));
    };
    for _ in 0..20 {
        drop_inside();
    }
    // The last threads end after the last process has.
    while large_stacks() > 0 {
        std::thread::yield_now();
    }
}

/// Design "Several runtimes can live in one OS process": pids, kills, waits and ends of one are nothing to another.
#[test]
fn several_runtimes_have_nothing_to_do_with_each_other() {
    let here = Fixture::boot();
    let there = boot(|builder| builder);
    let (hold, held) = hold();
    let child = here.child("here", held.clone());
    let twin = there.spawn(Command::new("there", held)).expect("room");
    assert_eq!(child.id(), twin.id(), "each counts from 2");
    assert_eq!(there.snapshot().processes.len(), 2);
    there.kill(Target::All, Signal::KILL).expect("always");
    assert_eq!(twin.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    assert!(child.try_wait().expect("mine").is_none());
    // A process of one may use the other as anybody outside may.
    let (seen, there) = here.inside(move |p| {
        let outside = there.run(Command::new("guest", |p| p.ppid().as_raw())).expect("room");
        let stranger = there.spawn(Command::new("stranger", |p| p.sleep(FOR_EVER))).expect("room");
        let by_wait4 = errno(p.wait4(WaitFor::Child(&stranger), WaitFlags::empty()));
        let report = there.shutdown(LONG).expect("it is not this process's own");
        let stranger = stranger.wait().expect("kept").status;
        ((outside.code(), by_wait4, report.asked, stranger), there)
    });
    assert_eq!(seen, (Some(1), libc::ECHILD, 1, ExitStatus::killed(Signal::TERM)));
    assert_eq!(errno(there.spawn(Command::new("late", |_| {}))), libc::ESHUTDOWN);
    drop(hold);
    succeeded(&child.wait().expect("mine"));
    assert!(here.run(Command::new("next", |_| {})).expect("it is up").success());
}

/// `Builder::init`: a body of the user's gets the orphans, and its return ends every process and the runtime (row 6).
#[test]
fn a_custom_init_gets_the_orphans_and_its_return_is_the_end() {
    let (give, given) = unbounded();
    let fixture = Fixture::with(|builder| {
        builder.init(move |p| {
            let spawned = p.spawn(Command::new("first", |_| 3)).expect("room");
            assert_eq!(spawned.wait().expect("mine").status.code(), Some(3));
            give.send(None).expect("the test listens");
            // The orphan comes later: a wait without a child does not sleep.
            let orphan = loop {
                match p.wait() {
                    Ok(waited) => break waited,
                    Err(error) => assert_eq!(error.errno(), libc::ECHILD),
                }
                p.checkpoint();
            };
            give.send(Some((orphan.pid, orphan.status.code()))).expect("the test listens");
            6
        })
    });
    assert_eq!(given.recv().expect("it begins"), None);
    let survivor = fixture.child("survivor", |p| p.sleep(FOR_EVER));
    let orphan = fixture.inside(|p| {
        let (_hold, held) = bounded::<()>(0);
        let orphan = Command::new("orphan", move |p| {
            // Its parent's end closes the channel.
            let _ = p.recv(&held);
            11
        });
        p.spawn(orphan).expect("room").id()
    });
    assert_eq!(given.recv().expect("it comes"), Some((orphan, Some(11))));
    assert_eq!(fixture.wait().expect("init returned"), ExitStatus::exited(6));
    assert_eq!(survivor.wait().expect("kept").status, ExitStatus::killed(Signal::KILL));
    assert_eq!(errno(fixture.spawn(Command::new("late", |_| {}))), libc::ESHUTDOWN);
    fixture.is_down(ExitStatus::exited(6));
}

/// Row 6: init's death by a signal or a panic is an error that names it, of every call; its processes are killed.
#[test]
fn the_death_of_init_is_named_by_every_call() {
    let kill: fn(&Runtime) = |runtime| runtime.kill(Pid::INIT, Signal::KILL).expect("it lives");
    let (go, goes) = bounded::<()>(1);
    let built_in = Fixture::boot();
    let polite = Fixture::with(|builder| builder.init(|p| p.sleep(FOR_EVER)));
    let panics = Fixture::with(|builder| {
        builder.init(move |p| {
            let _ = p.recv(&goes);
            panic!("init is lost");
        })
    });
    let killed = ExitStatus::killed(Signal::KILL);
    let cases = [
        (built_in, killed, Some(kill)),
        (polite, killed, Some(kill)),
        (panics, ExitStatus::dumped(Signal::ABRT), None),
    ];
    for (fixture, status, end) in cases {
        let child = fixture.child("child", |p| p.sleep(FOR_EVER));
        match end {
            Some(end) => end(&fixture),
            None => go.send(()).expect("it listens"),
        }
        match fixture.wait() {
            Err(Error::InitEnded { status: named }) => assert_eq!(named, status),
            other => panic!("{other:?}"),
        }
        assert_eq!(child.wait().expect("kept").status, ExitStatus::killed(Signal::KILL));
        let refused = fixture.run(Command::new("late", |_| {})).expect_err("it is down");
        assert_eq!(refused.errno(), libc::ESHUTDOWN);
        assert!(refused.to_string().contains(&status.to_string()), "{refused}");
        fixture.is_down(status);
    }
}

/// Row 6: with `OnInitExit::Panic` the same calls panic, with the same words.
#[test]
fn a_builder_can_have_the_death_of_init_panic() {
    let _watchdog = Fixture::boot();
    let runtime = boot(|builder| builder.on_init_exit(OnInitExit::Panic));
    runtime.kill(Pid::INIT, Signal::KILL).expect("it lives");
    for call in [
        |runtime: &Runtime| runtime.wait().map(drop),
        |runtime: &Runtime| runtime.spawn(Command::new("late", |_| {})).map(drop),
        |runtime: &Runtime| runtime.run(Command::new("late", |_| {})).map(drop),
        |runtime: &Runtime| runtime.shutdown(LONG).map(drop),
    ] {
        let payload = catch_unwind(AssertUnwindSafe(|| call(&runtime))).expect_err("it has to panic");
        let message = payload.downcast_ref::<String>().expect("a text");
        assert!(message.contains("init ended with signal: 9 (SIGKILL)"), "{message}");
    }
}

/// Decision 25: init is asked and killed like the others, after them.
#[test]
fn a_custom_init_is_asked_and_then_killed() {
    let _watchdog = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let runtime = boot(|builder| builder.init(stubborn(ready)));
    is_ready.recv().expect("it begins");
    let report = runtime.shutdown(SHORT).expect("the first");
    assert_eq!((report.init, report.is_clean()), (ExitStatus::killed(Signal::KILL), true), "{report}");
    let runtime = boot(|builder| {
        builder.init(|p| {
            p.on_term(|p| p.exit(5));
            while p.sleep(FOR_EVER).is_err() {}
        })
    });
    // It may have been asked before it was polite.
    let report = runtime.shutdown(LONG).expect("the first");
    let asked = [ExitStatus::exited(5), ExitStatus::killed(Signal::TERM)];
    assert!(asked.contains(&report.init) && report.is_clean(), "{report}");
}

/// Decision 25: an init that comes to no checkpoint is in the report as others are.
#[test]
fn an_init_that_cannot_be_stopped_is_named() {
    let _watchdog = Fixture::boot();
    let (say, said) = bounded(0);
    let (release, released) = bounded(0);
    let (ended, has_ended) = bounded(0);
    let runtime = boot(|builder| builder.init(stuck(say, released, ended)));
    let said = said.recv().expect("it begins");
    let report = runtime.shutdown(SHORT).expect("the first");
    let named: Vec<Pid> = report.stuck.iter().map(|stuck| stuck.pid).collect();
    let is_clean = report.is_clean();
    drop(release);
    assert!(has_ended.recv().is_err(), "its thread ended");
    assert!(!is_clean);
    assert_eq!(named, [Pid::INIT], "{report}");
    assert_names(&report.stuck[0], Pid::INIT, "init", &said);
}

/// Design "No user code runs under a lock": what a runtime that goes down still owned is dropped, the closures of processes
/// that never began too.
#[test]
fn closures_of_processes_that_never_began_are_dropped() {
    let _watchdog = Fixture::boot();
    let held = Arc::new(());
    for _ in 0..50 {
        let runtime = boot(|builder| builder);
        let children: Vec<_> = (0..20)
            .map(|_| {
                let held = Arc::clone(&held);
                let body = move |p: &Process| {
                    let slept = p.sleep(FOR_EVER);
                    drop(held);
                    slept
                };
                runtime.spawn(Command::new("child", body)).expect("room")
            })
            .collect();
        assert!(runtime.shutdown(LONG).expect("the first").is_clean());
        assert!(
            children
                .iter()
                .all(|child| child.wait().expect("kept").status == ExitStatus::killed(Signal::TERM))
        );
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
