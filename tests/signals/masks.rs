//! What is blocked, by whom, and what is pending: decision 15, POSIX `pthread_sigmask`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::{Receiver, unbounded};
use greenproc::{Command, ExitStatus, LwpId, MaskHow, Process, SigAction, SigCode, SigSet, Signal};
use greenproc_tests::{AN_HOUR, Fixture, errno, soon, stay, succeeded};

use crate::{is_asleep, kill_myself, noting};

const USR1: SigSet = SigSet::of(Signal::USR1);
const USR2: SigSet = SigSet::of(Signal::USR2);

/// A handler that says on which LWP it runs.
fn where_it_runs() -> (SigAction, Receiver<LwpId>) {
    let (note, noted) = unbounded();
    (SigAction::handler(move |p, _| note.send(p.lwp_id()).expect("the test listens")), noted)
}

/// POSIX `pthread_sigmask`: blocks, unblocks, sets; each says what was blocked before.
#[test]
fn a_mask_is_added_to_taken_from_and_replaced() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let hup = SigSet::of(Signal::HUP);
        let steps = [
            (MaskHow::Block, USR1 | USR2, USR1 | USR2),
            (MaskHow::Block, hup | USR2, hup | USR1 | USR2),
            (MaskHow::Unblock, USR1 | SigSet::of(Signal::INT), hup | USR2),
            (MaskHow::Set, USR1, USR1),
            (MaskHow::Block, SigSet::EMPTY, USR1),
            (MaskHow::Unblock, SigSet::ALL, SigSet::EMPTY),
        ];
        let mut before = SigSet::EMPTY;
        for (how, signals, after) in steps {
            assert_eq!(p.sigmask(how, signals).expect("it lives"), before, "{how:?} {signals:?}");
            assert_eq!(p.sigmask_now(), after, "{how:?} {signals:?}");
            before = after;
        }
    });
}

/// Each LWP has a mask of its own, which begins as that of the LWP that made it.
#[test]
fn a_mask_is_the_lwps_own_and_inherited_by_the_lwps_it_makes() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigmask(MaskHow::Block, USR1).expect("it lives");
        let other = p.spawn_lwp(|p| {
            let begun_with = p.sigmask(MaskHow::Set, USR2).expect("it lives");
            let of_its_own = p.spawn_lwp(Process::sigmask_now).expect("room").join(p).expect("it returned");
            (begun_with, of_its_own)
        });
        let masks = other.expect("room").join(p).expect("it returned");
        assert_eq!(masks, (USR1, USR2));
        assert_eq!(p.sigmask_now(), USR1);
    });
}

/// Decision 15, `posix_spawnattr_setsigmask`: a child begins with the mask of the LWP that spawns it, unless its command has
/// one, and with nothing pending.
#[test]
fn a_child_begins_with_a_mask_and_nothing_pending() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigmask(MaskHow::Block, USR1).expect("it lives");
        kill_myself(p, Signal::USR1);
        p.raise(Signal::USR1).expect("it lives");
        let said = |p: &Process, change: fn(Command) -> Command| {
            let (say, said) = unbounded();
            let look = move |p: &Process| say.send((p.sigmask_now(), p.sigpending())).expect("they listen");
            let child = p.spawn(change(Command::new("child", look))).expect("room");
            succeeded(&child.wait().expect("my child"));
            said.try_recv().expect("it said so")
        };
        assert_eq!(said(p, |command| command), (USR1, SigSet::EMPTY));
        assert_eq!(said(p, |command| command.signal_mask(Signal::USR2)), (USR2, SigSet::EMPTY));
        assert_eq!(said(p, |command| command.signal_mask(SigSet::EMPTY)), (SigSet::EMPTY, SigSet::EMPTY));
        let but_two = SigSet::ALL.without(Signal::KILL).without(Signal::STOP);
        assert_eq!(said(p, |command| command.signal_mask(SigSet::ALL)), (but_two, SigSet::EMPTY));
        let by_lwp = p.spawn_lwp(move |p| {
            p.sigmask(MaskHow::Block, USR2).expect("it lives");
            said(p, |command| command)
        });
        assert_eq!(by_lwp.expect("room").join(p).expect("it returned"), (USR1 | USR2, SigSet::EMPTY));
        assert_eq!(p.sigpending(), USR1);
        p.sigaction(Signal::USR1, SigAction::IGNORE).expect("it can be ignored");
    });
}

