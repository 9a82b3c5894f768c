//! The table for people.

use crate::pinning::Pinning;
use crate::plan::Effort;
use crate::row::Row;

pub(crate) fn print_head(pinning: Pinning) {
    println!("\n{pinning}");
    println!(
        "{:<11} {:<21} {:>10} {:>10}   {:>7} {:>7} {:>7}   {:>10} {:>10}",
        "", "peer", "ours", "peer", "ratio", "p10", "p90", "CPU ours", "CPU peer"
    );
}

pub(crate) fn print_row(row: &Row) {
    println!(
        "{:<11} {:<21} {:>10} {:>10}   {:>7} {:>7} {:>7}   {:>10} {:>10}",
        row.name,
        row.peer,
        time(row.ours_ns),
        time(row.peer_ns),
        ratio(row.ratio),
        ratio(row.p10),
        ratio(row.p90),
        time(row.ours_cpu_ns),
        time(row.peer_cpu_ns)
    );
}

pub(crate) fn print_legend(effort: Effort) {
    println!(
        "\nPer life; medians. ratio: ours / mean of the peer's two neighbouring phases, median of the rounds;"
    );
    println!("below 1 ours is faster. Times compare within a row, not between rows.");
    if effort == Effort::Quick {
        println!("--quick: too few rounds to quote.");
    }
}

fn time(ns: f64) -> String {
    if ns < 1000.0 {
        format!("{ns:.0} ns")
    } else if ns < 100_000.0 {
        format!("{:.2} us", ns / 1000.0)
    } else {
        format!("{:.0} us", ns / 1000.0)
    }
}

/// Three digits that mean something, whatever the size.
fn ratio(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.2}") }
}
