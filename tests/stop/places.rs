//! Where an LWP can sleep when its process is stopped: it counts as stopped there, is not woken, and does not come back to
//! user code before the continuation, although what it waits for is there. Decision 16.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use greenproc::{Command, EventFilter, EventKind, ExitStatus, KillableMutex, LwpId, Process, Signal, State};
use greenproc_sync::time;
use greenproc_tests::{Fixture, OnDrop, hold, next_event, soon};

use crate::{letter, told, until_lwp};

/// Stops a process that sleeps in `place`, makes what it waits for come, sees that the LWP comes to the door and no
/// further, and lets it go on.
#[track_caller]
fn none_passes(place: impl FnOnce(&Process) + Send + 'static, come: impl FnOnce()) {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let allowed = Arc::new(AtomicBool::new(false));
    let is_allowed = Arc::clone(&allowed);
    let child = fixture.child("sleeps", move |p| {
        place(p);
        i32::from(is_allowed.load(Ordering::SeqCst))
    });
    let pid = child.id();
    until_lwp(&fixture, pid, LwpId::MAIN, State::Sleeping);
    child.signal(Signal::STOP).expect("it lives");
    assert_eq!(next_event(&events, pid, told), ExitStatus::stopped(Signal::STOP));
    come();
    until_lwp(&fixture, pid, LwpId::MAIN, State::Stopped);
    assert_eq!(letter(&fixture, pid), 'T');
    allowed.store(true, Ordering::SeqCst);
    child.signal(Signal::CONT).expect("it lives");
    assert_eq!(next_event(&events, pid, told), ExitStatus::resumed());
    let status = child.wait().expect("its handle owns it").status;
    assert_eq!(status, ExitStatus::exited(1), "it came back while it was stopped");
    assert!(events.is_empty(), "one stop and one continuation");
}

/// A message that comes.
#[test]
fn who_receives_stays_there() {
    let (send, receive) = bounded(0);
    none_passes(
        move |p| p.recv(&receive).expect("it comes"),
        move || send.send(()).expect("it is met where it stands"),
    );
}

/// A sender that goes.
#[test]
fn who_receives_from_nobody_stays_there() {
    let (hold, held) = hold();
    none_passes(held, move || drop(hold));
}

/// Room for a message.
#[test]
fn who_sends_stays_there() {
    let (send, receive) = bounded(1);
    send.try_send(4).expect("there is room for one");
    let left = receive.clone();
    none_passes(
        move |p| p.send(&send, 5).expect("there is room"),
        move || assert_eq!(receive.try_recv(), Ok(4)),
    );
    assert_eq!(left.try_recv(), Ok(5));
}

/// A child that ends.
#[test]
fn who_waits_stays_there() {
    let (hold, held) = hold();
    none_passes(
        move |p| {
            p.spawn(Command::new("child", held)).expect("room");
            assert!(p.wait().expect("my child").status.success());
        },
        move || drop(hold),
    );
}

/// A lock that becomes free.
#[test]
fn who_waits_for_a_lock_stays_there() {
    let lock = Arc::new(KillableMutex::new(0));
    let theirs = Arc::clone(&lock);
    let guard = lock.try_lock().expect("nobody has it");
    none_passes(move |p| *theirs.lock(p).expect("it becomes free") += 1, move || drop(guard));
    assert_eq!(*lock.try_lock().expect("it was given back"), 1);
}

/// A byte in a pipe.
#[test]
fn who_reads_stays_there() {
    let (mut reader, mut writer) = io::pipe().expect("a pipe");
    none_passes(
        move |p| assert_eq!(p.blocking(|| reader.read(&mut [0; 8])).expect("a byte"), 1),
        move || writer.write_all(&[1]).expect("room in the pipe"),
    );
}

/// A host call that fails brings its error back no sooner.
#[test]
fn whose_host_call_fails_stays_there() {
    let (mut reader, mut writer) = io::pipe().expect("a pipe");
    none_passes(
        move |p| {
            let failed = p.blocking(|| match reader.read(&mut [0; 8]) {
                Ok(_) => Err::<(), _>(ErrorKind::PermissionDenied.into()),
                Err(error) => Err(error),
            });
            assert_eq!(failed.map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied));
        },
        move || writer.write_all(&[1]).expect("room in the pipe"),
    );
}

/// The end of its sleep.
#[test]
fn who_sleeps_stays_there() {
    is_late(|p, duration| p.sleep(duration).expect("nothing interrupts it"));
}

/// The end of its patience, in a receive.
#[test]
fn who_receives_with_a_time_out_stays_there() {
    let (_open, silent) = bounded::<()>(0);
    is_late(move |p, duration| {
        let result = p.recv_timeout(&silent, duration);
        assert!(matches!(result, Err(greenproc::RecvError::Timeout)), "{result:?}");
    });
}

