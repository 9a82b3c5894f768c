//! What the host process holds and what was done, looked at again and again while the workers work.

use std::time::Duration;

use greenproc::Stats;
use greenproc_os::memory;
use serde::Serialize;

use super::plan::Plan;

/// How many looks are kept. When there are more, every other one is forgotten, and from then on they come half as often.
const KEPT: usize = 512;

/// How long it is from one look to the next in the beginning.
const FIRST_INTERVAL: Duration = Duration::from_millis(100);

/// One look.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    /// Since the first worker began.
    pub(super) seconds: f64,
    /// Memory in RAM.
    pub(super) resident_bytes: u64,
    /// Native threads.
    pub(super) threads: u64,
    /// Memory maps.
    pub(super) maps: u64,
    /// Pids, group and session numbers in use.
    pub(super) pids: u64,
    /// Operations done so far, of each stressor in the order of the plan.
    pub(super) ops: Vec<u64>,
}

/// The looks so far.
#[derive(Debug)]
pub(super) struct Samples {
    interval: Duration,
    next: Duration,
    kept: Vec<Sample>,
}

impl Samples {
    pub(super) fn new() -> Samples {
        Samples { interval: FIRST_INTERVAL, next: Duration::ZERO, kept: Vec::new() }
    }

    /// Looks, if it is time for it.
    pub(super) fn look(&mut self, plan: &Plan, elapsed: Duration, stats: impl FnOnce() -> Stats) {
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + self.interval;
        self.kept.push(Sample {
            seconds: elapsed.as_secs_f64(),
            // Nothing where the host does not say.
            resident_bytes: memory::resident_bytes().unwrap_or(0),
            threads: memory::thread_count().unwrap_or(0) as u64,
            maps: memory::map_count().unwrap_or(0) as u64,
            pids: stats().pids_in_use as u64,
            ops: plan.squads.iter().map(|squad| squad.gauge.ops()).collect(),
        });
        if self.kept.len() > KEPT {
            let mut number = 0;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.interval *= 2;
        }
    }

    pub(super) fn into_kept(self) -> Vec<Sample> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_kept_over_any_length_of_time() {
        let runtime = greenproc::Runtime::boot().unwrap();
        let plan = Plan { squads: Vec::new(), time: None, ops: None, seed: 0 };
        let mut samples = Samples::new();
        for tenth in 0..20_000 {
            samples.look(&plan, FIRST_INTERVAL * tenth, || runtime.stats());
        }
        let kept = samples.into_kept();
        assert!((KEPT / 2..=KEPT).contains(&kept.len()), "{}", kept.len());
        assert!(kept[0].seconds < 0.1 && kept[kept.len() - 1].seconds > 1_900.0);
        // The last ones stand closer together where the interval was doubled.
        assert!(kept.windows(2).all(|pair| pair[1].seconds - pair[0].seconds < 6.5));
        assert!(kept[0].threads > 0 && kept[0].resident_bytes > 0 && kept[0].maps > 0 && kept[0].pids > 0);
    }
}