/// A signal to the process is handled on an LWP that does not block it, wherever that sleeps.
#[test]
fn a_signal_to_the_process_goes_to_an_lwp_that_does_not_block_it() {
    let fixture = Fixture::boot();
    for blocker in [0, 1] {
        let (handler, noted) = where_it_runs();
        let (held, let_go) = unbounded::<()>();
        let (ready, is_ready) = unbounded();
        let child = fixture.child("two", move |p| {
            p.sigaction(Signal::USR1, handler).expect("it can be caught");
            let sleep = move |p: &Process, number: u32| {
                if number == blocker {
                    p.sigmask(MaskHow::Block, USR1).expect("it lives");
                }
                ready.send((number, p.lwp_id())).expect("the test listens");
                stay_through(p, &let_go);
            };
            let other = sleep.clone();
            let other = p.spawn_lwp(move |p| other(p, 1)).expect("room");
            sleep(p, 0);
            while_interrupted(p, other);
        });
        let both = [soon(&is_ready), soon(&is_ready)];
        for (_, lwp) in both {
            is_asleep(&fixture, child.id(), lwp);
        }
        let open = both.iter().find(|(number, _)| *number != blocker).expect("one of them").1;
        for _ in 0..10 {
            child.signal(Signal::USR1).expect("it lives");
            assert_eq!(soon(&noted), open);
        }
        drop(held);
        succeeded(&child.wait().expect("its handle owns it"));
        assert!(noted.is_empty());
    }
}

/// Sleeps until the other side is gone, whatever interrupts that.
fn stay_through(p: &Process, let_go: &Receiver<()>) {
    while !matches!(p.recv(let_go), Err(greenproc::RecvError::Disconnected)) {}
}

/// Joins an LWP while no signal can come.
fn while_interrupted<T>(p: &Process, lwp: greenproc::LwpHandle<T>) -> T {
    p.critical(|| lwp.join(p).expect("it returned"))
}

/// A signal that every LWP blocks waits for the first that does not any more.
#[test]
fn what_every_lwp_blocks_goes_to_the_first_that_unblocks_it() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (handler, noted) = where_it_runs();
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        p.sigmask(MaskHow::Block, USR1).expect("it lives");
        let lwps = [(); 3].map(|()| {
            let (go, gone) = unbounded::<()>();
            let lwp = p.spawn_lwp(move |p| {
                stay(p, &gone);
                p.sigmask(MaskHow::Unblock, USR1).expect("it lives");
            });
            (go, lwp.expect("room"))
        });
        kill_myself(p, Signal::USR1);
        assert_eq!(p.sigpending(), USR1);
        let mut ids = Vec::new();
        for (go, lwp) in lwps {
            ids.push(lwp.id());
            drop(go);
            lwp.join(p).expect("it returned");
        }
        assert_eq!(noted.try_iter().collect::<Vec<_>>(), ids[..1]);
        assert_eq!(p.sigpending(), SigSet::EMPTY);
    });
}

/// A blocked signal that ends by default does so when it is unblocked, before that call returns.
#[test]
fn a_blocked_fatal_signal_ends_the_process_when_it_is_unblocked() {
    let fixture = Fixture::boot();
    let cases =
        [(Signal::TERM, ExitStatus::killed(Signal::TERM)), (Signal::QUIT, ExitStatus::dumped(Signal::QUIT))];
    for (signal, status) in cases {
        let (note, noted) = unbounded();
        let child = fixture.child("blocks", move |p| {
            p.sigmask(MaskHow::Block, signal).expect("it lives");
            p.raise(signal).expect("it lives");
            kill_myself(p, signal);
            p.checkpoint();
            p.sleep(std::time::Duration::from_micros(1)).expect("it is blocked");
            note.send(p.sigpending()).expect("the test listens");
            p.sigmask(MaskHow::Unblock, signal).expect("it lives");
            note.send(SigSet::ALL).expect("the test listens");
        });
        assert_eq!(child.wait().expect("its handle owns it").status, status);
        assert_eq!(noted.try_iter().collect::<Vec<_>>(), [SigSet::of(signal)]);
    }
}

