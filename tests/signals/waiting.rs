//! Waiting for signals: POSIX `sigsuspend`, `pause`, `sigtimedwait`.

use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use greenproc::{Command, ExitStatus, LwpId, MaskHow, SigAction, SigCode, SigSet, Signal};
use greenproc_sync::time;
use greenproc_tests::{AN_HOUR, Fixture, errno, soon, succeeded};

use crate::{is_asleep, kill_myself, nothing, noting, real_time};

const USR1: SigSet = SigSet::of(Signal::USR1);

/// POSIX `sigsuspend`: no gap between the change of the mask and the sleep: another process signals in each of 10,000 rounds,
/// before or after the sleep begins, and none is lost.
#[test]
fn sigsuspend_misses_no_signal() {
    const ROUNDS: usize = 10_000;
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        p.sigmask(MaskHow::Block, USR1).expect("it lives");
        let (go, gone) = bounded(1);
        let me = p.pid();
        let sender = p.spawn(Command::new("sender", move |p| {
            while p.recv(&gone).is_ok() {
                p.kill(me, Signal::USR1).expect("it lives");
            }
        }));
        let sender = sender.expect("room");
        for round in 0..ROUNDS {
            go.send(()).expect("it listens");
            if round % 2 == 0 {
                // So that half of them are more likely to come first.
                std::thread::yield_now();
            }
            assert_eq!(errno(p.sigsuspend(SigSet::EMPTY)), libc::EINTR);
            assert_eq!(noted.try_iter().map(|info| info.pid).collect::<Vec<_>>(), [sender.id()]);
            assert_eq!(p.sigmask_now(), USR1);
        }
        drop(go);
        succeeded(&sender.wait().expect("my child"));
    });
}

/// POSIX `sigsuspend`: the given mask is in force while it sleeps and while the handler runs; the former one is back
/// afterwards, and what only the given one blocked is met then.
#[test]
fn sigsuspend_restores_the_mask() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (note, noted) = unbounded();
        let handler = SigAction::handler(move |p, info| {
            note.send((info.signal, p.sigmask_now())).expect("the test listens");
        });
        p.sigaction(Signal::USR1, handler.clone()).expect("it can be caught");
        p.sigaction(Signal::USR2, handler).expect("it can be caught");
        p.sigmask(MaskHow::Set, USR1).expect("it lives");
        kill_myself(p, Signal::USR1);
        p.critical(|| kill_myself(p, Signal::USR2));
        assert_eq!(errno(p.sigsuspend([Signal::USR2, Signal::HUP])), libc::EINTR);
        assert_eq!(p.sigmask_now(), USR1);
        let within = SigSet::from([Signal::USR1, Signal::USR2, Signal::HUP]);
        assert_eq!(noted.try_iter().collect::<Vec<_>>(), [(Signal::USR1, within)]);
        p.checkpoint();
        let after = SigSet::from([Signal::USR1, Signal::USR2]);
        assert_eq!(noted.try_iter().collect::<Vec<_>>(), [(Signal::USR2, after)]);
    });
}

/// The mask is what it was also when the process is ended in `sigsuspend`: destructors see it so.
#[test]
fn sigsuspend_restores_the_mask_when_it_unwinds() {
    let fixture = Fixture::boot();
    let (note, noted) = unbounded();
    let child = fixture.child("suspended", move |p| {
        let _last = greenproc_tests::OnDrop(move || {
            let mask = greenproc::current().expect("a process").sigmask_now();
            note.send(mask).expect("the test listens");
        });
        p.sigmask(MaskHow::Set, USR1).expect("it lives");
        p.sigsuspend(Signal::HUP).map(|never| match never {})
    });
    is_asleep(&fixture, child.id(), LwpId::MAIN);
    child.signal(Signal::TERM).expect("it lives");
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::TERM));
    assert_eq!(noted.try_iter().collect::<Vec<_>>(), [USR1]);
}

/// POSIX `pause`: it sleeps until a handler has run; a signal that is ignored or blocked does not end it.
#[test]
fn pause_ends_when_a_handler_has_run() {
    let fixture = Fixture::boot();
    let (action, noted) = noting();
    let (said, says) = unbounded();
    let child = fixture.child("pauses", move |p| {
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        p.sigaction(Signal::USR2, SigAction::IGNORE).expect("it can be ignored");
        p.sigmask(MaskHow::Block, Signal::HUP).expect("it lives");
        said.send(errno(p.pause())).expect("the test listens");
        assert_eq!(p.sigmask_now(), SigSet::of(Signal::HUP));
    });
    is_asleep(&fixture, child.id(), LwpId::MAIN);
    for signal in [Signal::USR2, Signal::WINCH, Signal::HUP] {
        child.signal(signal).expect("it lives");
        is_asleep(&fixture, child.id(), LwpId::MAIN);
    }
    assert!(says.is_empty() && noted.is_empty());
    child.signal(Signal::USR1).expect("it lives");
    assert_eq!(soon(&says), libc::EINTR);
    assert_eq!(noted.len(), 1);
    succeeded(&child.wait().expect("its handle owns it"));
}

