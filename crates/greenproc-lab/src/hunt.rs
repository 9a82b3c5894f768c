//! A hunt: every race, as the code is and with each fault that can be planted, explored and summed up.
//!
//! A hunt is a list of [`Trial`]s, each of which has an [`Outcome`]; a [`Summary`] says what they come to. Outcomes of the
//! shards of one hunt are put together by [`merge`].

use std::collections::BTreeSet;
use std::time::Duration;

use greenproc::racelab::Fault;
use serde::{Deserialize, Serialize};

use crate::explore::{Found, Options, Report, explore};
use crate::races::Race;
use crate::shard::Shard;
use crate::strategy::{Covered, Exhausted, StrategyKind};

/// The most schedules of one trial: where the orders with 2 preemptions are more, those with 1 are tried in full, and of
/// the others a part.
const SCHEDULES: u64 = 2_000_000;

/// How large a hunt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Over within three minutes on two CPUs: core shapes with 2 preemptions, the others as far as the time goes.
    Short,
    /// Hours, if need be: core shapes with 3 preemptions, all others with 2, each as far as half of its time goes; then the core
    /// shapes in all orders, and everything in orders drawn at random, by chance and led by what is new.
    Nightly {
        /// Where the randomness begins. The same in all parts of a hunt, and another one in another night.
        seed: u64,
    },
}

impl Size {
    /// How a shape is explored, one way after the other, and with which share of the time that is left then.
    fn phases(self, core: bool) -> Vec<(StrategyKind, f64)> {
        let Size::Nightly { seed } = self else { return vec![(StrategyKind::Bounded { bound: 2 }, 1.0)] };
        let bounded = StrategyKind::Bounded { bound: if core { 3 } else { 2 } };
        let mut phases = vec![(bounded, 0.5)];
        if core {
            phases.push((StrategyKind::Exhaustive, 0.5));
        }
        phases.extend([
            (StrategyKind::Random { seed }, 0.34),
            (StrategyKind::Pct { seed, depth: 3 }, 0.5),
            (StrategyKind::Coverage { seed }, 1.0),
        ]);
        phases
    }
}

/// A shape, as the code is or with a fault planted.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// The shape.
    pub race: &'static Race,
    /// What is planted.
    pub fault: Option<Fault>,
}

impl Trial {
    /// All of a hunt: first those that must fail, which are over soon, then the core shapes, and the others with the time
    /// that is left.
    pub fn all() -> Vec<Trial> {
        let planted = Race::all()
            .flat_map(|race| race.faults.iter().map(move |fault| Trial { race, fault: Some(*fault) }));
        let clean = |core| {
            let like = Race::all().filter(move |race| race.core == core);
            like.map(|race| Trial { race, fault: None })
        };
        planted.chain(clean(true)).chain(clean(false)).collect()
    }

    /// How much of the time that is left it may have, beside others.
    pub fn weight(&self) -> u32 {
        match (self.fault, self.race.core) {
            // It is over as soon as the fault is found, so most of this is left to the others.
            (Some(_), true) => 48,
            (Some(_), false) => 8,
            (None, false) => 1,
            (None, true) => 20,
        }
    }

    /// Explores it for at most so long.
    pub fn run(&self, size: Size, shard: Shard, time: Duration) -> Outcome {
        let scenario = self.race.scenario(self.fault);
        let mut report = Report::default();
        for (strategy, share) in size.phases(self.race.core) {
            if report.found.is_some() {
                break;
            }
            let options = Options {
                strategy,
                schedules: if size == Size::Short { SCHEDULES } else { u64::MAX },
                time: Some(time.saturating_sub(report.elapsed).mul_f64(share)),
                shard,
                ..Options::default()
            };
            report.go_on(explore(&scenario, &options));
        }
        Outcome::of(self, shard, report)
    }
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The shape.
    pub race: String,
    /// What was planted; `None` for the code as it is.
    pub fault: Option<String>,
    /// Whether it is a core shape.
    pub core: bool,
    /// Which part of the schedules: `I/N`.
    pub shard: String,
    /// How many different schedules ran.
    pub schedules: u64,
    /// How long that took, in seconds.
    pub seconds: f64,
    /// What was tried in full.
    pub exhausted: Option<Exhausted>,
    /// How much was tried of the next bound.
    pub covered: Option<Covered>,
    /// How many different hand-overs were seen.
    pub handovers: usize,
    /// Which they were, for who puts shards together.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub handover_set: BTreeSet<u64>,
    /// The sum of the numbers of the schedules that were tried in the order of their preemptions, as hexadecimal digits.
    pub fingerprint: String,
    /// How it failed.
    pub found: Option<Finding>,
}

