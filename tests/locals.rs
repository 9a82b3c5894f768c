//! Values of a process and of an LWP.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | a value for each process, made once, shared by its LWPs, gone at the end in order | rows 26 and 32, decision 13 |
//! | a value for each LWP, gone when the LWP is | row 32 |

use std::cell::{Cell, OnceCell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::{Command, EventFilter, EventKind, Local, LwpLocal, Process, Signal, State};
use greenproc_tests::{AN_HOUR, Fixture, errno, next_event, soon, succeeded};

/// A way to end.
type End = (&'static str, fn(&Process));

/// A value that says its name when it is dropped, by the process that it belongs to.
struct Note {
    name: &'static str,
    say: Sender<&'static str>,
}

impl Drop for Note {
    fn drop(&mut self) {
        assert!(greenproc::current().is_ok(), "it is dropped as its process");
        self.say.send(self.name).expect("the test listens");
    }
}

type Noted = OnceLock<Note>;

/// Puts a note into the value of a key.
fn note(p: &Process, key: &'static Local<Noted>, name: &'static str, say: &Sender<&'static str>) {
    key.with(p, |cell| assert!(cell.set(Note { name, say: say.clone() }).is_ok(), "once")).expect("it lives");
}

fn all<T>(said: &Receiver<T>) -> Vec<T> {
    said.try_iter().collect()
}

/// Row 26: however the process ends, its values go, the last made first, before the end can be seen.
#[test]
fn the_values_of_a_process_go_in_order_before_its_end_is_seen() {
    static FIRST: Local<Noted> = Local::new(Noted::new);
    static SECOND: Local<Noted> = Local::new(Noted::new);
    static THIRD: Local<Noted> = Local::new(Noted::new);
    let fixture = Fixture::boot();
    let ends: [End; 5] = [
        ("returns", |_| {}),
        ("exits", |p| p.exit(1)),
        ("panics", |_| panic!("on purpose")),
        ("is killed", |p| drop(p.raise(Signal::KILL))),
        ("ends by another LWP", |p| {
            p.spawn_lwp(|p| p.exit(1)).expect("room").detach();
            p.sleep(AN_HOUR).expect_err("nothing interrupts it");
        }),
    ];
    for (what, end) in ends {
        let (say, said) = unbounded();
        let child = fixture.child(what, move |p| {
            note(p, &FIRST, "first", &say);
            p.spawn_lwp(move |p| {
                note(p, &SECOND, "second", &say);
                p.on_exit(move |p, _| note(p, &THIRD, "of a hook", &say)).expect("it lives");
            })
            .expect("room")
            .join(p)
            .expect("it returns");
            end(p);
        });
        let _ = child.wait().expect("its handle owns it");
        assert_eq!(all(&said), ["of a hook", "second", "first"], "{what}");
    }
}

/// Row 26: a process's values are its own; its LWPs share them.
#[test]
fn each_process_has_its_own_value_and_its_lwps_share_it() {
    static COUNT: Local<AtomicUsize> = Local::new(AtomicUsize::default);
    fn count(p: &Process) -> usize {
        COUNT.with(p, |count| 1 + count.fetch_add(1, Ordering::Relaxed)).expect("it lives")
    }
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(count(p), 1);
        for _ in 0..3 {
            let child =
                p.spawn(Command::new("child", |p| assert_eq!([count(p), count(p)], [1, 2]))).expect("room");
            succeeded(&child.wait().expect("mine"));
        }
        let lwps: Vec<_> = (0..4).map(|_| p.spawn_lwp(count).expect("room")).collect();
        let mut counts: Vec<_> = lwps.into_iter().map(|lwp| lwp.join(p).expect("it returns")).collect();
        counts.sort_unstable();
        assert_eq!(counts, [2, 3, 4, 5]);
        assert_eq!(count(p), 6);
    });
}

/// A value is made once, though many LWPs begin to use it at the same time.
#[test]
fn a_value_is_made_once() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static VALUE: Local<usize> = Local::new(|| {
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        // Lets the others come.
        std::thread::yield_now();
        made
    });
    let fixture = Fixture::boot();
    for round in 0..50 {
        fixture.inside(move |p| {
            let lwps: Vec<_> =
                (0..6).map(|_| p.spawn_lwp(|p| VALUE.with(p, |value| *value)).expect("room")).collect();
            for lwp in lwps {
                assert_eq!(lwp.join(p).expect("it returns").expect("it lives"), round);
            }
        });
    }
}

