//! The runtime's races: clean as the code is, found when a fault is planted, and the same when replayed.
//!
//! `greenproc race hunt` looks at many more orders of the code as it is.
#![cfg(feature = "racelab")]

use std::fmt::Write as _;

use greenproc_lab::{Options, Race, replay};

#[test]
fn every_shape_is_clean() {
    let mut wrong = String::new();
    for race in Race::all() {
        let options = Options { schedules: 500, ..Options::default() };
        if let Some(found) = race.scenario(None).explore(&options).found {
            let _ = writeln!(wrong, "{}: {}\n{}\n{}", race.name, found.failure, found.timeline, found.token);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_planted_fault_is_found_and_replayed() {
    let mut wrong = String::new();
    let options = Options { schedules: 10_000, ..Options::default() };
    for race in Race::all() {
        for fault in race.faults {
            let scenario = race.scenario(Some(*fault));
            let Some(found) = scenario.explore(&options).found else {
                let _ = writeln!(wrong, "{}: {} was not found", race.name, fault.name());
                continue;
            };
            let (failure, timeline) = replay(&scenario, &found.token, &options);
            if failure.as_ref() != Some(&found.failure) || timeline != found.timeline {
                let _ = writeln!(wrong, "{}: {failure:?} instead of {}", found.token, found.failure);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
