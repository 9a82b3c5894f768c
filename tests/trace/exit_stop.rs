//! Stop on exit (row 8).

use greenproc::{
    Command, EventFilter, EventKind, ExitStatus, MaskHow, SigCode, Signal, State, TraceOptions, TraceStop,
    WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, next_event, same};

use crate::{stop, traced_as};

/// Mistake b: the parent is woken and told, and the status is that of this stop, not of an earlier one.
#[test]
fn the_parent_is_told_of_a_stop_on_exit() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
        let child = p.spawn(Command::new("child", |p| {
            p.raise(Signal::TSTP).expect("room");
            p.stop_on_exit(true).expect("it lives");
            7
        }));
        let child = child.expect("room");
        // An earlier stop, by another signal. Asleep by then, or not.
        p.setpgid(Some(child.id()), None).ok();
        let first = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine").expect("no NOHANG");
        if first.status.stopped_signal() == Some(Signal::TSTP) {
            child.signal(Signal::CONT).expect("it lives");
            let second = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine");
            assert_eq!(second.expect("no NOHANG").status, ExitStatus::stopped(Signal::STOP));
        } else {
            assert_eq!(first.status, ExitStatus::stopped(Signal::STOP), "its group was orphaned");
        }
        let mut last = None;
        while let Ok(info) = p.sigtimedwait(Signal::CHLD, Some(std::time::Duration::ZERO)) {
            last = Some(info);
        }
        let info = last.expect("it is told");
        assert_eq!((info.pid, info.code, info.status), (child.id(), SigCode::Stopped, Signal::STOP.as_raw()));
        assert!(p.wait4(WaitFor::Child(&child), WaitFlags::NOHANG).expect("mine").is_none(), "no zombie yet");
        child.signal(Signal::CONT).expect("it is there");
        assert_eq!(child.wait().expect("mine").status.code(), Some(7));
    });
}

/// It stands once, after its other LWPs have left; signals but SIGCONT and SIGKILL do nothing, and neither of the two
/// changes how it ends.
#[test]
fn a_process_on_its_way_out_can_be_looked_at_continued_and_killed() {
    let fixture = Fixture::boot();
    for signal in [Signal::CONT, Signal::KILL] {
        let events = fixture.events(EventFilter::JOB_CONTROL);
        let (looks, looked) = crossbeam_channel::bounded(1);
        let (go, goes) = crossbeam_channel::bounded::<()>(0);
        let parent = fixture.child("parent", move |p: &greenproc::Process| {
            let child = p.spawn(
                Command::new("child", |p| {
                    let other = p.spawn_lwp(|p| {
                        loop {
                            let _ = p.sleep(greenproc_tests::AN_HOUR);
                        }
                    });
                    other.expect("room").detach();
                    5
                })
                .stop_on_exit(),
            );
            let child = child.expect("room");
            let waited = p.wait4(WaitFor::Any, WaitFlags::UNTRACED).expect("mine").expect("no NOHANG");
            assert_eq!(waited.status, ExitStatus::stopped(Signal::STOP));
            for ignored in [Signal::TERM, Signal::STOP, Signal::USR1] {
                child.signal(ignored).expect("it is there");
            }
            looks.send(child.id()).expect("somebody listens");
            let _ = p.recv(&goes);
            child.signal(signal).expect("it is there");
            assert_eq!(child.wait().expect("mine").status.code(), Some(5));
        });
        let pid = looked.recv().expect("the parent lives");
        let stopped = next_event(&events, pid, |kind| match kind {
            EventKind::Stopped { signal } => Some(*signal),
            _ => None,
        });
        assert_eq!(stopped, Signal::STOP);
        let snapshot = fixture.snapshot();
        let info = snapshot.get(pid).expect("it is there");
        assert_eq!((info.state, info.lwps), (State::Stopped, 1));
        drop(go);
        greenproc_tests::succeeded(&parent.wait().expect("its handle owns it"));
    }
}

/// Decision 9: who is killed does not stop.
#[test]
fn a_kill_is_not_held_up() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = greenproc_tests::living(p, same);
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
        drop(hold);
        let child = p
            .spawn(
                Command::new("killed", |p| {
                    loop {
                        p.checkpoint();
                    }
                })
                .stop_on_exit(),
            )
            .expect("room");
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
    });
}

/// A tracer that asked for it is told how the tracee will end.
#[test]
fn a_tracer_sees_the_end_before_it_is_one() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, tracee) = traced_as(p, TraceOptions::EXIT, |p| p.exit(3));
        let TraceStop::Exiting(status) = stop(p, &tracee) else { panic!("its end is decided") };
        assert_eq!(status.code(), Some(3));
        child.signal(Signal::CONT).expect("it is there");
        assert!(matches!(tracee.stop().expect("SIGCONT does not continue it"), TraceStop::Exiting(_)));
        tracee.detach(None).expect("it stands");
        assert_eq!(child.wait().expect("mine").status.code(), Some(3));
    });
}