/// Where the making of a value is held: says that it has come, and waits.
struct Gate {
    come: Sender<()>,
    go: Receiver<()>,
}

impl Gate {
    fn new() -> (Gate, Receiver<()>, Sender<()>) {
        let ((come, has_come), (let_go, go)) = (unbounded(), unbounded());
        (Gate { come, go }, has_come, let_go)
    }

    fn pass(&self) {
        let p = greenproc::current().expect("a process makes it");
        self.come.send(()).expect("the test listens");
        let _ = p.recv(&self.go);
    }
}

/// Waits until an LWP of the process besides the first, which sleeps too, is asleep.
fn two_sleep(fixture: &Fixture, child: &greenproc::Child) {
    let asleep = || {
        let detail = fixture.inspect(child.id()).expect("it lives");
        detail.lwps.iter().filter(|lwp| lwp.state == State::Sleeping).count()
    };
    while asleep() < 2 {
        std::thread::yield_now();
    }
}

/// Row 50: an LWP that waits until another has made the value can be killed, as can the one that makes it.
#[test]
fn a_wait_for_a_value_can_be_killed() {
    static GATE: OnceLock<Gate> = OnceLock::new();
    static VALUE: Local<()> = Local::new(|| GATE.wait().pass());
    let (gate, has_come, _never) = Gate::new();
    assert!(GATE.set(gate).is_ok());
    let fixture = Fixture::boot();
    let child = fixture.child("two", |p| {
        p.spawn_lwp(|p| VALUE.with(p, |()| ())).expect("room").detach();
        VALUE.with(p, |()| ())
    });
    soon(&has_come);
    two_sleep(&fixture, &child);
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
}

/// If the LWP that makes a value is unwound, or the making panics, the next one makes it.
#[test]
fn a_value_that_was_not_made_is_made_by_the_next() {
    static GATE: OnceLock<Gate> = OnceLock::new();
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    static VALUE: Local<usize> = Local::new(|| match TRIES.fetch_add(1, Ordering::Relaxed) {
        0 => {
            GATE.wait().pass();
            greenproc::current().expect("a process makes it").exit_lwp()
        }
        1 => panic!("on purpose"),
        tries => tries,
    });
    let (gate, has_come, let_go) = Gate::new();
    assert!(GATE.set(gate).is_ok());
    let fixture = Fixture::boot();
    let child = fixture.child("three tries", |p| {
        p.spawn_lwp(|p| VALUE.with(p, |_| ())).expect("room").detach();
        // Not before the other has begun: it may be faster.
        while TRIES.load(Ordering::Relaxed) == 0 {
            p.checkpoint();
            std::thread::yield_now();
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| VALUE.with(p, |_| ())));
        assert!(panicked.is_err());
        VALUE.with(p, |value| *value as i32)
    });
    soon(&has_come);
    two_sleep(&fixture, &child);
    drop(let_go);
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(2));
}

/// EDEADLK, for both kinds: a value whose making uses it.
#[test]
fn a_value_that_needs_itself_is_refused() {
    static OWN: Local<i32> = Local::new(|| {
        OWN.with(&greenproc::current().expect("a process"), |_| 0).expect_err("itself").errno()
    });
    static LWPS: LwpLocal<i32> = LwpLocal::new(|| {
        LWPS.with(&greenproc::current().expect("a process"), |_| 0).expect_err("itself").errno()
    });
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(OWN.with(p, |error| *error).expect("made"), libc::EDEADLK);
        assert_eq!(LWPS.with(p, |error| *error).expect("made"), libc::EDEADLK);
    });
}

/// A value that makes itself anew when it is dropped, and says what comes of it.
struct Phoenix(Sender<Option<i32>>, fn(&Process, Sender<Option<i32>>) -> greenproc::Result<()>);

