//! The event stream.

use std::collections::HashMap;

use greenproc::{Command, EventFilter, EventKind, EventStream, Pid, Process, Signal};
use greenproc_tests::{Fixture, soon, stay, succeeded};

/// Events: every subscriber sees the same order, and only what it asked for.
#[test]
fn all_subscribers_see_the_same_events_in_the_same_order() {
    let fixture = Fixture::boot();
    let streams = [fixture.events(EventFilter::all()), fixture.events(EventFilter::all())];
    let exits = fixture.events(EventFilter::EXITED);
    drop(fixture.events(EventFilter::all()));
    fixture.inside(|p| {
        for _ in 0..8 {
            let command = Command::new("makes", |p: &Process| {
                (0..20).for_each(|code| drop(p.spawn(Command::new("made", move |_| code)).expect("room")));
                (0..20).for_each(|_| drop(p.wait().expect("20 children")));
            });
            p.spawn(command).expect("room");
        }
        (0..8).for_each(|_| succeeded(&p.wait().expect("8 children")));
    });
    assert!(fixture.shut_down().is_clean());
    let told = |stream: &EventStream| -> Vec<_> {
        stream.iter().map(|event| (event.pid, event.time, format!("{:?}", event.kind))).collect()
    };
    let [one, other] = streams.each_ref().map(told);
    assert!(one == other, "two streams differ");
    let name = |kind: &str| kind.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
    let expected: Vec<_> = one.iter().filter(|(.., kind)| name(kind) == "Exited").cloned().collect();
    assert!(told(&exits) == expected, "the third holds something else than the exits");
    // 160 children of 8, which are children of one, and init.
    assert_eq!(expected.len(), 160 + 8 + 1 + 1);
    let mut stages: HashMap<Pid, usize> = HashMap::new();
    let order = ["Spawned", "Exiting", "ExitSignal", "Exited", "Reaped"];
    for (pid, _, kind) in &one {
        let stage = order.iter().position(|stage| *stage == name(kind)).expect("nothing else happened");
        let before = stages.insert(*pid, stage);
        assert!(before.is_none_or(|before| before < stage), "{kind} of {pid} after {before:?}");
    }
    let complete = stages.values().filter(|&&stage| stage == order.len() - 1).count();
    assert_eq!(complete, 160 + 8 + 1);
}

/// Events: a stream that nobody reads holds 65,536; what comes after is counted and lost, and the runtime goes on.
#[test]
fn a_full_stream_counts_what_it_loses_and_blocks_nobody() {
    const CAPACITY: usize = 65_536;
    const MORE: usize = 1_000;
    let fixture = Fixture::boot();
    let full = fixture.events(EventFilter::SIGNALLED);
    let (hold, held) = crossbeam_channel::bounded::<()>(0);
    let child = fixture.child("child", move |p| stay(p, &held));
    child.signal(Signal::URG).expect("it lives");
    for _ in 1..CAPACITY {
        child.signal(Signal::WINCH).expect("it lives");
    }
    assert_eq!((full.len(), full.dropped()), (CAPACITY, 0));
    let late = fixture.events(EventFilter::SIGNALLED);
    for _ in 0..MORE {
        child.signal(Signal::WINCH).expect("it lives");
    }
    assert_eq!((full.len(), full.dropped()), (CAPACITY, MORE as u64));
    assert_eq!((late.len(), late.dropped()), (MORE, 0));
    // What it holds is the oldest; once there is room again new ones come in.
    let first = soon(&full);
    assert!(matches!(first.kind, EventKind::Signalled { signal: Signal::URG }), "{first:?}");
    child.signal(Signal::IO).expect("it lives");
    assert_eq!((full.len(), full.dropped()), (CAPACITY, MORE as u64));
    let last = full.try_iter().last().expect("a full stream");
    assert!(matches!(last.kind, EventKind::Signalled { signal: Signal::IO }), "{last:?}");
    drop(hold);
    let _ = child.wait().expect("its handle owns it");
}

/// Events: a stream of a runtime that is down is at its end.
#[test]
fn a_stream_ends_with_the_runtime() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    let events = fixture.events(EventFilter::EXITED);
    assert!(fixture.shut_down().is_clean());
    let told: Vec<Pid> = events.iter().map(|event| event.pid).collect();
    assert_eq!(told, [Pid::INIT]);
    assert_eq!(runtime.events(EventFilter::all()).iter().count(), 0);
}
