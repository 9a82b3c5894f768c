//! What the races are about: nothing of the catalogue is missing, and nothing that `docs/races.md` names.
#![cfg(feature = "racelab")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use greenproc_lab::{Fault, Race};

/// Each part of the life cycle can go wrong in two ways or more.
const PROTOCOLS: [&str; 14] = [
    "exit",
    "wait",
    "wake-ups",
    "reparent",
    "ignored children",
    "stop and continue",
    "tracing",
    "vfork",
    "pid reuse",
    "groups",
    "LWP exit",
    "thread cache",
    "watching",
    "signals",
];

#[test]
fn each_protocol_has_two_faults_or_more() {
    let mut faults: BTreeMap<&str, Vec<Fault>> = BTreeMap::new();
    for race in Race::all() {
        faults.entry(race.protocol).or_default().extend(race.faults);
    }
    for protocol in PROTOCOLS {
        let count = faults.get(protocol).map_or(0, Vec::len);
        assert!(count >= 2, "{protocol}: {count}");
    }
}

#[test]
fn each_fault_is_planted_in_a_race_and_each_race_has_a_name_of_its_own() {
    let planted = |fault: &&Fault| !Race::all().any(|race| race.faults.contains(fault));
    assert_eq!(Fault::ALL.iter().find(planted), None, "it is in no race");
    let mut names: Vec<&str> = Race::all().map(|race| race.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// Who waits and does not take what it was woken for: the four ways of that.
#[test]
fn every_way_to_leave_a_wait_has_its_fault() {
    let wakeups = Race::all().filter(|race| race.protocol == "wake-ups").flat_map(|race| race.faults);
    let names: Vec<&str> = wakeups.map(|fault| fault.name()).collect();
    for fault in ["killed-keeps-wakeup", "timeout-keeps-wakeup", "peek-keeps-wakeup", "reap-tells-nobody"] {
        assert!(names.contains(&fault), "{fault} is not among {names:?}");
    }
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// That what a row names is there: faults of a race, or tests in a file.
fn check(place: &str) {
    let mut names = quoted(place);
    let first = names.next().unwrap_or_else(|| panic!("{place} names nothing"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let names: Vec<&str> = names.collect();
    assert!(!names.is_empty(), "{place} has no name");
    if Path::new(first).extension().is_some() {
        let text = fs::read_to_string(root.join(first)).unwrap_or_else(|error| panic!("{first}: {error}"));
        for name in names {
            let is_there = text.contains(&format!("fn {name}(")) || text.contains(&format!("```{name}"));
            assert!(is_there, "{name} is not in {first}");
        }
    } else {
        let race = Race::find(first).unwrap_or_else(|| panic!("no race is called {first}"));
        for name in names {
            assert!(race.faults.iter().any(|fault| fault.name() == name), "{first} has no fault {name}");
        }
    }
}

#[test]
fn every_number_and_every_mistake_has_a_race_or_a_test() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/races.md");
    let text = fs::read_to_string(docs).expect("the page about races");
    let rows: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| match line.split('|').map(str::trim).collect::<Vec<_>>()[..] {
            ["", key, _, place, ""] => Some((key, place)),
            _ => None,
        })
        .collect();
    let numbers = (1..=24).map(|number| number.to_string());
    let mistakes = ('a'..='r').map(|mistake| mistake.to_string());
    for key in numbers.chain(mistakes) {
        let place = rows.get(&*key).unwrap_or_else(|| panic!("{key} is not in docs/races.md"));
        place.split(';').for_each(check);
    }
}
