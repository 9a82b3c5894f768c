//! The flags and masks of handlers, and handlers in handlers: POSIX `sigaction`, decision 21.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::unbounded;
use greenproc::{Command, ExitStatus, MaskHow, Process, SaFlags, SigAction, SigSet, Signal};
use greenproc_tests::{Fixture, OnDrop};

use crate::{kill_myself, noting};

/// `SA_RESETHAND`: the action is the default one when the handler runs, so the second signal does what it does by default.
#[test]
fn resethand_makes_a_handler_run_once() {
    let fixture = Fixture::boot();
    let (note, noted) = unbounded();
    let child = fixture.child("once", move |p| {
        let handler = SigAction::handler(move |p, _| {
            note.send(p.action(Signal::USR1).is_default()).expect("the test listens");
        });
        p.sigaction(Signal::USR1, handler.flags(SaFlags::RESETHAND)).expect("it can be caught");
        p.raise(Signal::USR1).expect("it lives");
        p.raise(Signal::USR1).expect("it is ended by it");
    });
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::USR1));
    assert_eq!(noted.try_iter().collect::<Vec<_>>(), [true]);
}

/// What the handler of SIGUSR1 with these flags and this mask sees blocked, and what is blocked after it.
fn masks_in_and_after(p: &Process, flags: SaFlags, mask: SigSet) -> (SigSet, SigSet) {
    let (note, noted) = unbounded();
    let handler = SigAction::handler(move |p, _| note.send(p.sigmask_now()).expect("the test listens"));
    p.sigaction(Signal::USR1, handler.flags(flags).mask(mask)).expect("it can be caught");
    p.raise(Signal::USR1).expect("it lives");
    (noted.try_recv().expect("handled before raise returned"), p.sigmask_now())
}

/// `sa_mask`: it, the signal itself and what was blocked before are blocked while the handler runs; without the signal
/// under `SA_NODEFER`; SIGKILL never is. Afterwards it is what it was.
#[test]
fn the_mask_of_an_action_is_in_force_while_its_handler_runs() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (usr1, usr2) = (SigSet::of(Signal::USR1), SigSet::of(Signal::USR2));
        let hup = SigSet::of(Signal::HUP);
        let cases = [
            (SaFlags::empty(), SigSet::EMPTY, usr1),
            (SaFlags::empty(), usr2, usr1 | usr2),
            (SaFlags::NODEFER, SigSet::EMPTY, SigSet::EMPTY),
            (SaFlags::NODEFER, usr2, usr2),
            (SaFlags::NODEFER, usr1, usr1),
            (SaFlags::RESTART, SigSet::ALL, SigSet::ALL.without(Signal::KILL).without(Signal::STOP)),
        ];
        for before in [SigSet::EMPTY, hup] {
            p.sigmask(MaskHow::Set, before).expect("it lives");
            for (flags, mask, inside) in cases {
                assert_eq!(
                    masks_in_and_after(p, flags, mask),
                    (inside | before, before),
                    "{flags:?} {mask:?}"
                );
            }
        }
    });
}

/// Decision 21: what a handler itself does to the mask is undone with it.
#[test]
fn a_change_of_the_mask_in_a_handler_ends_with_it() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let handler = SigAction::handler(|p, _| {
            let former = p.sigmask(MaskHow::Set, Signal::HUP).expect("it lives");
            assert_eq!(former, SigSet::from([Signal::USR1, Signal::INT]));
        });
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        p.sigmask(MaskHow::Block, Signal::INT).expect("it lives");
        p.raise(Signal::USR1).expect("it lives");
        assert_eq!(p.sigmask_now(), SigSet::of(Signal::INT));
    });
}

