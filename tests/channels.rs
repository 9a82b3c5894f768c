//! Waiting for each other inside a runtime: the killable forms of channels and locks, and LWPs that are joined.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | receive and send: messages, time-outs, closed channels, the message that comes back | decision 19 |
//! | `KillableMutex`: exclusion, EDEADLK, no lost wake-up, progress | decisions 19, 20, 28 |
//! | LWPs: join, detach, `exit_lwp`, EDEADLK, ESRCH, limits | rows 4, 7, decisions 17, 20 |
//!
//! That all of these end when their process is killed is shown by the tests of `kill`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use greenproc::{
    Command, Error, Exhausted, ExitStatus, JoinError, KillableMutex, Limits, LwpId, Process, RecvError,
    Result, SendFailure, Signal,
};
use greenproc_sync::time;
use greenproc_tests::{Fixture, hold, succeeded};

/// Longer than any test: a sleep that a test waits for in vain runs into the watchdog.
const FOR_EVER: Duration = Duration::from_hours(1);

/// `Process::recv`, `Process::send`: messages come over in order between two processes, through a channel with room.
#[test]
fn messages_pass_between_processes_in_order() {
    messages_pass_through(&[1, 7, 500]);
}

/// The same through a channel without room, in which the two have to meet while both wait.
#[test]
fn messages_pass_through_a_rendezvous() {
    messages_pass_through(&[0]);
}

fn messages_pass_through(sizes: &'static [usize]) {
    let fixture = Fixture::boot();
    for &size in sizes {
        let got = fixture.inside(move |p| {
            let (sender, receiver) = bounded(size);
            let producer = Command::new("producer", move |p| {
                (0..500).try_for_each(|number| p.send(&sender, number)).map_err(|error| error.to_string())
            });
            p.spawn(producer).expect("room");
            let got: Vec<i32> = std::iter::from_fn(|| p.recv(&receiver).ok()).collect();
            succeeded(&p.wait().expect("a child"));
            got
        });
        assert!(got.iter().copied().eq(0..500), "through a channel for {size}: {got:?}");
    }
}

/// `RecvError::Disconnected`: what is still there is received first.
#[test]
fn a_closed_channel_is_emptied_and_then_said_to_be_closed() {
    Fixture::boot().inside(|p| {
        let (sender, receiver) = unbounded();
        sender.send('a').expect("open");
        drop(sender);
        assert_eq!(p.recv(&receiver).expect("it is there"), 'a');
        assert!(matches!(p.recv(&receiver), Err(RecvError::Disconnected)));
        assert!(matches!(p.recv_timeout(&receiver, FOR_EVER), Err(RecvError::Disconnected)));
    });
}

/// `RecvError::Disconnected`: a receive that sleeps is woken when the last sender goes.
#[test]
fn a_sleeping_receive_hears_that_the_channel_is_closed() {
    Fixture::boot().inside(|p| {
        let (sender, receiver) = bounded::<()>(0);
        let (ready, is_ready) = bounded(1);
        let listener = Command::new("listener", move |p| {
            p.send(&ready, ()).expect("the parent listens");
            i32::from(matches!(p.recv(&receiver), Err(RecvError::Disconnected)))
        });
        let listener = p.spawn(listener).expect("room");
        p.recv(&is_ready).expect("it begins");
        drop(sender);
        assert_eq!(listener.wait().expect("mine").status.code(), Some(1));
    });
}

/// `RecvError::Timeout`: not before its time; a message that is there beats it; one beyond the clock is none.
#[test]
fn a_receive_times_out_after_its_time() {
    Fixture::boot().inside(|p| {
        let (sender, receiver) = unbounded();
        for patience in [Duration::ZERO, Duration::from_millis(20)] {
            let before = time::now();
            assert!(matches!(p.recv_timeout(&receiver, patience), Err(RecvError::Timeout)));
            assert!(before.elapsed() >= patience);
        }
        for patience in [Duration::ZERO, Duration::MAX] {
            sender.send(patience).expect("open");
            assert_eq!(p.recv_timeout(&receiver, patience).expect("it is there"), patience);
        }
    });
}

