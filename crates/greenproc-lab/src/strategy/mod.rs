//! Which order is tried next.

mod bounded;
mod bytes;
mod coverage;
mod exhaustive;
#[cfg(test)]
mod exhaustive_tests;
mod pct;
mod random;
mod replay;
mod rng;

pub(crate) use bounded::Bounded;
pub(crate) use bytes::Bytes;
pub(crate) use coverage::Coverage;
pub(crate) use exhaustive::Exhaustive;
pub(crate) use pct::Pct;
pub(crate) use random::Random;
pub(crate) use replay::Replay;
pub(crate) use rng::Rng;

use serde::{Deserialize, Serialize};

use crate::candidate::Decision;
use crate::footprint::Footprint;
use crate::shard::Shard;

/// How schedules are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrategyKind {
    /// All orders with no preemption, then all with one, and so on up to the bound: the first that fails is a smallest one.
    Bounded {
        /// The most preemptions.
        bound: u32,
    },
    /// All orders but those that only change the places of turns which have nothing to do with each other.
    Exhaustive,
    /// Each choice at random.
    Random {
        /// Where the randomness begins.
        seed: u64,
    },
    /// Random priorities, changed at a few random points: finds a race of this depth with a known probability.
    Pct {
        /// Where the randomness begins.
        seed: u64,
        /// How many orders between two events the race needs.
        depth: u32,
    },
    /// The choices come from bytes, as a fuzzer makes them.
    Bytes(Vec<u8>),
    /// The choices come from bytes that are changed at random; those that lead to something new are changed further.
    Coverage {
        /// Where the randomness begins.
        seed: u64,
    },
}

impl StrategyKind {
    pub(crate) fn make(&self, shard: Shard) -> Box<dyn Strategy> {
        match self {
            StrategyKind::Bounded { bound } => Box::new(Bounded::up_to(*bound, shard)),
            StrategyKind::Exhaustive => Box::new(Exhaustive::new(shard)),
            StrategyKind::Random { seed } => Box::new(Random::new(*seed, shard)),
            StrategyKind::Pct { seed, depth } => Box::new(Pct::new(*seed, *depth, shard)),
            StrategyKind::Coverage { seed } => Box::new(Coverage::new(*seed, shard)),
            StrategyKind::Bytes(bytes) => Box::new(Bytes::new(bytes.clone(), shard)),
        }
    }
}

/// Decides.
pub(crate) trait Strategy: Send {
    /// Makes ready for the next schedule; false if there is none left.
    fn begin(&mut self) -> bool;

    /// Chooses.
    ///
    /// # Errors
    /// The choices before led elsewhere than the last time.
    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged>;

    /// Whether it has to be told what each turn touches, and asked also where there is nothing to choose.
    fn reduces(&self) -> bool {
        false
    }

    /// A turn has ended, and this is what it touched.
    fn turn_ends(&mut self, _touched: &Footprint) {}

    /// Whether the schedule that has just run led to a hand-over or a state that none had before.
    fn learns(&mut self, _new: bool) {}

    /// Whether the schedule that has just run is one of this shard's, and was not seen before. Others only show the way.
    fn counts(&self) -> bool {
        true
    }

    /// How much of the next bound has been tried, if it was begun.
    fn covered(&self) -> Option<Covered> {
        None
    }

    /// Up to which number of preemptions all orders have been tried.
    fn exhausted(&self) -> Option<Exhausted> {
        None
    }
}

/// The same choices led elsewhere.
#[derive(Debug)]
pub(crate) struct Diverged;

/// How much of a bound has been tried, of which not all was: the schedules of a bound are subtrees, each of which begins
/// with the last preemption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// How many subtrees have been begun.
    pub begun: u64,
    /// How many there are.
    pub subtrees: u64,
}

/// What has been tried in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exhausted {
    /// All orders with so many preemptions or less.
    Bound(u32),
    /// All orders.
    All,
}
