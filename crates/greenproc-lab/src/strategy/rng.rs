//! A small generator: the choices have to be the same on every machine and in every version.

use crate::shard::Shard;

/// A seed for each schedule of a shard.
#[derive(Debug)]
pub(crate) struct Seeds {
    rng: Rng,
    shard: Shard,
    /// How many the whole has had.
    dealt: u64,
}

impl Seeds {
    pub(crate) fn new(seed: u64, shard: Shard) -> Seeds {
        Seeds { rng: Rng::new(seed), shard, dealt: 0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        loop {
            let (seed, mine) = (self.rng.next(), self.shard.has(self.dealt));
            self.dealt += 1;
            if mine {
                return seed;
            }
        }
    }
}

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}
