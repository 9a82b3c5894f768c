//! How long single lives take: from the spawn to the first step, from the last step to the parent's wait, from the kill
//! to the wait that reports it.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Instant;

use greenproc_sync::atomic::{AtomicU64, Ordering};
use greenproc_sync::time;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Two digits of each value are kept: 1 %.
const DIGITS: u8 = 2;

/// The distributions, in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    pub(super) spawn_to_run: Histogram<u64>,
    pub(super) exit_to_wait: Histogram<u64>,
    pub(super) kill_to_death: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies { spawn_to_run: empty(), exit_to_wait: empty(), kill_to_death: empty() }
    }
}

/// It grows with what is put into it.
fn empty() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("two digits are among those that there can be")
}

fn record(values: &mut Histogram<u64>, nanoseconds: u64) {
    // It grows to any size, so there is no value that it refuses.
    let _ = values.record(nanoseconds);
}

impl Latencies {
    /// Each with its name as the JSON has it, and as a person reads it.
    pub(super) fn each(&self) -> [(&'static str, &'static str, &Histogram<u64>); 3] {
        [
            ("spawn_to_run", "spawn to run", &self.spawn_to_run),
            ("exit_to_wait", "exit to wait", &self.exit_to_wait),
            ("kill_to_death", "kill to death", &self.kill_to_death),
        ]
    }
}

impl AddAssign<&Latencies> for Latencies {
    fn add_assign(&mut self, other: &Latencies) {
        self.spawn_to_run += &other.spawn_to_run;
        self.exit_to_wait += &other.exit_to_wait;
        self.kill_to_death += &other.kill_to_death;
    }
}

/// What is said of a distribution. Times are in nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Percentiles {
    pub(super) count: u64,
    pub(super) min: u64,
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) p99: u64,
    pub(super) p999: u64,
    pub(super) max: u64,
}

impl Percentiles {
    /// Nothing if nothing was measured.
    pub(super) fn of(values: &Histogram<u64>) -> Option<Percentiles> {
        (!values.is_empty()).then(|| Percentiles {
            count: values.len(),
            min: values.min(),
            p50: values.value_at_quantile(0.5),
            p90: values.value_at_quantile(0.9),
            p99: values.value_at_quantile(0.99),
            p999: values.value_at_quantile(0.999),
            max: values.max(),
        })
    }
}

/// Times the lives of one worker's children, if anybody wants to know.
#[derive(Debug)]
pub(super) struct Stopwatch {
    since: Instant,
    latencies: Option<Box<Latencies>>,
}

/// When a life began and ended: shared by who lives it and who waits for it.
#[derive(Debug)]
struct Stamps {
    since: Instant,
    /// Nanoseconds since then.
    ran: AtomicU64,
    left: AtomicU64,
}

/// A life that is timed, or not.
#[derive(Clone, Debug)]
pub(super) struct Life(Option<Arc<Stamps>>);

impl Life {
    /// Its first step.
    pub(super) fn runs(&self) {
        if let Some(stamps) = &self.0 {
            stamps.ran.store(nanoseconds(stamps.since), Ordering::Relaxed);
        }
    }

    /// Its last step.
    pub(super) fn leaves(&self) {
        if let Some(stamps) = &self.0 {
            stamps.left.store(nanoseconds(stamps.since), Ordering::Relaxed);
        }
    }
}

/// A moment on a stopwatch, or none if nothing is timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(Option<u64>);

impl Stopwatch {
    pub(super) fn new(wanted: bool) -> Stopwatch {
        Stopwatch { since: time::now(), latencies: wanted.then(Box::default) }
    }

    /// What is to be handed to the body of a child that is timed.
    pub(super) fn life(&self) -> Life {
        Life(
            self.latencies.is_some().then(|| {
                Arc::new(Stamps { since: self.since, ran: AtomicU64::new(0), left: AtomicU64::new(0) })
            }),
        )
    }

    /// Now.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.latencies.is_some().then(|| nanoseconds(self.since)))
    }

    /// This life, spawned at that moment, was waited for just now.
    pub(super) fn waited(&mut self, spawned: Moment, life: &Life) {
        let (Some(latencies), Some(spawned), Some(stamps)) = (&mut self.latencies, spawned.0, &life.0) else {
            return;
        };
        let now = nanoseconds(self.since);
        // The wait has seen the end, and with it what was stored before.
        record(&mut latencies.spawn_to_run, stamps.ran.load(Ordering::Relaxed).saturating_sub(spawned));
        record(&mut latencies.exit_to_wait, now.saturating_sub(stamps.left.load(Ordering::Relaxed)));
    }

    /// Who was killed at that moment was waited for just now.
    pub(super) fn killed(&mut self, kill: Moment) {
        if let (Some(latencies), Some(kill)) = (&mut self.latencies, kill.0) {
            record(&mut latencies.kill_to_death, nanoseconds(self.since).saturating_sub(kill));
        }
    }

    pub(super) fn into_latencies(self) -> Latencies {
        self.latencies.map(|latencies| *latencies).unwrap_or_default()
    }
}

fn nanoseconds(since: Instant) -> u64 {
    time::now().saturating_duration_since(since).as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_timed_where_somebody_wants_to_know() {
        let mut stopwatch = Stopwatch::new(true);
        let (spawned, life) = (stopwatch.moment(), stopwatch.life());
        life.runs();
        life.leaves();
        stopwatch.waited(spawned, &life);
        stopwatch.killed(spawned);
        let mut latencies = stopwatch.into_latencies();
        let again = latencies.clone();
        latencies += &again;
        for (name, _, values) in latencies.each() {
            let percentiles = Percentiles::of(values).unwrap();
            assert_eq!(percentiles.count, 2, "{name}");
            assert!(percentiles.min <= percentiles.p50 && percentiles.p999 <= percentiles.max, "{name}");
        }
    }

    #[test]
    fn nothing_is_timed_where_nobody_does() {
        let mut stopwatch = Stopwatch::new(false);
        let (spawned, life) = (stopwatch.moment(), stopwatch.life());
        life.runs();
        life.leaves();
        stopwatch.waited(spawned, &life);
        assert!(stopwatch.into_latencies().each().iter().all(|(.., values)| values.is_empty()));
    }
}
