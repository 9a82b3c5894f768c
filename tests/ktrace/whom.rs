//! Of whom what is recorded, and how much of it is kept.

use std::io;

use greenproc::ktrace::{Fact, Facts, Recorder};
use greenproc::{Command, Pid, Process, Signal};
use greenproc_tests::{Fixture, dead, errno, same, succeeded};

use crate::{ROOM, facts_of, recorded};

#[test]
fn children_are_recorded_if_that_is_asked_for() {
    let fixture = Fixture::boot();
    let family = |facts: Facts| {
        let recorder = Recorder::new(ROOM).only(facts);
        let parent = Command::new("parent", |p| {
            let child = p.spawn(Command::new("child", |p| {
                succeeded(&p.spawn(Command::new("grandchild", |_| {})).expect("room").wait().expect("mine"));
            }));
            succeeded(&child.expect("room").wait().expect("mine"));
        });
        succeeded(&fixture.spawn(parent.ktrace(&recorder)).expect("room").wait().expect("mine"));
        let mut names: Vec<String> =
            recorder.records().iter().map(|record| record.name.to_string()).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(family(Facts::LIFE), ["parent"]);
    assert_eq!(family(Facts::LIFE | Facts::INHERIT), ["child", "grandchild", "parent"]);
}

#[test]
fn a_childs_own_recorder_comes_before_its_parents() {
    let own = Recorder::new(ROOM);
    let its = own.clone();
    let (records, child) = recorded(Facts::LIFE, move |p| {
        let child = p.spawn(Command::new("own", |_| {}).ktrace(&its)).expect("room");
        succeeded(&child.wait().expect("mine"));
        child.id()
    });
    assert_eq!(facts_of(&records, child), []);
    assert_eq!(
        own.records().last().map(|record| (record.pid, record.fact.clone())),
        Some((child, Fact::Reaped))
    );
}

#[test]
fn who_is_not_recorded_leaves_nothing() {
    let recorder = Recorder::new(ROOM);
    let fixture = Fixture::boot();
    succeeded(
        &fixture
            .spawn(Command::new("recorded", |_| {}).ktrace(&recorder))
            .expect("room")
            .wait()
            .expect("mine"),
    );
    let before = recorder.records().len();
    fixture.inside(|p| {
        let child = dead(p, 0, same);
        p.kill(p.pid(), Signal::CONT).expect("it lives");
        succeeded(&child.wait().expect("mine"));
    });
    assert_eq!((recorder.records().len(), recorder.dropped()), (before, 0));
}

#[test]
fn a_process_begins_to_be_recorded_when_it_asks_for_it() {
    let (first, second) = (Recorder::new(ROOM).only(Facts::LIFE), Recorder::new(ROOM).only(Facts::LIFE));
    let its = (first.clone(), second.clone());
    let fixture = Fixture::boot();
    let child = fixture.child("asks", move |p: &Process| {
        p.ktrace(&its.0).expect("it lives");
        p.ktrace(&its.1).expect("it lives");
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(facts_of(&first.records(), child.id()), [Fact::Attached]);
    let facts = facts_of(&second.records(), child.id());
    assert!(matches!(facts[..], [Fact::Attached, Fact::Exiting { .. }, Fact::Exited { .. }, Fact::Reaped]));
}

#[test]
fn all_processes_are_recorded_from_the_boot_on() {
    let recorder = Recorder::new(ROOM);
    let its = recorder.only(Facts::LIFE | Facts::INHERIT);
    let fixture = Fixture::with(|builder| builder.ktrace(&its));
    let child = fixture.inside(Process::pid);
    let _clean = fixture.shut_down();
    let records = recorder.records();
    let of_init = facts_of(&records, Pid::INIT);
    assert_eq!(of_init[0], Fact::Spawned { parent: None });
    assert!(matches!(of_init.last(), Some(Fact::Exited { parent: None, .. })), "{of_init:?}");
    assert_eq!(facts_of(&records, child)[0], Fact::Spawned { parent: Some(Pid::INIT) });
    assert_eq!(facts_of(&records, child).last(), Some(&Fact::Reaped));
}

#[test]
fn the_ring_keeps_the_last_facts_and_counts_the_others() {
    let recorder = Recorder::new(5);
    let fixture = Fixture::boot();
    let command = Command::new("talkative", |p| {
        for _ in 0..100 {
            let _its = p.uid();
        }
    });
    let child = fixture.spawn(command.ktrace(&recorder)).expect("room");
    succeeded(&child.wait().expect("its handle owns it"));
    let records = recorder.records();
    assert_eq!(records.len(), 5);
    // Spawned, begun, a hundred calls and returns, exiting, ended, reaped.
    assert_eq!(recorder.dropped(), 2 + 200 + 3 - 5);
    let facts = facts_of(&records, child.id());
    assert!(matches!(facts[2..], [Fact::Exiting { .. }, Fact::Exited { .. }, Fact::Reaped]), "{facts:?}");
}

/// Whoever does what at the same time: each process's facts are in the order of a life.
#[test]
fn a_storm_is_recorded_in_order() {
    let (records, ()) = recorded(Facts::all(), |p| {
        p.set_child_subreaper(true).expect("it lives");
        for _ in 0..300 {
            let child = Command::new("child", |p: &Process| {
                let _left_to_the_subreaper = p.spawn(Command::new("grandchild", |_| {}));
                let _sooner_or_later = p.kill(p.ppid(), Signal::CONT);
            });
            let child = p.spawn(child).expect("room");
            let _maybe_too_late = child.kill();
        }
        while p.wait().is_ok() {}
    });
    assert!(records.is_sorted_by(|one, next| one.time < next.time));
    let mut pids: Vec<Pid> = records.iter().map(|record| record.pid).collect();
    pids.sort();
    pids.dedup();
    assert!(pids.len() > 300);
    for pid in pids {
        let facts = facts_of(&records, pid);
        assert!(matches!(facts[0], Fact::Spawned { .. }), "{facts:?}");
        let end = facts.iter().position(|fact| matches!(fact, Fact::Exited { .. })).expect("it ended");
        let is_exiting = |fact: &&Fact| matches!(fact, Fact::Exiting { .. });
        assert_eq!(facts[..end].iter().filter(is_exiting).count(), 1, "{facts:?}");
        let after = &facts[end + 1..];
        assert!(matches!(after, [Fact::Reaped] | [Fact::Adopted { .. }, Fact::Reaped]), "{facts:?}");
    }
}

/// EINVAL: an exec makes no process.
#[test]
fn a_command_for_exec_says_nothing_of_recording() {
    let recorder = Recorder::new(ROOM);
    let fixture = Fixture::boot();
    fixture.inside(move |p| {
        assert_eq!(errno(p.exec(Command::new("next", |_| {}).ktrace(&recorder))), libc::EINVAL);
    });
}

#[test]
fn an_error_of_the_writer_is_returned() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Recorder::new(ROOM).chrome_trace(Full).expect_err("there is no room");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