impl Drop for Phoenix {
    fn drop(&mut self) {
        let p = greenproc::current().expect("it is dropped as its process");
        let made = (self.1)(&p, self.0.clone());
        self.0.send(made.err().map(|error| error.errno())).expect("the test listens");
    }
}

/// Row 32: what is made while values are dropped is dropped in another round; after the fourth none is made.
#[test]
fn values_that_are_made_anew_are_dropped_in_four_rounds() {
    static OWN: Local<OnceLock<Phoenix>> = Local::new(OnceLock::new);
    static LWPS: LwpLocal<OnceCell<Phoenix>> = LwpLocal::new(OnceCell::new);
    fn rise(p: &Process, say: Sender<Option<i32>>) -> greenproc::Result<()> {
        OWN.with(p, |cell| assert!(cell.set(Phoenix(say, rise)).is_ok()))
    }
    fn rise_in_lwp(p: &Process, say: Sender<Option<i32>>) -> greenproc::Result<()> {
        LWPS.with(p, |cell| assert!(cell.set(Phoenix(say, rise_in_lwp)).is_ok()))
    }
    let fixture = Fixture::boot();
    for rise in [rise, rise_in_lwp] {
        let (say, said) = unbounded();
        let child = fixture.child("phoenix", move |p| rise(p, say).expect("it lives"));
        succeeded(&child.wait().expect("its handle owns it"));
        assert_eq!(all(&said), [None, None, None, Some(libc::ESRCH)]);
    }
}

/// A destructor finds what was made before its own value.
#[test]
fn a_destructor_finds_what_was_made_before() {
    static BASE: Local<AtomicUsize> = Local::new(|| AtomicUsize::new(40));
    struct User(Sender<usize>);
    impl Drop for User {
        fn drop(&mut self) {
            let p = greenproc::current().expect("it is dropped as its process");
            let count = BASE.with(&p, |base| base.fetch_add(1, Ordering::Relaxed));
            self.0.send(count.expect("it is there")).expect("the test listens");
        }
    }
    static ONE: Local<OnceLock<User>> = Local::new(OnceLock::new);
    static OTHER: Local<OnceLock<User>> = Local::new(OnceLock::new);
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("users", move |p| {
        BASE.with(p, |_| ()).expect("it lives");
        for key in [&ONE, &OTHER] {
            key.with(p, |cell| assert!(cell.set(User(say.clone())).is_ok())).expect("it lives");
        }
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(all(&said), [40, 41]);
}

/// Decision 13, for both kinds: a destructor that panics is told and stops nothing.
#[test]
fn a_panicking_destructor_of_a_value_stops_nothing() {
    struct Bomb(&'static str);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("{} went off", self.0);
        }
    }
    static BEFORE: Local<Noted> = Local::new(Noted::new);
    static OWN: Local<Bomb> = Local::new(|| Bomb("process's"));
    static LWPS: LwpLocal<Bomb> = LwpLocal::new(|| Bomb("LWP's"));
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (say, said) = unbounded();
    let child = fixture.child("armed", move |p| {
        note(p, &BEFORE, "before", &say);
        OWN.with(p, |_| ()).expect("it lives");
        LWPS.with(p, |_| ()).expect("it lives");
    });
    for expected in ["LWP's went off", "process's went off"] {
        let message = next_event(&events, child.id(), |kind| match kind {
            EventKind::DropPanicked { message } => Some(message.clone()),
            _ => None,
        });
        assert_eq!(message, expected);
    }
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(all(&said), ["before"]);
}

type LwpNoted = RefCell<Option<Note>>;

fn note_lwp(p: &Process, key: &'static LwpLocal<LwpNoted>, name: &'static str, say: &Sender<&'static str>) {
    let former = key.with(p, |cell| cell.replace(Some(Note { name, say: say.clone() })));
    assert!(former.expect("it lives").is_none(), "nobody's before");
}

/// Row 32: an LWP's values go when it does, the last made first, before it can be joined.
#[test]
fn the_values_of_an_lwp_are_gone_when_it_can_be_joined() {
    static FIRST: LwpLocal<LwpNoted> = LwpLocal::new(LwpNoted::default);
    static SECOND: LwpLocal<LwpNoted> = LwpLocal::new(LwpNoted::default);
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let ends: [End; 2] = [("returns", |_| {}), ("leaves", |p| p.exit_lwp())];
        for (what, end) in ends {
            for _ in 0..20 {
                let (say, said) = unbounded();
                let lwp = p.spawn_lwp(move |p| {
                    note_lwp(p, &FIRST, "first", &say);
                    note_lwp(p, &SECOND, "second", &say);
                    end(p);
                });
                let _ = lwp.expect("room").join(p);
                assert_eq!(all(&said), ["second", "first"], "{what}");
            }
        }
    });
}