/// `SendError`: the message of a send that failed comes back, from a channel of any kind.
#[test]
fn an_unsent_message_comes_back() {
    Fixture::boot().inside(|p| {
        for (sender, receiver) in [bounded(0), bounded(1), unbounded()] {
            drop(receiver);
            let error = p.send(&sender, "back".to_owned()).expect_err("nobody receives");
            assert_eq!(error.message, "back");
            assert!(matches!(error.reason, SendFailure::Disconnected));
        }
        let (full, receiver) = bounded(1);
        full.send("first".to_owned()).expect("room");
        assert!(!p.stop_requested());
        p.kill(p.pid(), Signal::TERM).expect("alive");
        let error = p.send(&full, "second".to_owned()).expect_err("interrupted");
        assert_eq!(error.message, "second");
        assert!(matches!(&error.reason, SendFailure::Interrupted(error) if error.errno() == libc::EINTR));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["first"]);
    });
}

/// Decision 19: a sender that is killed sent its message or dropped it; it is never in both places, nor in none.
#[test]
fn a_message_of_a_killed_sender_is_sent_or_dropped() {
    let fixture = Fixture::boot();
    for _ in 0..200 {
        let (sender, receiver) = bounded(0);
        let message = Arc::new(());
        let sent = Arc::clone(&message);
        let victim =
            fixture.child("sender", move |p| p.send(&sender, sent).map_err(|error| error.to_string()));
        let killer = fixture.child("killer", {
            let victim = victim.id();
            move |p| {
                // Its pid is its own as long as the handle is not waited through.
                p.kill(victim, Signal::KILL).expect("alive or a zombie");
            }
        });
        let received = receiver.recv().ok();
        succeeded(&killer.wait().expect("mine"));
        let status = victim.wait().expect("mine").status;
        assert!(received.is_some() || status == ExitStatus::killed(Signal::KILL));
        assert_eq!(Arc::strong_count(&message), 1 + usize::from(received.is_some()));
    }
}

/// `KillableMutex`: one at a time, nobody starves: all of eight processes come to their 1000 turns.
#[test]
fn a_lock_admits_one_at_a_time_and_everybody_in_the_end() {
    const PROCESSES: u64 = 8;
    const TURNS: u64 = 1000;
    let fixture = Fixture::boot();
    let lock = Arc::new(KillableMutex::new((0_u64, 0_u64)));
    let inside = Arc::new(AtomicU32::new(0));
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
            fixture.child("adder", move |p| -> Result<()> {
                for _ in 0..TURNS {
                    let mut guard = lock.lock(p)?;
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "alone");
                    guard.0 += 1;
                    guard.1 = guard.0 * 2;
                    inside.fetch_sub(1, Ordering::Relaxed);
                }
                Ok(())
            })
        })
        .collect();
    for child in &children {
        succeeded(&child.wait().expect("mine"));
    }
    drop(children);
    let lock = Arc::into_inner(lock).expect("the processes have ended");
    assert_eq!(lock.into_inner(), (PROCESSES * TURNS, 2 * PROCESSES * TURNS));
}

/// `KillableMutex::lock`: EDEADLK for the LWP that holds it, however it got it; another LWP of the process waits.
#[test]
fn a_lock_that_is_held_already_is_edeadlk() {
    Fixture::boot().inside(|p| {
        let lock = Arc::new(KillableMutex::new(0));
        let guard = lock.lock(p).expect("free");
        assert_eq!(lock.lock(p).expect_err("held").errno(), libc::EDEADLK);
        drop(guard);
        let mut guard = lock.try_lock().expect("free");
        assert_eq!(lock.lock(p).expect_err("held").errno(), libc::EDEADLK);
        let (ready, is_ready) = bounded(1);
        let theirs = Arc::clone(&lock);
        let other = p.spawn_lwp(move |p| {
            p.send(&ready, ()).expect("the main LWP listens");
            theirs.lock(p).map(|guard| *guard).expect("it comes free")
        });
        p.recv(&is_ready).expect("it begins");
        *guard = 7;
        drop(guard);
        assert_eq!(other.expect("room").join(p).expect("it returns"), 7);
        assert_eq!(*lock.lock(p).expect("free again"), 7);
    });
}

