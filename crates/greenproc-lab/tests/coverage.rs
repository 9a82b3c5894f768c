//! The search that keeps what led to something new: it finds what was planted, sees more than chance does, and is the same
//! for the same seed.
#![cfg(feature = "racelab")]

use greenproc_lab::{Fault, Options, Race, Report, StrategyKind};

fn explore(race: &str, fault: Option<Fault>, strategy: StrategyKind, schedules: u64) -> Report {
    let race = Race::find(race).expect("it is one of them");
    race.scenario(fault).explore(&Options { strategy, schedules, ..Options::default() })
}

#[test]
fn it_finds_planted_faults() {
    for (race, fault) in [
        ("exit-wait", Fault::CheckOutsideLock),
        ("exit-wait", Fault::DeafWaiter),
        ("double-exit", Fault::ExitOwnerTwice),
        ("exit-reparent", Fault::StaleParent),
        ("setpgid-twice", Fault::GroupMadeTwice),
        ("tracer-dies", Fault::TracerLeavesQuietly),
    ] {
        let report = explore(race, Some(fault), StrategyKind::Coverage { seed: 1 }, 20_000);
        assert!(report.found.is_some(), "{race}/{}: {} schedules", fault.name(), report.schedules);
    }
}

#[test]
fn it_sees_more_states_than_chance_in_as_many_schedules() {
    let states = |strategy| explore("exit-wait", None, strategy, 2_500).states.len();
    let (led, drawn) = (states(StrategyKind::Coverage { seed: 1 }), states(StrategyKind::Random { seed: 1 }));
    assert!(led > drawn, "{led} states instead of {drawn}");
}

#[test]
fn a_seed_means_the_same_schedules() {
    let seen = |seed| explore("exit-wait", None, StrategyKind::Coverage { seed }, 300).fingerprint;
    assert_eq!(seen(7), seen(7));
    assert_ne!(seen(7), seen(8));
}
