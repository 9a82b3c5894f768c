//! The table for a person.

use std::io::{self, Write};
use std::time::Duration;

use super::row::{Row, Totals};
use crate::failure::one_line;
use crate::quantity::{bytes, counted, rate, time};
use crate::style::Style;

/// The width of a SHA-256 in hexadecimal digits.
const DIGEST_WIDTH: usize = 64;

/// Writes one line per row, and the totals.
pub(crate) fn write(
    out: &mut impl Write,
    style: Style,
    rows: &[Row],
    totals: &Totals,
    elapsed: Duration,
) -> io::Result<()> {
    let heading = line("PID", "STATUS", "CPU", "ELAPSED", "SIZE", "SHA-256", "PATH");
    writeln!(out, "{}", style.bold(heading))?;
    for row in rows {
        let text = row_line(row);
        writeln!(out, "{}", if row.result.is_ok() { text } else { style.bad(text) })?;
    }
    let summary = format!(
        "{} of {} hashed, {} killed, {} failed otherwise",
        totals.succeeded,
        counted(totals.files, "file"),
        totals.killed,
        totals.failed - totals.killed,
    );
    let speed = bytes(rate(totals.bytes, elapsed) as u64);
    writeln!(
        out,
        "\n{}: {} in {} ({speed}/s), CPU time {}",
        style.bold(summary),
        bytes(totals.bytes),
        time(elapsed),
        time(totals.cpu),
    )
}

fn row_line(row: &Row) -> String {
    let path = one_line(&row.path.to_string_lossy());
    let (size, digest) = match &row.result {
        Ok(digest) => (bytes(digest.size), digest.sha256.clone()),
        Err(text) => ("-".to_owned(), one_line(text)),
    };
    match &row.ended {
        Some(ended) => line(
            &ended.pid.to_string(),
            &ended.status.to_string(),
            &time(ended.cpu),
            &time(ended.elapsed),
            &size,
            &digest,
            &path,
        ),
        None => line("-", "not started", "-", "-", &size, &digest, &path),
    }
}

fn line(pid: &str, status: &str, cpu: &str, elapsed: &str, size: &str, digest: &str, path: &str) -> String {
    format!("{pid:>6}  {status:<19}  {cpu:>8}  {elapsed:>8}  {size:>10}  {digest:<DIGEST_WIDTH$}  {path}")
}
