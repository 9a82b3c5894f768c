//! `greenproc strace`: runs a command of the shell, and prints the calls that it makes of the runtime.
//!
//! The command is a tracee of a process that steps it from call to call ([`tracer`]); what that sees is written by
//! [`transcript`], or counted by [`summary`].

mod summary;
mod tracer;
mod transcript;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use greenproc::{Command, Runtime};

use crate::cli::{self, Job, Parsed, StraceOptions};
use crate::failure::{Failure, plainly};
use crate::host;
use crate::shell::status::Status;
use crate::shell::stream::{Output, Streams};
use crate::shell::{self, Plan};
use summary::Summary;
use tracer::Tracer;
use transcript::Transcript;

/// How long what is left may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(1);

/// Runs the command to its end. The exit status is the command's.
pub(crate) fn run(options: StraceOptions) -> Result<ExitCode, Failure> {
    let StraceOptions { follow_forks, summary_only, output, calls, json, command } = options;
    let streams = Streams::of_host()?;
    let runtime = host::builder().boot()?;
    let mut out = streams.stderr.clone();
    let Some(command) = find(command, &runtime, streams)? else { return Ok(ExitCode::SUCCESS) };
    if let Some(path) = &output {
        out = create(path)?;
    }
    let (tracer, seen) = runtime.spawn_returning("strace", move |process| {
        let transcript = (!summary_only).then(|| Transcript::new(out.clone(), follow_forks));
        let (status, summary) = Tracer::new(process, calls, transcript).run(command, follow_forks)?;
        if summary_only {
            out.write_all(tabulate(&summary, json)?.as_bytes())?;
        }
        Ok::<_, Failure>(status)
    })?;
    let waited = host::unless_ended(&runtime, tracer.wait().map_err(Failure::from))?;
    // A reader that went away has ended it early.
    let status = seen.take().unwrap_or(Ok(waited.status))?;
    let _whoever_was_left_has_ended = runtime.shutdown(GRACE)?;
    Ok(ExitCode::from(Status::of(status).code()))
}

/// The process of what is to be run: a program of the shell's, or a shell. `None` if that was only asked for its help.
fn find(mut words: Vec<String>, runtime: &Runtime, streams: Streams) -> Result<Option<Command>, Failure> {
    let name = words.remove(0);
    if name == "shell" {
        let arguments = ["greenproc".to_owned(), name].into_iter().chain(words);
        return match cli::parse(arguments.map(Into::into))? {
            Parsed::Job(Job::Shell(options)) => {
                Ok(Some(Plan::read(options)?.command(runtime.clone(), streams)))
            }
            _ => Ok(None),
        };
    }
    match shell::program(&name, words, runtime.clone(), streams) {
        None => Err(Failure::Usage(format!("{name}: no such program (try 'greenproc strace --help')"))),
        found => Ok(found),
    }
}

fn create(path: &Path) -> Result<Output, Failure> {
    match File::create(path) {
        Ok(file) => Ok(Output::Host(Arc::new(file))),
        Err(error) => Err(Failure::Usage(format!(
            "{}: {} (try 'greenproc strace --help')",
            path.display(),
            plainly(&error)
        ))),
    }
}

fn tabulate(summary: &Summary, json: bool) -> Result<String, Failure> {
    if json { Ok(serde_json::to_string(summary)? + "\n") } else { Ok(summary.to_string()) }
}
