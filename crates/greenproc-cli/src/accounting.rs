//! The option `--accounting`: what became of the records is part of the verdict.

use std::io::{self, Write as _};
use std::path::Path;

use greenproc::accounting::AccountFile;
use greenproc::{Builder, Runtime};

use crate::Verdict;
use crate::failure::{Failure, one_line};

/// A runtime that writes its records to this file, if one is named.
pub(crate) fn builder(builder: Builder, file: Option<&Path>) -> Result<Builder, Failure> {
    let Some(path) = file else { return Ok(builder) };
    match AccountFile::open(path) {
        Ok(file) => Ok(builder.accounting(file)),
        Err(error) => Err(Failure::Usage(format!("{}: {error} (try 'greenproc --help')", path.display()))),
    }
}

/// Says on stderr which records are missing, if any are. Of a runtime that was shut down.
pub(crate) fn verdict(runtime: &Runtime) -> Verdict {
    let Some(stats) = runtime.accounting() else { return Verdict::Good };
    if stats.failed + stats.dropped == 0 && stats.last_error.is_none() {
        return Verdict::Good;
    }
    let why = stats.last_error.map(|error| format!(": {}", one_line(&error))).unwrap_or_default();
    // With stderr closed too there is nobody left to tell.
    let _ = writeln!(
        io::stderr(),
        "greenproc: {} accounting records written, {} dropped, {} failed{why}",
        stats.written,
        stats.dropped,
        stats.failed
    );
    Verdict::Bad
}
