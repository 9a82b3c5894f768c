//! Detaching, and what the end of a tracer leaves.

use crossbeam_channel::bounded;
use greenproc::{Command, EventFilter, EventKind, Signal, TraceOptions, TraceStop, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, burn, errno, living, next_event, same, soon, succeeded};

use crate::{stop, stops_for, traced};

/// Whom nobody traces any more goes on, with the signal that is given; what has come meanwhile comes then.
#[test]
fn a_detached_process_is_an_ordinary_child() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for (passed, later) in [(Some(Signal::TERM), None), (None, Some(Signal::HUP))] {
            let (child, tracee) = traced(p, TraceOptions::empty());
            child.signal(Signal::TERM).expect("it lives");
            stops_for(p, &tracee, Signal::TERM);
            if let Some(later) = later {
                child.signal(later).expect("it lives");
            }
            tracee.detach(passed).expect("it stands");
            assert_eq!(errno(tracee.stop()), libc::ESRCH);
            assert_eq!(child.wait().expect("mine").status.signal(), passed.or(later));
        }
        let (child, tracee) = traced(p, TraceOptions::empty());
        child.signal(Signal::USR1).expect("it lives");
        stops_for(p, &tracee, Signal::USR1);
        tracee.detach(Some(Signal::STOP)).expect("it stands");
        let waited = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine").expect("no NOHANG");
        assert_eq!(waited.status.stopped_signal(), Some(Signal::STOP), "its parent is told");
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
    });
}

/// The event that says why tracees died names their tracer; a standing one dies as well as one that runs.
#[test]
fn a_killed_tracee_says_whose_it_was() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TRACING);
    let pids = fixture.inside(|p| {
        let (runs, _hold) = living(p, same);
        let (stands, _hold) = living(p, same);
        let pids = [runs.id(), stands.id()];
        let tracer = p.spawn(Command::new("tracer", move |p| {
            let [runs, stands] = pids.map(|pid| p.trace(pid, TraceOptions::empty()).expect("nobody does"));
            assert_eq!(stop(p, &stands), TraceStop::Attached);
            assert_eq!(stop(p, &runs), TraceStop::Attached);
            runs.cont(None).expect("it stands");
        }));
        let tracer = tracer.expect("room");
        succeeded(&tracer.wait().expect("mine"));
        for child in [runs, stands] {
            assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
        }
        (tracer.id(), pids)
    });
    for pid in pids.1 {
        let tracer = next_event(&events, pid, |kind| match kind {
            EventKind::TraceeKilled { tracer } => Some(*tracer),
            _ => None,
        });
        assert_eq!(tracer, pids.0);
    }
}

/// A tracer that lets its tracees live leaves each as it is: the signal that it had not answered comes.
#[test]
fn a_tracer_that_ends_can_let_its_tracees_run() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        let (hit, _hold) = living(p, same);
        let (pid, other) = (child.id(), hit.id());
        let tracer = p.spawn(Command::new("tracer", move |p| {
            let stands = p.trace(pid, TraceOptions::DETACH_ON_EXIT).expect("nobody does");
            assert_eq!(stop(p, &stands), TraceStop::Attached);
            let hit = p.trace(other, TraceOptions::DETACH_ON_EXIT).expect("nobody does");
            assert_eq!(stop(p, &hit), TraceStop::Attached);
            hit.cont(None).expect("it stands");
            p.kill(other, Signal::TERM).expect("it lives");
            stops_for(p, &hit, Signal::TERM);
        }));
        succeeded(&tracer.expect("room").wait().expect("mine"));
        assert_eq!(hit.wait().expect("mine").status.signal(), Some(Signal::TERM));
        drop(hold);
        succeeded(&child.wait().expect("mine"));
    });
}

/// Mistake g: who only hands back gets the whole usage too, and the real parent's wait counts it.
#[test]
fn what_is_handed_back_has_its_usage() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (go, goes) = bounded::<()>(0);
        let child = p.spawn(Command::new("busy", move |p| {
            let _ = p.recv(&goes);
            let below =
                p.spawn(Command::new("below", |_| burn(std::time::Duration::from_millis(1)))).expect("room");
            let _ = below.wait().expect("mine");
            burn(std::time::Duration::from_millis(1));
        }));
        let child = child.expect("room");
        let pid = child.id();
        let (tell, told) = bounded(1);
        let tracer = p.spawn(Command::new("tracer", move |p| {
            let tracee = p.trace(pid, TraceOptions::empty()).expect("nobody does");
            assert_eq!(stop(p, &tracee), TraceStop::Attached);
            tracee.cont(None).expect("it stands");
            let mut waited = tracee.wait(p).expect("traced");
            while waited.status.stopped_signal().is_some() {
                tracee.cont(waited.status.stopped_signal()).expect("it stands");
                waited = tracee.wait(p).expect("traced");
            }
            assert_eq!(p.children_usage(), greenproc::Usage::default(), "it is another's child");
            tell.send(waited).expect("somebody listens");
        }));
        let tracer = tracer.expect("room");
        drop(go);
        let seen = soon(&told);
        let taken = child.wait().expect("mine");
        assert!(seen.usage.total() > std::time::Duration::ZERO);
        assert!(seen.children_usage.total() > std::time::Duration::ZERO);
        assert_eq!(
            (seen.pid, seen.usage, seen.children_usage),
            (taken.pid, taken.usage, taken.children_usage)
        );
        succeeded(&tracer.wait().expect("mine"));
    });
}

/// A child of a handle comes back to the handle.
#[test]
fn a_handles_child_comes_back_to_the_handle() {
    let fixture = Fixture::boot();
    let (go, goes) = bounded::<()>(0);
    let child = fixture.child("held", move |p: &greenproc::Process| {
        let _ = p.recv(&goes);
        6
    });
    let pid = child.id();
    fixture.inside(move |p| {
        let tracee = p.trace(pid, TraceOptions::empty()).expect("nobody does");
        assert_eq!(stop(p, &tracee), TraceStop::Attached);
        tracee.cont(None).expect("it stands");
        drop(go);
        assert_eq!(tracee.wait(p).expect("traced").status.code(), Some(6));
    });
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(6));
}
