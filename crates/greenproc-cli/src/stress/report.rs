//! What a stress run found, as a table for a person and as JSON for a program.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use serde::Serialize;

use super::ledger::Account;
use crate::failure::Failure;
use crate::quantity::{bytes, counted, grouped};
use crate::style::Style;

/// The numbers of a line, and how much room each has.
const COLUMNS: usize = 8;
const WIDTHS: [usize; COLUMNS] = [8, 12, 10, 12, 12, 11, 6, 7];

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
    pub(super) stressors: BTreeMap<String, StressorReport>,
}

/// What one stressor did.
#[derive(Debug, Serialize)]
pub(super) struct StressorReport {
    pub(super) workers: u64,
    pub(super) ops: u64,
    pub(super) ops_per_second: f64,
    #[serde(flatten)]
    pub(super) account: Account,
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
        ];
        let mut faults: Vec<String> = counts
            .into_iter()
            .filter(|&(count, ..)| count > 0)
            .map(|(count, word, what)| format!("{}: {what}", counted(count, word)))
            .collect();
        if self.resident_growth_bytes > self.resident_bound_bytes {
            faults.push(format!("{} more memory in RAM than before", bytes(self.resident_growth_bytes)));
        }
        faults.extend(self.failures.iter().cloned());
        faults
    }

    /// Writes one JSON object on one line.
    pub(super) fn write_json(&self, out: &mut impl Write) -> Result<(), Failure> {
        serde_json::to_writer(&mut *out, self)?;
        writeln!(out)?;
        Ok(())
    }

    /// Writes a table and the verdict.
    pub(super) fn write_text(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        let heading =
            line("STRESSOR", ["WORKERS", "OPS", "OPS/S", "SPAWNED", "REAPED", "BY INIT", "LOST", "DOUBLE"]);
        writeln!(out, "{}", style.bold(heading))?;
        for (name, stressor) in &self.stressors {
            let text =
                numbers(name, stressor.workers, stressor.ops, stressor.ops_per_second, &stressor.account);
            writeln!(out, "{}", if stressor.account.good() { text } else { style.bad(text) })?;
        }
        let workers = self.stressors.values().map(|stressor| stressor.workers).sum();
        let total = numbers("all", workers, self.ops, self.ops_per_second, &self.account);
        writeln!(out, "{}", style.bold(total))?;
        writeln!(
            out,
            "\n{:.2} s, seed {}; {} made in all, {} refused for want of room; {} more memory in RAM than before",
            self.duration_seconds,
            self.seed,
            counted(self.runtime_spawned, "process"),
            grouped(self.account.refused),
            bytes(self.resident_growth_bytes),
        )?;
        for fault in self.faults() {
            writeln!(out, "{} {}", style.mark(false), style.bad(fault))?;
        }
        for process in &self.processes_left {
            writeln!(out, "  left: {process}")?;
        }
        if self.good {
            let verdict = "Every process was reaped exactly once; no process, pid or thread is left.";
            writeln!(out, "{} {}", style.mark(true), style.good(verdict))?;
        }
        Ok(())
    }
}

fn numbers(name: &str, workers: u64, ops: u64, ops_per_second: f64, account: &Account) -> String {
    let Account { spawned, reaped, left_to_init, lost, double_reaped, .. } = *account;
    let columns = [workers, ops, ops_per_second as u64, spawned, reaped, left_to_init, lost, double_reaped];
    line(name, columns.map(grouped))
}

fn line(name: &str, columns: [impl Display; COLUMNS]) -> String {
    let mut line = format!("{name:<9}");
    for (column, width) in columns.into_iter().zip(WIDTHS) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{column:>width$}");
    }
    line
}
