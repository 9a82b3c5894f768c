//! Which sleeps a handler ends, and which go on after it: POSIX `sigaction` with and without `SA_RESTART`.

use std::io::{self, Read};

use crossbeam_channel::{bounded, unbounded};
use greenproc::{
    Command, Error, JoinError, KillableMutex, LwpId, MaskHow, Process, RecvError, SaFlags, SendFailure,
    SigAction, Signal, WaitFlags, WaitFor,
};
use greenproc_tests::{AN_HOUR, Fixture, PATIENCE, errno, hold, is_dead, soon, succeeded};

use crate::{is_asleep, kill_myself, noting};

/// A call that sleeps until it is let go: 0, or what it failed with.
type Call = Box<dyn FnOnce(&Process) -> i32 + Send>;

/// A call, and what lets it go.
type Case = (Call, Box<dyn FnOnce()>);

fn outcome<T>(result: Result<T, Error>) -> i32 {
    result.map_or_else(|error| error.errno(), |_| 0)
}

fn for_a_child(wait: impl FnOnce(&Process, &greenproc::Child) -> i32 + Send + 'static) -> Case {
    let (release, held) = hold();
    let call = move |p: &Process| wait(p, &p.spawn(Command::new("child", held)).expect("room"));
    (Box::new(call), Box::new(|| drop(release)))
}

fn wait() -> Case {
    for_a_child(|p, _| outcome(p.wait()))
}

fn wait4() -> Case {
    for_a_child(|p, child| outcome(p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty())))
}

fn wait_timeout() -> Case {
    for_a_child(|p, _| outcome(p.wait_timeout(WaitFor::Any, WaitFlags::empty(), AN_HOUR)))
}

fn wait_of_the_handle() -> Case {
    for_a_child(|_, child| outcome(child.wait()))
}

fn received(result: Result<(), RecvError>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(RecvError::Interrupted(error)) => error.errno(),
        Err(other) => panic!("{other}"),
    }
}

fn recv() -> Case {
    let (sender, receiver) = unbounded();
    let call = move |p: &Process| received(p.recv(&receiver));
    // After EINTR nobody listens any more.
    (
        Box::new(call),
        Box::new(move || {
            let _ = sender.send(());
        }),
    )
}

fn recv_timeout() -> Case {
    let (sender, receiver) = unbounded();
    let call = move |p: &Process| received(p.recv_timeout(&receiver, AN_HOUR));
    (
        Box::new(call),
        Box::new(move || {
            let _ = sender.send(());
        }),
    )
}

fn send() -> Case {
    let (sender, receiver) = bounded(1);
    sender.send(1).expect("room for one");
    let call = move |p: &Process| match p.send(&sender, 2) {
        Ok(()) => 0,
        Err(refused) => {
            assert_eq!(refused.message, 2, "it comes back");
            match refused.reason {
                SendFailure::Interrupted(error) => error.errno(),
                other => panic!("{other}"),
            }
        }
    };
    let release = move || {
        assert_eq!(soon(&receiver), 1);
        // After EINTR nothing more comes, and nobody is left to send it.
        let _ = receiver.recv_timeout(PATIENCE);
    };
    (Box::new(call), Box::new(release))
}

fn lock() -> Case {
    // A guard that a closure owns needs a lock that nobody owns.
    let lock: &'static KillableMutex<()> = Box::leak(Box::new(KillableMutex::new(())));
    let guard = lock.try_lock().expect("nobody has it");
    (Box::new(move |p| outcome(lock.lock(p).map(drop))), Box::new(|| drop(guard)))
}

fn join() -> Case {
    let (release, held) = hold();
    let call = move |p: &Process| {
        // The other LWP must not take the signal.
        let former = p.sigmask(MaskHow::Block, Signal::USR1).expect("it lives");
        let other = p.spawn_lwp(move |p| held(p)).expect("room");
        // In here it is no checkpoint, which would meet what is pending too early.
        p.critical(|| p.sigmask(MaskHow::Set, former).expect("it lives"));
        match other.join(p) {
            Ok(()) => 0,
            Err(JoinError::Failed(error)) => error.errno(),
            Err(other) => panic!("{other}"),
        }
    };
    (Box::new(call), Box::new(|| drop(release)))
}

