//! A histogram for people: a line for each power of two.

use greenproc::hold_times::HoldTimes;
use serde::Serialize;

/// Holds from half of `below_ns` up to it.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) below_ns: u64,
    pub(crate) holds: u64,
    /// How long they lasted together, to an eighth.
    pub(crate) sum_ns: f64,
}

/// A bucket is counted where its middle is.
pub(crate) fn lines(times: &HoldTimes) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for bucket in times.buckets() {
        let middle = f64::midpoint(bucket.from_ns, bucket.to_ns);
        let below_ns = (middle as u64 + 1).next_power_of_two();
        let sum_ns = middle * bucket.holds as f64;
        match lines.last_mut() {
            Some(line) if line.below_ns == below_ns => {
                line.holds += bucket.holds;
                line.sum_ns += sum_ns;
            }
            _ => lines.push(Line { below_ns, holds: bucket.holds, sum_ns }),
        }
    }
    lines
}

pub(crate) fn print(lines: &[Line]) {
    /// Of a bar that stands for all.
    const WIDTH: f64 = 60.0;
    let holds: u64 = lines.iter().map(|line| line.holds).sum();
    let sum: f64 = lines.iter().map(|line| line.sum_ns).sum();
    println!("{:>14}{:>11}{:>8}{:>8}", "below", "holds", "", "of time");
    for line in lines {
        let (share, of_time) = (line.holds as f64 / holds as f64, line.sum_ns / sum);
        let bar = "#".repeat((share * WIDTH).round() as usize);
        println!(
            "{:>11} ns{:>11}{:>7.2}%{:>7.2}%  {bar}",
            line.below_ns,
            line.holds,
            100.0 * share,
            100.0 * of_time
        );
    }
}
