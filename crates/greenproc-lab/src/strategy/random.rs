//! Each choice at random; a thread that has the turn mostly keeps it, or short schedules would be all that is seen.

use crate::candidate::Decision;
use crate::shard::Shard;
use crate::strategy::rng::{Rng, Seeds};
use crate::strategy::{Diverged, Strategy};

#[derive(Debug)]
pub(crate) struct Random {
    seeds: Seeds,
    rng: Rng,
    /// A schedule preempts at one of so many points.
    calm: usize,
}

impl Random {
    pub(crate) fn new(seed: u64, shard: Shard) -> Random {
        Random { seeds: Seeds::new(seed, shard), rng: Rng::new(seed), calm: 1 }
    }
}

impl Strategy for Random {
    fn begin(&mut self) -> bool {
        self.rng = Rng::new(self.seeds.next());
        self.calm = 1 << self.rng.below(6);
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        if let Decision::Threads { may_stay: true, .. } = decision
            && self.rng.below(self.calm) != 0
        {
            return Ok(0);
        }
        Ok(self.rng.below(decision.among()))
    }
}
