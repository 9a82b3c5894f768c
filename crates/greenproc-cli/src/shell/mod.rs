//! `greenproc shell`: a small shell with job control, whose commands are processes of the runtime.
//!
//! A line goes from [`source`] through [`lexer`] and [`parser`] to [`mod@run`], which expands its words, runs the
//! [`builtins`] in the shell's own process and has [`launch`] make processes for the [`programs`]. The shell itself is a
//! process, too. When it ends, its runtime ends: jobs that are still there are asked to end, then killed.

mod builtins;
mod complaint;
mod expand;
mod job;
mod launch;
mod lexer;
mod parser;
mod programs;
mod redirect;
mod run;
mod session;
mod source;
mod state;
pub(crate) mod status;
pub(crate) mod stream;
mod syntax;
mod terminal;
mod variables;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use greenproc::{Command, ExitStatus, PipeWriter, Process, ProcessGroup, Runtime};

use crate::cli::ShellOptions;
use crate::failure::{Failure, plainly};
use crate::host;
use run::{Kind, Shell};
use source::Source;
use state::State;
use status::Status;
use stream::{Output, Streams};
use terminal::Console;
use variables::Variables;

/// How long jobs that are left may take to end when they are asked to.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a shell to its end. The exit status is that of its last command.
pub(crate) fn run(options: ShellOptions) -> Result<ExitCode, Failure> {
    let plan = Plan::read(options)?;
    let interactive = plan.is_interactive();
    let streams = Streams::of_host()?;
    // A signal of the host ends the shell, which leaves the terminal as it was.
    let runtime = if interactive { host::builder().boot()? } else { Runtime::boot()? };
    let waited = runtime.spawn(plan.command(runtime.clone(), streams))?.wait().map_err(Failure::from);
    let status = if interactive { host::unless_ended(&runtime, waited)? } else { waited? }.status;
    let _whoever_was_left_has_ended = runtime.shutdown(GRACE)?;
    Ok(ExitCode::from(Status::of(status).code()))
}

/// The process of a program that runs without a shell, with the host's environment; `None` if there is none of this name.
pub(crate) fn program(
    name: &str,
    arguments: Vec<String>,
    runtime: Runtime,
    streams: Streams,
) -> Option<Command> {
    let program = programs::find(name)?;
    let environment = Variables::of_host().environment();
    Some(Command::new(program.name, move |process| {
        programs::run(program, process, runtime, arguments, environment, streams)
    }))
}

/// Runs a program in a process that is there already, with nothing to read and the host's environment.
///
/// # Panics
/// If there is no program of this name.
pub(crate) fn run_program(
    process: &Process,
    words: &[String],
    runtime: Runtime,
    stdout: PipeWriter,
    stderr: PipeWriter,
) -> ExitStatus {
    let program = programs::find(&words[0]).expect("a program of the list");
    let (stdin, _) = stream::pipe();
    let streams = Streams { stdin, stdout: Output::Pipe(stdout), stderr: Output::Pipe(stderr) };
    let environment = Variables::of_host().environment();
    programs::run(program, process, runtime, words[1..].to_vec(), environment, streams)
}

/// Whether there is a program of this name.
pub(crate) fn has_program(name: &str) -> bool {
    programs::find(name).is_some()
}

/// The names of all programs.
pub(crate) fn program_names() -> impl Iterator<Item = &'static str> {
    programs::PROGRAMS.iter().map(|program| program.name)
}

/// A shell that is to run.
pub(crate) struct Plan {
    script: Script,
    /// `$0`.
    name: String,
    /// `$1` and so on.
    arguments: Vec<String>,
}

impl Plan {
    /// As the command line says. A script is read now.
    pub(crate) fn read(options: ShellOptions) -> Result<Plan, Failure> {
        let (script, name, arguments) = read_options(options)?;
        Ok(Plan { script, name, arguments })
    }

    fn is_interactive(&self) -> bool {
        matches!(self.script, Script::Terminal)
    }

    /// The process of the shell.
    pub(crate) fn command(self, runtime: Runtime, streams: Streams) -> Command {
        let interactive = self.is_interactive();
        let Plan { script, name, arguments } = self;
        let shell = Command::new("shell", move |process| {
            let kind = if interactive { Kind::Interactive } else { Kind::Script };
            let mut source = match script {
                Script::Text(text) => Source::text(&text),
                Script::Input => Source::Input(streams.stdin.clone()),
                Script::Terminal => match Source::terminal() {
                    Ok(source) => source,
                    Err(_) => Source::Input(streams.stdin.clone()),
                },
            };
            let state = State::new(process.pid(), name, arguments);
            let mut shell = Shell::new(process, runtime, streams, state, kind);
            if interactive {
                match Console::open(process, &shell.streams) {
                    Ok(console) => shell.console = console,
                    Err(error) => shell.complain(error),
                }
            }
            let status = session::run(&mut shell, &mut source);
            if let Some(console) = &shell.console {
                console.drain(process);
            }
            ExitStatus::from(status)
        });
        // The leader of a group could not make a session of its own.
        if interactive { shell } else { shell.process_group(ProcessGroup::New) }
    }
}

/// What is to be run.
enum Script {
    Text(String),
    Input,
    Terminal,
}

/// The script, `$0`, and `$1` and so on.
fn read_options(options: ShellOptions) -> Result<(Script, String, Vec<String>), Failure> {
    let ShellOptions { command, file, arguments } = options;
    let own_name = || "greenproc shell".to_owned();
    match (command, file) {
        (Some(text), name) => Ok((Script::Text(text), name.unwrap_or_else(own_name), arguments)),
        (None, Some(file)) => match std::fs::read_to_string(&file) {
            Ok(text) => Ok((Script::Text(text), file, arguments)),
            Err(error) => {
                let what = plainly(&error);
                Err(Failure::Usage(format!("{file}: {what} (try 'greenproc shell --help')")))
            }
        },
        (None, None) if std::io::stdin().is_terminal() => Ok((Script::Terminal, own_name(), arguments)),
        (None, None) => Ok((Script::Input, own_name(), arguments)),
    }
}