/// POSIX `sigtimedwait`: it takes what is pending, the lowest first, without the handler; no time is needed for that.
#[test]
fn sigtimedwait_takes_what_is_pending() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        let signals = SigSet::from([Signal::USR1, Signal::TERM, real_time(0)]);
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        p.sigmask(MaskHow::Block, signals).expect("it lives");
        for value in [1, 2] {
            p.sigqueue(p.pid(), real_time(0), value).expect("room in the queue");
        }
        kill_myself(p, Signal::TERM);
        kill_myself(p, Signal::USR1);
        let take = |timeout| p.sigtimedwait(signals, timeout).map(|info| (info.signal, info.value));
        let now = Some(Duration::ZERO);
        assert_eq!(take(now).expect("pending"), (Signal::USR1, 0));
        assert_eq!(take(None).expect("pending"), (Signal::TERM, 0));
        assert_eq!(take(Some(AN_HOUR)).expect("pending"), (real_time(0), 1));
        assert_eq!(take(now).expect("pending"), (real_time(0), 2));
        assert_eq!(errno(take(now)), libc::EAGAIN);
        assert!(noted.is_empty());
        assert_eq!(p.sigpending(), SigSet::EMPTY);
    });
}

/// POSIX `sigtimedwait`: one that sleeps is woken by what comes, blocked, caught or neither; the handler does not run.
#[test]
fn sigtimedwait_waits_for_what_comes() {
    let fixture = Fixture::boot();
    for (blocked, timeout) in [(true, None), (true, Some(AN_HOUR)), (false, None)] {
        let (action, noted) = noting();
        let (say, said) = unbounded();
        let child = fixture.child("waits", move |p| {
            if blocked {
                p.sigmask(MaskHow::Block, USR1).expect("it lives");
                p.sigaction(Signal::USR1, action).expect("it can be caught");
            }
            say.send(p.sigtimedwait(Signal::USR1, timeout).expect("it comes")).expect("the test listens");
        });
        is_asleep(&fixture, child.id(), LwpId::MAIN);
        child.signal(Signal::USR1).expect("it lives");
        let info = soon(&said);
        assert_eq!((info.signal, info.code), (Signal::USR1, SigCode::User));
        succeeded(&child.wait().expect("its handle owns it"));
        assert!(noted.is_empty());
    }
}

/// POSIX `sigtimedwait`: EAGAIN when the time is over, not before; afterwards the signal does again what it did.
#[test]
fn sigtimedwait_says_eagain_after_its_time() {
    let fixture = Fixture::boot();
    let child = fixture.child("waits", |p| {
        let since = time::now();
        let time = Duration::from_millis(2);
        assert_eq!(errno(p.sigtimedwait(Signal::USR1, Some(time))), libc::EAGAIN);
        assert!(time::now() - since >= time);
        p.raise(Signal::USR1)
    });
    let waited = child.wait().expect("its handle owns it");
    assert_eq!(waited.status, ExitStatus::killed(Signal::USR1), "{:?}", waited.report);
}

/// POSIX `sigtimedwait`: EINTR when the handler of another signal has run, whatever its flags; what is pending beats it.
#[test]
fn sigtimedwait_is_interrupted_by_another_handler() {
    let fixture = Fixture::boot();
    for flags in [greenproc::SaFlags::empty(), greenproc::SaFlags::RESTART] {
        fixture.inside(move |p| {
            let (action, noted) = noting();
            p.sigaction(Signal::USR2, action.flags(flags)).expect("it can be caught");
            p.sigmask(MaskHow::Block, USR1).expect("it lives");
            kill_myself(p, Signal::USR2);
            assert_eq!(errno(p.sigtimedwait(Signal::USR1, None)), libc::EINTR);
            assert_eq!(noted.try_iter().count(), 1);
            kill_myself(p, Signal::USR2);
            kill_myself(p, Signal::USR1);
            p.sigtimedwait(Signal::USR1, None).expect("pending beats EINTR");
            assert!(noted.is_empty());
            p.checkpoint();
            assert_eq!(noted.len(), 1);
        });
    }
}

/// What ends the process ends it in these calls too; SIGKILL cannot be waited for.
#[test]
fn a_kill_ends_who_waits_for_signals() {
    let fixture = Fixture::boot();
    for signal in [Signal::KILL, Signal::TERM] {
        for place in 0..3 {
            let child = fixture.child("waits", move |p| {
                p.sigaction(Signal::USR1, nothing()).expect("it can be caught");
                let _ = match place {
                    0 => errno(p.sigtimedwait([Signal::USR1, Signal::KILL], None)),
                    1 => errno(p.sigsuspend(USR1)),
                    _ => errno(p.pause()),
                };
            });
            is_asleep(&fixture, child.id(), LwpId::MAIN);
            child.signal(signal).expect("it lives");
            assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(signal));
        }
    }
}