/// How a trial failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind of failure.
    pub kind: String,
    /// What must hold, and did not.
    pub invariant: String,
    /// What went wrong.
    pub failure: String,
    /// What replays it.
    pub token: String,
    /// How many preemptions it needs.
    pub preemptions: u32,
    /// The how-manieth schedule it was.
    pub schedule: u64,
}

impl Finding {
    /// Of a schedule of this race that failed.
    pub fn of(race: &Race, found: &Found) -> Finding {
        Finding {
            kind: found.failure.kind().to_owned(),
            invariant: race.invariant.to_owned(),
            failure: found.failure.to_string(),
            token: found.token.to_string(),
            preemptions: found.preemptions,
            schedule: found.schedule,
        }
    }
}

impl Outcome {
    /// Of a trial that was explored.
    pub fn of(trial: &Trial, shard: Shard, report: Report) -> Outcome {
        Outcome {
            race: trial.race.name.to_owned(),
            fault: trial.fault.map(|fault| fault.name().to_owned()),
            core: trial.race.core,
            shard: shard.to_string(),
            schedules: report.schedules,
            seconds: report.elapsed.as_secs_f64(),
            exhausted: report.exhausted,
            covered: report.covered,
            handovers: report.handovers.len(),
            fingerprint: format!("{:016x}", report.fingerprint),
            found: report.found.map(|found| Finding::of(trial.race, &found)),
            handover_set: report.handovers,
        }
    }

    /// Whether it went as it must: planted faults are found, and nothing else is.
    pub fn is_good(&self) -> bool {
        self.found.is_some() == self.fault.is_some()
    }

    /// The race, and what is planted in it.
    pub fn label(&self) -> String {
        self.fault.as_ref().map_or_else(|| self.race.clone(), |fault| format!("{}/{fault}", self.race))
    }

    /// How far all orders were tried, in a few words.
    pub fn extent(&self) -> String {
        let full = match self.exhausted {
            Some(Exhausted::All) => return "all orders".to_owned(),
            Some(Exhausted::Bound(bound)) => format!("bound {bound}"),
            None => "no bound".to_owned(),
        };
        match self.covered {
            Some(Covered { begun, subtrees }) if subtrees > 0 => {
                let share = 100.0 * begun as f64 / subtrees as f64;
                format!("{full}, {share:.1}% of the next")
            }
            _ => full,
        }
    }

    /// Takes in what another shard saw of the same trial.
    fn add(&mut self, other: Outcome) {
        self.schedules += other.schedules;
        self.seconds += other.seconds;
        // A shard that stopped at a failure has tried nothing in full.
        self.exhausted = self.exhausted.min(other.exhausted);
        self.covered = match (self.covered, other.covered) {
            (Some(one), Some(two)) => {
                Some(Covered { begun: one.begun + two.begun, subtrees: one.subtrees + two.subtrees })
            }
            (one, two) => one.or(two),
        };
        self.handover_set.extend(other.handover_set);
        self.handovers = self.handover_set.len();
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        let sum = number(&self.fingerprint).wrapping_add(number(&other.fingerprint));
        self.fingerprint = format!("{sum:016x}");
        self.found = match (self.found.take(), other.found) {
            (Some(one), Some(two)) if two.preemptions < one.preemptions => Some(two),
            (one, two) => one.or(two),
        };
    }
}

/// What a hunt comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many races there are.
    pub races: usize,
    /// How many faults were planted.
    pub planted: usize,
    /// How many of them were found.
    pub found: usize,
    /// Those that were not.
    pub missed: Vec<String>,
    /// Races that failed although nothing was planted.
    pub false_alarms: Vec<String>,
    /// How far all orders of each core shape were tried.
    pub core: Vec<Extent>,
    /// How many different schedules ran, in all.
    pub schedules: u64,
    /// How long the trials took together, in seconds.
    pub seconds: f64,
    /// Which part of the schedules.
    pub shard: String,
    /// Where the randomness began, if there was any.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// How far all orders of a core shape were tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// The shape.
    pub race: String,
    /// How many schedules.
    pub schedules: u64,
    /// What was tried in full.
    pub exhausted: Option<Exhausted>,
    /// The share of the next bound that was tried; `None` if that was none of the hunt's.
    pub share_of_next: Option<f64>,
}

