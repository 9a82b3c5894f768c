//! What handlers are told, what they may do, and who has them: decision 21, POSIX `sigaction`.

use crossbeam_channel::unbounded;
use greenproc::{
    Command, ExitStatus, LwpId, MaskHow, Pid, Process, SaFlags, SigAction, SigCode, SigSet, Signal,
};
use greenproc_tests::{AN_HOUR, Fixture, OnDrop, errno, hold, soon, succeeded};

use crate::{is_asleep, kill_myself, nothing, noting, real_time};

/// POSIX `sigaction`, `siginfo_t`: a handler is told how the signal was sent, by whom, and with which value.
#[test]
fn a_handler_is_told_how_and_by_whom_it_was_sent() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let (action, noted) = noting();
        // So that no wait is interrupted.
        p.sigaction(Signal::USR1, action.flags(SaFlags::RESTART)).expect("it can be caught");
        let (me, uid) = (p.pid(), p.uid());
        p.raise(Signal::USR1).expect("it lives");
        let info = noted.try_recv().expect("handled before raise returned");
        assert_eq!((info.signal, info.code, info.pid, info.uid), (Signal::USR1, SigCode::Lwp, me, uid));
        runtime.kill(me, Signal::USR1).expect("it lives");
        p.checkpoint();
        let info = noted.try_recv().expect("handled at the checkpoint");
        assert_eq!((info.code, info.pid, info.value), (SigCode::User, Pid::INIT, 0));
        let by_kill = Command::new("kills", move |p| p.kill(me, Signal::USR1));
        let by_queue = Command::new("queues", move |p| p.sigqueue(me, Signal::USR1, -7));
        for (command, code, value) in [(by_kill, SigCode::User, 0), (by_queue, SigCode::Queue, -7)] {
            let child = p.spawn(command).expect("room");
            succeeded(&child.wait().expect("my child"));
            p.checkpoint();
            let info = noted.try_recv().expect("handled at the checkpoint");
            let told = (info.signal, info.code, info.pid, info.uid, info.value);
            assert_eq!(told, (Signal::USR1, code, child.id(), uid, value));
        }
        assert!(noted.is_empty());
    });
}

/// Decision 21: a handler runs as its own process, on the LWP that took the signal, and nothing is blocked afterwards.
#[test]
fn a_handler_runs_on_an_lwp_of_its_process() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (note, noted) = unbounded();
        let handler = SigAction::handler(move |p, _| {
            let current = greenproc::current().expect("a process");
            let said = (p.pid(), p.lwp_id(), current.pid(), current.lwp_id(), p.sigmask_now());
            note.send(said).expect("the test listens");
        });
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        p.raise(Signal::USR1).expect("it lives");
        let raises = |p: &Process| p.raise(Signal::USR1);
        p.spawn_lwp(raises).expect("room").join(p).expect("it returned").expect("it lives");
        let blocked = SigSet::of(Signal::USR1);
        let me = (p.pid(), p.lwp_id(), p.pid(), p.lwp_id(), blocked);
        assert_eq!(noted.try_recv(), Ok(me));
        let (pid, lwp, current, on, mask) = noted.try_recv().expect("the other LWP's");
        assert_eq!((pid, current, mask), (p.pid(), p.pid(), blocked));
        assert!(lwp == on && lwp != LwpId::MAIN);
        assert_eq!(p.sigmask_now(), SigSet::EMPTY);
    });
}

/// Decision 21: a panic in a handler is SIGABRT of its process, with a report, and of no other process.
#[test]
fn a_handler_that_panics_aborts_its_process_only() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (handler_hold, held) = hold();
        let sibling = p.spawn(Command::new("sibling", held)).expect("room");
        p.sigaction(Signal::USR1, SigAction::handler(|_, _| panic!("on purpose"))).expect("it can be caught");
        let child = p.spawn(Command::new("panics", |p| p.raise(Signal::USR1))).expect("room");
        let waited = child.wait().expect("my child");
        assert_eq!(waited.status, ExitStatus::dumped(Signal::ABRT));
        assert!(waited.report.is_some_and(|report| report.to_string().contains("on purpose")));
        assert!(sibling.try_wait().expect("my child").is_none(), "it lives");
        drop(handler_hold);
        succeeded(&sibling.wait().expect("my child"));
    });
}

/// Decision 21: `exit` in a handler ends the whole process with that value, and its destructors run.
#[test]
fn exit_in_a_handler_ends_the_process() {
    let fixture = Fixture::boot();
    let (dropped, was_dropped) = unbounded();
    let child = fixture.child("exits", move |p| {
        p.spawn_lwp(|p| p.sleep(AN_HOUR)).expect("room").detach();
        let _witness = OnDrop(move || dropped.send(()).expect("the test listens"));
        p.sigaction(Signal::USR1, SigAction::handler(|p, _| p.exit(23))).expect("it can be caught");
        p.raise(Signal::USR1).expect("it lives");
        77
    });
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(23));
    assert_eq!(was_dropped.try_recv(), Ok(()));
}

/// Decision 21: a blocking call inside a handler nests in the one that was interrupted, and that says EINTR afterwards.
#[test]
fn a_handler_may_make_blocking_calls() {
    let fixture = Fixture::boot();
    let (message, messages) = unbounded::<i32>();
    let (note, noted) = unbounded();
    let child = fixture.child("nests", move |p| {
        let child = p.spawn(Command::new("child", |_| 6)).expect("room");
        let of_child = child.id();
        let handler = SigAction::handler(move |p, _| {
            let waited = p.wait().expect("my child");
            assert_eq!((waited.pid, waited.status.code()), (of_child, Some(6)));
            note.send(p.recv(&messages).expect("the test sends")).expect("the test listens");
        });
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        assert_eq!(p.sigmask_now(), SigSet::EMPTY);
    });
    is_asleep(&fixture, child.id(), LwpId::MAIN);
    child.signal(Signal::USR1).expect("it lives");
    message.send(5).expect("the handler listens");
    assert_eq!(soon(&noted), 5);
    succeeded(&child.wait().expect("its handle owns it"));
}

