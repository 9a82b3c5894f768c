//! What became of one file.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use greenproc::{Pid, Waited};

use super::digest::Digest;
use crate::quantity;

/// What became of one file, or of a directory that could not be listed.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The process that was made for it, unless none was.
    pub(crate) ended: Option<Ended>,
    /// What was in it, or why that is not known.
    pub(crate) result: Result<Digest, String>,
}

/// How the process of a file ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) pid: Pid,
    pub(crate) status: greenproc::ExitStatus,
    pub(crate) cpu: Duration,
    /// From the spawn to the wait that reaped it.
    pub(crate) elapsed: Duration,
}

/// Why a process was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It ended by itself, or somebody else killed it.
    Kept,
    /// It took longer than this.
    Lost(Duration),
}

impl Row {
    /// A path for which no process could be made.
    pub(crate) fn without_process(path: PathBuf, error: &dyn std::error::Error) -> Row {
        Row { path, ended: None, result: Err(error.to_string()) }
    }

    /// The row of a process that was waited for. `digest` is what it sent before it ended, if it did.
    pub(crate) fn of(
        path: PathBuf,
        waited: &Waited,
        elapsed: Duration,
        patience: Patience,
        digest: Option<Digest>,
    ) -> Row {
        let result = match (digest, patience) {
            (Some(digest), _) if waited.status.success() => Ok(digest),
            (_, Patience::Lost(limit)) if !waited.status.success() && waited.report.is_none() => {
                Err(format!("killed: it took longer than {}", quantity::time(limit)))
            }
            _ => Err(waited.report.as_ref().map_or_else(|| "no digest".to_owned(), ToString::to_string)),
        };
        let ended = Ended { pid: waited.pid, status: waited.status, cpu: waited.usage.total(), elapsed };
        Row { path, ended: Some(ended), result }
    }

    /// What rows are sorted by: the bytes of the path.
    pub(crate) fn key(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }

    fn was_killed(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| ended.status.signal().is_some())
    }
}

/// What became of all files together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Of the failed, those that a signal ended.
    pub(crate) killed: u64,
    pub(crate) bytes: u64,
    pub(crate) cpu: Duration,
}

impl Totals {
    pub(crate) fn of(rows: &[Row]) -> Totals {
        let mut totals = Totals::default();
        for row in rows {
            totals.files += 1;
            totals.killed += u64::from(row.was_killed());
            totals.cpu += row.ended.as_ref().map_or(Duration::ZERO, |ended| ended.cpu);
            match &row.result {
                Ok(digest) => {
                    totals.succeeded += 1;
                    totals.bytes += digest.size;
                }
                Err(_) => totals.failed += 1,
            }
        }
        totals
    }
}
