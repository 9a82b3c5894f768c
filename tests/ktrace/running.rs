//! ktrace of processes that run already, by their handle and by their pid.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | what is recorded begins with the attachment and ends as any other recording | row 22 |
//! | who may be recorded by whom, and every error | decision 23 |
//! | no end escapes a recorder that was attached before it | rows 22, 46 |

use crossbeam_channel::bounded;
use greenproc::ktrace::{Fact, Facts, Recorder};
use greenproc::{Call, CallResult, Command, Policy, Process, Signal};
use greenproc_tests::{AN_HOUR, Fixture, dead, errno, hold, living, owns, same, soon, succeeded};

use crate::{ROOM, facts_of};

#[test]
fn a_process_that_runs_already_is_recorded_from_there_on() {
    let recorder = Recorder::new(ROOM);
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let (tell, told) = bounded(1);
    let child = fixture.child("runs", move |p: &Process| {
        tell.send(()).expect("the test listens");
        held(p);
        p.getpgid(None).expect("it lives");
        let inherits = p.spawn(Command::new("child", |_| 3)).expect("room");
        inherits.wait().expect("mine").status.code().expect("it exited")
    });
    soon(&told);
    child.ktrace(&recorder).expect("it lives");
    drop(hold);
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(3));
    let facts = facts_of(&recorder.records(), child.id());
    assert_eq!(facts[0], Fact::Attached);
    let called =
        |wanted| facts.iter().any(|fact| matches!(fact, Fact::Called { call, .. } if *call == wanted));
    assert!(called(Call::Getpgid) && called(Call::Spawn), "{facts:?}");
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Spawned { .. } | Fact::Began)), "{facts:?}");
    assert!(matches!(facts[facts.len() - 2..], [Fact::Exited { .. }, Fact::Reaped]), "{facts:?}");
    // What it made afterwards is recorded as it is.
    let of_child = recorder.records().into_iter().find(|record| &*record.name == "child").expect("recorded");
    assert_eq!(of_child.fact, Fact::Spawned { parent: Some(child.id()) });
}

#[test]
fn one_that_hangs_is_recorded_by_its_pid_and_its_end_is_seen() {
    let recorder = Recorder::new(ROOM);
    let its = recorder.only(Facts::LIFE | Facts::SIGNALS);
    let fixture = Fixture::boot();
    let child = fixture.child("hangs", |p: &Process| p.sleep(AN_HOUR));
    fixture.ktrace(child.id(), &its).expect("it lives");
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
    let facts = facts_of(&recorder.records(), child.id());
    assert!(
        matches!(facts[..2], [Fact::Attached, Fact::Posted { signal: Signal::KILL, .. }])
            // It may not have begun yet.
            || matches!(facts[..3], [Fact::Attached, Fact::Began, Fact::Posted { signal: Signal::KILL, .. }]),
        "{facts:?}"
    );
    assert_eq!(facts.last(), Some(&Fact::Reaped));
}

#[test]
fn another_recorder_takes_the_place_of_the_first() {
    let (first, second) = (Recorder::new(ROOM).only(Facts::LIFE), Recorder::new(ROOM).only(Facts::LIFE));
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let child = fixture.spawn(Command::new("twice", held).ktrace(&first)).expect("room");
    child.ktrace(&second).expect("it lives");
    drop(hold);
    succeeded(&child.wait().expect("its handle owns it"));
    assert!(!facts_of(&first.records(), child.id()).iter().any(|fact| matches!(fact, Fact::Exited { .. })));
    assert_eq!(facts_of(&second.records(), child.id())[0], Fact::Attached);
    assert_eq!(facts_of(&second.records(), child.id()).last(), Some(&Fact::Reaped));
}

