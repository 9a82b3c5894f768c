//! `greenproc supervise`: a tree of programs from a file, restarted when they fail, stopped in order.
//!
//! `file` reads the file into a `plan` or says all that is wrong with it; `picture` shows the plan. `run` makes it a `tree`
//! of supervisors whose programs are `node`s, each of which looks by `probe` whether it is ready and well, and tells its
//! `news`; the `journal` writes these and the supervisors' events down, and keeps the `board`, which the pages that `serve`
//! answers with show. A service manager is told by `notify`.

mod board;
mod file;
mod journal;
mod news;
mod node;
mod notify;
mod picture;
mod plan;
mod probe;
mod run;
mod serve;
mod tree;

use std::io::{self, Write as _};
use std::path::Path;

use crate::Verdict;
use crate::cli::SuperviseOptions;
use crate::failure::{Failure, plainly};
use crate::style::Style;
use plan::Plan;

/// Checks the file, and runs what it says unless only the check is wanted.
pub(crate) fn run(options: &SuperviseOptions) -> Result<Verdict, Failure> {
    let plan = read(&options.file)?;
    if options.check {
        let text = if options.json {
            serde_json::to_string(&picture::json(&plan))? + "\n"
        } else {
            picture::draw(&plan, Style::of_stdout())
        };
        io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(Verdict::Good);
    }
    run::run(plan, options)
}

/// Reads the file; all that is wrong with it is a failure.
fn read(path: &Path) -> Result<Plan, Failure> {
    let shown = path.display();
    let source = std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!("{shown}: {} (try 'greenproc supervise --help')", plainly(&error)))
    })?;
    let name = path.file_stem().map_or_else(|| "supervisor".into(), |stem| stem.to_string_lossy());
    file::read(&source, &name).map_err(|complaints| {
        Failure::File(complaints.iter().map(|complaint| format!("{shown}:{complaint}")).collect())
    })
}
