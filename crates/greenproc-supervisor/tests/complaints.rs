//! What users of other supervisors complain of, as far as it is not shown elsewhere: `docs/supervision.md` has the list.

use std::collections::HashSet;
use std::io::{Read, pipe};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenproc::{ExitStatus, Mailbox, PanicReport, Process, Runtime, Signal};
use greenproc_supervisor::{
    Backoff, ChildSpec, ChildState, EventKind, Events, OnSilence, RequestError, Restart, Shutdown,
    Supervisor, Watchdog,
};
use greenproc_tests::{AN_HOUR, Fixture};

fn sleeper(p: &Process) -> greenproc::Result<()> {
    p.sleep(AN_HOUR)
}

fn patient(name: &str) -> Supervisor {
    Supervisor::new(name.to_owned()).unlimited().backoff(Backoff::NONE)
}

/// How the next child of this path ends.
fn next_exit(events: &Events, path: &str) -> ExitStatus {
    loop {
        let event = events.receiver().recv_timeout(Duration::from_mins(1)).expect("it happens");
        if *event.path == *path
            && let EventKind::Exited { status, .. } = event.kind
        {
            return status;
        }
    }
}

/// tokio 4853, lightningdevkit/ldk-node 1007: what blocked in a read could not be stopped, and held up the shutdown.
#[test]
fn a_child_that_blocks_in_a_host_call_is_stopped() {
    let fixture = Fixture::boot();
    let events = Events::bounded(100);
    let reader = |p: &Process| {
        let (mut silent, _open) = pipe()?;
        p.blocking(|| silent.read(&mut [0])).map(drop)
    };
    let reader = ChildSpec::new("reader", reader).shutdown(Shutdown::Infinite);
    let tree = patient("s").events(&events).child(reader).start(&fixture).expect("it starts");
    tree.terminate_child("reader").expect("it is stopped, without a time-out");
    assert_eq!(next_exit(&events, "s/reader").signal(), Some(Signal::TERM));
    tree.restart_child("reader").expect("it starts");
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// suture 34 and 38: a false time-out right after a removal; a stop of what had failed already.
#[test]
fn who_has_ended_already_is_terminated_all_the_same() {
    let fixture = Fixture::boot();
    let events = Events::bounded(100);
    let quick = ChildSpec::new("quick", |_| 3).restart(Restart::Transient).backoff(Backoff {
        first: AN_HOUR,
        max: AN_HOUR,
        ..Backoff::default()
    });
    let done = ChildSpec::new("done", |_| {}).restart(Restart::Transient);
    let tree = patient("s").events(&events).child(quick).child(done).start(&fixture).expect("it starts");
    let mut alive = HashSet::from(["s/quick", "s/done"]);
    while !alive.is_empty() {
        let event = events.receiver().recv_timeout(Duration::from_mins(1)).expect("it happens");
        if matches!(event.kind, EventKind::Exited { .. }) {
            assert!(alive.remove(&*event.path), "{event}");
        }
    }
    let state =
        |id: &str| tree.which_children().expect("it answers").into_iter().find(|child| *child.id == *id);
    for id in ["quick", "done"] {
        for _twice in 0..2 {
            tree.terminate_child(id).expect("it is down");
            assert_eq!(state(id).map(|child| child.state), Some(ChildState::Terminated));
        }
        tree.delete_child(id).expect("it is down");
        assert!(matches!(tree.terminate_child(id), Err(RequestError::NoChild { .. })));
    }
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// ractor 226 and 278: a kill ran what cleans up, or a stop did not.
#[test]
fn a_stop_asks_and_a_kill_does_not() {
    let fixture = Fixture::boot();
    let (events, asked) = (Events::bounded(100), Mailbox::new());
    let polite = |id: &str| {
        let asked = asked.clone();
        ChildSpec::with_life(id, move |p, life| {
            let asked = asked.clone();
            p.on_term(move |p| {
                let _ = asked.post(p.name().to_owned());
                p.exit(7)
            });
            life.ready();
            sleeper(p)
        })
    };
    let tree = patient("s")
        .events(&events)
        .child(polite("asked"))
        .child(polite("killed").shutdown(Shutdown::Kill))
        .start(&fixture)
        .expect("it starts");
    tree.terminate_child("killed").expect("it is stopped");
    assert_eq!(next_exit(&events, "s/killed").signal(), Some(Signal::KILL));
    assert!(asked.try_receive().is_none());
    tree.terminate_child("asked").expect("it is stopped");
    assert_eq!(next_exit(&events, "s/asked").code(), Some(7));
    assert_eq!(asked.try_receive().as_deref(), Some("asked"));
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// ractor 243: a start that failed left its name taken.
#[test]
fn a_failed_start_leaves_its_name_free() {
    let fixture = Fixture::boot();
    let tree = patient("s").start(&fixture).expect("it starts");
    for _ in 0..3 {
        let broken = ChildSpec::with_life("a", |_, _| Err::<(), _>("no such file"));
        let error = tree.start_child(broken).expect_err("it fails");
        assert!(error.to_string().contains("no such file"), "{error}");
        assert!(tree.which_children().expect("it answers").is_empty());
    }
    assert_eq!(tree.start_child(ChildSpec::new("a", sleeper)).expect("the name is free").incarnation(), 1);
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// tini 138, moby 42883, overmind 182: one that hung kept the others from being reaped.
#[test]
fn one_that_cannot_be_stopped_holds_up_no_other() {
    let fixture = Fixture::boot();
    let events = Events::bounded(100_000);
    let release = Arc::new(AtomicBool::new(false));
    let released = Arc::clone(&release);
    let deaf = ChildSpec::with_life("deaf", move |_, life| {
        life.ready();
        while !released.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    });
    let tree = patient("s")
        .stuck_after(Duration::from_millis(10))
        .events(&events)
        .child(deaf.shutdown(Shutdown::Kill))
        .child(ChildSpec::new("other", sleeper))
        .start(&fixture)
        .expect("it starts");
    assert!(matches!(tree.terminate_child("deaf"), Err(RequestError::Stuck { .. })));
    for _ in 0..50 {
        loop {
            // Between two lives there is none.
            if let Ok(life) = tree.child("other") {
                break life.signal(Signal::KILL).expect("it is not reaped yet");
            }
        }
        assert_eq!(next_exit(&events, "s/other").signal(), Some(Signal::KILL));
    }
    assert!(fixture.stats().zombies <= 1, "each is reaped before the next begins");
    release.store(true, Ordering::Relaxed);
    assert!(!next_exit(&events, "s/deaf").success(), "it ends when it can");
    assert!(tree.shutdown().expect("mine").is_clean());
}

/// What the program is told that is to be aborted by a watchdog.
const TO_BE_ABORTED: &str = "GREENPROC_TEST_TO_BE_ABORTED";

/// heph 475, libsql 1717: everybody writes the watchdog by hand that aborts a program which hangs in code that nobody can stop.
#[test]
fn a_watchdog_can_abort_the_program() {
    if std::env::var_os(TO_BE_ABORTED).is_some() {
        return hang();
    }
    let program = std::env::current_exe().expect("this test");
    let output = std::process::Command::new(program)
        .args(["--exact", "a_watchdog_can_abort_the_program", "--nocapture"])
        .env(TO_BE_ABORTED, "1")
        .output()
        .expect("it runs");
    assert_eq!(output.status.signal(), Some(6), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("s/deaf is silent, and its watchdog aborts"), "{text}");
}

fn hang() {
    let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot().expect("it boots");
    let watchdog = Watchdog { interval: Duration::from_millis(20), on_silence: OnSilence::Abort };
    let deaf = ChildSpec::with_life("deaf", |_, life| {
        life.ready();
        loop {
            std::thread::yield_now(); // no checkpoint
        }
    });
    let tree = patient("s").child(deaf.watchdog(watchdog)).start(&runtime).expect("it starts");
    let _never = tree.wait();
}
