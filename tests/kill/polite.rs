//! SIGTERM to a process that has said what it wants done about it.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, select, unbounded};
use greenproc::{Command, ExitStatus, Process, RecvError, Signal};
use greenproc_tests::{Fixture, succeeded};

use crate::unwinding::{kill_myself, said_before_its_kill};
use crate::{FOR_EVER, Witness, is_ended_in};

/// Decision 20: SIGTERM is a kill until the process asks whether it has come; then it is what it asks for.
#[test]
fn who_asks_is_not_killed_by_sigterm() {
    let fixture = Fixture::boot();
    let seen = fixture.inside(|p| {
        let before = p.stop_requested();
        let (sender, receiver) = unbounded();
        sender.send(()).expect("open");
        let mut seen = vec![(before, 0)];
        for _ in 0..2 {
            p.kill(p.pid(), Signal::TERM).expect("alive");
            p.recv(&receiver).expect("what is there beats SIGTERM");
            seen.push((p.stop_requested(), p.sleep(FOR_EVER).expect_err("once").errno()));
            // Not a second time.
            assert!(matches!(p.recv_timeout(&receiver, Duration::ZERO), Err(RecvError::Timeout)));
            sender.send(()).expect("open");
        }
        seen
    });
    assert_eq!(seen, [(false, 0), (true, libc::EINTR), (true, libc::EINTR)]);
}

/// Decision 20: SIGTERM ends the sleep of each LWP once.
#[test]
fn each_lwp_of_a_polite_process_is_interrupted_once() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let (sender, receiver) = bounded(0);
    let (child, seen) = fixture
        .spawn_returning("polite", move |p| {
            assert!(!p.stop_requested());
            let body = move |p: &Process| {
                ready.send(()).expect("the test listens");
                let first = matches!(p.recv(&receiver), Err(RecvError::Interrupted(_)));
                ready.send(()).expect("the test listens");
                (first, p.recv(&receiver).ok(), p.stop_requested())
            };
            let lwps = [(); 3].map(|()| p.spawn_lwp(body.clone()).expect("room"));
            let own = body(p);
            lwps.map(|lwp| lwp.join(p).expect("it returns")).into_iter().chain([own]).collect::<Vec<_>>()
        })
        .expect("room");
    let all = |is_ready: &Receiver<()>| (0..4).for_each(|_| is_ready.recv().expect("it goes on"));
    all(&is_ready);
    child.signal(Signal::TERM).expect("it lives");
    all(&is_ready);
    (0..4).for_each(|message| sender.send(message).expect("they receive"));
    succeeded(&child.wait().expect("mine"));
    let seen = seen.take().expect("it returned");
    assert!(seen.iter().all(|&(first, second, asked)| first && second.is_some() && asked), "{seen:?}");
}

/// Decision 20: a host call is interrupted by a polite SIGTERM as well, and begun again for no other reason.
#[test]
fn a_host_call_of_a_polite_process_is_interrupted() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let (child, seen) = fixture
        .spawn_returning("polite", move |p| {
            assert!(!p.stop_requested());
            let (mut silent, mut open) = io::pipe().expect("a pipe");
            ready.send(()).expect("the test listens");
            let interrupted = p.blocking(|| silent.read(&mut [0])).map_err(|error| error.kind());
            open.write_all(&[1, 2]).expect("room in the pipe");
            (interrupted, p.blocking(|| silent.read(&mut [0; 2])).expect("two bytes are there"))
        })
        .expect("room");
    is_ready.recv().expect("it begins");
    child.signal(Signal::TERM).expect("it lives");
    succeeded(&child.wait().expect("mine"));
    assert_eq!(seen.take(), Some((Err(ErrorKind::Interrupted), 2)));
}

/// Decision 20: SIGKILL asks nobody.
#[test]
fn a_polite_process_is_killed_by_sigkill() {
    let fixture = Fixture::boot();
    is_ended_by_kill(&fixture, |p| assert!(!p.stop_requested()));
    is_ended_by_kill(&fixture, |p| p.on_term(|_| unreachable!("SIGKILL runs no handler")));
}

fn is_ended_by_kill(fixture: &Fixture, prepare: impl FnOnce(&Process) + Send + 'static) {
    let (ready, is_ready) = bounded(0);
    let child = fixture.child("polite", move |p| {
        prepare(p);
        ready.send(()).expect("the test listens");
        while p.sleep(FOR_EVER).is_err() {}
    });
    is_ready.recv().expect("it begins");
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
}

