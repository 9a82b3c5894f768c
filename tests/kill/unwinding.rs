//! Requests where they cannot be met at once: in `critical`, in destructors, and swallowed.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Sender, bounded, unbounded};
use greenproc::{
    Command, ExitStatus, KillableMutex, Process, RecvError, Result, SendFailure, Signal, WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, succeeded};

use crate::FOR_EVER;
use crate::targets::held;

/// Runs `body` as a process that is killed; returns what it sent before.
#[track_caller]
pub(crate) fn said_before_its_kill<T: Send + 'static>(
    body: impl FnOnce(&Process, &Sender<T>) + Send + 'static,
) -> Vec<T> {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("killed", move |p| body(p, &say));
    let waited = child.wait().expect("mine");
    assert_eq!(waited.status, ExitStatus::killed(Signal::KILL), "{waited:?}");
    said.try_iter().collect()
}

pub(crate) fn kill_myself(p: &Process) {
    p.kill(p.pid(), Signal::KILL).expect("it is alive");
}

/// Decision 20: a kill inside `critical` is met at the first checkpoint after it.
#[test]
fn a_kill_in_a_critical_section_is_met_after_it() {
    let said = said_before_its_kill(|p, say| {
        let value = p.critical(|| {
            kill_myself(p);
            p.checkpoint();
            "whole"
        });
        let _ = say.send(value);
        p.checkpoint();
        let _ = say.send("too far");
    });
    assert_eq!(said, ["whole"]);
}

/// Decision 20: only the end of the outermost section counts, and one that was left by a panic is left.
#[test]
fn nested_critical_sections_end_with_the_outermost() {
    let said = said_before_its_kill(|p, say| {
        p.critical(|| {
            p.critical(|| kill_myself(p));
            p.checkpoint();
            let _ = say.send("inside");
            let panicked = catch_unwind(AssertUnwindSafe(|| p.critical(|| panic!("on purpose"))));
            assert!(panicked.is_err());
            p.checkpoint();
            let _ = say.send("still inside");
        });
        let _ = say.send("outside");
        p.checkpoint();
        let _ = say.send("too far");
    });
    assert_eq!(said, ["inside", "still inside", "outside"]);
}

/// What each call that may sleep says where a kill is pending and the LWP cannot unwind: by name, its errno.
fn sleeping_calls(p: &Process) -> Vec<(&'static str, Option<i32>)> {
    let lock = KillableMutex::new(());
    let (ready, is_ready) = bounded(0);
    let (release, released) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _guard = lock.try_lock().expect("nobody has it");
            ready.send(()).expect("the LWP listens");
            released.recv()
        });
        is_ready.recv().expect("it is held");
        let said = sleeping_calls_with(p, &lock);
        drop(release);
        said
    })
}

fn sleeping_calls_with(p: &Process, held: &KillableMutex<()>) -> Vec<(&'static str, Option<i32>)> {
    let of = |result: Result<()>| result.err().map(|error| error.errno());
    let recv = |result| match result {
        Err(RecvError::Interrupted(error)) => Some(error.errno()),
        _ => None,
    };
    let (_open, silent) = bounded::<()>(0);
    let (full, _reader) = bounded(1);
    full.send(()).expect("room for one");
    let sent = match p.send(&full, ()).map_err(|error| error.reason) {
        Err(SendFailure::Interrupted(error)) => Some(error.errno()),
        _ => None,
    };
    let mut calls = 0;
    let blocked = p.blocking(|| {
        calls += 1;
        Ok(())
    });
    assert_eq!(calls, 0, "the host call was not begun");
    let blocked = blocked.err().filter(|error| error.kind() == ErrorKind::Interrupted);
    vec![
        ("send", sent),
        ("blocking", blocked.map(|_| libc::EINTR)),
        ("sleep", of(p.sleep(FOR_EVER))),
        ("recv", recv(p.recv(&silent))),
        ("recv_timeout", recv(p.recv_timeout(&silent, FOR_EVER))),
        ("lock", of(held.lock(p).map(drop))),
        ("wait", of(p.wait().map(drop))),
        ("wait_timeout", of(p.wait_timeout(WaitFor::Any, WaitFlags::empty(), FOR_EVER).map(drop))),
    ]
}

