//! How long a wait lasts: row 62.

use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Signal, WaitFlags, WaitFor};
use greenproc_sync::time;
use greenproc_tests::{Fixture, dead, errno, living, same, soon, succeeded};

use crate::{pid_of, round_trip};

/// Row 62: a child that is ready beats NOHANG, a time-out and a signal.
#[test]
fn a_ready_child_beats_nohang_a_time_out_and_a_signal() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert!(!p.stop_requested(), "from now on SIGTERM is polite");
        let nohang = dead(p, 1, same);
        assert_eq!(pid_of(p.wait4(WaitFor::Any, WaitFlags::NOHANG).expect("a zombie")), Some(nohang.id()));
        let in_no_time = dead(p, 2, same);
        let found = p.wait_timeout(WaitFor::Any, WaitFlags::empty(), Duration::ZERO).expect("a zombie");
        assert_eq!(pid_of(found), Some(in_no_time.id()));
        let signalled = dead(p, 3, same);
        let (child, hold) = living(p, same);
        p.kill(p.pid(), Signal::TERM).expect("itself");
        assert_eq!(p.wait().expect("the zombie comes first").pid, signalled.id());
        let nothing = p.wait4(WaitFor::Any, WaitFlags::NOHANG).expect("nothing to sleep for");
        assert_eq!(pid_of(nothing), None);
        assert_eq!(errno(p.wait()), libc::EINTR, "now it would sleep");
        drop(hold);
        assert_eq!(p.wait().expect("the signal was met").pid, child.id());
        assert!(p.stop_requested());
    });
}

/// Row 62: a caught signal ends an interruptible sleep with EINTR, and the child is not lost.
#[test]
fn a_signal_ends_a_sleeping_wait() {
    let fixture = Fixture::boot();
    let (waiting, is_waiting) = unbounded();
    let (answer, answers) = unbounded();
    let polite = fixture.child("polite", move |p| {
        assert!(!p.stop_requested());
        let (child, hold) = living(p, same);
        waiting.send(()).expect("the test listens");
        answer.send(errno(p.wait())).expect("the test listens");
        drop(hold);
        assert_eq!(p.wait().expect("it is still my child").pid, child.id());
    });
    soon(&is_waiting);
    fixture.inside(round_trip);
    polite.signal(Signal::TERM).expect("it lives");
    assert_eq!(soon(&answers), libc::EINTR);
    succeeded(&polite.wait().expect("its handle owns it"));
}

/// Row 62: a wait ends when its time is over, not before, and takes nothing with it.
#[test]
fn a_wait_with_a_time_out_ends_with_nothing_when_the_time_is_over() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        for timeout in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(30)] {
            let begun = time::now();
            let found = p.wait_timeout(WaitFor::Any, WaitFlags::empty(), timeout).expect("it lives");
            assert_eq!(pid_of(found), None);
            assert!(time::now() - begun >= timeout);
            assert!(child.wait_timeout(timeout).expect("mine").is_none());
        }
        drop(hold);
        // Beyond the range of the clock, so without an end.
        let found = p.wait_timeout(WaitFor::Any, WaitFlags::empty(), Duration::MAX).expect("it ends");
        assert_eq!(pid_of(found), Some(child.id()));
    });
}