/// Decision 21: the function runs on one LWP of the process, as that process, and the call it came in place of says EINTR.
#[test]
fn a_handler_runs_once_as_its_process() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let (say, said) = unbounded();
    let child = fixture.child("handler", move |p| {
        let (done, is_done) = bounded::<()>(0);
        p.on_term(move |p| {
            let me = greenproc::current().expect("in a process");
            say.send((p.pid(), me.pid(), p.lwp_id() == me.lwp_id(), me.name().to_owned()))
                .expect("the test listens");
        });
        let other = p.spawn_lwp(move |p| p.recv(&is_done).is_err()).expect("room");
        ready.send(()).expect("the test listens");
        let main = p.sleep(FOR_EVER).map_err(|error| error.errno());
        drop((done, other));
        i32::from(main != Err(libc::EINTR))
    });
    is_ready.recv().expect("it begins");
    child.signal(Signal::TERM).expect("it lives");
    // Whichever LWP ran it: should it have been the other, this one ends the main one's sleep.
    assert_eq!(said.recv().expect("the handler runs"), (child.id(), child.id(), true, "handler".to_owned()));
    child.signal(Signal::TERM).expect("a process or its zombie");
    let status = child.wait().expect("mine").status;
    assert_eq!(status, ExitStatus::exited(0));
}

/// Decision 21: it runs at a checkpoint too, once for each SIGTERM, and may end the process.
#[test]
fn a_handler_runs_at_a_checkpoint_and_may_exit() {
    let fixture = Fixture::boot();
    let calls = fixture.inside(|p| {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        p.on_term(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let mut seen = Vec::new();
        for _ in 0..3 {
            p.kill(p.pid(), Signal::TERM).expect("alive");
            p.checkpoint();
            p.checkpoint();
            seen.push(calls.load(Ordering::Relaxed));
        }
        seen
    });
    assert_eq!(calls, [1, 2, 3]);
    let status = fixture.run(Command::new("exits", |p| {
        p.on_term(|p| p.exit(9));
        p.kill(p.pid(), Signal::TERM).expect("alive");
        p.sleep(FOR_EVER).map(|()| 1)
    }));
    assert_eq!(status.expect("it ran"), ExitStatus::exited(9));
}

/// Decisions 13 and 21: a panic in the function is the process's SIGABRT, and its report.
#[test]
fn a_panic_in_a_handler_is_sigabrt() {
    let fixture = Fixture::boot();
    let child = fixture.child("panics", |p| {
        p.on_term(|_| panic!("no way out"));
        p.kill(p.pid(), Signal::TERM).expect("alive");
        p.checkpoint();
    });
    let waited = child.wait().expect("mine");
    assert_eq!(waited.status, ExitStatus::dumped(Signal::ABRT));
    assert!(waited.report.is_some_and(|report| report.to_string().contains("no way out")));
}

/// Row 13, design "no user code under a lock": a replaced function is dropped at once, the last one as its process, before
/// its end is seen.
#[test]
fn a_replaced_handler_is_dropped() {
    let fixture = Fixture::boot();
    let (dropped, was_dropped) = unbounded();
    let seen = was_dropped.clone();
    let child = fixture.child("replaces", move |p| {
        for _ in 0..2 {
            let witness = Witness(dropped.clone());
            p.on_term(move |_| {
                let _ = &witness;
            });
        }
        // The first was dropped by the call that brought the second.
        i32::try_from(seen.len()).expect("few")
    });
    assert_eq!(child.wait().expect("mine").status.code(), Some(1));
    assert_eq!(was_dropped.try_iter().collect::<Vec<_>>(), [Some(child.id()); 2]);
}

/// Decision 20: the channel of `interrupts` wakes a `select!` of the process's own when a request comes.
#[test]
fn interrupts_wake_a_select() {
    let fixture = Fixture::boot();
    let (_open, silent) = bounded::<()>(0);
    is_ended_in(&fixture, move |p| {
        let interrupts = p.interrupts();
        loop {
            select! {
                recv(silent) -> _ => unreachable!("it is silent"),
                recv(interrupts) -> _ => p.checkpoint(),
            }
        }
    });
    let said = said_before_its_kill(|p, say| {
        p.critical(|| {
            let interrupts = p.interrupts();
            kill_myself(p);
            let ready = (0..10).all(|_| !matches!(interrupts.try_recv(), Err(error) if error.is_empty()));
            let _ = say.send(ready && p.interrupts().try_recv().is_err_and(|error| error.is_disconnected()));
        });
        p.checkpoint();
    });
    assert_eq!(said, [true], "once it has to end, the channel is ready for ever");
}

/// Decision 20: a polite SIGTERM is a message of it.
#[test]
fn a_polite_sigterm_is_a_message_of_interrupts() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let child = fixture.child("polite", move |p| {
        assert!(!p.stop_requested());
        let interrupts = p.interrupts();
        ready.send(()).expect("the test listens");
        let woken = interrupts.recv().is_ok();
        i32::from(woken) + 2 * i32::from(p.stop_requested()) + 4 * i32::from(interrupts.is_empty())
    });
    is_ready.recv().expect("it begins");
    child.signal(Signal::TERM).expect("it lives");
    assert_eq!(child.wait().expect("mine").status.code(), Some(7));
}
