//! Choices from bytes that are changed at random, of which those are kept that led to something new: a hand-over or a state
//! that no schedule had before.

use crate::candidate::Decision;
use crate::shard::Shard;
use crate::strategy::rng::Rng;
use crate::strategy::{Diverged, Strategy};

/// The most strings that are kept: the oldest go, whose children have been tried most.
const POOL: usize = 1024;

#[derive(Debug)]
pub(crate) struct Coverage {
    rng: Rng,
    /// Those that led to something new, in the order in which they did.
    pool: Vec<Vec<u8>>,
    /// The choices of the schedule that runs, those that were given first.
    choices: Vec<u8>,
    /// How many choices were made.
    at: usize,
    /// After those that are given one of so many choices is another than the first; never, without.
    calm: Option<usize>,
}

impl Coverage {
    /// Each shard searches by itself: what is new depends on what was seen before.
    pub(crate) fn new(seed: u64, shard: Shard) -> Coverage {
        let rng = Rng::new(Rng::new(seed ^ u64::from(shard.index()) << 32).next());
        Coverage { rng, pool: Vec::new(), choices: Vec::new(), at: 0, calm: None }
    }

    /// One of the pool; half of the time one of the last few, whose surroundings are the least known.
    fn parent(&mut self) -> Vec<u8> {
        let count = self.pool.len();
        let from = if self.rng.below(2) == 0 { count.saturating_sub(16) } else { 0 };
        self.pool[from + self.rng.below(count - from)].clone()
    }

    /// Changes a string in some places.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.rng.below(3) {
            let at = self.rng.below(bytes.len().max(1));
            match self.rng.below(6) {
                // Nobody is preempted any more after this.
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, [0])),
                2 => {
                    let other = self.parent();
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[at.min(other.len())..]);
                }
                _ => match bytes.get_mut(at) {
                    Some(byte @ 0) => *byte = 1 + self.rng.below(3) as u8,
                    Some(byte) => *byte = 0,
                    None => bytes.push(1),
                },
            }
        }
    }
}

impl Strategy for Coverage {
    fn begin(&mut self) -> bool {
        self.at = 0;
        if self.pool.is_empty() {
            return true;
        }
        self.choices = self.parent();
        // Another way from here on, or the same with some choices made in another way.
        self.calm = (self.rng.below(2) == 0).then(|| 1 << self.rng.below(6));
        if self.calm.is_some() {
            let keep = self.rng.below(self.choices.len() + 1);
            self.choices.truncate(keep);
        } else {
            let mut choices = std::mem::take(&mut self.choices);
            self.change(&mut choices);
            self.choices = choices;
        }
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        if self.at == self.choices.len() {
            let other = self.calm.is_some_and(|calm| self.rng.below(calm) == 0);
            self.choices.push(if other { self.rng.below(decision.among()) as u8 } else { 0 });
        }
        self.at += 1;
        Ok(usize::from(self.choices[self.at - 1]) % decision.among())
    }

    fn learns(&mut self, new: bool) {
        if new || self.pool.is_empty() {
            self.choices.truncate(self.at);
            self.pool.push(std::mem::take(&mut self.choices));
            if self.pool.len() > POOL {
                self.pool.remove(0);
            }
        }
    }
}
