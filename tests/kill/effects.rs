//! What took effect is returned, whatever is pending.

use std::io::{self, ErrorKind, Read, Write};

use crossbeam_channel::bounded;
use greenproc::{Command, EventFilter, EventKind, KillableMutex, Signal, State, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, next_event, succeeded};

use crate::unwinding::{kill_myself, said_before_its_kill};
use crate::{FOR_EVER, errno};

/// Decision 19 and row 62: a child that is ready is reaped and returned, a kill pending or not.
#[test]
fn a_reaped_child_is_returned_although_a_kill_is_pending() {
    let said = said_before_its_kill(|p, say| {
        let children = [7, 8].map(|code| p.spawn(Command::new("child", move |_| code)).expect("room"));
        for child in &children {
            let peeked = p.waitid(WaitFor::Child(child), WaitFlags::EXITED | WaitFlags::NOWAIT);
            assert!(peeked.expect("mine").is_some());
        }
        p.critical(|| {
            kill_myself(p);
            let through_handle = children[0].wait().map(|waited| waited.status.code());
            let any = p.wait().map(|waited| waited.status.code());
            let _ = say.send((through_handle.ok(), any.ok(), errno(p.wait())));
        });
        p.checkpoint();
    });
    assert_eq!(said, [(Some(Some(7)), Some(Some(8)), libc::ECHILD)]);
}

/// Decision 19: so is a message that is there, and what there is room for is sent; a lock that is free is taken.
#[test]
fn a_message_is_returned_although_a_kill_is_pending() {
    let said = said_before_its_kill(|p, say| {
        let (sender, receiver) = bounded(1);
        let lock = KillableMutex::new(());
        p.critical(|| {
            kill_myself(p);
            let sent = p.send(&sender, 6).is_ok();
            let _ = say.send((sent, p.recv(&receiver).ok(), lock.lock(p).is_ok()));
        });
        p.checkpoint();
    });
    assert_eq!(said, [(true, Some(6), true)]);
}

/// Decision 19: a byte count is returned although the kill came while the call ran; the next checkpoint meets it.
#[test]
fn a_byte_count_is_returned_although_a_kill_is_pending() {
    let said = said_before_its_kill(|p, say| {
        let (mut reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(&[1, 2, 3]).expect("room in the pipe");
        let count = p.blocking(|| {
            kill_myself(p);
            reader.read(&mut [0; 8])
        });
        let _ = say.send(count.expect("the bytes were there"));
        p.checkpoint();
        let _ = say.send(usize::MAX);
    });
    assert_eq!(said, [3]);
}

/// `Process::blocking`: an EINTR for which nothing is pending is no reason to return; other errors are returned as they are.
#[test]
fn a_host_call_is_begun_again_after_a_signal_of_nobody() {
    let fixture = Fixture::boot();
    let (calls, refused) = fixture.inside(|p| {
        let mut calls = 0;
        let result = p.blocking(|| {
            calls += 1;
            if calls < 4 { Err(ErrorKind::Interrupted.into()) } else { Ok(calls) }
        });
        let refused = p.blocking(|| Err::<(), _>(io::Error::from_raw_os_error(libc::ENOENT)));
        (result.expect("the fourth succeeds"), refused.map_err(|error| error.raw_os_error()))
    });
    assert_eq!((calls, refused), (4, Err(Some(libc::ENOENT))));
}

/// Waits until a process that comes to no checkpoint was reported as stuck: at least the time after which one is.
fn a_stuck_time(fixture: &Fixture) {
    let events = fixture.events(EventFilter::TROUBLE);
    let (release, released) = bounded::<()>(0);
    let (ready, is_ready) = bounded(0);
    let stuck = fixture.child("stuck", move |_| {
        ready.send(()).expect("the test listens");
        let _ = released.recv();
    });
    is_ready.recv().expect("it begins");
    stuck.kill().expect("it lives");
    next_event(&events, stuck.id(), |kind| matches!(kind, EventKind::Stuck(_)).then_some(()));
    drop(release);
    assert_eq!(stuck.wait().expect("mine").status.signal(), Some(Signal::KILL));
}

/// State D is for who has to end: a polite process that was told so by EINTR and cleans up has not.
#[test]
fn a_polite_process_that_cleans_up_is_not_stuck() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let (release, released) = bounded::<()>(0);
    let child = fixture.child("cleans up", move |p| {
        assert!(!p.stop_requested());
        ready.send(()).expect("the test listens");
        assert!(p.sleep(FOR_EVER).is_err());
        ready.send(()).expect("the test listens");
        let _ = released.recv();
    });
    is_ready.recv().expect("it begins");
    child.signal(Signal::TERM).expect("it lives");
    is_ready.recv().expect("it was told");
    a_stuck_time(&fixture);
    let state = fixture.snapshot().get(child.id()).expect("it lives").state;
    drop(release);
    succeeded(&child.wait().expect("mine"));
    assert_eq!(state, State::Running);
}
