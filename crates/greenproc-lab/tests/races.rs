//! The runtime's races: clean as the code is, found when a fault is planted, and the same when replayed.
#![cfg(feature = "racelab")]

use greenproc_lab::{Options, Race, StrategyKind, replay};

#[test]
fn every_shape_is_clean_and_every_planted_fault_is_found() {
    for race in Race::all() {
        let options = Options { schedules: 3_000, early_timeouts: race.early_timeouts, ..Options::default() };
        let clean = race.scenario(None).explore(&options);
        if let Some(found) = clean.found {
            panic!("{}: {}\n{}\n{}", race.name, found.failure, found.timeline, found.token);
        }
        for fault in race.faults {
            let planted = race.scenario(Some(*fault)).explore(&options);
            let found =
                planted.found.unwrap_or_else(|| panic!("{}: {} was not found", race.name, fault.name()));
            eprintln!(
                "{} {}: schedule {}, {} preemptions: {}",
                race.name,
                fault.name(),
                found.schedule,
                found.preemptions,
                found.failure
            );
            let (failure, timeline) = replay(&race.scenario(Some(*fault)), &found.token, &options);
            assert_eq!(failure.as_ref(), Some(&found.failure));
            assert_eq!(timeline, found.timeline);
        }
    }
    let _ = StrategyKind::Exhaustive;
}