/// Decision 21: the mask is what it was also when the handler unwinds: the destructors of the body see it so.
#[test]
fn the_mask_is_restored_when_a_handler_unwinds() {
    let fixture = Fixture::boot();
    let ends: [fn(&Process); 3] = [|p| p.exit(4), |p| p.exit_lwp(), |_| panic!("on purpose")];
    let statuses = [ExitStatus::exited(4), ExitStatus::exited(0), ExitStatus::dumped(Signal::ABRT)];
    for (end, status) in ends.into_iter().zip(statuses) {
        let (note, noted) = unbounded();
        let child = fixture.child("unwinds", move |p| {
            p.sigmask(MaskHow::Block, Signal::HUP).expect("it lives");
            let say = note.clone();
            let _last = OnDrop(move || {
                let mask = greenproc::current().expect("a process").sigmask_now();
                say.send(mask).expect("the test listens");
            });
            let handler = SigAction::handler(move |p, _| {
                note.send(p.sigmask_now()).expect("the test listens");
                end(p);
            });
            p.sigaction(Signal::USR1, handler.mask(Signal::USR2)).expect("it can be caught");
            p.raise(Signal::USR1).expect("it lives");
        });
        assert_eq!(child.wait().expect("its handle owns it").status, status);
        let before = SigSet::of(Signal::HUP);
        let inside = before | SigSet::from([Signal::USR1, Signal::USR2]);
        assert_eq!(noted.try_iter().collect::<Vec<_>>(), [inside, before], "{status}");
    }
}

/// Decision 21: a handler interrupts a handler, and the masks nest as the handlers do.
#[test]
fn a_handler_can_interrupt_a_handler() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (note, noted) = unbounded();
        let inner = note.clone();
        let outer = move |p: &Process| {
            note.send(("outer", p.sigmask_now())).expect("the test listens");
            p.raise(Signal::USR2).expect("it lives");
            note.send(("outer again", p.sigmask_now())).expect("the test listens");
        };
        let inner = move |p: &Process| inner.send(("inner", p.sigmask_now())).expect("the test listens");
        p.sigaction(Signal::USR1, SigAction::handler(move |p, _| outer(p))).expect("it can be caught");
        p.sigaction(Signal::USR2, SigAction::handler(move |p, _| inner(p))).expect("it can be caught");
        p.raise(Signal::USR1).expect("it lives");
        let one = SigSet::of(Signal::USR1);
        let seen: Vec<_> = noted.try_iter().collect();
        assert_eq!(seen, [("outer", one), ("inner", one.with(Signal::USR2)), ("outer again", one)]);
        assert_eq!(p.sigmask_now(), SigSet::EMPTY);
    });
}

/// How deep handlers of SIGUSR1 nest that raise it again, three times in all, and how many ran.
fn depth(p: &Process, flags: SaFlags) -> (u32, u32) {
    let (now, deepest, calls) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (max, count) = (Arc::clone(&deepest), Arc::clone(&calls));
    let handler = SigAction::handler(move |p, _| {
        max.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        if count.fetch_add(1, Ordering::Relaxed) < 2 {
            p.raise(Signal::USR1).expect("it lives");
        }
        now.fetch_sub(1, Ordering::Relaxed);
    });
    p.sigaction(Signal::USR1, handler.flags(flags)).expect("it can be caught");
    p.raise(Signal::USR1).expect("it lives");
    (deepest.load(Ordering::Relaxed), calls.load(Ordering::Relaxed))
}

/// `SA_NODEFER`: the handler interrupts itself; without it the signal waits until it is done, and none is lost.
#[test]
fn a_handler_interrupts_itself_under_nodefer_only() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(depth(p, SaFlags::empty()), (1, 3));
        assert_eq!(depth(p, SaFlags::NODEFER), (3, 3));
    });
}

/// `sa_mask`: what it blocks waits for the end of the handler, also if it is fatal.
#[test]
fn what_a_handler_blocks_is_met_after_it() {
    let fixture = Fixture::boot();
    let (note, noted) = unbounded();
    let (action, terminated) = noting();
    fixture.inside(move |p| {
        let handler = SigAction::handler(move |p, _| {
            kill_myself(p, Signal::USR2);
            kill_myself(p, Signal::TERM);
            p.checkpoint();
            note.send(p.sigpending()).expect("the test listens");
        });
        let mask = [Signal::USR2, Signal::TERM];
        p.sigaction(Signal::USR1, handler.mask(mask)).expect("it can be caught");
        let child = p.spawn(Command::new("child", move |p| {
            p.sigaction(Signal::TERM, action).expect("it can be caught");
            p.raise(Signal::USR1)
        }));
        let waited = child.expect("room").wait().expect("my child");
        assert_eq!(waited.status, ExitStatus::killed(Signal::USR2));
    });
    assert_eq!(noted.try_iter().collect::<Vec<_>>(), [SigSet::from([Signal::USR2, Signal::TERM])]);
    assert!(terminated.is_empty(), "SIGUSR2 has the lower number, and was met first");
}
