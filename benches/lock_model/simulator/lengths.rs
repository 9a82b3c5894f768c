//! How long something takes: always the same, by chance, or as it was measured. In nanoseconds.

use super::random::Random;

/// A distribution of lengths.
#[derive(Clone, Debug)]
pub(crate) enum Lengths {
    Fixed(f64),
    /// With this mean.
    Exponential(f64),
    /// As often in each of these ranges as was counted, and anywhere in it.
    Counted {
        ranges: Vec<(f64, f64)>,
        /// How many there were in this range and those before it.
        up_to: Vec<u64>,
        scale: f64,
    },
}

impl Lengths {
    /// From (least, most, how often).
    pub(crate) fn counted(buckets: impl Iterator<Item = (f64, f64, u64)>) -> Lengths {
        let (mut ranges, mut up_to, mut so_far) = (Vec::new(), Vec::new(), 0);
        for (from, to, count) in buckets {
            so_far += count;
            ranges.push((from, to));
            up_to.push(so_far);
        }
        Lengths::Counted { ranges, up_to, scale: 1.0 }
    }

    pub(crate) fn mean(&self) -> f64 {
        match self {
            Lengths::Fixed(mean) | Lengths::Exponential(mean) => *mean,
            Lengths::Counted { ranges, up_to, scale } => {
                let (mut sum, mut before) = (0.0, 0);
                for (&(from, to), &up_to) in ranges.iter().zip(up_to) {
                    sum += f64::midpoint(from, to) * (up_to - before) as f64;
                    before = up_to;
                }
                scale * sum / before.max(1) as f64
            }
        }
    }

    /// The same, all so many times as long.
    pub(crate) fn times(&self, factor: f64) -> Lengths {
        match self {
            Lengths::Fixed(mean) => Lengths::Fixed(mean * factor),
            Lengths::Exponential(mean) => Lengths::Exponential(mean * factor),
            Lengths::Counted { ranges, up_to, scale } => {
                Lengths::Counted { ranges: ranges.clone(), up_to: up_to.clone(), scale: scale * factor }
            }
        }
    }

    pub(crate) fn sample(&self, random: &mut Random) -> f64 {
        match self {
            Lengths::Fixed(length) => *length,
            // Of what is above 0 and at most 1.
            Lengths::Exponential(mean) => -mean * (1.0 - random.share()).ln(),
            Lengths::Counted { ranges, up_to, scale } => {
                let Some(&all) = up_to.last() else { return 0.0 };
                let which = random.below(all.max(1));
                let (from, to) = ranges[up_to.partition_point(|&up_to| up_to <= which).min(ranges.len() - 1)];
                scale * (from + (to - from) * random.share())
            }
        }
    }
}
