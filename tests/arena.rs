//! The arena of a process: counted, limited, and gone at its end (row 26, decision 13).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Sender, unbounded};
use greenproc::{Arena, ArenaBox, Command, Error, EventFilter, EventKind, Limits, Process, Signal};
use greenproc_tests::{Fixture, errno, hold, next_event, soon, succeeded};

/// A way to end.
type End = (&'static str, fn(&Process));

/// Says its name when it is dropped.
struct Note(&'static str, Sender<&'static str>);

impl Drop for Note {
    fn drop(&mut self) {
        self.1.send(self.0).expect("the test listens");
    }
}

fn at_most(bytes: u64) -> Limits {
    Limits { arena_bytes: Some(bytes), ..Limits::default() }
}

/// Row 26: what is over the limit is ENOMEM, and what was given back may be had again.
#[test]
fn the_limit_is_kept_to_the_byte() {
    let fixture = Fixture::boot();
    let body = |p: &Process| {
        let arena = p.arena().expect("it lives");
        assert_eq!((arena.used(), arena.limit()), (0, Some(160)));
        let four = [(); 4].map(|()| arena.alloc([0_u8; 32]).expect("room"));
        let small = arena.alloc(()).expect("the least is 16 bytes");
        assert_eq!(arena.used(), 144);
        match arena.alloc([0_u8; 17]).expect_err("one byte over") {
            Error::OutOfMemory { wanted, used, limit } => {
                assert_eq!((wanted, used, limit), (32, 144, Some(160)));
            }
            other => panic!("{other}"),
        }
        let last = arena.alloc(7_u64).expect("it fits");
        assert_eq!(errno(arena.alloc(()).map(drop)), libc::ENOMEM);
        assert_eq!(errno(arena.bytes(0).map(drop)), libc::ENOMEM);
        assert_eq!(last.with(p, |value| *value).expect("its own"), 7);
        drop((four, small));
        assert_eq!(arena.used(), 16);
        let owner = arena.alloc_owning(vec![0_u8; 100], 100).expect("room");
        assert_eq!(arena.used(), 16 + 128);
        drop((owner, last));
        assert_eq!(p.arena().expect("it lives").used(), 0);
    };
    assert!(fixture.run(Command::new("bounded", body).limits(at_most(160))).expect("room").success());
}

/// The limit is the process's, not the arena's: what it is at each charge counts, for handles too that were there before.
#[test]
fn a_limit_that_is_set_later_counts() {
    let fixture = Fixture::boot();
    let body = |p: &Process| {
        let arena = p.arena().expect("it lives");
        let first = arena.bytes(1_000).expect("there is no limit yet");
        let used = arena.used();
        p.set_limits(at_most(used + 32), at_most(10_000)).expect("it lowers them");
        assert_eq!(arena.limit(), Some(used + 32));
        let more = [(); 2].map(|()| arena.alloc(()).expect("room"));
        assert_eq!(errno(arena.alloc(()).map(drop)), libc::ENOMEM);
        p.set_limits(at_most(16), at_most(10_000)).expect("it lowers them");
        first.write(p, 999, b"!").expect("what it has it keeps");
        drop(more);
        assert_eq!(errno(arena.alloc(()).map(drop)), libc::ENOMEM);
        p.set_limits(at_most(10_000), at_most(10_000)).expect("up to the hard ones");
        drop(arena.alloc([0_u8; 4_096]).expect("room"));
    };
    succeeded(&fixture.child("limited", body).wait().expect("its handle owns it"));
}

/// What no host has is an error as well, not an abort.
#[test]
fn what_the_host_does_not_have_is_enomem() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let arena = p.arena().expect("it lives");
        assert_eq!(arena.limit(), None);
        for length in [usize::MAX, usize::MAX / 2, usize::MAX / 2 + 1] {
            assert_eq!(errno(arena.bytes(length).map(drop)), libc::ENOMEM);
        }
        assert_eq!(errno(arena.alloc_owning((), usize::MAX).map(drop)), libc::ENOMEM);
        assert_eq!(arena.used(), 0);
    });
}

/// Row 26: what was leaked is gone before the end is seen, the last made first, however the process ends.
#[test]
fn what_was_leaked_is_gone_before_the_end_is_seen() {
    let fixture = Fixture::boot();
    let ends: [End; 4] = [
        ("returns", |_| {}),
        ("exits", |p| p.exit(1)),
        ("panics", |_| panic!("on purpose")),
        ("is killed", |p| drop(p.raise(Signal::KILL))),
    ];
    for (what, end) in ends {
        let (say, said) = unbounded();
        let child = fixture.child(what, move |p| {
            let arena = p.arena().expect("it lives");
            let gap = arena.alloc(0_u8).expect("room");
            std::mem::forget(arena.alloc(Note("first", say.clone())).expect("room"));
            drop(gap);
            // In the place of the one that went, but made later.
            std::mem::forget(arena.alloc(Note("second", say.clone())).expect("room"));
            std::mem::forget(arena.alloc(Note("third", say)).expect("room"));
            end(p);
        });
        let _ = child.wait().expect("its handle owns it");
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["third", "second", "first"], "{what}");
    }
}

