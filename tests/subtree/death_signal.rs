//! The signal that comes when the parent ends.

use crossbeam_channel::unbounded;
use greenproc::{Command, NoteFlags, NoteKind, Pid, Process, SigAction, SigCode, SigSet, Signal};
use greenproc_tests::{AN_HOUR, Fixture, dead, errno, hold, same, soon, succeeded};

use crate::{patiently, sleeper};

/// Set by the command, it comes with the parent's end, however that ends; a sibling without it lives on.
#[test]
fn a_child_that_asked_for_it_ends_with_its_parent_and_others_do_not() {
    let fixture = Fixture::boot();
    for ending in 0..3 {
        let (made, is_made) = unbounded();
        let (hold, held) = hold();
        let parent = fixture.child("parent", move |p| {
            let mortal = Command::new("mortal", sleeper).parent_death_signal(Signal::TERM);
            let mortal = p.spawn(mortal).expect("room");
            let other = p.spawn(Command::new("other", sleeper)).expect("room");
            let watch = mortal.watch(NoteFlags::EXIT | NoteFlags::SIGNAL).expect("mine");
            made.send((mortal.id(), other.id(), watch)).expect("the test listens");
            match ending {
                0 => held(p),
                1 => p.exit(3),
                _ => sleeper(p),
            }
        });
        let (mortal, other, watch) = soon(&is_made);
        match ending {
            0 => drop(hold),
            1 => {}
            _ => parent.kill().expect("it lives"),
        }
        let _ = parent.wait().expect("its handle owns it");
        let notes: Vec<NoteKind> = watch.iter().map(|note| note.kind).collect();
        assert_eq!(notes[0], NoteKind::Signal { signal: Signal::TERM });
        assert!(matches!(notes[1], NoteKind::Exit { status } if status.signal() == Some(Signal::TERM)));
        let snapshot = fixture.snapshot();
        assert!(snapshot.get(mortal).is_none_or(|process| process.status.is_some()));
        assert_eq!(snapshot.get(other).expect("it lives").ppid, Pid::INIT);
        fixture.kill(other, Signal::KILL).expect("it lives");
    }
}

/// A handler finds the new parent, and hears who the old one was; the new one's end sends it again; children have none.
#[test]
fn it_comes_with_the_change_of_parents_and_again_with_the_next() {
    let fixture = Fixture::boot();
    let (told, tells) = unbounded();
    let (made, is_made) = unbounded();
    let upper = fixture.child("upper", move |p| {
        p.set_child_subreaper(true).expect("it lives");
        let middle = p.spawn(Command::new("middle", move |p| {
            let lower = p.spawn(Command::new("lower", move |p| {
                assert_eq!(p.parent_death_signal(), None);
                let handler = move |p: &Process, info: &greenproc::SigInfo| {
                    told.send((info.pid, info.code, p.ppid())).expect("the test listens");
                };
                p.sigaction(Signal::HUP, SigAction::handler(handler)).expect("HUP");
                p.set_parent_death_signal(Some(Signal::HUP)).expect("it lives");
                assert_eq!(p.parent_death_signal(), Some(Signal::HUP));
                let inherits = p.spawn_returning("child", Process::parent_death_signal).expect("room");
                succeeded(&inherits.0.wait().expect("mine"));
                assert_eq!(inherits.1.take(), Some(None));
                made.send((p.pid(), p.ppid())).expect("the test listens");
                while p.sleep(AN_HOUR).is_err() {}
            }));
            drop(lower);
            sleeper(p);
        }));
        drop(middle);
        sleeper(p);
    });
    let (lower, middle) = soon(&is_made);
    fixture.kill(middle, Signal::KILL).expect("it lives");
    assert_eq!(soon(&tells), (middle, SigCode::Runtime, upper.id()));
    upper.kill().expect("it lives");
    assert_eq!(soon(&tells), (upper.id(), SigCode::Runtime, Pid::INIT));
    fixture.kill(lower, Signal::KILL).expect("it lives");
}

