//! Row 17: what is open is closed at the end, each isolated.

use crossbeam_channel::{bounded, unbounded};
use greenproc::{Command, EventFilter, EventKind, ExitStatus, Process, Signal, State};
use greenproc_tests::{AN_HOUR, Fixture, OnDrop, errno, next_event, soon, succeeded};

use crate::{Bomb, EBADF, ESRCH, Told, fd};

/// Row 17: whichever way it ends, and before anybody sees the zombie.
#[test]
fn everything_is_closed_lowest_first_before_the_zombie() {
    let fixture = Fixture::boot();
    let ways: [fn(&Process); 5] = [
        |_| {},
        |p| p.exit(0),
        |p| p.raise(Signal::KILL).expect("it does not come back"),
        |_| panic!("on purpose"),
        |p| {
            p.spawn_lwp(|p| p.exit(5)).expect("room").detach();
            p.sleep(AN_HOUR).expect_err("nothing interrupts it");
        },
    ];
    for way in ways {
        let (drop_told, dropped) = unbounded();
        let child = fixture.child("ends", move |p| {
            for number in [0, 1, 2, 3] {
                p.open(Told(number, drop_told.clone())).expect("room");
            }
            p.close(fd(1)).expect("it is open");
            p.open(Told(4, drop_told)).expect("room");
            way(p);
        });
        let _waited = child.wait().expect("mine");
        assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [1, 0, 4, 2, 3]);
    }
}

/// Row 17, decision 13: a destructor that panics is reported, the others run, the status is as it was.
#[test]
fn a_panic_while_closing_is_reported_and_the_rest_is_closed() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (drop_told, dropped) = unbounded();
    let child = fixture.child("bombs", move |p| {
        p.open(Told(1, drop_told.clone())).expect("room");
        p.open(Bomb("first")).expect("room");
        p.open(Told(2, drop_told.clone())).expect("room");
        p.open(Bomb("second")).expect("room");
        p.open(Told(3, drop_told)).expect("room");
        7
    });
    let pid = child.id();
    assert_eq!(child.wait().expect("mine").status, ExitStatus::exited(7));
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
    for expected in ["first", "second"] {
        let message = next_event(&events, pid, |kind| match kind {
            EventKind::DropPanicked { message } => Some(message.clone()),
            _ => None,
        });
        assert_eq!(message, expected);
    }
}

/// Row 17: one that blocks where no request reaches it is named, state D, and delays nothing but its own process.
#[test]
fn a_destructor_that_blocks_is_named() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let (release, released) = bounded::<()>(0);
    let child = fixture.child("blocks", move |p| {
        p.open(OnDrop(move || {
            let _disconnected = released.recv();
        }))
        .expect("room");
    });
    let stuck = next_event(&events, child.id(), |kind| match kind {
        EventKind::Stuck(stuck) => Some(stuck.clone()),
        _ => None,
    });
    assert!(!stuck.in_host_call, "{stuck}");
    let snapshot = fixture.snapshot();
    let seen = snapshot.processes.iter().find(|process| process.pid == child.id()).expect("it is there");
    assert_eq!(seen.state, State::Stuck);
    drop(release);
    succeeded(&child.wait().expect("mine"));
}

/// Decision 20: one that would sleep in the runtime gets EINTR instead.
#[test]
fn a_destructor_does_not_sleep() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("sleeps", move |p| {
        let (from, _to) = p.pipe().expect("room");
        let from = p.descriptor::<greenproc::PipeReader>(from).expect("it is one");
        let open = p.descriptor::<greenproc::PipeWriter>(fd(1)).expect("it is one");
        p.open(OnDrop(move || {
            let p = greenproc::current().expect("it runs as the process");
            say.send([errno(p.sleep(AN_HOUR)), errno(from.read(&p, &mut [0]))]).expect("the test listens");
            greenproc_tests::owns(&open);
        }))
        .expect("room");
    });
    succeeded(&child.wait().expect("mine"));
    assert_eq!(soon(&said), [4, 4]);
}

#[test]
fn a_process_that_never_began_closes_what_it_was_given() {
    let fixture = Fixture::with(|builder| builder.max_lwps(8));
    let (drop_told, dropped) = unbounded();
    fixture.inside(move |p| {
        let command = Command::new("stillborn", |p: &Process| p.sleep(AN_HOUR));
        let child = p.spawn(command.descriptor(fd(0), Told(1, drop_told))).expect("room");
        child.kill().expect("it is mine");
        assert_eq!(child.wait().expect("my child").status.signal(), Some(Signal::KILL));
        assert_eq!(dropped.try_recv(), Ok(1));
    });
}

/// Once they are closed nothing is opened any more: nobody would close it.
#[test]
fn nothing_is_opened_after_the_closing() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let (drop_told, dropped) = unbounded();
    let child = fixture.child("opens late", move |p| {
        p.open(Told(1, drop_told.clone())).expect("room");
        p.on_exit(move |p, _| {
            let late = errno(p.open(Told(2, drop_told)));
            say.send([late, errno(p.pipe()), errno(p.close(fd(0)))]).expect("the test listens");
        })
        .expect("it lives");
    });
    succeeded(&child.wait().expect("mine"));
    assert_eq!(soon(&said), [ESRCH, ESRCH, EBADF]);
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [1, 2]);
}
