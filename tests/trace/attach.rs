//! Who may trace whom, and what the real parent and other waits see of a tracee.

use crossbeam_channel::bounded;
use greenproc::{Command, MaskHow, Pid, Signal, TraceOptions, TraceStop, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, errno, living, same, soon, succeeded};

use crate::{end, stop, traced};

/// Every documented refusal of `trace`.
#[test]
fn attaching_is_refused_where_it_must_be() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let none = TraceOptions::empty();
        assert_eq!(errno(p.trace(p.pid(), none)), libc::EPERM, "itself");
        assert_eq!(errno(p.trace(Pid::INIT, none)), libc::EPERM, "init");
        assert_eq!(errno(p.trace(Pid::new(30_000).expect("a pid"), none)), libc::ESRCH, "nobody");

        let (child, hold) = living(p, same);
        let tracee = p.trace(child.id(), none).expect("mine");
        assert_eq!(errno(p.trace(child.id(), none)), libc::EPERM, "traced already");
        assert_eq!(stop(p, &tracee), TraceStop::Attached);
        tracee.cont(None).expect("it stands");
        drop(hold);
        succeeded(&tracee.wait(p).expect("traced"));
        assert_eq!(errno(p.trace(child.id(), none)), libc::ESRCH, "reaped");

        let gone = p.spawn(Command::new("gone", |_| {})).expect("room").id();
        let _ = p.wait4(WaitFor::Pid(gone), WaitFlags::NOWAIT).expect("mine");
        assert_eq!(errno(p.trace(gone, none)), libc::ESRCH, "a zombie");
        succeeded(&p.wait().expect("mine"));
    });
}

/// A process that traces its tracer would wait for itself.
#[test]
fn nobody_traces_in_a_circle() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let above = p.pid();
        let (tell, told) = bounded(1);
        let body = move |p: &greenproc::Process| {
            assert_eq!(errno(p.trace(above, TraceOptions::empty())), libc::EPERM);
            tell.send(()).expect("somebody listens");
        };
        let child = p.spawn(Command::new("below", body).traced(TraceOptions::empty())).expect("room");
        let tracee = p.tracee(child.id()).expect("traced");
        assert_eq!(stop(p, &tracee), TraceStop::Attached);
        tracee.cont(None).expect("it stands");
        soon(&told);
        succeeded(&tracee.wait(p).expect("traced"));
    });
}

/// Permission is that of a signal.
#[test]
fn another_users_process_is_not_traced() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        if p.uid() != 0 {
            return;
        }
        let (child, _hold) = living(p, same);
        let other = child.id();
        let stranger = p.spawn(Command::new("stranger", move |p| {
            p.setuid(1000).expect("root may");
            assert_eq!(errno(p.trace(other, TraceOptions::empty())), libc::EPERM);
        }));
        let stranger = stranger.expect("room");
        succeeded(&stranger.wait().expect("mine"));
        child.kill().expect("it lives");
        let _ = child.wait().expect("mine");
    });
}

/// `trace_me`: the parent is the tracer from then on; it does not stop by itself.
#[test]
fn a_child_has_itself_traced() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = p.spawn(Command::new("child", |p| {
            p.trace_me().expect("the parent lives");
            assert_eq!(errno(p.trace_me()), libc::EPERM, "traced already");
            p.raise(Signal::USR1).expect("room for a signal");
            4
        }));
        let child = child.expect("room");
        let waited = p.wait().expect("mine");
        assert_eq!(waited.status.stopped_signal(), Some(Signal::USR1));
        let tracee = p.tracee(child.id()).expect("traced");
        tracee.cont(None).expect("it stands");
        assert_eq!(p.wait().expect("mine").status.code(), Some(4));
        assert_eq!(errno(tracee.stop()), libc::ESRCH);
    });
    let refused = fixture.child("under init", |p: &greenproc::Process| {
        assert_eq!(errno(p.trace_me()), libc::EPERM, "the built-in init traces nobody");
    });
    succeeded(&refused.wait().expect("its handle owns it"));
}

