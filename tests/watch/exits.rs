//! An end is never lost, whenever the watch begins: row 33, mistake o.

use crossbeam_channel::unbounded;
use greenproc::{Command, ExitStatus, NoteFlags, NoteKind, Signal};
use greenproc_tests::{Fixture, OnDrop, barrier, dead, errno, hold, is_dead, living, owns, same};

use crate::{is_over, next, pid};

const EXIT: NoteFlags = NoteFlags::EXIT;

/// Row 33: everybody who watches is told once, with the status a wait returns; nothing is taken from the wait.
#[test]
fn all_who_watch_are_told_of_the_end_and_the_wait_finds_it_still() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let child = fixture.child("watched", move |p| {
        held(p);
        p.exit(0x1234)
    });
    let watches = [
        fixture.watch(child.id(), EXIT).expect("it lives"),
        child.watch(EXIT | NoteFlags::FORK).expect("it lives"),
        fixture.inside({
            let pid = child.id();
            move |p| p.watch(pid, EXIT).expect("it lives, and need not be a child")
        }),
    ];
    let silent = child.watch(NoteFlags::FORK).expect("it lives");
    assert!(watches.iter().all(|watch| watch.is_empty() && watch.pid() == child.id()));
    drop(hold);
    for watch in &watches {
        assert_eq!(next(watch, child.id()), NoteKind::Exit { status: ExitStatus::exited(0x1234) });
        assert!(is_over(watch));
    }
    assert!(silent.recv().is_err(), "its stream ends too, and nothing was asked for");
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(0x1234));
}

/// Mistake o: there is no moment of an exit in which a watch begins and hears nothing.
#[test]
fn a_watch_that_begins_at_any_step_of_the_exit_hears_of_the_end() {
    let fixture = Fixture::boot();
    let (unwinding, at_unwinding) = barrier();
    let (dropping, at_dropping) = barrier();
    let (staying, at_staying) = barrier();
    let (hold, held) = hold();
    let child = fixture.child("leaving", move |p| {
        let last_step = OnDrop(dropping);
        p.on_term(move |_| owns(&last_step));
        p.spawn_lwp(move |_| staying()).expect("room").detach();
        let _first_step = OnDrop(unwinding);
        held(p);
        p.exit(7)
    });
    let mut watches = vec![("alive", child.watch(EXIT))];
    at_staying.is_reached();
    drop(hold);
    at_unwinding.is_reached();
    watches.push(("its end is decided", child.watch(EXIT)));
    drop(at_unwinding);
    watches.push(("another LWP is left", fixture.watch(child.id(), EXIT)));
    drop(at_staying);
    at_dropping.is_reached();
    watches.push(("all others have left, and its last user code runs", child.watch(EXIT)));
    assert!(watches.iter().all(|(_, watch)| watch.as_ref().expect("not reaped").is_empty()));
    drop(at_dropping);
    for (step, watch) in &watches {
        let note = next(watch.as_ref().expect("not reaped"), child.id());
        assert_eq!(note, NoteKind::Exit { status: ExitStatus::exited(7) }, "{step}");
    }
    // Told in the hold that makes the zombie: who was told finds it.
    let late = child.watch(EXIT).expect("a zombie");
    assert_eq!(late.try_recv().expect("at once").kind, NoteKind::Exit { status: ExitStatus::exited(7) });
    assert!(is_over(&late));
    assert!(child.try_wait().expect("its handle owns it").is_some());
    assert_eq!(errno(child.watch(EXIT)), libc::ESRCH);
    assert_eq!(errno(fixture.watch(child.id(), EXIT)), libc::ESRCH);
}

