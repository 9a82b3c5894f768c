//! What a soak says at its end: how memory, threads, memory maps and pids developed.

use serde::Serialize;

use super::samples::Sample;
use super::trend::{Trend, Verdict, trend};
use crate::quantity::{bytes, grouped};

/// How much each may grow before it is called so: what caches and the moment's work make.
const MEMORY: f64 = 16.0 * 1024.0 * 1024.0;
const THREADS: f64 = 64.0;
const MAPS: f64 = 256.0;
const PIDS: f64 = 64.0;

/// How a value is written.
type Write = fn(f64) -> String;

/// How each developed.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Soak {
    pub(super) resident_bytes: Trend,
    pub(super) threads: Trend,
    pub(super) maps: Trend,
    pub(super) pids: Trend,
}

impl Soak {
    /// Nothing if nobody has looked.
    pub(super) fn of(samples: &[Sample]) -> Option<Soak> {
        let of = |value: fn(&Sample) -> u64, floor| {
            let looks: Vec<(f64, f64)> =
                samples.iter().map(|sample| (sample.seconds, value(sample) as f64)).collect();
            trend(&looks, floor)
        };
        Some(Soak {
            resident_bytes: of(|sample| sample.resident_bytes, MEMORY)?,
            threads: of(|sample| sample.threads, THREADS)?,
            maps: of(|sample| sample.maps, MAPS)?,
            pids: of(|sample| sample.pids, PIDS)?,
        })
    }

    /// Each with its name, and how a value of it is written.
    pub(super) fn each(&self) -> [(&'static str, &Trend, Write); 4] {
        let count: Write = |value| grouped(value as u64);
        [
            ("memory in RAM", &self.resident_bytes, |value| bytes(value as u64)),
            ("threads", &self.threads, count),
            ("memory maps", &self.maps, count),
            ("pids", &self.pids, count),
        ]
    }

    /// What grows, a sentence each.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        let growing = |(name, trend, write): (_, &Trend, Write)| {
            (trend.verdict == Verdict::Growing).then(|| {
                format!(
                    "{name} grew by {} and goes on: from {} to {}",
                    write(trend.growth),
                    write(trend.min),
                    write(trend.max)
                )
            })
        };
        self.each().into_iter().filter_map(growing)
    }
}
