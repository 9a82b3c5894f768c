//! The search without a bound on shapes of the real runtime: it comes to an end, and a planted fault does not escape it.
#![cfg(feature = "racelab")]

use greenproc_lab::{Exhausted, Fault, Options, Race, StrategyKind};

fn all_orders() -> Options {
    Options { strategy: StrategyKind::Exhaustive, schedules: u64::MAX, ..Options::default() }
}

#[test]
fn every_order_of_watching_an_end_is_clean() {
    let race = Race::find("watch-exit").expect("it is one of them");
    let report = race.scenario(None).explore(&all_orders());
    assert!(report.found.is_none(), "{:?}", report.found);
    assert_eq!(report.exhausted, Some(Exhausted::All));
    // Without leaving out any there are more than this with five preemptions.
    assert!(report.runs < 100_000, "{}", report.runs);
}

#[test]
fn a_planted_fault_is_found() {
    let race = Race::find("watch-exit").expect("it is one of them");
    let report = race.scenario(Some(Fault::WatchInTwoHolds)).explore(&all_orders());
    assert!(report.found.is_some(), "{:?} after {} schedules", report.exhausted, report.schedules);
}
