//! Forks and signals, and what a watch costs that nobody reads.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{TryRecvError, unbounded};
use greenproc::{
    Command, ExitStatus, NoteFlags, NoteKind, Process, SaFlags, SigAction, Signal, Target, TimerSetting,
    Watch,
};
use greenproc_tests::{Fixture, errno, hold, living, new_group, same, soon, stay, succeeded};

use crate::{is_over, next};

fn signal(watch: &Watch, of: greenproc::Pid) -> Signal {
    match next(watch, of) {
        NoteKind::Signal { signal } => signal,
        other => panic!("{other:?}"),
    }
}

/// A child of its own and one of `Runtime::spawn` are forks of their parents.
#[test]
fn a_fork_names_the_child() {
    let fixture = Fixture::boot();
    let (asked, ask) = unbounded::<()>();
    let (made, is_made) = unbounded();
    let parent = fixture.child("parent", move |p| {
        while p.recv(&ask).is_ok() {
            let child = p.spawn(Command::new("child", |_| ())).expect("room");
            made.send(child.id()).expect("the test listens");
            succeeded(&p.wait().expect("my child"));
        }
    });
    let watch = parent.watch(NoteFlags::FORK | NoteFlags::EXIT).expect("it lives");
    for _ in 0..3 {
        asked.send(()).expect("it listens");
        let child = soon(&is_made);
        assert_eq!(next(&watch, parent.id()), NoteKind::Fork { child });
    }
    drop(asked);
    assert_eq!(next(&watch, parent.id()), NoteKind::Exit { status: ExitStatus::exited(0) });
    assert!(is_over(&watch));
}

/// Whatever becomes of a signal: handled, ignored, blocked, job control, to a group, of a timer, fatal.
#[test]
fn every_posted_signal_is_told_whatever_becomes_of_it() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = unbounded();
    let (hold, held) = hold();
    let child = fixture
        .spawn(new_group(Command::new("signalled", move |p: &Process| {
            p.sigaction(Signal::USR1, SigAction::handler(|_, _| ()).flags(SaFlags::RESTART)).expect("USR1");
            p.sigaction(Signal::USR2, SigAction::IGNORE).expect("USR2");
            p.sigmask(greenproc::MaskHow::Block, Signal::HUP).expect("a mask");
            ready.send(()).expect("the test listens");
            held(p);
            // Posted by itself, and by a timer.
            p.kill(p.pid(), Signal::WINCH).expect("it lives");
            let _ = p.setitimer(
                greenproc::Timer::Real,
                TimerSetting { value: Duration::from_millis(1), interval: Duration::ZERO },
            );
            loop {
                let _ = p.pause();
            }
        })))
        .expect("room");
    soon(&is_ready);
    let watch = child.watch(NoteFlags::SIGNAL).expect("it lives");
    let to_it = [Signal::USR1, Signal::USR2, Signal::HUP, Signal::STOP, Signal::CONT, Signal::WINCH];
    for sent in to_it {
        child.signal(sent).expect("it lives");
        assert_eq!(signal(&watch, child.id()), sent);
    }
    fixture.kill(Target::Group(child.id()), Signal::CHLD).expect("it is there");
    assert_eq!(signal(&watch, child.id()), Signal::CHLD);
    assert!(watch.is_empty(), "each is told once");
    drop(hold);
    assert_eq!(signal(&watch, child.id()), Signal::WINCH);
    assert_eq!(signal(&watch, child.id()), Signal::ALRM);
    assert_eq!(child.wait().expect("its handle owns it").status.signal(), Some(Signal::ALRM));
    assert!(is_over(&watch), "no EXIT was asked for");
}

/// SIGCHLD of a child is posted to who listens; a stop that waited blocked is told once; the dead take signals and nobody
/// is told.
#[test]
fn what_the_runtime_posts_is_told_and_what_the_dead_take_is_not() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (go, gone) = unbounded::<()>();
        let (open, opened) = unbounded::<()>();
        let listener = p.spawn(Command::new("listener", move |p| {
            p.sigaction(Signal::CHLD, SigAction::handler(|_, _| ())).expect("CHLD");
            p.sigmask(greenproc::MaskHow::Block, Signal::TSTP).expect("a mask");
            while p.recv(&gone).is_err_and(|error| matches!(error, greenproc::RecvError::Interrupted(_))) {}
            let child = p.spawn(Command::new("child", |_| ())).expect("room");
            while child.wait().is_err() {}
            while p.recv(&opened).is_err_and(|error| matches!(error, greenproc::RecvError::Interrupted(_))) {}
            p.sigmask(greenproc::MaskHow::Unblock, Signal::TSTP).expect("a mask");
            p.checkpoint();
        }));
        let listener = listener.expect("room");
        let watch = listener.watch(NoteFlags::SIGNAL | NoteFlags::EXIT).expect("mine");
        drop(go);
        assert_eq!(signal(&watch, listener.id()), Signal::CHLD);
        listener.signal(Signal::TSTP).expect("mine");
        assert_eq!(signal(&watch, listener.id()), Signal::TSTP);
        drop(open);
        // Its group is init's, which is no orphan: it stops where it lets the signal in.
        let flags = greenproc::WaitFlags::STOPPED | greenproc::WaitFlags::EXITED;
        let seen = p.waitid(greenproc::WaitFor::Child(&listener), flags).expect("mine").expect("no NOHANG");
        if seen.status.stopped_signal().is_some() {
            assert!(watch.is_empty(), "a stop that was pending is told once");
            listener.signal(Signal::CONT).expect("mine");
            assert_eq!(signal(&watch, listener.id()), Signal::CONT);
        }
        assert!(matches!(next(&watch, listener.id()), NoteKind::Exit { .. }));
        let _ = listener.signal(Signal::TERM);
        assert!(is_over(&watch));
    });
}