/// A handle reaches the memory of its own process only, and keeps none.
#[test]
fn a_handle_elsewhere_reaches_nothing_and_keeps_nothing() {
    let fixture = Fixture::boot();
    let (give, given) = unbounded::<(ArenaBox<Note>, Arena)>();
    let (say, said) = unbounded();
    let (hold, held) = hold();
    let child = fixture.child("owner", move |p| {
        let arena = p.arena().expect("it lives");
        let note = arena.alloc(Note("note", say)).expect("room");
        assert_eq!(note.with(p, |note| note.0).expect("its own"), "note");
        give.send((note, arena)).expect("the test listens");
        held(p);
    });
    let (note, arena) = soon(&given);
    let (note, arena) = fixture.inside(move |p| {
        assert_eq!(errno(note.with(p, |_| ())), libc::EFAULT);
        (note, arena)
    });
    assert!(said.is_empty());
    assert!(arena.used() > 0);
    drop(hold);
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(said.try_recv(), Ok("note"));
    assert_eq!(arena.used(), 0);
    assert_eq!(errno(arena.alloc(1).map(drop)), libc::ESRCH);
    assert_eq!(errno(arena.bytes(1).map(drop)), libc::ESRCH);
    fixture.inside(move |p| {
        assert_eq!(errno(note.with(p, |_| ())), libc::EFAULT);
        drop(note);
    });
}

/// Row 26: each process has its own, empty to begin with; the limit is inherited. It is seen from outside.
#[test]
fn each_process_has_its_own() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let (say, said) = unbounded();
    let body = move |p: &Process| {
        let _some = p.arena().expect("it lives").bytes(1000).expect("room");
        let child = p.spawn(Command::new("child", |p| {
            let arena = p.arena().expect("it lives");
            assert_eq!((arena.used(), arena.limit()), (0, Some(2000)));
            drop(arena.bytes(1500).expect("room of its own"));
        }));
        succeeded(&child.expect("room").wait().expect("mine"));
        say.send(()).expect("the test listens");
        held(p);
    };
    let child = fixture.spawn(Command::new("parent", body).limits(at_most(2000))).expect("room");
    soon(&said);
    let seen = fixture.inspect(child.id()).expect("it lives").arena_bytes;
    assert!((1000..1100).contains(&seen), "{seen}");
    drop(hold);
    succeeded(&child.wait().expect("its handle owns it"));
}

/// Bytes are zero to begin with, and stay within their bounds.
#[test]
fn bytes_are_read_and_written_within_their_bounds() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let buf = p.arena().expect("it lives").bytes(8).expect("room");
        assert_eq!((buf.len(), buf.is_empty()), (8, false));
        let mut read = [1; 8];
        buf.read(p, 0, &mut read).expect("all of it");
        assert_eq!(read, [0; 8]);
        buf.write(p, 6, &[5, 6]).expect("the end");
        buf.write(p, 8, &[]).expect("nothing, at the end");
        buf.read(p, 5, &mut read[..3]).expect("the end");
        assert_eq!(read[..3], [0, 5, 6]);
        for (at, length) in [(7, 2), (9, 0), (0, 9), (usize::MAX, 1), (8, 1)] {
            assert_eq!(errno(buf.read(p, at, &mut vec![0; length])), libc::EFAULT, "{at}, {length}");
            assert_eq!(errno(buf.write(p, at, &vec![0; length])), libc::EFAULT, "{at}, {length}");
        }
        let none = p.arena().expect("it lives").bytes(0).expect("room");
        assert!(none.is_empty());
    });
}

/// LWPs of the process share it.
#[test]
fn lwps_share_the_arena() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let count = Arc::new(p.arena().expect("it lives").alloc(AtomicUsize::new(0)).expect("room"));
        let lwps: Vec<_> = (0..4)
            .map(|_| {
                let count = Arc::clone(&count);
                let add = move |p: &Process| {
                    for _ in 0..100 {
                        count.with(p, |count| count.fetch_add(1, Ordering::Relaxed)).expect("its own");
                        drop(p.arena().expect("it lives").alloc([0_u8; 100]).expect("room"));
                    }
                };
                p.spawn_lwp(add).expect("room")
            })
            .collect();
        for lwp in lwps {
            lwp.join(p).expect("it returns");
        }
        assert_eq!(count.with(p, |count| count.load(Ordering::Relaxed)).expect("its own"), 400);
        assert_eq!(p.arena().expect("it lives").used(), 16);
    });
}

/// Row 26, decision 13: it is there in hooks; when it goes, nothing more is had; a panic stops nothing.
#[test]
fn nothing_is_had_once_it_goes() {
    struct Last(Arena, Sender<[i32; 2]>);
    impl Drop for Last {
        fn drop(&mut self) {
            let p = greenproc::current().expect("it is dropped as its process");
            let errors = [errno(p.arena()), errno(self.0.alloc(1).map(drop))];
            self.1.send(errors).expect("the test listens");
            panic!("last");
        }
    }
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (say, said) = unbounded();
    let (notes, noted) = unbounded();
    let child = fixture.child("ends", move |p| {
        let arena = p.arena().expect("it lives");
        std::mem::forget(arena.alloc(Note("before", notes)).expect("room"));
        p.on_exit(move |p, _| {
            let arena = p.arena().expect("it is there in hooks");
            std::mem::forget(arena.alloc(Last(arena.clone(), say)).expect("room"));
        })
        .expect("it lives");
    });
    assert_eq!(soon(&said), [libc::ESRCH; 2]);
    let message = next_event(&events, child.id(), |kind| match kind {
        EventKind::DropPanicked { message } => Some(message.clone()),
        _ => None,
    });
    assert_eq!(message, "last");
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(noted.try_iter().count(), 1);
}