/// `KillableMutex::try_lock`: nobody waits in it, from a process or from outside, and a panic does not poison.
#[test]
fn a_lock_is_tried_from_anywhere() {
    let fixture = Fixture::boot();
    let lock = Arc::new(KillableMutex::new(1));
    let guard = lock.try_lock().expect("free");
    assert!(lock.try_lock().is_none());
    let theirs = Arc::clone(&lock);
    assert!(fixture.inside(move |_| theirs.try_lock().is_none()));
    drop(guard);
    let theirs = Arc::clone(&lock);
    let panics = fixture.child("panics", move |p| {
        *theirs.lock(p).expect("free") += 1;
        let _guard = theirs.lock(p).expect("free");
        panic!("on purpose");
    });
    assert_eq!(panics.wait().expect("mine").status, ExitStatus::dumped(Signal::ABRT));
    let mut guard = lock.try_lock().expect("free again");
    *guard += 1;
    drop(guard);
    let mut lock = Arc::into_inner(lock).expect("nobody else has it");
    assert_eq!(*lock.get_mut(), 3);
}

/// Decision 27 for the lock: whoever leaves the line passes the wake-up on, killed just when the lock comes free too.
#[test]
fn a_killed_waiter_does_not_lose_the_wake_up() {
    let fixture = Fixture::boot();
    let lock = Arc::new(KillableMutex::new(()));
    for _ in 0..200 {
        let guard = lock.try_lock().expect("free");
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let (lock, (ready, is_ready)) = (Arc::clone(&lock), bounded(0));
                let waiter = fixture.child("waiter", move |p| {
                    ready.send(()).expect("the test listens");
                    lock.lock(p).map(drop)
                });
                is_ready.recv().expect("it begins");
                waiter
            })
            .collect();
        let first = waiters[0].id();
        let killer = fixture.child("killer", move |p| p.kill(first, Signal::KILL));
        drop(guard);
        succeeded(&killer.wait().expect("mine"));
        let status = waiters[0].wait().expect("mine").status;
        assert!(status.success() || status == ExitStatus::killed(Signal::KILL), "{status}");
        for waiter in &waiters[1..] {
            succeeded(&waiter.wait().expect("mine"));
        }
    }
}

/// Decision 20: a polite waiter is interrupted by SIGTERM, leaves the line, and the lock goes on to the next.
#[test]
fn an_interrupted_waiter_leaves_the_line() {
    let fixture = Fixture::boot();
    let lock = Arc::new(KillableMutex::new(()));
    let guard = lock.try_lock().expect("free");
    let (ready, is_ready) = bounded(0);
    let (theirs, tell) = (Arc::clone(&lock), ready.clone());
    let polite = fixture.child("polite", move |p| {
        assert!(!p.stop_requested());
        tell.send(()).expect("the test listens");
        theirs.lock(p).map(drop).expect_err("SIGTERM").errno()
    });
    is_ready.recv().expect("it begins");
    let theirs = Arc::clone(&lock);
    let next = fixture.child("next", move |p| {
        ready.send(()).expect("the test listens");
        theirs.lock(p).map(drop)
    });
    is_ready.recv().expect("it begins");
    polite.signal(Signal::TERM).expect("it lives");
    assert_eq!(polite.wait().expect("mine").status.code(), Some(libc::EINTR));
    assert!(next.try_wait().expect("mine").is_none(), "the lock is still held");
    drop(guard);
    succeeded(&next.wait().expect("mine"));
}

/// NetBSD `_lwp_create`, `_lwp_wait`: an LWP is one of the same process, with a number and a thread of its own.
#[test]
fn an_lwp_is_joined_for_its_value() {
    Fixture::boot().inside(|p| {
        assert_eq!(p.lwp_id(), LwpId::MAIN);
        let who = |p: &Process| (p.pid(), p.lwp_id(), greenproc_os::thread::tid().as_raw());
        let main = who(p);
        let (hold, held) = bounded::<()>(0);
        let (ready, is_ready) = unbounded();
        let lwps = [(); 3].map(|()| {
            let (held, ready) = (held.clone(), ready.clone());
            p.spawn_lwp(move |p| {
                ready.send(()).expect("the main LWP listens");
                let _ = p.recv(&held);
                who(p)
            })
            .expect("room")
        });
        (0..3).for_each(|_| p.recv(&is_ready).expect("it begins"));
        drop(hold);
        let ids = lwps.each_ref().map(greenproc::LwpHandle::id);
        let seen = lwps.map(|lwp| lwp.join(p).expect("it returns"));
        for (id, (pid, lwp, tid)) in ids.into_iter().zip(seen) {
            assert_eq!((pid, lwp), (main.0, id));
            assert_ne!(tid, main.2);
        }
        assert!(
            seen[0].2 != seen[1].2 && seen[1].2 != seen[2].2 && seen[0].2 != seen[2].2,
            "they ran at once"
        );
        assert!(!ids.contains(&LwpId::MAIN) && ids[0] < ids[1] && ids[1] < ids[2]);
    });
}

