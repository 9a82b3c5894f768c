//! How long a mutex is held: each hold of one that was made by [`RawMutex::recorded`](crate::RawMutex::recorded), in a
//! histogram. With the feature `hold-times` only.
//!
//! - A hold lasts from having the lock to giving it back. Waiting for it is no part of it, nor is what a wake-up of the
//!   next holder costs. A wait on a condition variable ends a hold and begins another, and so does `MutexGuard::unlocked`.
//! - The clock is the CPU's own counter ([`ticks`]). It is read after all stores of the hold have been made visible: the lock
//!   cannot be given back earlier either. What an empty hold is measured to last, the cost of reading the clock, is
//!   measured when the first recorder is made, and subtracted from each hold ([`HoldTimes::overhead_ns`]).
//! - What was measured is entered after the lock has been given back, in one of several sets of counters, so that no hold
//!   lasts longer for it, and threads seldom meet there.
//!
//! A thread that the host takes off its CPU holds its locks meanwhile, and that is counted: the longest holds of a busy
//! machine are of this kind.
#![allow(clippy::cast_precision_loss, reason = "times that are measured have fewer digits than an f64")]

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

use greenproc_os::clock::{ticks, ticks_per_ns};

/// Each power of two is cut into so many buckets: a hold is known to an eighth.
const PARTS: usize = 8;

/// Longer holds are counted as of this length: minutes.
const LONGEST: u64 = (1 << 40) - 1;

const BUCKETS: usize = bucket_of(LONGEST) + 1;

/// How many sets of counters there are. Threads take them in turn.
const SHARDS: usize = 32;

/// Records the holds of a lock, or of several.
#[derive(Debug)]
pub struct Holds {
    shards: Box<[Shard]>,
    /// Ticks that are between the two readings if nothing else is.
    overhead: u64,
}

/// Counters for the threads that have this one; in cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    sum: AtomicU64,
    longest: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Shard {
    fn default() -> Shard {
        Shard {
            sum: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }
}

impl Holds {
    /// A recorder that has recorded nothing. The first one measures what measuring costs.
    #[expect(clippy::new_without_default, reason = "it measures, which no default should")]
    pub fn new() -> Holds {
        Holds { shards: (0..SHARDS).map(|_| Shard::default()).collect(), overhead: overhead() }
    }

    /// What was recorded since this was last called.
    ///
    /// A hold that ends at the same moment may be counted in part here and in part the next time.
    pub fn take(&self) -> HoldTimes {
        let ticks_per_ns = ticks_per_ns();
        let overhead_ns = self.overhead as f64 / ticks_per_ns;
        let mut times = HoldTimes { counts: vec![0; BUCKETS], sum: 0, longest: 0, ticks_per_ns, overhead_ns };
        for shard in &self.shards {
            times.sum += shard.sum.swap(0, Ordering::Relaxed);
            times.longest = times.longest.max(shard.longest.swap(0, Ordering::Relaxed));
            for (count, bucket) in times.counts.iter_mut().zip(&shard.buckets) {
                *count += bucket.swap(0, Ordering::Relaxed);
            }
        }
        times
    }

    #[inline]
    pub(crate) fn begin() -> u64 {
        ticks()
    }

    /// To be called right before the lock is given back.
    #[inline]
    pub(crate) fn end(&self, began: u64) -> Hold<'_> {
        Hold { holds: self, ticks: elapsed(began) }
    }

    fn enter(&self, ticks: u64) {
        let held = ticks.saturating_sub(self.overhead);
        let shard = &self.shards[own_shard()];
        shard.buckets[bucket_of(held)].fetch_add(1, Ordering::Relaxed);
        shard.sum.fetch_add(held, Ordering::Relaxed);
        if held > shard.longest.load(Ordering::Relaxed) {
            shard.longest.fetch_max(held, Ordering::Relaxed);
        }
    }
}

/// A hold that has ended and is not recorded yet.
pub(crate) struct Hold<'a> {
    holds: &'a Holds,
    ticks: u64,
}

impl Hold<'_> {
    /// To be called after the lock was given back.
    #[inline]
    pub(crate) fn record(hold: Option<Hold<'_>>) {
        if let Some(hold) = hold {
            hold.holds.enter(hold.ticks);
        }
    }
}

/// The ticks since then, all stores made visible.
#[inline]
fn elapsed(began: u64) -> u64 {
    fence(Ordering::SeqCst);
    // The counters of two CPUs may differ by a little.
    ticks().saturating_sub(began)
}

/// What an empty hold is measured to last, in ticks: the median of many.
fn overhead() -> u64 {
    static OVERHEAD: OnceLock<u64> = OnceLock::new();
    *OVERHEAD.get_or_init(|| {
        let mut empty: Vec<u64> = (0..10_000).map(|_| elapsed(ticks())).collect();
        let middle = empty.len() / 2;
        *empty.select_nth_unstable(middle).1
    })
}