/// It can be taken back; a zombie gets none; the end of another LWP of the parent is not the parent's.
#[test]
fn it_can_be_taken_back_and_is_for_the_process_not_its_lwp() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let zombie = dead(p, 0, |command| command.parent_death_signal(Signal::KILL));
        let (made, is_made) = unbounded();
        let (hold, held) = hold();
        let parent = p.spawn(Command::new("parent", move |p| {
            let maker = p.spawn_lwp(|p| {
                let (ready, is_ready) = unbounded();
                let child = p.spawn(
                    Command::new("child", move |p: &Process| {
                        ready.send(()).expect("they listen");
                        p.sigtimedwait(Signal::USR2, Some(AN_HOUR)).expect("it comes");
                        let pending = p.sigpending();
                        p.set_parent_death_signal(None).expect("it lives");
                        assert_eq!(p.parent_death_signal(), None);
                        i32::from(pending != SigSet::EMPTY)
                    })
                    .signal_mask(SigSet::of(Signal::USR1).with(Signal::USR2))
                    .parent_death_signal(Signal::USR1),
                );
                p.recv(&is_ready).expect("it begins");
                child.expect("room").id()
            });
            let child = maker.expect("room").join(p).expect("it returned");
            // The LWP has ended that made it.
            p.kill(child, Signal::USR2).expect("it lives");
            made.send(p.wait().expect("mine").status).expect("the test listens");
            held(p);
        }));
        let status = p.recv(&is_made).expect("it ends");
        assert_eq!(status.code(), Some(0), "no signal was pending");
        drop(hold);
        succeeded(&parent.expect("room").wait().expect("mine"));
        succeeded(&zombie.wait().expect("mine"));
    });
}

/// An end that races with the birth: with the command's signal no child lives on.
#[test]
fn a_parent_that_ends_at_once_leaves_nobody_behind() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 300 } else { 2_000 };
    let fixture = Fixture::boot();
    for _ in 0..ROUNDS {
        let (child, watch) = fixture
            .spawn_returning("parent", |p| {
                let child = p.spawn(Command::new("child", sleeper).parent_death_signal(Signal::KILL));
                child.expect("room").watch(NoteFlags::EXIT).expect("mine")
            })
            .expect("room");
        let _ = child.wait().expect("its handle owns it");
        let watch = watch.take().expect("the parent ended with success");
        assert!(
            matches!(soon(&watch).kind, NoteKind::Exit { status } if status.signal() == Some(Signal::KILL))
        );
    }
}

#[test]
fn one_that_is_kept_beyond_its_end_is_esrch() {
    let fixture = Fixture::boot();
    let (open, opened) = unbounded::<()>();
    let child = fixture.child("child", move |p| {
        let kept = std::mem::ManuallyDrop::new(p.clone());
        patiently(p, &opened);
        kept.set_parent_death_signal(Some(Signal::TERM)).expect("it lives");
    });
    drop(open);
    succeeded(&child.wait().expect("its handle owns it"));
    fixture.inside(|p| {
        thread_local! {
            static KEPT: std::cell::RefCell<Option<Process>> = const { std::cell::RefCell::new(None) };
        }
        p.spawn(Command::new("keeps", |p| KEPT.set(Some(p.clone())))).expect("room");
        let _ = p.wait().expect("mine");
        let look = |_: &Process| {
            KEPT.with_borrow(|kept| {
                kept.as_ref().map(|kept| kept.set_parent_death_signal(None).map_err(|error| error.errno()))
            })
        };
        // If it is on the same thread, it finds what the other kept.
        let (child, said) = p.spawn_returning("looks", look).expect("room");
        succeeded(&child.wait().expect("mine"));
        if let Some(Some(said)) = said.take() {
            assert_eq!(said, Err(libc::ESRCH));
        }
        assert_eq!(errno(p.wait()), libc::ECHILD);
        drop(dead(p, 0, same).wait());
    });
}
