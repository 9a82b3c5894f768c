//! A part of an exploration: what one of several machines does of it, without being told by the others.
//!
//! What belongs to a part follows from the schedules alone, so the parts are disjoint and together the whole:
//!
//! - Of all orders up to a bound, a part is whole subtrees: the schedules whose first choice other than the default one is
//!   the same. They are dealt out in the order in which the search comes to them, so that neighbours, which are about as
//!   large as each other, go to different parts. The one schedule without such a choice is the first part's.
//! - Of random schedules, the part `i` of `n` is each n-th one, from the i-th on.

use std::fmt;
use std::str::FromStr;

/// The part `index`, from 0 on, of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// Why a text names no part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadShard(&'static str);

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { index: 0, of: 1 };

    /// The part `index` of `of`.
    ///
    /// # Errors
    /// There is no such part: `index` is not below `of`.
    pub fn new(index: u32, of: u32) -> Result<Shard, BadShard> {
        if index < of { Ok(Shard { index, of }) } else { Err(BadShard("I of I/N goes from 0 to N - 1")) }
    }

    /// Which part it is, from 0 on.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether the n-th of what is dealt out is this part's.
    pub(crate) fn has(self, nth: u64) -> bool {
        nth % u64::from(self.of) == u64::from(self.index)
    }
}

impl Default for Shard {
    fn default() -> Shard {
        Shard::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl fmt::Display for BadShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadShard {}

impl FromStr for Shard {
    type Err = BadShard;

    /// `I/N`.
    fn from_str(text: &str) -> Result<Shard, BadShard> {
        let bad = BadShard("a shard is I/N, two numbers");
        let (index, of) = text.split_once('/').ok_or_else(|| bad.clone())?;
        let number = |text: &str| text.parse().map_err(|_| bad.clone());
        Shard::new(number(index)?, number(of)?)
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;

    #[test]
    fn each_is_in_exactly_one_part() {
        for nth in 0..100 {
            let parts = (0..7).filter(|index| Shard::new(*index, 7).is_ok_and(|shard| shard.has(nth)));
            assert_eq!(parts.count(), 1);
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        assert_eq!("2/4".parse(), Shard::new(2, 4));
        for text in ["", "1", "/", "4/4", "0/0", "-1/4", "a/b", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