impl Summary {
    /// Of all outcomes of a hunt.
    pub fn of(outcomes: &[Outcome], shard: Shard) -> Summary {
        let planted = || outcomes.iter().filter(|outcome| outcome.fault.is_some());
        let clean = || outcomes.iter().filter(|outcome| outcome.fault.is_none());
        let bad = |outcome: &&Outcome| !outcome.is_good();
        let extent = |outcome: &Outcome| Extent {
            race: outcome.race.clone(),
            schedules: outcome.schedules,
            exhausted: outcome.exhausted,
            share_of_next: outcome
                .covered
                .map(|covered| covered.begun as f64 / covered.subtrees.max(1) as f64),
        };
        Summary {
            races: clean().count(),
            planted: planted().count(),
            found: planted().filter(|outcome| outcome.is_good()).count(),
            missed: planted().filter(bad).map(Outcome::label).collect(),
            false_alarms: clean().filter(bad).map(Outcome::label).collect(),
            core: clean().filter(|outcome| outcome.core).map(extent).collect(),
            schedules: outcomes.iter().map(|outcome| outcome.schedules).sum(),
            seconds: outcomes.iter().map(|outcome| outcome.seconds).sum(),
            shard: shard.to_string(),
            seed: None,
        }
    }

    /// The same, of a hunt of this size.
    #[must_use]
    pub fn sized(self, size: Size) -> Summary {
        let seed = match size {
            Size::Short => None,
            Size::Nightly { seed } => Some(seed),
        };
        Summary { seed, ..self }
    }

    /// Whether all went as it must. What one shard of several missed, another one may have found.
    pub fn is_good(&self) -> bool {
        let whole = self.shard == Shard::WHOLE.to_string();
        self.false_alarms.is_empty() && (self.missed.is_empty() || !whole)
    }
}

/// Why shards cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAHunt(String);

impl std::fmt::Display for NotAHunt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAHunt {}

/// Puts the outcomes of all shards of a hunt together, in the order in which the trials come first.
///
/// # Errors
/// A shard of a trial is missing, or is there twice, or the shards are not of one hunt.
pub fn merge(outcomes: impl IntoIterator<Item = Outcome>) -> Result<Vec<Outcome>, NotAHunt> {
    let mut merged: Vec<(Outcome, Vec<Shard>)> = Vec::new();
    for outcome in outcomes {
        let shard: Shard =
            outcome.shard.parse().map_err(|error| NotAHunt(format!("{}: {error}", outcome.shard)))?;
        match merged.iter_mut().find(|(other, _)| other.label() == outcome.label()) {
            None => merged.push((outcome, vec![shard])),
            Some((other, shards)) => {
                if shards.contains(&shard) {
                    return Err(NotAHunt(format!("the shard {shard} of {} is there twice", outcome.label())));
                }
                if shards[0].of() != shard.of() {
                    let (one, two) = (shards[0], shard);
                    return Err(NotAHunt(format!("{one} and {two} are not shards of one hunt")));
                }
                shards.push(shard);
                other.add(outcome);
            }
        }
    }
    let whole = |(mut outcome, shards): (Outcome, Vec<Shard>)| {
        let of = shards[0].of();
        let missing = (0..of).find(|index| !shards.iter().any(|shard| shard.index() == *index));
        if let Some(missing) = missing {
            return Err(NotAHunt(format!("the shard {missing}/{of} of {} is missing", outcome.label())));
        }
        outcome.shard = Shard::WHOLE.to_string();
        Ok(outcome)
    };
    merged.into_iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Exhausted, Shard, Size, StrategyKind, Trial};
    use crate::races::Race;

    #[test]
    fn a_night_ends_with_chance_from_the_seed() {
        for core in [false, true] {
            let phases = Size::Nightly { seed: 7 }.phases(core);
            let strategies: Vec<_> = phases.into_iter().map(|(strategy, _)| strategy).collect();
            assert!(matches!(strategies[0], StrategyKind::Bounded { .. }), "{strategies:?}");
            assert_eq!(strategies.contains(&StrategyKind::Exhaustive), core);
            assert!(strategies.contains(&StrategyKind::Random { seed: 7 }), "{strategies:?}");
            assert!(strategies.contains(&StrategyKind::Pct { seed: 7, depth: 3 }), "{strategies:?}");
        }
        assert_eq!(Size::Short.phases(true), [(StrategyKind::Bounded { bound: 2 }, 1.0)]);
    }

    #[test]
    fn what_chance_adds_is_counted_and_takes_nothing_back() {
        let race = Race::find("watch-exit").expect("it is one of them");
        let trial = Trial { race, fault: None };
        let short = trial.run(Size::Short, Shard::WHOLE, Duration::from_mins(1));
        assert_eq!(short.exhausted, Some(Exhausted::Bound(2)));
        let time = Duration::from_secs_f64(4.0 * short.seconds);
        let night = trial.run(Size::Nightly { seed: 7 }, Shard::WHOLE, time);
        assert!(night.schedules > short.schedules, "{} after {}", night.schedules, short.schedules);
        assert!(night.found.is_none() && night.exhausted.is_some());
    }
}
