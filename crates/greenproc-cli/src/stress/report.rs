//! What a stress run found: the numbers, and what is wrong with them.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::beside_host::BesideHost;
use super::book::Closed;
use super::latency::{Latencies, Percentiles};
use super::ledger::Account;
use super::samples::Sample;
use super::soak::Soak;
use crate::failure::Failure;
use crate::quantity::{bytes, counted};

/// What a stress run found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether nothing was wrong.
    pub(super) good: bool,
    pub(super) seed: u64,
    pub(super) duration_seconds: f64,
    pub(super) ops: u64,
    pub(super) ops_per_second: f64,
    /// Over all stressors.
    #[serde(flatten)]
    pub(super) account: Account,
    /// Processes that the runtime made or reaped, and the workers know nothing of; or the other way round.
    pub(super) unaccounted: u64,
    /// Processes that were there when all workers had ended.
    pub(super) leaked_processes: u64,
    /// Pids, group and session numbers in use then, more than at the boot.
    pub(super) leaked_pids: u64,
    /// Native threads that were there when the runtime was down, more than before its boot.
    pub(super) leaked_threads: u64,
    /// Memory in RAM that was there then, more than before the boot.
    pub(super) resident_growth_bytes: u64,
    /// How much of it is nothing to worry about.
    pub(super) resident_bound_bytes: u64,
    /// Workers that did not end, and LWPs that could not be stopped.
    pub(super) stuck: u64,
    /// Workers that failed, and invariants of the runtime that did not hold, in words.
    pub(super) failures: Vec<String>,
    /// Some of the processes that were left, in words.
    pub(super) processes_left: Vec<String>,
    /// How many processes the runtime made, the workers among them.
    pub(super) runtime_spawned: u64,
    /// How many it reaped.
    pub(super) runtime_reaped: u64,
    pub(super) stressors: BTreeMap<&'static str, StressorReport>,
    /// With `--verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_account: Option<SecondAccount>,
    /// Over all stressors, those only that were measured. Times are in nanoseconds.
    pub(super) latency: BTreeMap<&'static str, Percentiles>,
    /// The same, whole.
    #[serde(skip)]
    pub(super) latencies: Latencies,
    /// With `--host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<BesideHost>,
    /// With `--soak`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) soak: Option<Soak>,
    /// The stressors in the order in which the samples count their operations.
    pub(super) order: Vec<&'static str>,
    pub(super) samples: Vec<Sample>,
}

/// What one stressor did.
#[derive(Debug, Serialize)]
pub(super) struct StressorReport {
    pub(super) workers: u64,
    pub(super) ops: u64,
    pub(super) ops_per_second: f64,
    #[serde(flatten)]
    pub(super) account: Account,
    /// What it does but cannot check.
    pub(super) unchecked: Option<&'static str>,
    pub(super) latency: BTreeMap<&'static str, Percentiles>,
}

/// What came of the account kept from the runtime's events.
#[derive(Debug, Serialize)]
pub(super) struct SecondAccount {
    /// How many processes it has followed from the first to the last step.
    pub(super) processes: u64,
    /// How many events came too fast. If there is one, it says nothing.
    pub(super) missed_events: u64,
    pub(super) faults: u64,
    /// Some of the faults, in words, or why it says nothing.
    pub(super) words: Vec<String>,
}

impl SecondAccount {
    pub(super) fn of(closed: Closed) -> SecondAccount {
        let Closed { entries, missed, faults, words } = closed;
        SecondAccount { processes: entries, missed_events: missed, faults, words }
    }
}

/// What is known of these distributions, by name.
pub(super) fn percentiles(latencies: &Latencies) -> BTreeMap<&'static str, Percentiles> {
    let measured = latencies.each().into_iter();
    measured.filter_map(|(name, _, values)| Some((name, Percentiles::of(values)?))).collect()
}

impl Report {
    /// What is wrong, a sentence each.
    pub(super) fn faults(&self) -> Vec<String> {
        let counts = [
            (self.account.lost, "process", "spawned and never reaped"),
            (self.account.double_reaped, "reap", "too many, or of a pid that was in use twice"),
            (self.account.unexpected, "time", "something was otherwise than it had to be"),
            (self.unaccounted, "process", "without a worker that knows of it"),
            (
                self.runtime_spawned.abs_diff(self.runtime_reaped),
                "process",
                "between what the runtime made and reaped",
            ),
            (self.leaked_processes, "process", "left"),
            (self.leaked_pids, "pid", "left in use"),
            (self.leaked_threads, "native thread", "left"),
            (self.stuck, "worker", "stuck, or running code without a checkpoint"),
            (
                self.second_account.as_ref().map_or(0, |book| book.faults),
                "fault",
                "in the account of the runtime's events",
            ),
        ];
        let counts = counts.into_iter().filter(|&(count, ..)| count > 0);
        let mut faults: Vec<String> =
            counts.map(|(count, word, what)| format!("{}: {what}", counted(count, word))).collect();
        if self.resident_growth_bytes > self.resident_bound_bytes {
            faults.push(format!("{} more memory in RAM than before", bytes(self.resident_growth_bytes)));
        }
        faults.extend(self.failures.iter().cloned());
        faults.extend(self.soak.iter().flat_map(Soak::faults));
        faults
    }

    /// Writes one JSON object on a line of its own.
    pub(super) fn write_json(&self, out: &mut impl Write) -> Result<(), Failure> {
        serde_json::to_writer(&mut *out, self)?;
        writeln!(out)?;
        Ok(())
    }
}