/// Decision 15: children inherit handlers and IGNORE; what they change afterwards is their own.
#[test]
fn actions_are_inherited_and_then_separate() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::USR1, action.clone()).expect("it can be caught");
        p.sigaction(Signal::USR2, SigAction::IGNORE).expect("it can be ignored");
        let inherited = action.clone();
        let child = p.spawn(Command::new("heir", move |p| {
            assert!(p.action(Signal::USR1) == inherited && p.action(Signal::USR2).is_ignore());
            p.raise(Signal::USR1).expect("it lives");
            p.raise(Signal::USR2).expect("it lives");
            let grandchild = p.spawn(Command::new("heir's heir", |p| p.raise(Signal::USR2))).expect("room");
            succeeded(&grandchild.wait().expect("my child"));
            let former = p.sigaction(Signal::USR1, SigAction::IGNORE).expect("it can be ignored");
            assert_eq!(former, inherited);
            p.sigaction(Signal::USR2, SigAction::DEFAULT).expect("it can be anything");
            p.raise(Signal::USR2)
        }));
        let child = child.expect("room");
        let waited = child.wait().expect("my child");
        assert_eq!(waited.status, ExitStatus::killed(Signal::USR2), "{:?}", waited.report);
        assert_eq!(noted.try_recv().map(|info| info.pid), Ok(child.id()));
        assert!(p.action(Signal::USR1) == action && p.action(Signal::USR2).is_ignore());
    });
}

/// Decision 20: no handler runs in `critical`, whatever is called in there; it runs at the first checkpoint after it.
#[test]
fn no_handler_runs_in_a_critical_section_but_after_it() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        p.critical(|| {
            p.raise(Signal::USR1).expect("it lives");
            p.checkpoint();
            let child = p.spawn(Command::new("child", |_| {})).expect("room");
            succeeded(&child.wait().expect("not interrupted"));
            p.sleep(std::time::Duration::from_millis(1)).expect("not interrupted");
            p.critical(|| p.checkpoint());
            p.checkpoint();
            assert!(noted.is_empty());
            assert_eq!(p.sigpending(), SigSet::of(Signal::USR1));
        });
        assert!(noted.is_empty(), "its end is no checkpoint");
        p.checkpoint();
        assert_eq!(noted.len(), 1);
        assert_eq!(p.sigpending(), SigSet::EMPTY);
    });
}

/// POSIX `sigaction`: EINVAL for SIGKILL and SIGSTOP; they do what they do.
#[test]
fn kill_and_stop_cannot_be_caught_or_ignored() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for signal in [Signal::KILL, Signal::STOP] {
            for action in [nothing(), SigAction::IGNORE] {
                assert_eq!(errno(p.sigaction(signal, action)), libc::EINVAL);
            }
            assert!(p.action(signal).is_default());
        }
        let child = p.spawn(Command::new("child", |p| {
            let _ = p.sigaction(Signal::KILL, SigAction::IGNORE);
            p.raise(Signal::KILL)
        }));
        let waited = child.expect("room").wait().expect("my child");
        assert_eq!(waited.status, ExitStatus::killed(Signal::KILL));
    });
}

/// POSIX `sigaction`: setting a signal to IGNORE, or to a default that is to ignore it, discards it if it is pending, blocked
/// or not, for the process and for its LWPs.
#[test]
fn what_is_ignored_from_now_on_is_pending_no_more() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        let rt = real_time(2);
        let all = SigSet::from([Signal::USR1, Signal::WINCH, rt]);
        for signal in all.iter() {
            p.sigaction(signal, action.clone()).expect("it can be caught");
        }
        p.sigmask(MaskHow::Block, all).expect("it lives");
        for signal in all.iter() {
            kill_myself(p, signal);
            p.raise(signal).expect("it lives");
        }
        assert_eq!(p.sigpending(), all);
        p.sigaction(Signal::USR1, SigAction::IGNORE).expect("it can be ignored");
        p.sigaction(rt, SigAction::IGNORE).expect("it can be ignored");
        assert_eq!(p.sigpending(), SigSet::of(Signal::WINCH));
        p.sigaction(Signal::WINCH, SigAction::DEFAULT).expect("it is ignored by default");
        assert_eq!(p.sigpending(), SigSet::EMPTY);
        for signal in all.iter() {
            p.sigaction(signal, action.clone()).expect("it can be caught");
        }
        p.sigmask(MaskHow::Unblock, all).expect("it lives");
        assert!(noted.is_empty());
    });
}

/// Decisions 20 and 21: a process whose end is decided runs no handler, not even one that was pending before.
#[test]
fn a_dying_process_runs_no_handler() {
    let fixture = Fixture::boot();
    let (action, noted) = noting();
    let child = fixture.child("dies", move |p| {
        p.sigaction(Signal::USR1, action.flags(SaFlags::RESTART)).expect("it can be caught");
        let _last = OnDrop(|| {
            let p = greenproc::current().expect("a process");
            kill_myself(&p, Signal::USR1);
            p.checkpoint();
            let _ = p.sleep(AN_HOUR);
        });
        p.sigmask(MaskHow::Block, Signal::USR1).expect("it lives");
        kill_myself(p, Signal::USR1);
        p.critical(|| {
            let _ = p.sigmask(MaskHow::Unblock, Signal::USR1);
            kill_myself(p, Signal::KILL);
        });
        p.checkpoint();
    });
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
    assert!(noted.is_empty());
}
