//! A token leads to the same events each time, and says so when it does not fit.
#![cfg(feature = "racelab")]

use greenproc_lab::{Failure, Fault, Found, Options, Race, Scenario, Shard, StrategyKind, Token, replay};

fn found() -> (Scenario, Found) {
    let race = Race::find("exit-wait").expect("it is one of them");
    let scenario = race.scenario(Some(Fault::CheckOutsideLock));
    let found = scenario.explore(&Options::default()).found.expect("it is found");
    (scenario, found)
}

#[test]
fn a_thousand_replays_give_the_same_events() {
    let (scenario, found) = found();
    for _ in 0..1000 {
        let (failure, timeline) = replay(&scenario, &found.token, &Options::default());
        assert_eq!(failure.as_ref(), Some(&found.failure));
        assert_eq!(timeline.events(), found.timeline.events());
    }
}

#[test]
fn a_token_that_does_not_fit_says_at_which_decision() {
    let (scenario, found) = found();
    let text = found.token.to_string();
    let (front, digests) = text.rsplit_once(':').expect("five parts");
    for at in [0, 5, digests.len() - 1] {
        let mut digests: Vec<char> = digests.chars().collect();
        digests[at] = if digests[at] == '0' { '1' } else { '0' };
        let token: Token = format!("{front}:{}", String::from_iter(digests)).parse().expect("a token still");
        let (failure, _) = replay(&scenario, &token, &Options::default());
        assert_eq!(failure, Some(Failure::Diverged(at as u32)));
    }
}

#[test]
fn a_token_of_other_code_does_not_lead_to_another_failure() {
    let (_, found) = found();
    let race = Race::find("double-exit").expect("it is one of them");
    let (failure, _) = replay(&race.scenario(None), &found.token, &Options::default());
    assert!(matches!(failure, Some(Failure::Diverged(_))), "{failure:?}");
}

#[test]
fn shards_of_every_strategy_are_disjoint_and_together_the_whole() {
    let race = Race::find("exit-wait").expect("it is one of them");
    let strategies = [
        (StrategyKind::Bounded { bound: 1 }, u64::MAX),
        (StrategyKind::Random { seed: 7 }, 120),
        (StrategyKind::Pct { seed: 7, depth: 3 }, 120),
        (StrategyKind::Bytes(vec![0, 1, 2, 3]), u64::MAX),
    ];
    for (strategy, schedules) in strategies {
        let numbers = |index, of| {
            let shard = Shard::new(index, of).expect("there is such a part");
            let options = Options {
                strategy: strategy.clone(),
                schedules: (schedules / u64::from(of)).max(1),
                shard,
                ..Options::default()
            };
            let mut numbers = Vec::new();
            let report = race.scenario(None).explore_each(&options, |number| numbers.push(number));
            assert_eq!(report.schedules, numbers.len() as u64);
            (numbers, report)
        };
        let (mut whole, total) = numbers(0, 1);
        let parts: Vec<_> = (0..4).map(|index| numbers(index, 4)).collect();
        let mut union: Vec<u64> = parts.iter().flat_map(|(numbers, _)| numbers).copied().collect();
        whole.sort_unstable();
        union.sort_unstable();
        assert_eq!(union, whole, "{strategy:?}");
        let sum = parts.iter().fold(0_u64, |sum, (_, report)| sum.wrapping_add(report.fingerprint));
        assert_eq!(sum, total.fingerprint);
    }
}
