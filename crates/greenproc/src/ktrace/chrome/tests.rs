//! Whatever is recorded, in whatever order, and wherever it begins: slices nest, and arrows join slices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::event::{Event, Track};
use super::tracks::Timeline;
use crate::call::{Args, Call, CallResult};
use crate::ktrace::{Fact, Fate, Record};
use crate::pid::{LwpId, Pid};
use crate::signal::Signal;
use crate::status::ExitStatus;

fn pid(number: i32) -> Pid {
    Pid::new(number).expect("positive")
}

/// One record each microsecond.
fn records(facts: impl IntoIterator<Item = (i32, u32, Fact)>) -> Vec<Record> {
    let name: Arc<str> = "process".into();
    let numbered = (1..).zip(facts);
    numbered
        .map(|(micros, (number, lwp, fact))| Record {
            time: Duration::from_micros(micros),
            pid: pid(number),
            name: Arc::clone(&name),
            lwp: Some(LwpId(lwp)),
            fact,
        })
        .collect()
}

/// The slices of a track: when each began and ended, and what it is called. Checks all that holds of any timeline.
fn slices(events: &[Event<'_>]) -> Vec<(Track, Duration, Duration, String)> {
    let mut slices = Vec::new();
    let mut open: BTreeMap<Track, Vec<(Duration, String)>> = BTreeMap::new();
    let mut arrows: BTreeMap<u64, (bool, bool)> = BTreeMap::new();
    let mut last = None;
    for event in events {
        assert!(last <= event.time(), "in the order of time");
        last = event.time();
        let (Some(time), Some((letter, track, id, name))) = (event.time(), event.parts()) else { continue };
        let open = open.entry(track).or_default();
        match letter {
            'B' => open.push((time, name)),
            'E' => {
                let (begin, begun) = open.pop().expect("an end has a beginning");
                assert_eq!(begun, name, "the innermost ends first");
                slices.push((track, begin, time, name));
            }
            's' | 'f' => {
                assert!(!open.is_empty(), "an arrow is fixed to a slice");
                let ends = arrows.entry(id).or_default();
                let end = if letter == 's' { &mut ends.0 } else { &mut ends.1 };
                assert!(!std::mem::replace(end, true), "an arrow has two ends");
                assert!(ends.0, "it leaves before it arrives");
            }
            _ => {}
        }
    }
    assert!(open.values().all(Vec::is_empty), "all that began ends: {open:?}");
    assert!(arrows.values().all(|&ends| ends == (true, true)), "all that leaves arrives: {arrows:?}");
    slices
}

fn states_of(number: i32, events: &[Event<'_>]) -> Vec<String> {
    let track = Track::of_process(pid(number));
    slices(events).into_iter().filter(|slice| slice.0 == track).map(|slice| slice.3).collect()
}

fn calls_of(number: i32, events: &[Event<'_>]) -> Vec<(String, u128)> {
    let track = Track::of_lwp(pid(number), LwpId::MAIN);
    let its = slices(events).into_iter().filter(|slice| slice.0 == track);
    its.map(|(_, begin, end, name)| (name, end.as_micros() - begin.as_micros())).collect()
}

fn called(call: Call) -> Fact {
    Fact::Called { call, args: Args::default() }
}

fn returned(call: Call) -> Fact {
    Fact::Returned { call, result: CallResult::Done(0) }
}

const KILLED: Fact = Fact::Exiting { status: ExitStatus::killed(Signal::KILL) };

#[test]
fn a_life_is_shown_as_its_states() {
    let ended = Fact::Exited { status: ExitStatus::exited(0), parent: Some(pid(2)) };
    let facts = [
        (2, 1, Fact::Attached),
        (3, 1, Fact::Spawned { parent: Some(pid(2)) }),
        (3, 1, Fact::Began),
        (3, 1, Fact::Sleeps),
        (3, 2, Fact::Began),
        (3, 2, Fact::Sleeps),
        (3, 1, Fact::Stopped { signal: Signal::TSTP }),
        (3, 1, Fact::Continued),
        (3, 1, Fact::Wakes),
        (3, 1, KILLED),
        (3, 1, ended),
        (3, 1, Fact::Reaped),
    ];
    let records = records(facts);
    let events = Timeline::of(&records);
    let states = ["ready", "run", "wait", "run", "wait", "stopped", "wait", "run", "exit", "zombie"];
    assert_eq!(states_of(3, &events), states);
    assert_eq!(states_of(2, &events), ["run"]);
    let arrows = events.iter().filter_map(Event::parts).filter(|part| part.0 == 'f');
    assert_eq!(arrows.map(|part| part.3).collect::<Vec<_>>(), ["spawn", "reap"]);
}

#[test]
fn a_call_that_was_unwound_ends_with_what_unwound_it() {
    let facts = [
        (2, 1, called(Call::Wait4)),
        (2, 1, called(Call::Pause)),
        (2, 1, called(Call::Exit)),
        (2, 1, returned(Call::Wait4)),
        (2, 1, called(Call::Kill)),
        (2, 1, KILLED),
        (2, 1, called(Call::Getpid)),
        (2, 1, returned(Call::Getpid)),
    ];
    let records = records(facts);
    let calls = calls_of(2, &Timeline::of(&records));
    let calls: Vec<_> = calls.iter().map(|(name, took)| (name.as_str(), *took)).collect();
    assert_eq!(calls, [("exit", 1), ("pause", 2), ("wait4", 3), ("kill", 1), ("getpid", 1)]);
}

#[test]
fn what_began_before_the_first_record_is_not_shown_and_what_did_not_end_is_closed() {
    let records = records([
        (2, 1, returned(Call::Wait4)),
        (3, 1, Fact::Wakes),
        (2, 1, called(Call::Pause)),
        (2, 1, Fact::Sleeps),
        (3, 1, Fact::Reaped),
    ]);
    let events = Timeline::of(&records);
    assert_eq!(calls_of(2, &events), [("pause".to_owned(), 2)]);
    assert_eq!(states_of(2, &events), ["run", "wait"]);
    assert_eq!(states_of(3, &events), ["run"]);
}

/// From where the arrow of a signal comes that has this effect, after these postings in pid 2, each by its fate.
fn leaves_at(signal: Signal, fates: &[Fate], effect: Fact) -> Option<u128> {
    let posted = fates.iter().map(|&fate| (2, 1, Fact::Posted { signal, from: None, fate }));
    let records = records(posted.chain([(2, 1, effect)]));
    let events = Timeline::of(&records);
    let _checked = slices(&events);
    let arrow = events.iter().find(|event| event.parts().is_some_and(|part| part.0 == 's'))?;
    arrow.time().map(|time| time.as_micros())
}

#[test]
fn an_arrow_leaves_from_the_posting_that_counted() {
    use Fate::{Continues, Ends, Ignored, Merged, Pending, Polite, Stops};
    let real_time = Signal::real_time(0).expect("one");
    let handled = |signal| Fact::Handled { signal };
    let cases = [
        (Signal::USR1, vec![Pending], handled(Signal::USR1), Some(1)),
        (Signal::USR1, vec![Ignored, Pending, Merged], handled(Signal::USR1), Some(2)),
        // The first was thrown away before the second came.
        (Signal::USR1, vec![Pending, Pending], handled(Signal::USR1), Some(2)),
        (Signal::CHLD, vec![Pending, Pending], handled(Signal::CHLD), Some(1)),
        (real_time, vec![Pending, Pending], Fact::Taken { signal: real_time }, Some(1)),
        (Signal::TERM, vec![Polite], handled(Signal::TERM), Some(1)),
        (Signal::KILL, vec![Ends, Ignored], KILLED, Some(1)),
        (Signal::STOP, vec![Stops], Fact::Stopped { signal: Signal::STOP }, Some(1)),
        (Signal::CONT, vec![Ignored, Continues], Fact::Continued, Some(2)),
        (Signal::USR1, vec![Ignored], handled(Signal::USR1), None),
        (Signal::USR2, vec![Pending], handled(Signal::USR1), None),
    ];
    for (signal, fates, effect, expected) in cases {
        assert_eq!(leaves_at(signal, &fates, effect.clone()), expected, "{signal} {fates:?} {effect}");
    }
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let pids = || (1..4).prop_map(pid);
    let signals =
        || prop_oneof![Just(Signal::USR1), Just(Signal::CHLD), Just(Signal::STOP), Just(Signal::KILL)];
    let calls = || prop_oneof![Just(Call::Wait4), Just(Call::Kill), Just(Call::Exit)];
    let fates = prop_oneof![Just(Fate::Pending), Just(Fate::Ends), Just(Fate::Stops), Just(Fate::Continues)];
    prop_oneof![
        prop::option::of(pids()).prop_map(|parent| Fact::Spawned { parent }),
        Just(Fact::Attached),
        Just(Fact::Began),
        Just(Fact::Left),
        Just(Fact::Executed { former: "\"former\"\n".into() }),
        signals().prop_map(|signal| Fact::Stopped { signal }),
        Just(Fact::Continued),
        signals().prop_map(|signal| Fact::Exiting { status: ExitStatus::killed(signal) }),
        prop::option::of(pids()).prop_map(|parent| Fact::Exited { status: ExitStatus::exited(0), parent }),
        pids().prop_map(|by| Fact::Adopted { by }),
        Just(Fact::Reaped),
        calls().prop_map(called),
        calls().prop_map(returned),
        (signals(), prop::option::of(pids()), fates).prop_map(|(signal, from, fate)| Fact::Posted {
            signal,
            from,
            fate
        }),
        signals().prop_map(|signal| Fact::Handled { signal }),
        signals().prop_map(|signal| Fact::Taken { signal }),
        Just(Fact::Sleeps),
        Just(Fact::Wakes),
    ]
}

proptest! {
    #[test]
    fn any_facts_make_slices_that_nest(facts in prop::collection::vec((1..4, 1..3_u32, any_fact()), 0..60)) {
        let records = records(facts);
        let _checked = slices(&Timeline::of(&records));
    }
}