/// Row 32: what the LWP that ends the process has, and what hooks make, is gone before the end is seen, and the next
/// process on the thread finds nothing.
#[test]
fn the_values_of_the_last_lwp_are_gone_before_the_end_is_seen() {
    static KEY: LwpLocal<LwpNoted> = LwpLocal::new(LwpNoted::default);
    static HOOKS: LwpLocal<LwpNoted> = LwpLocal::new(LwpNoted::default);
    let fixture = Fixture::with(|builder| builder.max_lwps(2));
    let ends: [End; 4] = [
        ("returns", |_| {}),
        ("exits", |p| p.exit(1)),
        ("panics", |_| panic!("on purpose")),
        ("is killed", |p| drop(p.raise(Signal::KILL))),
    ];
    for (what, end) in ends {
        for _ in 0..10 {
            let (say, said) = unbounded();
            let child = fixture.child(what, move |p| {
                note_lwp(p, &KEY, "body's", &say);
                p.on_exit(move |p, _| {
                    say.send("hook").expect("the test listens");
                    note_lwp(p, &KEY, "anew", &say);
                    note_lwp(p, &HOOKS, "hook's", &say);
                })
                .expect("it lives");
                end(p);
            });
            let _ = child.wait().expect("its handle owns it");
            assert_eq!(all(&said), ["body's", "hook", "hook's", "anew"], "{what}");
        }
    }
}

/// A value that the destructor of a SIGTERM function makes is gone before the end too.
#[test]
fn a_value_made_by_the_last_destructor_is_dropped() {
    static KEY: LwpLocal<LwpNoted> = LwpLocal::new(LwpNoted::default);
    struct Late(Sender<&'static str>);
    impl Drop for Late {
        fn drop(&mut self) {
            let p = greenproc::current().expect("it is dropped as its process");
            note_lwp(&p, &KEY, "late", &self.0);
        }
    }
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("late", move |p| {
        let late = Late(say);
        p.on_term(move |_| assert!(!late.0.is_full()));
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(all(&said), ["late"]);
}

/// Each LWP has its own.
#[test]
fn each_lwp_has_its_own_value() {
    static COUNT: LwpLocal<Cell<u32>> = LwpLocal::new(|| Cell::new(0));
    fn count(p: &Process) -> u32 {
        COUNT.with(p, |count| count.replace(count.get() + 1)).expect("it lives")
    }
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!([count(p), count(p)], [0, 1]);
        for _ in 0..3 {
            assert_eq!(p.spawn_lwp(count).expect("room").join(p).expect("it returns"), 0);
        }
        assert_eq!(count(p), 2);
    });
}

/// ESRCH: a `Process` that was kept beyond its LWP's end has no values.
#[test]
fn a_process_kept_beyond_its_end_has_no_values() {
    static OWN: Local<u32> = Local::new(u32::default);
    static LWPS: LwpLocal<u32> = LwpLocal::new(u32::default);
    struct Kept(Process, Sender<[i32; 4]>);
    impl Drop for Kept {
        fn drop(&mut self) {
            let p = &self.0;
            let arena = errno(p.arena());
            let errors =
                [errno(OWN.with(p, |_| ())), errno(LWPS.with(p, |_| ())), arena, errno(p.on_exit(|_, _| ()))];
            self.1.send(errors).expect("the test listens");
        }
    }
    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let command = Command::new("kept", move |p| drop(KEPT.replace(Some(Kept(p.clone(), say)))));
    assert!(fixture.run(command.own_thread()).expect("room").success());
    assert_eq!(soon(&said), [libc::ESRCH; 4]);
}