fn all_interrupted(said: &[(&'static str, Option<i32>)]) -> bool {
    said.len() == 8 && said.iter().all(|&(_, errno)| errno == Some(libc::EINTR))
}

/// Decision 20: a call that would sleep inside a critical section returns EINTR if a kill is pending.
#[test]
fn a_sleeping_call_in_a_critical_section_says_eintr() {
    let said = said_before_its_kill(|p, say| {
        drop(held(p, None));
        p.critical(|| {
            kill_myself(p);
            let _ = say.send(sleeping_calls(p));
        });
        p.checkpoint();
    });
    assert!(all_interrupted(&said[0]), "{said:?}");
}

/// Decision 20: a polite SIGTERM does not disturb a critical section: it sleeps on, and SIGTERM is met after it.
#[test]
fn a_polite_sigterm_is_deferred_by_a_critical_section() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = bounded(0);
    let (sender, receiver) = bounded(0);
    let (child, seen) = fixture
        .spawn_returning("careful", move |p| {
            assert!(!p.stop_requested());
            let inside = p.critical(|| {
                ready.send(()).expect("the test listens");
                p.recv(&receiver).ok()
            });
            (inside, p.stop_requested(), p.sleep(FOR_EVER).expect_err("it is met now").errno())
        })
        .expect("room");
    is_ready.recv().expect("it begins");
    child.signal(Signal::TERM).expect("it lives");
    sender.send(5).expect("it still receives");
    succeeded(&child.wait().expect("mine"));
    assert_eq!(seen.take(), Some((Some(5), true, libc::EINTR)));
}

/// Calls what may sleep, and a checkpoint, in its drop; says what came of it.
struct CallsInDrop<'a>(&'a Process, &'a Sender<Vec<(&'static str, Option<i32>)>>);

impl Drop for CallsInDrop<'_> {
    fn drop(&mut self) {
        assert!(std::thread::panicking());
        self.0.checkpoint();
        let _ = self.1.send(sleeping_calls(self.0));
        self.0.checkpoint();
    }
}

/// Decision 20: a destructor that runs while the LWP unwinds may call what it likes: EINTR, and no abort.
#[test]
fn calls_in_destructors_of_a_killed_process_say_eintr() {
    let said = said_before_its_kill(|p, say| {
        drop(held(p, None));
        let _calls = CallsInDrop(p, say);
        kill_myself(p);
        p.checkpoint();
    });
    assert!(all_interrupted(&said[0]), "{said:?}");
}

/// Decisions 17 and 20: the same where it is a panic that unwinds; the kill came first, so it is the process's end.
#[test]
fn calls_in_destructors_of_a_panicking_process_say_eintr() {
    let said = said_before_its_kill(|p, say| {
        drop(held(p, None));
        let _calls = CallsInDrop(p, say);
        kill_myself(p);
        panic!("on purpose");
    });
    assert!(all_interrupted(&said[0]), "{said:?}");
}

/// Row 50: a body that swallows the unwinding meets it again at each checkpoint, and returns in vain.
#[test]
fn a_swallowed_unwinding_is_met_again() {
    let said = said_before_its_kill(|p, say| {
        kill_myself(p);
        for attempt in 0..3 {
            let swallowed = catch_unwind(AssertUnwindSafe(|| p.sleep(FOR_EVER)));
            assert!(swallowed.is_err());
            let _ = say.send(attempt);
        }
    });
    assert_eq!(said, [0, 1, 2]);
}

/// Rows 4 and 50: so does one that swallows its own exit; the first value stays.
#[test]
fn a_swallowed_exit_is_met_again() {
    let fixture = Fixture::boot();
    let status = fixture.run(Command::new("stubborn", |p| {
        let swallowed = catch_unwind(AssertUnwindSafe(|| p.exit(3)));
        assert!(swallowed.is_err());
        p.checkpoint();
        p.exit(4)
    }));
    assert_eq!(status.expect("it ran"), ExitStatus::exited(3));
}