/// NetBSD `_lwp_detach`: a detached LWP goes on, and what it returns is dropped.
#[test]
fn a_detached_lwp_goes_on() {
    Fixture::boot().inside(|p| {
        let (release, released) = bounded(1);
        let value = Arc::new(());
        let theirs = Arc::clone(&value);
        let (done, is_done) = unbounded();
        p.spawn_lwp(move |p| {
            let message: i32 = p.recv(&released).expect("the main LWP sends");
            done.send(message).expect("the main LWP listens");
            (theirs, done)
        })
        .expect("room")
        .detach();
        p.send(&release, 3).expect("it receives");
        assert_eq!(p.recv(&is_done).expect("it went on"), 3);
        // Its value held the sender: the channel is closed when that was dropped.
        assert!(matches!(p.recv(&is_done), Err(RecvError::Disconnected)));
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

/// `JoinError::Left`: an LWP that leaves by `exit_lwp` has no value; its destructors run, and the process goes on.
#[test]
fn an_lwp_that_leaves_has_no_value() {
    Fixture::boot().inside(|p| {
        let (dropped, was_dropped) = bounded::<()>(0);
        let other = p.spawn_lwp(move |p| -> () {
            let _dropped = dropped;
            p.exit_lwp()
        });
        let joined = other.expect("room").join(p);
        assert!(matches!(joined, Err(JoinError::Left)), "{joined:?}");
        assert!(was_dropped.recv().is_err(), "unwound before it was joined");
    });
}

/// Row 4: the process ends with the last of its LWPs, with 0, if all leave.
#[test]
fn the_last_lwp_takes_the_process_along() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let child = fixture.child("leaves", move |p| -> i32 {
        p.spawn_lwp(held).expect("room").detach();
        p.exit_lwp()
    });
    assert!(child.try_wait().expect("mine").is_none(), "one LWP is left");
    drop(hold);
    assert_eq!(child.wait().expect("mine").status, ExitStatus::exited(0));
}

/// Row 4, decision 17: the first exit decides, whichever LWP it is of; the others are made to leave.
#[test]
fn an_exit_of_any_lwp_is_the_processs() {
    let fixture = Fixture::boot();
    let status = fixture.run(Command::new("two", |p| {
        p.spawn_lwp(|p| -> () { p.exit(6) }).expect("room").detach();
        let _ = p.sleep(FOR_EVER);
        7
    }));
    assert_eq!(status.expect("it ran"), ExitStatus::exited(6));
}

/// Decision 12: so is a panic.
#[test]
fn a_panic_of_any_lwp_is_the_processs() {
    let fixture = Fixture::boot();
    let child = fixture.child("two", |p| {
        let other = p.spawn_lwp(|_| panic!("on purpose")).expect("room");
        other.join(p).expect_err("the process ends").to_string().parse::<i32>().unwrap_or(7)
    });
    let waited = child.wait().expect("mine");
    assert_eq!(waited.status, ExitStatus::dumped(Signal::ABRT));
    assert!(waited.report.is_some_and(|report| report.to_string().contains("on purpose")));
}

/// Row 7: when the main body returns, the other LWPs are made to leave before the zombie is there.
#[test]
fn the_return_of_the_main_body_ends_the_other_lwps() {
    let fixture = Fixture::boot();
    let left = Arc::new(());
    let theirs = Arc::clone(&left);
    let child = fixture.child("main", move |p| {
        for _ in 0..4 {
            let theirs = Arc::clone(&theirs);
            p.spawn_lwp(move |p| {
                let slept = p.sleep(FOR_EVER);
                drop(theirs);
                slept
            })
            .expect("room")
            .detach();
        }
        5
    });
    assert_eq!(child.wait().expect("mine").status, ExitStatus::exited(5));
    assert_eq!(Arc::strong_count(&left), 1, "they unwound");
}

/// `LwpHandle::join`: EDEADLK for the LWP itself.
#[test]
fn an_lwp_that_joins_itself_is_edeadlk() {
    Fixture::boot().inside(|p| {
        let (give, given) = bounded::<greenproc::LwpHandle<()>>(1);
        let (say, said) = bounded(1);
        let other = p.spawn_lwp(move |p| {
            let itself = p.recv(&given).expect("the main LWP sends it");
            say.send(itself.join(p)).expect("the main LWP listens");
        });
        p.send(&give, other.expect("room")).expect("room in the channel");
        match p.recv(&said).expect("it goes on") {
            Err(JoinError::Failed(error)) => assert_eq!(error.errno(), libc::EDEADLK),
            other => panic!("{other:?}"),
        }
    });
}

/// `LwpHandle::join`: ESRCH in another process, also if it has the same pid by now.
#[test]
fn an_lwp_of_another_process_cannot_be_joined() {
    let fixture = Fixture::with(|builder| builder.pid_max(2));
    let (give, given) = bounded(2);
    let first = fixture.child("first", move |p| {
        for _ in 0..2 {
            give.send(p.spawn_lwp(|_| 8).expect("room")).expect("room");
        }
    });
    let pid = first.id();
    succeeded(&first.wait().expect("mine"));
    let (second, seen) = fixture
        .spawn_returning("second", move |p| {
            let errno = |joined: std::result::Result<i32, JoinError>| match joined {
                Err(JoinError::Failed(error)) => Some(error.errno()),
                _ => None,
            };
            given.iter().map(|handle| errno(handle.join(p))).collect::<Vec<_>>()
        })
        .expect("room");
    assert_eq!(second.id(), pid, "the only one that is free");
    succeeded(&second.wait().expect("mine"));
    assert_eq!(seen.take(), Some(vec![Some(libc::ESRCH); 2]));
}

/// `JoinError::Failed` with EINTR: a polite SIGTERM ends the join, and the LWP goes on by itself.
#[test]
fn a_join_is_interrupted_by_a_polite_sigterm() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let (release, released) = bounded::<()>(0);
    let (child, seen) = fixture
        .spawn_returning("joins", move |p| {
            assert!(!p.stop_requested());
            let (done, is_done) = unbounded();
            let other = p.spawn_lwp(move |p| {
                // It is interrupted as well, once.
                while !matches!(p.recv(&released), Err(RecvError::Disconnected)) {}
                let _ = done.send(());
            });
            ready.send(()).expect("the test listens");
            let joined = match other.expect("room").join(p) {
                Err(JoinError::Failed(error)) => error.errno(),
                other => panic!("{other:?}"),
            };
            ready.send(()).expect("the test listens");
            (joined, p.recv(&is_done).is_ok())
        })
        .expect("room");
    is_ready.recv().expect("it begins");
    child.signal(Signal::TERM).expect("it lives");
    is_ready.recv().expect("it was interrupted");
    drop(release);
    succeeded(&child.wait().expect("mine"));
    assert_eq!(seen.take(), Some((libc::EINTR, true)));
}

/// `Limits::lwps`: EAGAIN for one LWP too many, room again when one has ended; children have the same limit.
#[test]
fn a_process_has_no_more_lwps_than_its_limit() {
    fn at_the_limit(p: &Process) {
        let (hold, held) = hold();
        let lwps = [(); 2].map(|()| p.spawn_lwp(held.clone()).expect("room for three with the main one"));
        match p.spawn_lwp(held.clone()) {
            Err(Error::Exhausted(Exhausted::Lwps { capacity: 3 })) => {}
            other => panic!("{other:?}"),
        }
        drop(hold);
        for lwp in lwps {
            lwp.join(p).expect("it returns");
        }
        p.spawn_lwp(|_| ()).expect("room again").join(p).expect("it returns");
    }
    let fixture = Fixture::boot();
    let limits = Limits { lwps: Some(3), ..Limits::default() };
    let status = fixture.run(
        Command::new("limited", |p| {
            at_the_limit(p);
            let child = p.spawn(Command::new("child", at_the_limit)).expect("a process of its own");
            child.wait().map(|waited| waited.status)
        })
        .limits(limits),
    );
    assert_eq!(status.expect("it ran"), ExitStatus::exited(0));
}