/// Stops a process while it sleeps for a while; should the machine be slower than that, the next one sleeps for longer.
fn is_late(place: impl FnOnce(&Process, Duration) + Clone + Send + 'static) {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL | EventFilter::EXITED);
    for millis in [10, 100, 1_000, 10_000] {
        let allowed = Arc::new(AtomicBool::new(false));
        let (is_allowed, place) = (Arc::clone(&allowed), place.clone());
        let (ready, is_ready) = bounded(0);
        let child = fixture.child("sleeps", move |p| {
            ready.send(()).expect("the test listens");
            place(p, Duration::from_millis(millis));
            i32::from(is_allowed.load(Ordering::SeqCst))
        });
        soon(&is_ready);
        child.signal(Signal::STOP).expect("it was not waited for");
        let stopped = |kind: &EventKind| match kind {
            EventKind::Exited { .. } => Some(false),
            kind => told(kind).map(|_| true),
        };
        if !next_event(&events, child.id(), stopped) {
            assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(0));
            continue;
        }
        until_lwp(&fixture, child.id(), LwpId::MAIN, State::Stopped);
        allowed.store(true, Ordering::SeqCst);
        child.signal(Signal::CONT).expect("it lives");
        let status = child.wait().expect("its handle owns it").status;
        assert_eq!(status, ExitStatus::exited(1), "it came back while it was stopped");
        return;
    }
    panic!("not even the longest sleep could be stopped");
}

/// What is stopped and continued while it sleeps, sleeps no shorter, and returns as if nothing had been.
#[test]
fn a_sleep_that_is_stopped_and_continued_has_its_full_length() {
    /// Sleeps, and says whether nothing but the time ended that.
    type Way = Box<dyn Fn(&Process) -> bool + Send>;
    const LENGTH: Duration = Duration::from_millis(20);
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (_open, silent) = bounded::<()>(0);
        let ways: [Way; 3] = [
            Box::new(|p| p.sleep(LENGTH).is_ok()),
            Box::new(move |p| matches!(p.recv_timeout(&silent, LENGTH), Err(greenproc::RecvError::Timeout))),
            Box::new(|p| {
                let taken = p.sigtimedwait(Signal::USR1, Some(LENGTH));
                taken.is_err_and(|error| error.errno() == libc::EAGAIN)
            }),
        ];
        for (number, way) in ways.into_iter().enumerate() {
            let child = p.spawn(Command::new("sleeps", move |p| {
                for _ in 0..5 {
                    let before = time::now();
                    assert!(way(p), "it was interrupted");
                    let slept = time::now() - before;
                    assert!(slept >= LENGTH, "{slept:?}");
                }
            }));
            let child = child.expect("room");
            let mut rounds = 0_u32;
            let waited = loop {
                if let Some(waited) = child.try_wait().expect("my child") {
                    break waited;
                }
                child.signal(Signal::STOP).expect("it was not waited for");
                child.signal(Signal::CONT).expect("it was not waited for");
                rounds += 1;
            };
            assert!(waited.status.success(), "way {number}: {}", greenproc_tests::describe(&waited));
            assert!(rounds > 1, "way {number} was never stopped");
        }
    });
}

/// Decision 16: a host call is not kicked by a stop, nor by a continuation: it is never begun again.
#[test]
fn a_stop_kicks_no_host_call() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let (mut reader, mut writer) = io::pipe().expect("a pipe");
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let child = fixture.child("reads", move |p| {
        let read = p.blocking(|| {
            counter.fetch_add(1, Ordering::SeqCst);
            reader.read(&mut [0; 8])
        });
        assert_eq!(read.expect("a byte"), 1);
    });
    let pid = child.id();
    until_lwp(&fixture, pid, LwpId::MAIN, State::Sleeping);
    for _ in 0..100 {
        child.signal(Signal::STOP).expect("it lives");
        assert_eq!(next_event(&events, pid, told), ExitStatus::stopped(Signal::STOP));
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(next_event(&events, pid, told), ExitStatus::resumed());
    }
    writer.write_all(&[1]).expect("room in the pipe");
    assert!(child.wait().expect("its handle owns it").status.success());
    assert_eq!(calls.load(Ordering::SeqCst), 1, "EINTR has ended the call");
}

/// Death ends a stop in every place: destructors run, and nothing is left.
#[test]
fn a_stopped_process_is_killed_wherever_it_sleeps() {
    type Place = Box<dyn FnOnce(&Process) + Send>;
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let (_open, silent) = bounded::<()>(0);
    let (mut reader, _writer) = io::pipe().expect("a pipe");
    let lock = Arc::new(KillableMutex::new(()));
    let theirs = Arc::clone(&lock);
    let _guard = lock.try_lock().expect("nobody has it");
    let places: [Place; 6] = [
        Box::new(crate::spin),
        Box::new(|p| drop(p.sleep(greenproc_tests::AN_HOUR))),
        Box::new(move |p| drop(p.recv(&silent))),
        Box::new(move |p| drop(p.blocking(|| reader.read(&mut [0; 8])))),
        Box::new(move |p| drop(theirs.lock(p))),
        Box::new(|p| {
            let other = p.spawn_lwp(|p| p.sleep(greenproc_tests::AN_HOUR)).expect("room");
            let _ = other.join(p);
        }),
    ];
    let (dropped, drops) = unbounded();
    for (number, place) in places.into_iter().enumerate() {
        let dropped = dropped.clone();
        let child = fixture.child("stopped", move |p| {
            let _witness = OnDrop(|| dropped.send(number).expect("the test listens"));
            place(p);
            77
        });
        child.signal(Signal::STOP).expect("it lives");
        assert_eq!(next_event(&events, child.id(), told), ExitStatus::stopped(Signal::STOP));
        child.kill().expect("it lives");
        let status = child.wait().expect("its handle owns it").status;
        assert_eq!(status, ExitStatus::killed(Signal::KILL), "place {number}");
        // One that was stopped before its body began has nothing to drop but the closure.
        assert!(drops.try_iter().all(|dropped| dropped == number));
    }
}
