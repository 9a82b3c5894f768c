//! Probabilistic concurrency testing: random priorities of threads, lowered at `depth - 1` random points.
//!
//! A race that needs `depth` orders between events is found by one schedule with a probability of at least
//! 1 / (n * k^(depth - 1)), for n threads and k decisions.

use std::collections::HashMap;

use greenproc_sync::lab::ThreadNo;

use crate::candidate::Decision;
use crate::shard::Shard;
use crate::strategy::rng::{Rng, Seeds};
use crate::strategy::{Diverged, Strategy};

#[derive(Debug)]
pub(crate) struct Pct {
    seeds: Seeds,
    rng: Rng,
    depth: u32,
    priorities: HashMap<ThreadNo, u64>,
    /// The decisions at which the thread with the turn goes to the end of the line.
    changes: Vec<usize>,
    decisions: usize,
    /// How many decisions the first schedule had, which is run to know that and is not counted.
    length: Option<usize>,
    begun: bool,
    scouting: bool,
    lowest: u64,
}

impl Pct {
    pub(crate) fn new(seed: u64, depth: u32, shard: Shard) -> Pct {
        Pct {
            seeds: Seeds::new(seed, shard),
            rng: Rng::new(seed),
            depth,
            priorities: HashMap::new(),
            changes: Vec::new(),
            decisions: 0,
            length: None,
            begun: false,
            scouting: true,
            lowest: 0,
        }
    }

    fn priority(&mut self, thread: ThreadNo) -> u64 {
        let rng = &mut self.rng;
        // Those of changes are below.
        *self.priorities.entry(thread).or_insert_with(|| rng.next() | 1 << 63)
    }
}

impl Strategy for Pct {
    fn begin(&mut self) -> bool {
        self.scouting = !std::mem::replace(&mut self.begun, true);
        if !self.scouting {
            let length = *self.length.get_or_insert(self.decisions.max(1));
            self.rng = Rng::new(self.seeds.next());
            self.changes = (1..self.depth).map(|_| self.rng.below(length)).collect();
        }
        self.priorities.clear();
        self.decisions = 0;
        self.lowest = 1 << 32;
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        let at = self.decisions;
        self.decisions += 1;
        if self.scouting {
            return Ok(0);
        }
        match decision {
            Decision::Data { among } => Ok(self.rng.below(*among)),
            Decision::Threads { candidates, may_stay } => {
                if *may_stay && self.changes.contains(&at) {
                    self.lowest -= 1;
                    self.priorities.insert(candidates[0].thread, self.lowest);
                }
                let best = (0..candidates.len()).max_by_key(|at| self.priority(candidates[*at].thread));
                Ok(best.unwrap_or(0))
            }
        }
    }

    fn counts(&self) -> bool {
        !self.scouting
    }
}