/// Which counters are the calling thread's. No destructor, so it is there for what other thread-locals do in theirs.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    OWN.with(|own| {
        if own.get() == usize::MAX {
            own.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        own.get()
    })
}

/// In which bucket that many ticks are: up to [`PARTS`] each has its own, beyond that each power of two has so many.
const fn bucket_of(ticks: u64) -> usize {
    let ticks = if ticks > LONGEST { LONGEST } else { ticks };
    if ticks < PARTS as u64 {
        return ticks as usize;
    }
    let octave = ticks.ilog2() - PARTS.ilog2();
    octave as usize * PARTS + (ticks >> octave) as usize
}

/// The fewest ticks that are in that bucket.
const fn least_of(bucket: usize) -> u64 {
    if bucket < 2 * PARTS {
        return bucket as u64;
    }
    let octave = bucket / PARTS - 1;
    ((PARTS + bucket % PARTS) as u64) << octave
}

/// How long holds lasted.
#[derive(Clone, Debug)]
pub struct HoldTimes {
    counts: Vec<u64>,
    /// In ticks.
    sum: u64,
    /// In ticks.
    longest: u64,
    ticks_per_ns: f64,
    overhead_ns: f64,
}

/// Holds of about the same length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// None of them was shorter, in nanoseconds.
    pub from_ns: f64,
    /// All of them were shorter, in nanoseconds.
    pub to_ns: f64,
    /// How many there were.
    pub holds: u64,
}

impl HoldTimes {
    /// How many holds there were.
    pub fn holds(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them together lasted.
    pub fn sum(&self) -> Duration {
        self.duration(self.sum)
    }

    /// How long the longest lasted.
    pub fn longest(&self) -> Duration {
        self.duration(self.longest)
    }

    /// What was subtracted from each hold for the clock being read, in nanoseconds.
    pub fn overhead_ns(&self) -> f64 {
        self.overhead_ns
    }

    /// The length that the share `q` (0 to 1) of the holds did not exceed, in nanoseconds and to an eighth; zero if there was no hold.
    pub fn quantile_ns(&self, q: f64) -> f64 {
        let rank = (q * self.holds() as f64).ceil().max(1.0) as u64;
        let mut so_far = 0;
        for bucket in self.buckets() {
            so_far += bucket.holds;
            if so_far >= rank {
                return bucket.to_ns;
            }
        }
        0.0
    }

    /// The histogram: the buckets in which there are holds, shortest first.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let filled = self.counts.iter().enumerate().filter(|&(_, &holds)| holds > 0);
        filled.map(|(bucket, &holds)| Bucket {
            from_ns: self.ns(least_of(bucket)),
            to_ns: self.ns(least_of(bucket + 1)),
            holds,
        })
    }

    /// Adds what another recorder, or another stretch of time, had.
    pub fn add(&mut self, other: &HoldTimes) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
    }

    fn ns(&self, ticks: u64) -> f64 {
        ticks as f64 / self.ticks_per_ns
    }

    fn duration(&self, ticks: u64) -> Duration {
        Duration::from_secs_f64(self.ns(ticks) / 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_is_in_the_bucket_that_begins_below_it() {
        for ticks in (0..5_000).chain([1 << 20, (1 << 33) + 12_345, LONGEST]) {
            let bucket = bucket_of(ticks);
            let (least, beyond) = (least_of(bucket), least_of(bucket + 1));
            assert!(least <= ticks && ticks < beyond, "{ticks} in [{least}, {beyond})");
            assert!(beyond - least <= (ticks / PARTS as u64).max(1), "{ticks} is known to an eighth");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_was_entered_is_taken_once() {
        let holds = Holds { overhead: 10, ..Holds::new() };
        for ticks in [5, 110, 110, 1_010] {
            holds.enter(ticks);
        }
        let times = holds.take();
        assert_eq!((times.holds(), times.sum, times.longest), (4, 1_200, 1_000));
        let counts: Vec<u64> = times.buckets().map(|bucket| bucket.holds).collect();
        assert_eq!(counts, [1, 2, 1]);
        let median = times.quantile_ns(0.5) * times.ticks_per_ns;
        assert!((100.0..=113.0).contains(&median), "{median}");
        let mut both = times.clone();
        both.add(&times);
        assert_eq!((both.holds(), both.sum, both.longest), (8, 2_400, 1_000));
        assert_eq!(holds.take().holds(), 0);
        assert!(holds.take().quantile_ns(0.5) <= 0.0, "there was none");
    }
}
