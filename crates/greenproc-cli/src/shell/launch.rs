//! Making the processes of a job.

use std::collections::BTreeMap;

use greenproc::{Command, ExitStatus, Pid, ProcessGroup, Signal};

use super::complaint::say;
use super::programs::{self, Program};
use super::redirect::{self, Ready};
use super::run::{Kind, Shell};
use super::status::Status;
use super::stream::{self, Streams};
use super::syntax::{AndOr, Simple};
use super::{builtins, expand};

/// The processes of a job, as they are made.
struct Crew {
    /// Where the next one goes; a new group for the first.
    group: ProcessGroup,
    pids: Vec<Pid>,
}

impl Shell<'_> {
    /// Starts a process for each command, in a group of their own, and puts the job into the table.
    pub(super) fn launch_pipeline(
        &mut self,
        commands: &[Simple],
        streams: &Streams,
        text: &str,
    ) -> Result<usize, Status> {
        let mut crew = self.crew();
        let mut stdin = streams.stdin.clone();
        for (left, command) in (0..commands.len()).rev().zip(commands) {
            let mut own = Streams { stdin, ..streams.clone() };
            if left > 0 {
                let (reader, writer) = stream::pipe();
                own.stdout = writer;
                stdin = reader;
            } else {
                stdin = streams.stdin.clone();
            }
            let command = self.command(command, text, own);
            if let Err(error) = self.enlist(&mut crew, command) {
                return Err(self.give_up(crew, text, &error));
            }
        }
        Ok(self.muster(crew, text))
    }

    /// Starts a process that runs pipelines one after another, and puts the job into the table.
    pub(super) fn launch_subshell(&mut self, and_or: &AndOr, streams: &Streams) -> Result<usize, Status> {
        let mut crew = self.crew();
        let script = and_or.clone();
        let command = self.subshell(streams.clone(), move |shell| shell.and_or(&script));
        match self.enlist(&mut crew, command) {
            Ok(()) => Ok(self.muster(crew, &and_or.text)),
            Err(error) => Err(self.give_up(crew, &and_or.text, &error)),
        }
    }

    fn crew(&self) -> Crew {
        let group = match self.kind {
            Kind::Interactive | Kind::Script => ProcessGroup::New,
            Kind::Subshell => ProcessGroup::Join(self.process.pgid()),
        };
        Crew { group, pids: Vec::new() }
    }

    fn enlist(&self, crew: &mut Crew, command: Command) -> greenproc::Result<()> {
        let pid = self.process.spawn(command.process_group(crew.group))?.id();
        crew.pids.push(pid);
        if crew.group == ProcessGroup::New {
            // The leader may have ended by now, but nobody has waited for it: the group is there.
            crew.group = ProcessGroup::Join(pid);
        }
        Ok(())
    }

    fn muster(&mut self, crew: Crew, text: &str) -> usize {
        let group = match crew.group {
            ProcessGroup::Join(group) => group,
            ProcessGroup::New => self.process.pgid(),
        };
        self.state.jobs.add(group, crew.pids, text.to_owned())
    }

    /// A process of the job could not be made: those that were made end, too.
    fn give_up(&mut self, crew: Crew, text: &str, error: &dyn std::fmt::Display) -> Status {
        self.complain(format_args!("{text}: {error}"));
        if !crew.pids.is_empty() {
            for &pid in &crew.pids {
                // Not waited for yet, so that the pid is still its.
                let _ = self.process.kill(pid, Signal::KILL);
            }
            let number = self.muster(crew, text);
            self.wait_for(number);
            self.state.jobs.remove(number);
        }
        Status::NOT_STARTED
    }

    /// The process of one command of a pipeline.
    fn command(&self, simple: &Simple, text: &str, streams: Streams) -> Command {
        let mut words = expand::words(&simple.words, &self.state);
        let name = if words.is_empty() { None } else { Some(words.remove(0)) };
        let Some(name) = name.filter(|name| builtins::find(name).is_none()) else {
            let (simple, text) = (simple.clone(), text.to_owned());
            return self.subshell(streams, move |shell| shell.simple(&simple, &text));
        };
        let mut environment = self.state.variables.environment();
        for assignment in &simple.assignments {
            environment.insert(assignment.name.clone(), expand::text(&assignment.value, &self.state));
        }
        let redirections = redirect::expand(&simple.redirections, &self.state);
        match programs::find(&name) {
            Some(program) => self.program(program, words, environment, redirections, streams),
            None => unknown(name, redirections, streams),
        }
    }

    fn program(
        &self,
        program: &'static Program,
        arguments: Vec<String>,
        environment: BTreeMap<String, String>,
        redirections: Vec<Ready>,
        mut streams: Streams,
    ) -> Command {
        let runtime = self.runtime.clone();
        Command::new(program.name, move |process| {
            match redirect::apply(process, &redirections, &mut streams) {
                Ok(()) => programs::run(program, process, runtime, arguments, environment, streams),
                Err(what) => {
                    say(&mut streams.stderr, &format!("{}: {what}", program.name));
                    Status::FAILURE.into()
                }
            }
        })
    }

    /// A process that is a copy of this shell.
    fn subshell(
        &self,
        streams: Streams,
        body: impl FnOnce(&mut Shell<'_>) -> super::run::Flow + Send + 'static,
    ) -> Command {
        let (state, runtime) = (self.state.clone(), self.runtime.clone());
        Command::new("shell", move |process| {
            let mut shell = Shell::new(process, runtime, streams, state, Kind::Subshell);
            let (std::ops::ControlFlow::Continue(status) | std::ops::ControlFlow::Break(status)) =
                body(&mut shell);
            ExitStatus::from(status)
        })
    }
}

/// A process that says that it has nothing to run.
fn unknown(name: String, redirections: Vec<Ready>, mut streams: Streams) -> Command {
    Command::new("shell", move |process| {
        let (what, status) = match redirect::apply(process, &redirections, &mut streams) {
            Ok(()) => (format!("{name}: command not found (try 'help')"), Status::NOT_FOUND),
            Err(what) => (what, Status::FAILURE),
        };
        say(&mut streams.stderr, &format!("greenproc shell: {what}"));
        ExitStatus::from(status)
    })
}
