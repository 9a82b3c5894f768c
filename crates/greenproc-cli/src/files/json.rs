//! The same as the table, for a program.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::row::{Row, Totals};
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    files: Vec<File>,
    totals: Sums,
}

#[derive(Serialize)]
struct File {
    path: String,
    pid: Option<i32>,
    status: Option<String>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    cpu_seconds: Option<f64>,
    elapsed_seconds: Option<f64>,
    size: Option<u64>,
    sha256: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Sums {
    files: u64,
    succeeded: u64,
    failed: u64,
    killed: u64,
    bytes: u64,
    symbolic_links_passed_by: u64,
    cpu_seconds: f64,
    elapsed_seconds: f64,
}

/// Writes one JSON object on one line. Paths that are not UTF-8 are written with replacement characters.
pub(crate) fn write(
    out: &mut impl Write,
    rows: &[Row],
    totals: &Totals,
    links: u64,
    elapsed: Duration,
) -> Result<(), Failure> {
    let document = Document {
        files: rows.iter().map(file).collect(),
        totals: Sums {
            files: totals.files,
            succeeded: totals.succeeded,
            failed: totals.failed,
            killed: totals.killed,
            bytes: totals.bytes,
            symbolic_links_passed_by: links,
            cpu_seconds: totals.cpu.as_secs_f64(),
            elapsed_seconds: elapsed.as_secs_f64(),
        },
    };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)?;
    Ok(())
}

fn file(row: &Row) -> File {
    let ended = row.ended.as_ref();
    let digest = row.result.as_ref();
    File {
        path: row.path.to_string_lossy().into_owned(),
        pid: ended.map(|ended| ended.pid.as_raw()),
        status: ended.map(|ended| ended.status.to_string()),
        exit_code: ended.and_then(|ended| ended.status.code()),
        signal: ended.and_then(|ended| ended.status.signal()).map(greenproc::Signal::as_raw),
        cpu_seconds: ended.map(|ended| ended.cpu.as_secs_f64()),
        elapsed_seconds: ended.map(|ended| ended.elapsed.as_secs_f64()),
        size: digest.ok().map(|digest| digest.size),
        sha256: digest.ok().map(|digest| digest.sha256.clone()),
        error: digest.err().cloned(),
    }
}
