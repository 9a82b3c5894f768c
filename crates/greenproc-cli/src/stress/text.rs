//! What a stress run found, for a person.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::io::{self, Write};
use std::time::Duration;

use super::latency::Percentiles;
use super::ledger::Account;
use super::report::Report;
use super::stressors::Stressor;
use crate::quantity::{bytes, counted, grouped, time};
use crate::style::Style;

/// The numbers of a line of the account, and how much room each has.
const WIDTHS: [usize; 8] = [8, 12, 10, 12, 12, 11, 6, 7];

/// The same for latencies.
const LATENCY_WIDTHS: [usize; 7] = [12, 11, 11, 11, 11, 11, 11];

/// How much room a name has.
const NAME: usize = 12;

/// Tells what there is to know of each stressor.
pub(super) fn write_list(out: &mut impl Write, style: Style, stressors: &[&Stressor]) -> io::Result<()> {
    for stressor in stressors {
        writeln!(out, "{:<NAME$}  {}", style.bold(stressor.name), stressor.about)?;
        writeln!(out, "{:<NAME$}  an operation: {}", "", stressor.op)?;
        writeln!(out, "{:<NAME$}  checked: {}", "", stressor.checks)?;
        if let Some(unchecked) = stressor.unchecked {
            writeln!(out, "{:<NAME$}  not checked: {unchecked}", "")?;
        }
    }
    Ok(())
}

impl Report {
    /// Writes the tables and the verdict.
    pub(super) fn write_text(&self, out: &mut impl Write, style: Style, is_verified: bool) -> io::Result<()> {
        self.write_account(out, style)?;
        self.write_latencies(out, style)?;
        self.write_host(out, style)?;
        self.write_soak(out, style)?;
        if is_verified {
            self.write_checks(out, style)?;
        }
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

    fn write_account(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        let titles = ["WORKERS", "OPS", "OPS/S", "SPAWNED", "REAPED", "BY OTHERS", "LOST", "DOUBLE"];
        writeln!(out, "{}", style.bold(line("STRESSOR", titles, WIDTHS)))?;
        for (name, stressor) in &self.stressors {
            let text =
                numbers(name, stressor.workers, stressor.ops, stressor.ops_per_second, &stressor.account);
            writeln!(out, "{}", if stressor.account.good() { text } else { style.bad(text) })?;
        }
        let workers = self.stressors.values().map(|stressor| stressor.workers).sum();
        let total = numbers("all", workers, self.ops, self.ops_per_second, &self.account);
        writeln!(out, "{}", style.bold(total))
    }

    fn write_latencies(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        if self.latency.is_empty() {
            return Ok(());
        }
        let titles = ["COUNT", "MIN", "MEDIAN", "P90", "P99", "P99.9", "MAX"];
        writeln!(out, "\n{}", style.bold(line("LATENCY", titles, LATENCY_WIDTHS)))?;
        let mut write = |stressor: &str, latency: &BTreeMap<&str, Percentiles>| {
            latency.iter().try_for_each(|(name, percentiles)| {
                let Percentiles { count, min, p50, p90, p99, p999, max } = *percentiles;
                let times = [min, p50, p90, p99, p999, max].map(|ns| time(Duration::from_nanos(ns)));
                let [min, p50, p90, p99, p999, max] = times;
                let name = format!("{}{stressor}", name.replace('_', " "));
                writeln!(
                    out,
                    "{}",
                    line(&name, [grouped(count), min, p50, p90, p99, p999, max], LATENCY_WIDTHS)
                )
            })
        };
        write("", &self.latency)
    }

    fn write_host(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        let Some(host) = &self.host else { return Ok(()) };
        writeln!(
            out,
            "\n{}",
            style.bold(line("BESIDE HOST", ["OURS", "HOST", "RATIO", "P10", "P90"], [12, 12, 10, 10, 10]))
        )?;
        for (name, pair) in host.each() {
            let [ours, theirs] = [pair.ours_ns, pair.host_ns].map(|ns| time(Duration::from_nanos(ns as u64)));
            let [ratio, p10, p90] = [pair.ratio, pair.p10, pair.p90].map(|ratio| format!("{ratio:.4}"));
            writeln!(out, "{}", line(name, [ours, theirs, ratio, p10, p90], [12, 12, 10, 10, 10]))?;
        }
        writeln!(
            out,
            "One after another; a ratio is ours over the mean of the host's two neighbouring rounds, the median of {} rounds.",
            host.rounds
        )
    }

    fn write_soak(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        let Some(soak) = &self.soak else { return Ok(()) };
        writeln!(
            out,
            "\n{}",
            style.bold(line(
                "SOAK",
                ["MIN", "MEDIAN", "MAX", "GROWTH", "BOUND", "VERDICT"],
                [12, 12, 12, 12, 12, 20]
            ))
        )?;
        for (name, trend, write) in soak.each() {
            let sign = if trend.growth < 0.0 { "-" } else { "" };
            let growth = format!("{sign}{}", write(trend.growth.abs()));
            let columns = [
                write(trend.min),
                write(trend.median),
                write(trend.max),
                growth,
                write(trend.bound),
                trend.verdict.word().to_owned(),
            ];
            writeln!(out, "{}", line(name, columns, [12, 12, 12, 12, 12, 20]))?;
        }
        writeln!(
            out,
            "After a warm-up of a quarter of the time, {} looks in all; growth is the slope over the rest.",
            grouped(self.samples.len() as u64)
        )
    }

    fn write_checks(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        writeln!(
            out,
            "\n{}{:>14}  {}",
            style.bold(format!("{:<NAME$}", "VERIFIED")),
            style.bold("CHECKS"),
            style.bold("NOT CHECKED")
        )?;
        for (name, stressor) in &self.stressors {
            writeln!(
                out,
                "{name:<NAME$}{:>14}  {}",
                grouped(stressor.account.checks),
                stressor.unchecked.unwrap_or("-")
            )?;
        }
        if let Some(book) = &self.second_account {
            writeln!(
                out,
                "As the runtime told it, {} were made, ended and were reaped, once and in this order.",
                counted(book.processes, "process")
            )?;
            for words in &book.words {
                writeln!(out, "  {words}")?;
            }
        }
        Ok(())
    }
}

fn numbers(name: &str, workers: u64, ops: u64, ops_per_second: f64, account: &Account) -> String {
    let Account { spawned, reaped, left_to_others, lost, double_reaped, .. } = *account;
    let columns = [workers, ops, ops_per_second as u64, spawned, reaped, left_to_others, lost, double_reaped];
    line(name, columns.map(grouped), WIDTHS)
}

fn line<const N: usize>(name: &str, columns: [impl Display; N], widths: [usize; N]) -> String {
    let mut line = format!("{name:<NAME$}");
    // A name that is longer takes its room from the first column.
    let longer = line.len().saturating_sub(NAME);
    for (place, (column, width)) in columns.into_iter().zip(widths).enumerate() {
        let width = if place == 0 { width.saturating_sub(longer) } else { width };
        // Writing to a string cannot fail.
        let _ = write!(line, "{column:>width$}");
    }
    line
}