fn read() -> Case {
    let (mut silent, open) = io::pipe().expect("a pipe");
    let call = move |p: &Process| {
        let read = p.blocking(|| silent.read(&mut [0; 16]));
        match read {
            Ok(_) => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => libc::EINTR,
            Err(other) => panic!("{other}"),
        }
    };
    (Box::new(call), Box::new(|| drop(open)))
}

fn sleep() -> Case {
    (Box::new(|p| outcome(p.sleep(AN_HOUR))), Box::new(|| {}))
}

fn pause() -> Case {
    (Box::new(|p| outcome(p.pause())), Box::new(|| {}))
}

fn sigsuspend() -> Case {
    (Box::new(|p| outcome(p.sigsuspend(Signal::HUP))), Box::new(|| {}))
}

fn sigtimedwait() -> Case {
    (Box::new(|p| outcome(p.sigtimedwait(Signal::USR2, None))), Box::new(|| {}))
}

/// A call's name, how to make one, and whether it goes on after a handler with `SA_RESTART`.
type Row = (&'static str, fn() -> Case, bool);

/// The sleeping calls.
const TABLE: [Row; 14] = [
    ("wait", wait, true),
    ("wait4", wait4, true),
    ("wait_timeout", wait_timeout, true),
    ("Child::wait", wait_of_the_handle, true),
    ("recv", recv, true),
    ("recv_timeout", recv_timeout, true),
    ("send", send, true),
    ("KillableMutex::lock", lock, true),
    ("LwpHandle::join", join, true),
    ("read of a pipe", read, true),
    ("sleep", sleep, false),
    ("pause", pause, false),
    ("sigsuspend", sigsuspend, false),
    ("sigtimedwait", sigtimedwait, false),
];

/// Runs the call in a process that handles SIGUSR1 with these flags, and signals it: before the call, so that it is pending
/// when it would sleep, or while it sleeps. Says what came of the call, which is let go if it sleeps on.
fn signalled(fixture: &Fixture, (call, release): Case, flags: SaFlags, before: bool, goes_on: bool) -> i32 {
    let (action, noted) = noting();
    let (say, said) = unbounded();
    let child = fixture.child("sleeper", move |p| {
        p.sigaction(Signal::USR1, action.flags(flags)).expect("it can be caught");
        if before {
            kill_myself(p, Signal::USR1);
        }
        say.send(call(p)).expect("the test listens");
    });
    if !before {
        is_asleep(fixture, child.id(), LwpId::MAIN);
        child.signal(Signal::USR1).expect("it lives");
    }
    soon(&noted);
    if goes_on {
        // A handler runs awake: asleep after it, it sleeps again; and so after another one.
        is_asleep(fixture, child.id(), LwpId::MAIN);
        child.signal(Signal::USR1).expect("it lives");
        soon(&noted);
        is_asleep(fixture, child.id(), LwpId::MAIN);
        assert!(said.is_empty());
        release();
        let outcome = soon(&said);
        succeeded(&child.wait().expect("its handle owns it"));
        return outcome;
    }
    let outcome = soon(&said);
    succeeded(&child.wait().expect("its handle owns it"));
    release();
    outcome
}

/// Without `SA_RESTART` every sleeping call says EINTR once the handler has run.
#[test]
fn a_handler_ends_every_sleep() {
    let fixture = Fixture::boot();
    for (name, case, _) in TABLE {
        for before in [true, false] {
            let outcome = signalled(&fixture, case(), SaFlags::empty(), before, false);
            assert_eq!(outcome, libc::EINTR, "{name}, before: {before}");
        }
    }
}

/// With `SA_RESTART` the call goes on after the handler, and does what it was to do; but for those whose end is a handler or
/// a time.
#[test]
fn under_restart_a_sleep_goes_on_after_the_handler() {
    let fixture = Fixture::boot();
    for (name, case, goes_on) in TABLE {
        for before in [true, false] {
            let outcome = signalled(&fixture, case(), SaFlags::RESTART, before, goes_on);
            assert_eq!(outcome, if goes_on { 0 } else { libc::EINTR }, "{name}, before: {before}");
        }
    }
}

/// If one of several handlers that run in place of a sleep has no `SA_RESTART`, the call says EINTR.
#[test]
fn one_handler_without_restart_is_enough() {
    let fixture = Fixture::boot();
    for interrupting in [Signal::USR1, Signal::USR2] {
        fixture.inside(move |p| {
            let (action, noted) = noting();
            for signal in [Signal::USR1, Signal::USR2] {
                let flags = if signal == interrupting { SaFlags::empty() } else { SaFlags::RESTART };
                let one_at_a_time = action.clone().flags(flags).mask([Signal::USR1, Signal::USR2]);
                p.sigaction(signal, one_at_a_time).expect("it can be caught");
                kill_myself(p, signal);
            }
            let (_open, silent) = unbounded();
            assert_eq!(received(p.recv(&silent)), libc::EINTR);
            assert_eq!(noted.len(), 2);
        });
    }
}

/// A signal that is ignored, by its action or by default, or blocked, interrupts none of these calls.
#[test]
fn what_is_ignored_interrupts_nothing() {
    let fixture = Fixture::boot();
    for (name, case, _) in TABLE.into_iter().filter(|&(_, _, goes_on)| goes_on) {
        let (call, release) = case();
        let (say, said) = unbounded();
        let child = fixture.child("sleeper", move |p| {
            p.sigaction(Signal::USR1, SigAction::IGNORE).expect("it can be ignored");
            p.sigmask(MaskHow::Block, Signal::HUP).expect("it lives");
            for signal in [Signal::USR1, Signal::WINCH, Signal::CHLD, Signal::CONT, Signal::HUP] {
                kill_myself(p, signal);
            }
            say.send(call(p)).expect("the test listens");
        });
        for signal in [Signal::USR1, Signal::WINCH, Signal::CHLD, Signal::CONT, Signal::HUP] {
            is_asleep(&fixture, child.id(), LwpId::MAIN);
            child.signal(signal).expect("it lives");
        }
        is_asleep(&fixture, child.id(), LwpId::MAIN);
        release();
        assert_eq!(soon(&said), 0, "{name}");
        succeeded(&child.wait().expect("its handle owns it"));
    }
}

/// Row 62: a child that is ready beats EINTR, in each kind of wait; the handler runs at the next checkpoint.
#[test]
fn a_ready_child_beats_eintr() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        let waits: [fn(&Process, &greenproc::Child) -> i32; 3] = [
            |p, _| outcome(p.wait()),
            |p, child| outcome(p.wait4(WaitFor::Child(child), WaitFlags::empty())),
            |_, child| outcome(child.wait()),
        ];
        for wait in waits {
            let child = p.spawn(Command::new("child", |_| {})).expect("room");
            is_dead(p, child.id());
            kill_myself(p, Signal::USR1);
            assert_eq!(wait(p, &child), 0);
            assert!(noted.is_empty());
            p.checkpoint();
            assert_eq!(noted.try_iter().count(), 1);
        }
    });
}

/// Decision 19: so does a message that is there, room for one, and a lock that is free.
#[test]
fn what_is_ready_beats_eintr() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        let (sender, receiver) = bounded(1);
        let lock = KillableMutex::new(());
        kill_myself(p, Signal::USR1);
        assert!(p.send(&sender, ()).is_ok());
        assert_eq!(received(p.recv(&receiver)), 0);
        assert_eq!(outcome(lock.lock(p)), 0);
        assert!(noted.is_empty());
        assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        assert_eq!(noted.len(), 1);
    });
}