/// POSIX `sigpending`: what is pending for the process and for the caller, not what is for another LWP.
#[test]
fn sigpending_is_of_the_process_and_the_caller() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigmask(MaskHow::Block, USR1 | USR2).expect("it lives");
        let (go, gone) = unbounded::<()>();
        let other = p.spawn_lwp(move |p| {
            stay(p, &gone);
            p.sigpending()
        });
        let other = other.expect("room");
        assert_eq!(p.sigpending(), SigSet::EMPTY);
        kill_myself(p, Signal::USR1);
        p.tgkill(other.id(), Signal::USR2).expect("it lives");
        assert_eq!(p.sigpending(), USR1);
        drop(go);
        assert_eq!(other.join(p).expect("it returned"), USR1 | USR2);
        assert_eq!(p.sigpending(), USR1, "what was for an LWP goes with it");
    });
}

/// POSIX: SIGKILL and SIGSTOP are never blocked, and asking for it is no error.
#[test]
fn kill_cannot_be_blocked() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = unbounded();
    let child = fixture.child("blocks all", move |p| {
        p.sigmask(MaskHow::Set, SigSet::ALL).expect("it lives");
        ready.send(p.sigmask_now()).expect("the test listens");
        let _ = p.sleep(AN_HOUR);
    });
    assert_eq!(soon(&is_ready), SigSet::ALL.without(Signal::KILL).without(Signal::STOP));
    for signal in SigSet::ALL.iter().filter(|&signal| signal != Signal::KILL && !signal.is_stop()) {
        child.signal(signal).expect("it lives");
    }
    is_asleep(&fixture, child.id(), LwpId::MAIN);
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
}

/// Linux `tgkill`: the signal is that LWP's, although others do not block it; ESRCH for one that is not there.
#[test]
fn tgkill_is_for_one_lwp_only() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (handler, noted) = where_it_runs();
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        let lwps = [(); 3].map(|()| {
            let (go, gone) = unbounded::<()>();
            (go, p.spawn_lwp(move |p| stay_through(p, &gone)).expect("room"))
        });
        for (_, lwp) in lwps.iter().chain(lwps.iter().rev()) {
            p.tgkill(lwp.id(), Signal::USR1).expect("it lives");
            p.checkpoint();
            assert_eq!(soon(&noted), lwp.id());
        }
        for (go, lwp) in lwps {
            let id = lwp.id();
            drop(go);
            lwp.join(p).expect("it returned");
            assert_eq!(errno(p.tgkill(id, Signal::USR1)), libc::ESRCH);
        }
        assert!(noted.is_empty());
    });
}

/// One that blocks it keeps it, although others do not block it.
#[test]
fn what_is_for_one_lwp_waits_for_it() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (handler, noted) = where_it_runs();
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        let (go, gone) = unbounded::<()>();
        let (ready, is_ready) = unbounded();
        let other = p.spawn_lwp(move |p| {
            p.sigmask(MaskHow::Block, USR1).expect("it lives");
            ready.send(()).expect("the main LWP listens");
            stay(p, &gone);
            p.sigmask(MaskHow::Unblock, USR1).expect("it lives");
        });
        let other = other.expect("room");
        soon(&is_ready);
        let id = other.id();
        p.tgkill(id, Signal::USR1).expect("it lives");
        p.checkpoint();
        assert!(noted.is_empty());
        drop(go);
        other.join(p).expect("it returned");
        assert_eq!(noted.try_iter().collect::<Vec<_>>(), [id]);
    });
}

/// POSIX `raise`: it does not return before the handler has; each time.
#[test]
fn raise_delivers_before_it_returns() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let count = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&count);
        let handler = SigAction::handler(move |_, info| {
            assert_eq!(info.code, SigCode::Lwp);
            counter.fetch_add(1, Ordering::Relaxed);
        });
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        for number in 1..=1000 {
            p.raise(Signal::USR1).expect("it lives");
            assert_eq!(count.load(Ordering::Relaxed), number);
        }
    });
}

/// Whatever an LWP blocks, a signal that all of them ignore is not kept, and one that is blocked is, although it is ignored
/// by default.
#[test]
fn a_blocked_signal_that_is_ignored_by_default_is_kept() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        kill_myself(p, Signal::WINCH);
        assert_eq!(p.sigpending(), SigSet::EMPTY);
        p.sigmask(MaskHow::Block, Signal::WINCH).expect("it lives");
        kill_myself(p, Signal::WINCH);
        assert_eq!(p.sigpending(), SigSet::of(Signal::WINCH));
        let (action, noted) = noting();
        p.sigaction(Signal::WINCH, action).expect("it can be caught");
        p.sigmask(MaskHow::Unblock, Signal::WINCH).expect("it lives");
        assert_eq!(noted.len(), 1);
    });
}
