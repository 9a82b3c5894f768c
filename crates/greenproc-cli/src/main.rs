//! The command `greenproc`: what the runtime of that name does, on a terminal.
//!
//! | subcommand | what it does |
//! |---|---|
//! | `tour` | shows the life cycle of processes in ten scenes, and checks each |
//! | `run-files` | hashes the files below a directory, one process per file, with a time limit |
//! | `stress` | makes, kills and reaps processes for a while, and says whether each was reaped exactly once |
//! | `shell` | a small shell with job control whose commands are processes of the runtime |
//! | `strace` | runs a command and prints the calls that it makes of the runtime |
//! | `supervise` | runs a tree of programs from a file, and restarts what fails |
//! | `lastcomm` | prints which processes have ended, from a file of accounting records |
//! | `race` | finds the races of the runtime's own code, replays and shows them; needs the feature `racelab` |
//!
//! Exit status: that of the command for `shell` and `strace`; else 0 if all went as it should, 1 if something differed, failed or
//! leaked, 2 if the command could not begin; then one line on stderr, beginning with `greenproc: `, says why. SIGTERM and
//! SIGINT end the processes, and then the command, with 128 and the signal's number. Whoever reads the output may stop
//! reading: the command ends quietly.

mod accounting;
mod cli;
mod failure;
mod files;
mod host;
mod ktrace;
mod lastcomm;
mod lull;
mod quantity;
mod race;
mod shell;
mod span;
mod strace;
mod stress;
mod style;
mod supervise;
mod tour;

use std::process::ExitCode;

use cli::{Job, Parsed};

/// Whether what the command looked at was as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
}

impl Verdict {
    fn of(good: bool) -> Verdict {
        if good { Verdict::Good } else { Verdict::Bad }
    }

    /// Good only if both are.
    fn and(self, other: Verdict) -> Verdict {
        Verdict::of(self == Verdict::Good && other == Verdict::Good)
    }
}

fn main() -> ExitCode {
    let job = match cli::parse(std::env::args_os()) {
        Ok(Parsed::Job(job)) => job,
        Ok(Parsed::Printed) => return ExitCode::SUCCESS,
        Err(failure) => return failure.report(),
    };
    let verdict = match job {
        Job::Tour(options) => tour::run(&options),
        Job::RunFiles(options) => files::run(&options),
        Job::Stress(options) => stress::run(&options),
        Job::Supervise(options) => supervise::run(&options),
        Job::Lastcomm(options) => lastcomm::run(&options),
        Job::Strace(options) => return strace::run(options).unwrap_or_else(|failure| failure.report()),
        Job::Race(options) => race::run(&options),
        Job::Shell(options) => return shell::run(options).unwrap_or_else(|failure| failure.report()),
    };
    match verdict {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(failure) => failure.report(),
    }
}
