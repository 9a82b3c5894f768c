//! Children of who is watched are watched from their first moment on: `NOTE_TRACK`, `NOTE_CHILD`.

use std::collections::HashMap;

use crossbeam_channel::unbounded;
use greenproc::{Command, ExitStatus, NoteFlags, NoteKind, Pid, Process, Signal};
use greenproc_tests::{Fixture, errno, hold, soon, succeeded};

use crate::{is_over, next};

/// A tree of this depth, in which each process has two children and ends with its depth.
fn tree(p: &Process, depth: i32) {
    for _ in 0..2 * i32::from(depth > 0) {
        p.spawn(Command::new("node", move |p| {
            tree(p, depth - 1);
            p.exit(depth - 1)
        }))
        .expect("room");
    }
    // Some are waited for, the others are orphans.
    if depth % 2 == 0 {
        while p.wait().is_ok() {}
    }
}

/// Each process of a tree is told of: that it is there, by whom, and how it ended, in this order. Nothing is missed, and
/// the stream ends with the last.
#[test]
fn a_whole_tree_is_followed_from_its_root() {
    const DEPTH: i32 = 7;
    let fixture = Fixture::boot();
    let (go, gone) = hold();
    let root = fixture.child("root", move |p| {
        gone(p);
        tree(p, DEPTH);
    });
    let flags = NoteFlags::TRACK | NoteFlags::EXIT | NoteFlags::FORK;
    let watch = root.watch(flags).expect("it lives");
    drop(go);
    let mut parents: HashMap<Pid, Pid> = HashMap::new();
    let mut forks: HashMap<Pid, Pid> = HashMap::new();
    let mut ends: HashMap<Pid, ExitStatus> = HashMap::new();
    for note in watch.iter() {
        assert!(!ends.contains_key(&note.pid), "the end is the last note");
        match note.kind {
            NoteKind::Child { parent } => {
                assert_eq!(forks.get(&note.pid), Some(&parent), "the parent's fork is told first");
                assert_eq!(parents.insert(note.pid, parent), None);
            }
            NoteKind::Fork { child } => assert_eq!(forks.insert(child, note.pid), None),
            NoteKind::Exit { status } => assert_eq!(ends.insert(note.pid, status), None),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(watch.coalesced(), 0, "there was a reader; forks were told one by one");
    let count = (1 << (DEPTH + 1)) - 1;
    assert_eq!((parents.len(), ends.len()), (count - 1, count));
    for (child, parent) in &parents {
        let depth_of = |pid: &Pid| if *pid == root.id() { Some(DEPTH) } else { ends[pid].code() };
        assert_eq!(depth_of(child).map(|depth| depth + 1), depth_of(parent), "{child} of {parent}");
    }
    succeeded(&root.wait().expect("its handle owns it"));
}

/// The flags are those of the watch, for children too; without TRACK there are none; a child of `Runtime::spawn` is init's.
#[test]
fn children_are_watched_for_what_the_watch_is() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let (made, is_made) = unbounded();
    let root = fixture.child("root", move |p| {
        held(p);
        let child = p.spawn(Command::new("child", |p| {
            let _ = p.kill(p.pid(), Signal::WINCH);
            let _ = p.spawn(Command::new("grandchild", |_| ())).expect("room").wait();
        }));
        made.send(child.expect("room").id()).expect("the test listens");
        succeeded(&p.wait().expect("my child"));
    });
    let signals = root.watch(NoteFlags::TRACK | NoteFlags::SIGNAL).expect("it lives");
    let alone = root.watch(NoteFlags::EXIT).expect("it lives");
    drop(hold);
    let child = soon(&is_made);
    assert_eq!(next(&signals, child), NoteKind::Child { parent: root.id() });
    assert_eq!(next(&signals, child), NoteKind::Signal { signal: Signal::WINCH });
    let grandchild = soon(&signals);
    assert_eq!(grandchild.kind, NoteKind::Child { parent: child });
    assert!(signals.recv().is_err(), "no EXIT was asked for, but the stream ends with the last of them");
    assert_eq!(next(&alone, root.id()), NoteKind::Exit { status: ExitStatus::exited(0) });
    assert!(is_over(&alone));
}

/// A watch that is dropped while it tracks is dropped for all.
#[test]
fn a_dropped_watch_tracks_nobody() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (ask, asked) = unbounded::<()>();
        let (made, is_made) = unbounded();
        let root = p.spawn(Command::new("root", move |p| {
            while p.recv(&asked).is_ok() {
                let child = p.spawn(Command::new("child", |_| ())).expect("room");
                made.send(child.id()).expect("the test listens");
                succeeded(&p.wait().expect("my child"));
            }
        }));
        let root = root.expect("room");
        let first = root.watch(NoteFlags::TRACK).expect("mine");
        let second = root.watch(NoteFlags::TRACK).expect("mine");
        ask.send(()).expect("it listens");
        let child = soon(&is_made);
        assert_eq!(next(&first, child), NoteKind::Child { parent: root.id() });
        assert_eq!(next(&second, child), NoteKind::Child { parent: root.id() });
        let rest = (*first).clone();
        drop(first);
        ask.send(()).expect("it listens");
        assert_eq!(next(&second, soon(&is_made)), NoteKind::Child { parent: root.id() });
        assert!(rest.recv().is_err());
        drop(ask);
        succeeded(&p.wait().expect("my child"));
        assert_eq!(errno(p.wait()), libc::ECHILD);
        assert!(is_over(&second));
    });
}