/// The same for a zombie of a process, for a thread of its own, and for whoever is killed before its first step.
#[test]
fn zombies_threads_of_their_own_and_embryos_are_told_of() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let zombie = dead(p, 3, same);
        let watch = p.watch(zombie.id(), EXIT).expect("a zombie");
        assert_eq!(next(&watch, zombie.id()), NoteKind::Exit { status: ExitStatus::exited(3) });
        assert!(is_over(&p.watch(zombie.id(), NoteFlags::FORK).expect("a zombie")), "nothing to tell");
        assert_eq!(zombie.wait().expect("my child").status.code(), Some(3));

        let (own, hold) = living(p, Command::own_thread);
        let watch = own.watch(EXIT).expect("it lives");
        drop(hold);
        assert_eq!(next(&watch, own.id()), NoteKind::Exit { status: ExitStatus::exited(0) });
        is_dead(p, own.id());

        let (killed, _hold) = living(p, same);
        let watch = killed.watch(EXIT).expect("it is linked");
        killed.kill().expect("mine");
        assert_eq!(next(&watch, killed.id()), NoteKind::Exit { status: ExitStatus::killed(Signal::KILL) });
    });
}

/// Mistake o, under fire: a watch against an end that nobody holds up, again and again.
#[test]
fn watches_that_race_with_ends_all_hear_or_are_told_that_it_is_gone() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let (begun, is_begun) = unbounded();
        let watcher = p.spawn_lwp(move |p| {
            let mut heard = 0_usize;
            while let Ok(pid) = p.recv(&is_begun) {
                match runtime.watch(pid, EXIT) {
                    Ok(watch) => {
                        assert!(matches!(next(&watch, pid), NoteKind::Exit { .. }));
                        assert!(is_over(&watch));
                        heard += 1;
                    }
                    Err(error) => assert_eq!(error.errno(), libc::ESRCH),
                }
            }
            heard
        });
        for round in 0..ROUNDS {
            let child = p.spawn(Command::new("short", |_| ())).expect("room");
            begun.send(child.id()).expect("the watcher listens");
            if round % 2 == 0 {
                let _ = child.wait().expect("mine");
            } else {
                // Stays a zombie for a while, so that all states are met.
                while p
                    .waitid(
                        greenproc::WaitFor::Any,
                        greenproc::WaitFlags::EXITED | greenproc::WaitFlags::NOHANG,
                    )
                    .is_ok_and(|seen| seen.is_some())
                {}
            }
        }
        drop(begun);
        let heard = watcher.expect("room").join(p).expect("it returned");
        assert!(heard > 0, "every child was gone before it could be watched");
        while p.wait().is_ok() {}
    });
}

/// The end of init is an end like others.
#[test]
fn the_end_of_init_is_told() {
    let fixture = Fixture::boot();
    let watch = fixture.watch(pid(1), EXIT | NoteFlags::FORK).expect("init is there");
    let child = fixture.child("child", |_| ());
    assert_eq!(next(&watch, pid(1)), NoteKind::Fork { child: child.id() });
    let _ = child.wait().expect("its handle owns it");
    let runtime = (*fixture).clone();
    let _clean = fixture.shut_down();
    assert_eq!(next(&watch, pid(1)), NoteKind::Exit { status: ExitStatus::exited(0) });
    assert!(is_over(&watch));
    assert_eq!(errno(runtime.watch(pid(1), EXIT)), libc::ESRCH);
}

/// One that nobody waits for in vain: a receive of a process's own, and one in `select!`.
#[test]
fn a_watch_is_received_from_in_a_process_and_selected() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (one, hold_one) = living(p, same);
        let (other, hold_other) = living(p, same);
        let (first, second) = (one.watch(EXIT).expect("mine"), other.watch(EXIT).expect("mine"));
        drop(hold_one);
        assert_eq!(p.recv(&first).expect("it ends").pid, one.id());
        drop(hold_other);
        let interrupts = p.interrupts();
        let note = crossbeam_channel::select! {
            recv(second) -> note => note.expect("it ends"),
            recv(interrupts) -> _ => panic!("nobody kills it"),
        };
        assert_eq!(note.pid, other.id());
    });
}
