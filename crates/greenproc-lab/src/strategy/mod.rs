//! Which order is tried next.

mod bounded;
mod bytes;
mod pct;
mod random;
mod replay;
mod rng;

pub(crate) use bounded::Bounded;
pub(crate) use bytes::Bytes;
pub(crate) use pct::Pct;
pub(crate) use random::Random;
pub(crate) use replay::Replay;

use crate::candidate::Decision;

/// How schedules are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrategyKind {
    /// All orders with no preemption, then all with one, and so on up to the bound: the first that fails is a smallest one.
    Bounded {
        /// The most preemptions.
        bound: u32,
    },
    /// All orders, whatever they cost.
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
}

impl StrategyKind {
    pub(crate) fn make(&self) -> Box<dyn Strategy> {
        match self {
            StrategyKind::Bounded { bound } => Box::new(Bounded::up_to(*bound)),
            StrategyKind::Exhaustive => Box::new(Bounded::without_bound()),
            StrategyKind::Random { seed } => Box::new(Random::new(*seed)),
            StrategyKind::Pct { seed, depth } => Box::new(Pct::new(*seed, *depth)),
            StrategyKind::Bytes(bytes) => Box::new(Bytes::new(bytes.clone())),
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

    /// Up to which number of preemptions all orders have been tried.
    fn exhausted(&self) -> Option<Exhausted> {
        None
    }
}

/// The same choices led elsewhere.
#[derive(Debug)]
pub(crate) struct Diverged;

/// What has been tried in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// All orders with so many preemptions or less.
    Bound(u32),
    /// All orders.
    All,
}
