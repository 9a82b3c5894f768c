//! The runtime's races: clean as the code is, found when a fault is planted, and the same when replayed.
#![cfg(feature = "racelab")]

use std::fmt::Write as _;

use greenproc_lab::{Options, Race, replay};

#[test]
fn every_shape_is_clean_and_every_planted_fault_is_found() {
    let only = std::env::var("ONLY").ok();
    let mut wrong = String::new();
    for race in Race::all().filter(|race| only.as_ref().is_none_or(|only| race.name == only)) {
        let options = Options { schedules: 10_000, ..Options::default() };
        let clean = race.scenario(None).explore(&options);
        eprintln!("{}: {} {:?} {:?}", race.name, clean.schedules, clean.elapsed, clean.exhausted);
        if let Some(found) = clean.found {
            let _ = writeln!(wrong, "{}: {}\n{}\n{}", race.name, found.failure, found.timeline, found.token);
            continue;
        }
        for fault in race.faults {
            let planted = race.scenario(Some(*fault)).explore(&options);
            let Some(found) = planted.found else {
                let _ = writeln!(wrong, "{}: {} was not found", race.name, fault.name());
                continue;
            };
            eprintln!(
                "    {}: schedule {}, {} preemptions: {}",
                fault.name(),
                found.schedule,
                found.preemptions,
                found.failure.to_string().lines().next().unwrap_or_default()
            );
            let (failure, timeline) = replay(&race.scenario(Some(*fault)), &found.token, &options);
            if failure.as_ref() != Some(&found.failure) || timeline != found.timeline {
                let _ = writeln!(
                    wrong,
                    "{} {}: not the same: {failure:?}\n{}",
                    race.name,
                    fault.name(),
                    found.token
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
