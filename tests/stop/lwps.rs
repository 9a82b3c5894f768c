//! Processes of several LWPs: decision 16, mistake j.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{bounded, unbounded};
use greenproc::{Command, EventFilter, ExitStatus, KillableMutex, LwpId, Process, Signal, State};
use greenproc_tests::{Fixture, hold, next_event, soon, stay, succeeded};

use crate::{change, change_now, letter, spin, told, until, until_lwp};

/// The stop of a process whose LWPs are all elsewhere is one event, and so is its continuation.
#[test]
fn a_process_whose_lwps_are_everywhere_stops_once() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let (hold, held) = bounded::<()>(0);
    let (mut reader, mut writer) = io::pipe().expect("a pipe");
    let lock = Arc::new(KillableMutex::new(()));
    let theirs = Arc::clone(&lock);
    let guard = lock.try_lock().expect("nobody has it");
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let child = fixture.child("everywhere", move |p| {
        let (stays, waits) = (held.clone(), held.clone());
        let computes = move |p: &Process| {
            while !is_done.load(Ordering::SeqCst) {
                p.checkpoint();
            }
        };
        let lwps = [
            p.spawn_lwp(computes.clone()),
            p.spawn_lwp(computes),
            p.spawn_lwp(move |p| stay(p, &stays)),
            p.spawn_lwp(move |p| drop(theirs.lock(p))),
            p.spawn_lwp(move |p| drop(p.blocking(|| reader.read(&mut [0; 8])))),
            p.spawn_lwp(move |p| {
                p.spawn(Command::new("child", move |p: &Process| stay(p, &waits))).expect("room");
                succeeded(&p.wait().expect("my child"));
            }),
        ];
        for lwp in lwps {
            lwp.expect("room").join(p).expect("it returned");
        }
    });
    let pid = child.id();
    until("five asleep and two at work", || {
        let lwps = fixture.inspect(pid).expect("it lives").lwps;
        let count = |state| lwps.iter().filter(|lwp| lwp.state == state).count();
        (count(State::Sleeping), count(State::Running)) == (5, 2)
    });
    for _ in 0..200 {
        child.signal(Signal::STOP).expect("it lives");
        assert_eq!(next_event(&events, pid, told), ExitStatus::stopped(Signal::STOP));
        assert_eq!(letter(&fixture, pid), 'T');
        assert!(events.is_empty(), "one event");
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(next_event(&events, pid, told), ExitStatus::resumed());
        assert!(events.is_empty(), "one event");
    }
    done.store(true, Ordering::SeqCst);
    drop((hold, guard));
    writer.write_all(&[1]).expect("room in the pipe");
    succeeded(&child.wait().expect("its handle owns it"));
    assert!(events.is_empty());
}

/// A process with one LWP that comes to no checkpoint has not stopped, however still the others stand.
#[test]
fn the_stop_is_complete_with_the_last_lwp() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for leaves in [false, true] {
            let (arrive, barrier) = greenproc_tests::barrier();
            let (done, is_done) = bounded::<()>(0);
            let child = p.spawn(Command::new("two", move |p| {
                let until_done = is_done.clone();
                let last = move |p: &Process| {
                    arrive();
                    if !leaves {
                        // Its checkpoint; what it waits for comes when the test is done.
                        stay(p, &is_done);
                    }
                };
                let last = p.spawn_lwp(last).expect("room");
                last.join(p).expect("it returned");
                // Its end would take the place of the continuation.
                stay(p, &until_done);
            }));
            let child = child.expect("room");
            barrier.is_reached();
            for _ in 0..3 {
                // The other one sleeps, or stands still; this one is in plain code.
                child.signal(Signal::STOP).expect("it lives");
                assert_eq!(change_now(p, child.id()), None, "an LWP runs");
                // A stop that was not complete is no event, and neither is its end.
                child.signal(Signal::CONT).expect("it lives");
                assert_eq!(change_now(p, child.id()), None, "it had not stopped");
            }
            child.signal(Signal::STOP).expect("it lives");
            drop(barrier);
            assert_eq!(change(p, child.id()), ExitStatus::stopped(Signal::STOP), "leaves: {leaves}");
            assert_eq!(change_now(p, child.id()), None, "one event");
            child.signal(Signal::CONT).expect("it lives");
            assert_eq!(change(p, child.id()), ExitStatus::resumed());
            drop(done);
            succeeded(&child.wait().expect("my child"));
        }
    });
}

