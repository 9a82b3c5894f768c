//! Commands that the shell runs itself, because they are about the shell.

mod control;
mod jobs;
mod variables;

use std::ops::ControlFlow;

use super::complaint::Complaint;
use super::run::{Flow, Shell};
use super::status::Status;
use super::stream::Streams;

/// A command that the shell runs itself.
pub(crate) struct Builtin {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it is used.
    pub(crate) synopsis: &'static str,
    run: fn(&mut Call<'_, '_>) -> Result<Flow, Complaint>,
}

/// What a builtin is called with.
pub(crate) struct Call<'a, 'p> {
    shell: &'a mut Shell<'p>,
    streams: Streams,
    arguments: &'a [String],
}

/// All of them.
pub(crate) const BUILTINS: [Builtin; 12] = [
    Builtin { name: ":", synopsis: ": [ARGUMENT...]", run: |_| Ok(done(Status::SUCCESS)) },
    Builtin { name: "bg", synopsis: "bg [%JOB...]", run: jobs::bg },
    Builtin { name: "exit", synopsis: "exit [STATUS]", run: control::exit },
    Builtin { name: "export", synopsis: "export NAME[=VALUE]...", run: variables::export },
    Builtin { name: "fg", synopsis: "fg [%JOB]", run: jobs::fg },
    Builtin { name: "help", synopsis: "help", run: control::help },
    Builtin { name: "jobs", synopsis: "jobs [%JOB...]", run: jobs::jobs },
    Builtin { name: "kill", synopsis: "kill [-SIGNAL] PID|-GROUP|%JOB... | kill -l", run: jobs::kill },
    Builtin { name: "set", synopsis: "set [-- ARGUMENT...]", run: variables::set },
    Builtin { name: "shift", synopsis: "shift [N]", run: variables::shift },
    Builtin { name: "unset", synopsis: "unset NAME...", run: variables::unset },
    Builtin { name: "wait", synopsis: "wait [PID|%JOB...]", run: jobs::wait },
];

/// The builtin of this name.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// Runs a builtin.
pub(crate) fn run(builtin: &Builtin, shell: &mut Shell<'_>, streams: Streams, arguments: &[String]) -> Flow {
    let mut call = Call { shell, streams, arguments };
    (builtin.run)(&mut call).unwrap_or_else(|complaint| {
        let who = format!("greenproc shell: {}", builtin.name);
        done(complaint.report(&mut call.streams.stderr, &who, builtin.synopsis))
    })
}

/// The shell goes on.
fn done(status: Status) -> Flow {
    ControlFlow::Continue(status)
}
