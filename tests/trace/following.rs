//! Stops at spawn and exec, and children that are traced too.

use greenproc::{Command, Signal, TraceOptions, TraceStop};
use greenproc_tests::{Fixture, succeeded};

use crate::{stop, traced_as};

/// A tracee that makes a child stops; the child is traced by the same tracer, keeps its parent, and stands before its first
/// step.
#[test]
fn children_are_followed() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (_child, tracee) = traced_as(p, TraceOptions::SPAWN, |p| {
            let me = p.pid();
            let grandchild = p.spawn(Command::new("grandchild", move |p| {
                assert_eq!(p.ppid(), me);
                9
            }));
            assert_eq!(grandchild.expect("room").wait().expect("mine").status.code(), Some(9));
            p.checkpoint();
        });
        let TraceStop::Spawned(pid) = stop(p, &tracee) else { panic!("it has made a child") };
        let below = p.tracee(pid).expect("followed");
        assert_eq!(stop(p, &below), TraceStop::Attached);
        tracee.cont(None).expect("it stands");
        below.cont(None).expect("it stands");
        assert_eq!(below.wait(p).expect("traced").status.code(), Some(9), "the tracer sees it first");
        // Its parent is a tracee, so its SIGCHLD is seen.
        match stop(p, &tracee) {
            TraceStop::Signal(info) => {
                assert_eq!((info.signal, info.pid, info.status), (Signal::CHLD, pid, 9));
            }
            other => panic!("{other}"),
        }
        tracee.cont(Some(Signal::CHLD)).expect("it stands");
        succeeded(&tracee.wait(p).expect("traced"));
    });
}

/// A tracee that replaces its body stops before the new one begins.
#[test]
fn a_tracee_stops_when_it_has_replaced_its_body() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (_child, tracee) = traced_as(p, TraceOptions::EXEC, |p| {
            p.exec(Command::new("after", |_| 8)).map(drop).expect("it does not come back");
        });
        assert_eq!(stop(p, &tracee), TraceStop::Executed);
        tracee.cont(None).expect("it stands");
        assert_eq!(tracee.wait(p).expect("traced").status.code(), Some(8));
    });
}

/// A vfork under a tracer: the latch is the waiting LWP's, whoever traces the child (decision 10, mistake l).
#[test]
fn a_tracer_of_the_child_does_not_take_a_vforks_latch() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (_child, tracee) = traced_as(p, TraceOptions::SPAWN, |p| {
            let child = p.vfork(Command::new("below", |_| 2)).expect("room");
            assert_eq!(child.wait().expect("mine").status.code(), Some(2));
            p.checkpoint();
        });
        let TraceStop::Spawned(pid) = stop(p, &tracee) else { panic!("it has made a child") };
        let below = p.tracee(pid).expect("followed");
        assert_eq!(stop(p, &below), TraceStop::Attached);
        tracee.cont(None).expect("it stands");
        below.cont(None).expect("it stands");
        assert_eq!(below.wait(p).expect("traced").status.code(), Some(2));
        assert!(matches!(stop(p, &tracee), TraceStop::Signal(info) if info.signal == Signal::CHLD));
        tracee.cont(None).expect("it stands");
        succeeded(&tracee.wait(p).expect("traced"));
    });
}