/// What needs a standing tracee of one's own says ESRCH otherwise.
#[test]
fn a_handle_is_good_for_a_standing_tracee_of_ones_own() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, tracee) = traced(p, TraceOptions::empty());
        assert_eq!((tracee.id(), tracee.name()), (child.id(), "traced"));
        for call in
            [tracee.cont(None), tracee.detach(None), tracee.stop().map(drop), tracee.pending().map(drop)]
        {
            assert_eq!(errno(call), libc::ESRCH, "it runs");
        }
        let (other, _hold) = living(p, same);
        assert_eq!(errno(p.tracee(other.id())), libc::ESRCH, "nobody traces it");
        let pid = child.id();
        let stranger = p.spawn(Command::new("stranger", move |p| {
            assert_eq!(errno(p.tracee(pid)), libc::ESRCH, "another does");
        }));
        succeeded(&stranger.expect("room").wait().expect("mine"));
        end(p, &tracee);
        for call in [tracee.cont(None), tracee.detach(None), tracee.kill()] {
            assert_eq!(errno(call), libc::ESRCH, "reaped");
        }
        assert_eq!(errno(tracee.set_options(TraceOptions::EXIT)), libc::ESRCH);
        assert_eq!(errno(tracee.wait(p)), libc::ECHILD);
        other.kill().expect("it lives");
        let _ = other.wait().expect("mine");
    });
}

/// Decision 8, mistake i: the parent keeps the child, and its waits sleep, under every selector.
#[test]
fn a_traced_child_keeps_its_parent() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
        let (go, goes) = bounded::<()>(0);
        let me = p.pid();
        let child = p.spawn(Command::new("child", move |p| {
            let _ = p.recv(&goes);
            assert_eq!(p.ppid(), me);
            3
        }));
        let child = child.expect("room");
        let pid = child.id();
        let ((tell, told), (quit, quits)) = (bounded(1), bounded::<()>(0));
        let tracer = p.spawn(Command::new("tracer", move |p| {
            let tracee = p.trace(pid, TraceOptions::empty()).expect("nobody does");
            assert_eq!(stop(p, &tracee), TraceStop::Attached);
            tell.send(()).expect("somebody listens");
            let _ = p.recv(&quits);
            tracee.cont(None).expect("it stands");
            assert_eq!(tracee.wait(p).expect("traced").status.code(), Some(3));
        }));
        let tracer = tracer.expect("room");
        soon(&told);
        let flags = WaitFlags::NOHANG | WaitFlags::UNTRACED | WaitFlags::CONTINUED;
        for who in [WaitFor::Pid(pid), WaitFor::Child(&child), WaitFor::Any] {
            let found = p.wait4(who, flags).expect("mistake i: never ECHILD");
            assert!(found.is_none(), "its stop is the tracer's: {found:?}");
        }
        drop((quit, go));
        assert_eq!(
            p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).expect("mine").expect("it ended").status.code(),
            Some(3)
        );
        succeeded(&tracer.wait().expect("mine"));
    });
}

/// Row 57: whatever its exit signal is, a tracer's waits find a tracee. Row 60: each stop once, NOWAIT leaves it. They come
/// before children that have ended.
#[test]
fn a_tracers_waits_find_tracees_first_and_of_every_class() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let dead = p.spawn(Command::new("dead", |_| {})).expect("room").id();
        let _ = p.wait4(WaitFor::Pid(dead), WaitFlags::NOWAIT).expect("mine");
        let command = Command::new("quiet", |_| 5).exit_signal(None).traced(TraceOptions::empty());
        let child = p.spawn(command).expect("room");
        let tracee = p.tracee(child.id()).expect("traced");
        let ready =
            p.waitid(WaitFor::Any, WaitFlags::EXITED | WaitFlags::NOHANG).expect("mine").expect("dead");
        assert_eq!(ready.pid, dead, "no stop was asked for");
        let dead = p.spawn(Command::new("dead", |_| {})).expect("room").id();
        let _ = p.wait4(WaitFor::Pid(dead), WaitFlags::NOWAIT).expect("mine");
        for flags in [WaitFlags::NOWAIT, WaitFlags::ALTSIG, WaitFlags::NOHANG] {
            let found = p.wait4(WaitFor::Any, flags).expect("mine").map(|waited| waited.pid);
            let expected = if flags == WaitFlags::NOHANG { dead } else { child.id() };
            assert_eq!(found, Some(expected), "{flags:?}");
        }
        assert!(p.waitid(WaitFor::Any, WaitFlags::TRAPPED | WaitFlags::NOHANG).expect("mine").is_none());
        tracee.cont(None).expect("it stands");
        let ended = p.wait().expect("a traced child passes WALTSIG and its absence");
        assert_eq!((ended.pid, ended.status.code()), (child.id(), Some(5)));
    });
}
