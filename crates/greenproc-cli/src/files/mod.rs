//! `greenproc run-files`: one process per file.
//!
//! The files are found first. Then a parent process, the [`conductor`], starts one process per file, waits for them
//! and kills the late ones; what each found reaches it through a channel, how each ended through `wait4`.

mod conductor;
mod digest;
mod json;
mod progress;
mod row;
mod table;
mod walk;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenproc::Runtime;
use greenproc_sync::time;

use crate::cli::FilesOptions;
use crate::failure::{Failure, after_writing};
use crate::ktrace::Trace;
use crate::style::Style;
use crate::{Verdict, accounting, host};
use conductor::Terms;
use row::{Row, Totals};
use walk::Found;

/// How long processes may take to end when the work is done. All have ended by then.
const GRACE: Duration = Duration::from_secs(1);

/// Hashes the files below a directory and prints what came of it.
pub(crate) fn run(options: &FilesOptions) -> Result<Verdict, Failure> {
    check(&options.directory)?;
    let jobs = match options.jobs {
        Some(jobs) => jobs as usize,
        None => 2 * std::thread::available_parallelism().map_or(1, usize::from),
    };
    let terms = Terms { jobs, time_limit: options.time_limit };
    let start = time::now();
    let Found { files, refused, links } = walk::walk(&options.directory);
    let trace = Trace::create(options.trace.as_deref())?;
    let (mut rows, recorded) = hash(files, terms, options.accounting.as_deref(), trace)?;
    rows.extend(refused.into_iter().map(|(path, error)| Row::without_process(path, &error)));
    rows.sort_by(|one, other| one.key().cmp(other.key()));
    let elapsed = time::now().saturating_duration_since(start);
    let totals = Totals::of(&rows);
    let write = || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if options.json {
            json::write(&mut out, &rows, &totals, links, elapsed)?;
        } else {
            table::write(&mut out, Style::of_stdout(), &rows, &totals, elapsed)?;
        }
        Ok(out.flush()?)
    };
    after_writing(write(), Verdict::of(totals.failed == 0).and(recorded))
}

fn check(directory: &Path) -> Result<(), Failure> {
    let wrong = |what: &dyn std::fmt::Display| {
        Failure::Usage(format!("{}: {what} (try 'greenproc run-files --help')", directory.display()))
    };
    match directory.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(wrong(&"not a directory")),
        Err(error) => Err(wrong(&error)),
    }
}

fn hash(
    files: Vec<PathBuf>,
    terms: Terms,
    records: Option<&Path>,
    trace: Trace,
) -> Result<(Vec<Row>, Verdict), Failure> {
    let runtime = trace.builder(accounting::builder(host::builder(), records)?).boot()?;
    let rows = conduct(&runtime, files, terms);
    let traced = trace.write();
    let rows = host::unless_ended(&runtime, rows)?;
    Ok((rows, accounting::verdict(&runtime).and(traced)))
}

fn conduct(runtime: &Runtime, files: Vec<PathBuf>, terms: Terms) -> Result<Vec<Row>, Failure> {
    let (conductor, rows) =
        runtime.spawn_returning("run-files", move |process| conductor::conduct(process, files, terms))?;
    let status = conductor.wait()?.status;
    let rows = rows.take().ok_or(Failure::EndedEarly { name: "run-files", status })??;
    let _nobody_is_left = runtime.shutdown(GRACE)?;
    Ok(rows)
}