/// An LWP that ends completes the stop, and who joins it stays where it is: it learns of it after the continuation.
#[test]
fn an_lwp_that_exits_is_the_last_to_stop_and_its_joiner_stays_there() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    for exits in [false, true] {
        let (arrive, barrier) = greenproc_tests::barrier();
        let allowed = Arc::new(AtomicBool::new(false));
        let is_allowed = Arc::clone(&allowed);
        let child = fixture.child("joins", move |p| {
            let other = p.spawn_lwp(move |p| {
                arrive();
                if exits {
                    p.exit_lwp();
                }
            });
            let joined = other.expect("room").join(p);
            assert_eq!(joined.is_err(), exits, "{joined:?}");
            i32::from(is_allowed.load(Ordering::SeqCst))
        });
        let pid = child.id();
        barrier.is_reached();
        until_lwp(&fixture, pid, LwpId::MAIN, State::Sleeping);
        child.signal(Signal::STOP).expect("it lives");
        assert_ne!(letter(&fixture, pid), 'T');
        assert!(events.is_empty(), "an LWP runs");
        drop(barrier);
        assert_eq!(next_event(&events, pid, told), ExitStatus::stopped(Signal::STOP));
        until_lwp(&fixture, pid, LwpId::MAIN, State::Stopped);
        assert_eq!(fixture.inspect(pid).expect("it lives").lwps.len(), 1, "the other has left");
        allowed.store(true, Ordering::SeqCst);
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(next_event(&events, pid, told), ExitStatus::resumed());
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(1));
        assert!(events.is_empty());
    }
}

/// An LWP that was made while the stop was on its way does not begin its body before the continuation.
#[test]
fn a_new_lwp_of_a_stopped_process_does_not_begin() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    for _ in 0..10 {
        let allowed = Arc::new(AtomicBool::new(false));
        let is_allowed = Arc::clone(&allowed);
        let (tell, told_id) = unbounded();
        let child = fixture.child("makes one", move |p| {
            p.kill(p.pid(), Signal::STOP).expect("itself");
            // Neither is a checkpoint.
            let new = p.spawn_lwp(move |_| is_allowed.load(Ordering::SeqCst)).expect("room");
            tell.send(new.id()).expect("the test listens");
            i32::from(new.join(p).expect("it returned"))
        });
        let pid = child.id();
        let new = soon(&told_id);
        assert_eq!(next_event(&events, pid, told), ExitStatus::stopped(Signal::STOP));
        for id in [LwpId::MAIN, new] {
            until_lwp(&fixture, pid, id, State::Stopped);
        }
        assert_eq!(letter(&fixture, pid), 'T');
        allowed.store(true, Ordering::SeqCst);
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(next_event(&events, pid, told), ExitStatus::resumed());
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(1));
        assert!(events.is_empty(), "one stop and one continuation");
    }
}

/// A process that is stopped before its body begins does not begin it.
#[test]
fn a_process_that_is_stopped_at_once_stops_once() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for round in 0..100 {
            let (hold, held) = hold();
            let child = p.spawn(Command::new("new", held)).expect("room");
            child.signal(Signal::STOP).expect("it lives");
            assert_eq!(change(p, child.id()), ExitStatus::stopped(Signal::STOP));
            drop(hold);
            assert!(child.try_wait().expect("my child").is_none(), "it ran to its end");
            assert_eq!(change_now(p, child.id()), None, "one event");
            let signal = if round % 2 == 0 { Signal::CONT } else { Signal::KILL };
            child.signal(signal).expect("it lives");
            let status = child.wait().expect("my child").status;
            assert_eq!(status.signal(), (signal == Signal::KILL).then_some(Signal::KILL), "{status}");
        }
    });
}

/// An LWP of the process itself stops all of it, and is continued from outside.
#[test]
fn a_process_that_stops_itself_stops_at_its_next_checkpoint() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let allowed = Arc::new(AtomicBool::new(false));
        let is_allowed = Arc::clone(&allowed);
        let child = p.spawn(Command::new("stops itself", move |p| {
            p.spawn_lwp(spin).expect("room").detach();
            p.raise(Signal::STOP).expect("itself");
            p.exit(i32::from(is_allowed.load(Ordering::SeqCst)));
        }));
        let child = child.expect("room");
        assert_eq!(change(p, child.id()), ExitStatus::stopped(Signal::STOP));
        assert!(child.try_wait().expect("my child").is_none());
        allowed.store(true, Ordering::SeqCst);
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(child.wait().expect("my child").status, ExitStatus::exited(1));
    });
}