/// A watch that nobody reads takes no more than it may, holds nobody up, and still has the end.
#[test]
fn a_watch_that_nobody_reads_coalesces_and_keeps_the_end() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let child = fixture.child("signalled", move |p| {
        p.sigaction(Signal::USR1, SigAction::IGNORE).expect("USR1");
        held(p);
    });
    let all = NoteFlags::SIGNAL | NoteFlags::EXIT;
    let (watch, reader) = (child.watch(all).expect("it lives"), child.watch(all).expect("it lives"));
    let count = 4 * Watch::ROOM as u64;
    for _ in 0..count {
        child.signal(Signal::WINCH).expect("it lives");
        assert_eq!(signal(&reader, child.id()), Signal::WINCH);
    }
    assert_eq!((watch.len(), watch.coalesced()), (Watch::ROOM, count - Watch::ROOM as u64));
    assert_eq!(reader.coalesced(), 0);
    drop(hold);
    for _ in 0..Watch::ROOM {
        assert_eq!(signal(&watch, child.id()), Signal::WINCH);
    }
    assert!(matches!(next(&watch, child.id()), NoteKind::Exit { .. }));
    assert!(is_over(&watch));
}

/// Who receives a note and looks sees all that happened: a fork coalesces only while an earlier one still waits.
#[test]
fn who_receives_a_note_and_looks_has_missed_nothing() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    let count = 3 * Watch::ROOM;
    let (parent, watch) = fixture.inside(move |p| {
        let (begin, begun) = unbounded::<()>();
        let parent = p.spawn(Command::new("parent", move |p| {
            p.sigaction(Signal::CHLD, SigAction::NO_CHILD_WAIT).expect("CHLD");
            stay(p, &begun);
            for _ in 0..count {
                p.spawn(Command::new("child", |_| ())).expect("room");
            }
        }));
        let parent = parent.expect("room");
        let watch = parent.watch(NoteFlags::FORK | NoteFlags::EXIT).expect("mine");
        drop(begin);
        let mut told = 0_u64;
        loop {
            match p.recv(&watch).expect("it ends").kind {
                NoteKind::Fork { .. } => told += 1,
                NoteKind::Exit { .. } => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(told + watch.coalesced(), count as u64);
        (parent.wait().expect("mine").pid, watch)
    });
    assert!(is_over(&watch));
    assert!(runtime.snapshot().get(parent).is_none());
}

/// A dropped watch is told of nothing, and a watched process of nobody does not mind.
#[test]
fn a_watch_can_be_dropped_at_any_time() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        let keep = child.watch(NoteFlags::EXIT).expect("mine");
        let clone = {
            let watch = child.watch(NoteFlags::SIGNAL | NoteFlags::EXIT).expect("mine");
            child.signal(Signal::WINCH).expect("mine");
            // What was sent stays with who has a receiver of it.
            (*watch).clone()
        };
        child.signal(Signal::WINCH).expect("mine");
        assert!(matches!(clone.try_recv().expect("from before").kind, NoteKind::Signal { .. }));
        assert_eq!(clone.try_recv(), Err(TryRecvError::Disconnected));
        drop(hold);
        assert!(matches!(next(&keep, child.id()), NoteKind::Exit { .. }));
    });
}

/// Watches begin and end while what they watch is born, signalled and dies, from several LWPs.
#[test]
fn watches_come_and_go_in_a_storm() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 200 } else { 1_000 };
    let fixture = Fixture::boot();
    let runtime = Arc::new((*fixture).clone());
    fixture.inside(move |p| {
        let me = p.pid();
        let lwps: Vec<_> = (0..4)
            .map(|number| {
                let runtime = Arc::clone(&runtime);
                let storm = move |p: &Process| {
                    for round in 0..ROUNDS {
                        let everything = NoteFlags::all();
                        let mine = runtime.watch(me, everything).expect("I live");
                        let child = p.spawn(Command::new("child", |p| p.checkpoint())).expect("room");
                        let watch = child.watch(everything);
                        if round % 3 == number % 3 {
                            drop(mine);
                        }
                        let _ = child.signal(Signal::WINCH);
                        if round % 2 == 0 {
                            let _ = child.kill();
                        }
                        if let Ok(watch) = watch {
                            let last = watch.iter().last().expect("an end");
                            assert!(matches!(last.kind, NoteKind::Exit { .. }) && last.pid == child.id());
                        }
                        let _ = child.wait().expect("mine");
                    }
                };
                p.spawn_lwp(storm).expect("room")
            })
            .collect();
        for lwp in lwps {
            lwp.join(p).expect("it returned");
        }
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}