#[test]
fn who_has_ended_is_esrch() {
    let recorder = Recorder::new(ROOM);
    let its = recorder.clone();
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let zombie = dead(p, 0, same);
        assert_eq!(errno(zombie.ktrace(&its)), libc::ESRCH);
        assert_eq!(errno(runtime.ktrace(zombie.id(), &its)), libc::ESRCH);
        succeeded(&zombie.wait().expect("mine"));
        assert_eq!(errno(zombie.ktrace(&its)), libc::ESRCH);
        assert_eq!(errno(runtime.ktrace(zombie.id(), &its)), libc::ESRCH);
    });
    assert_eq!(recorder.records(), []);
}

#[test]
fn another_users_process_is_eperm() {
    let recorder = Recorder::new(ROOM);
    let fixture = Fixture::boot();
    fixture.inside(move |p| {
        if p.uid() != 0 {
            // Nobody can become another user: there is nothing to show but that one's own may be recorded.
            let (child, _hold) = living(p, same);
            child.ktrace(&recorder).expect("the same user");
            return;
        }
        let (victim, _hold) = living(p, same);
        let maker = p.spawn(Command::new("maker", move |p| {
            let (child, _hold) = living(p, same);
            p.setuid(1001).expect("root may");
            // What it made as root is root's still.
            assert_eq!(errno(child.ktrace(&recorder)), libc::EPERM);
            let (own, _hold) = living(p, same);
            own.ktrace(&recorder).expect("the same user");
            own.kill().expect("the same user");
            assert_eq!(own.wait().expect("mine").status.signal(), Some(Signal::KILL));
            assert_eq!(facts_of(&recorder.records(), own.id()).last(), Some(&Fact::Reaped));
        }));
        succeeded(&maker.expect("room").wait().expect("mine"));
        owns(&victim);
    });
}

#[test]
fn it_is_a_call_of_the_caller_and_under_its_policy() {
    let recorder = Recorder::new(ROOM);
    let its = recorder.clone();
    let fixture = Fixture::boot();
    let (caller, child) = fixture.inside(move |p| {
        let (child, _hold) = living(p, same);
        p.ktrace(&its).expect("it lives");
        child.ktrace(&its.only(Facts::LIFE)).expect("mine");
        p.restrict(Policy::new().deny(Call::Ktrace, libc::EACCES).expect("it may fail")).expect("allowed");
        assert_eq!(errno(child.ktrace(&its)), libc::EACCES);
        (p.pid(), child.id())
    });
    let results: Vec<_> = facts_of(&recorder.records(), caller)
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Returned { call: Call::Ktrace, result } => Some(result),
            _ => None,
        })
        .collect();
    // The first of them attached the recorder: its exit is seen.
    assert_eq!(results[results.len() - 2..], [CallResult::Done(0), CallResult::Failed(libc::EACCES)]);
    assert_eq!(facts_of(&recorder.records(), child)[0], Fact::Attached);
}

/// An end leaves the process's own hands without the lock of the tree: who attaches meanwhile sees it, or is told that it was
/// too late.
#[test]
fn no_end_escapes_a_recorder_that_was_attached_before_it() {
    const LIVES: usize = 2_000;
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let mut recorded = 0;
        for _ in 0..LIVES {
            let recorder = Recorder::new(100).only(Facts::LIFE);
            let child = p.spawn(Command::new("short", |_| 7)).expect("room");
            let attached = child.ktrace(&recorder);
            assert_eq!(child.wait().expect("mine").status.code(), Some(7));
            let facts = facts_of(&recorder.records(), child.id());
            match attached {
                Ok(()) => {
                    recorded += 1;
                    assert_eq!(facts[0], Fact::Attached);
                    let end = &facts[facts.len() - 2..];
                    assert!(matches!(end, [Fact::Exited { .. }, Fact::Reaped]), "{facts:?}");
                }
                Err(error) => {
                    assert_eq!(error.errno(), libc::ESRCH);
                    assert_eq!(facts, []);
                }
            }
        }
        assert!(recorded > 0, "nobody was caught alive");
    });
}
