//! Running what was read: lists, pipelines, commands.

use std::io::Write as _;
use std::ops::ControlFlow;

use greenproc::{Error, ExitStatus, Pid, Process, Runtime, Signal, Target, WaitFlags, WaitFor};

use super::complaint::say;
use super::job::{State as JobState, death};
use super::state::State;
use super::status::Status;
use super::stream::Streams;
use super::syntax::{AndOr, Condition, Ground, List, Pipeline, Simple};
use super::{builtins, expand, redirect, terminal};

/// What its messages begin with.
const NAME: &str = "greenproc shell";

/// Whether the shell goes on, and with which status.
pub(crate) type Flow = ControlFlow<Status, Status>;

/// A shell: a process that runs others.
pub(crate) struct Shell<'p> {
    pub(crate) process: &'p Process,
    pub(crate) runtime: Runtime,
    pub(crate) streams: Streams,
    pub(crate) state: State,
    pub(crate) kind: Kind,
    /// The terminal, if somebody types at one.
    pub(crate) console: Option<terminal::Console>,
    /// The user was told that leaving now would end stopped jobs.
    pub(crate) warned: bool,
}

/// What a shell is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody types.
    Interactive,
    /// It runs a script.
    Script,
    /// It runs a part of another shell's script, and is a part of that one's job.
    Subshell,
}

impl<'p> Shell<'p> {
    /// A shell of its own.
    pub(crate) fn new(
        process: &'p Process,
        runtime: Runtime,
        streams: Streams,
        state: State,
        kind: Kind,
    ) -> Shell<'p> {
        Shell { process, runtime, streams, state, kind, console: None, warned: false }
    }

    /// Says something on the shell's stderr.
    pub(crate) fn complain(&mut self, what: impl std::fmt::Display) {
        say(&mut self.streams.stderr, &format!("{NAME}: {what}"));
    }

    /// Runs a list. Sets `$?`.
    pub(crate) fn list(&mut self, list: &List) -> Flow {
        for item in &list.items {
            self.state.status = match item.ground {
                Ground::Fore => self.and_or(&item.and_or)?,
                Ground::Back => self.background(&item.and_or),
            };
        }
        ControlFlow::Continue(self.state.status)
    }

    /// Runs pipelines as far as the conditions hold. Sets `$?`.
    pub(crate) fn and_or(&mut self, and_or: &AndOr) -> Flow {
        let mut status = self.pipeline(&and_or.first)?;
        for (condition, pipeline) in &and_or.rest {
            if status.success() == (*condition == Condition::Success) {
                status = self.pipeline(pipeline)?;
            }
        }
        ControlFlow::Continue(status)
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Flow {
        let status = match pipeline.commands.as_slice() {
            [only] => self.simple(only, &pipeline.text)?,
            commands => self.foreground_job(commands, &pipeline.text),
        };
        self.state.status = if pipeline.negated { status.negated() } else { status };
        ControlFlow::Continue(self.state.status)
    }

    /// Runs one command: a builtin in this process, a program in one of its own.
    pub(crate) fn simple(&mut self, command: &Simple, text: &str) -> Flow {
        let words = expand::words(&command.words, &self.state);
        let builtin = words.first().map(|name| builtins::find(name));
        if let Some(None) = builtin {
            let command = std::slice::from_ref(command);
            return ControlFlow::Continue(self.foreground_job(command, text));
        }
        for assignment in &command.assignments {
            let value = expand::text(&assignment.value, &self.state);
            self.state.variables.set(&assignment.name, value);
        }
        let mut streams = self.streams.clone();
        let redirections = redirect::expand(&command.redirections, &self.state);
        if let Err(what) = redirect::apply(self.process, &redirections, &mut streams) {
            self.complain(what);
            return ControlFlow::Continue(Status::FAILURE);
        }
        match builtin.flatten() {
            Some(builtin) => builtins::run(builtin, self, streams, words.get(1..).unwrap_or_default()),
            None => ControlFlow::Continue(Status::SUCCESS),
        }
    }

    fn foreground_job(&mut self, commands: &[Simple], text: &str) -> Status {
        let streams = match &self.console {
            Some(console) => console.streams(&self.streams),
            None => self.streams.clone(),
        };
        match self.launch_pipeline(commands, &streams, text) {
            Ok(number) => self.foreground(number),
            Err(status) => status,
        }
    }

    fn background(&mut self, and_or: &AndOr) -> Status {
        let streams = match &self.console {
            Some(console) => Ok(console.streams(&self.streams)),
            None => terminal::background(&self.streams),
        };
        let streams = match streams {
            Ok(streams) => streams,
            Err(error) => {
                self.complain(error);
                return Status::FAILURE;
            }
        };
        let pipeline = &and_or.first;
        let launched = if and_or.rest.is_empty() && !pipeline.negated {
            self.launch_pipeline(&pipeline.commands, &streams, &and_or.text)
        } else {
            self.launch_subshell(and_or, &streams)
        };
        let number = match launched {
            Ok(number) => number,
            Err(status) => return status,
        };
        self.state.background = self.state.jobs.get(number).and_then(|job| job.pids().last());
        if self.kind == Kind::Interactive
            && let Some(pid) = self.state.background
        {
            say(&mut self.streams.stderr, &format!("[{number}] {pid}"));
        }
        Status::SUCCESS
    }

    /// Waits for a job in the foreground. If it stops it stays in the table, else it is there no more.
    pub(crate) fn foreground(&mut self, number: usize) -> Status {
        let Some(group) = self.state.jobs.get(number).map(|job| job.group) else { return Status::NOT_FOUND };
        // The terminal is out of the shell while the job has it.
        let status = match self.console.take() {
            Some(console) => {
                let status = console.lend(self.process, group, || self.wait_for(number));
                self.console = Some(console);
                status
            }
            None => self.wait_for(number),
        };
        let Some(job) = self.state.jobs.get(number) else { return status };
        let by_key = match job.state() {
            JobState::Running => None,
            JobState::Stopped(signal) => Some(signal),
            JobState::Done(end) => end.signal(),
        };
        if self.console.is_some() && by_key.is_some() {
            // After the echo of the key.
            let _ = self.streams.stderr.write_all(b"\n");
        }
        let interactive = self.kind == Kind::Interactive;
        match job.state() {
            JobState::Running | JobState::Stopped(_) => {}
            JobState::Done(end) => {
                self.state.jobs.remove(number);
                if let Some(signal) = end.signal().filter(|_| interactive)
                    && ![Signal::INT, Signal::PIPE].contains(&signal)
                {
                    say(&mut self.streams.stderr, death(signal));
                }
            }
        }
        status
    }

    /// Waits until a job has ended, in an interactive shell also until it has stopped, and gives its status. The job stays
    /// in the table.
    pub(crate) fn wait_for(&mut self, number: usize) -> Status {
        // Elsewhere nobody is there to continue it by hand: as with sh, the shell waits until somebody does.
        let by_hand = self.kind == Kind::Interactive;
        let flags = if by_hand { WaitFlags::UNTRACED } else { WaitFlags::empty() };
        loop {
            let Some(job) = self.state.jobs.get(number) else { return Status::NOT_FOUND };
            match job.state() {
                JobState::Running => {}
                JobState::Stopped(_) if !by_hand => {}
                JobState::Stopped(_) | JobState::Done(_) => return job.status(),
            }
            match self.process.wait4(WaitFor::Group(job.group), flags) {
                Ok(Some(waited)) => self.state.jobs.note(waited.pid, waited.status),
                Ok(None) | Err(Error::Interrupted) => self.process.checkpoint(),
                Err(_) => self.state.jobs.lose(number),
            }
        }
    }

    /// Notes what has happened to jobs meanwhile.
    pub(crate) fn look_around(&mut self) {
        let flags = WaitFlags::NOHANG | WaitFlags::UNTRACED | WaitFlags::CONTINUED;
        while let Ok(Some(waited)) = self.process.wait4(WaitFor::Any, flags) {
            self.state.jobs.note(waited.pid, waited.status);
        }
    }

    /// Sends a signal to a job.
    pub(crate) fn signal_job(&mut self, number: usize, signal: Signal) -> greenproc::Result<()> {
        let Some(job) = self.state.jobs.get(number) else { return Ok(()) };
        if job.group != self.process.pgid() {
            return self.process.kill(Target::Group(job.group), signal);
        }
        // Its processes are in the group of this very shell.
        let living: Vec<Pid> = job.living().collect();
        living.into_iter().try_for_each(|pid| self.process.kill(pid, signal))
    }

    /// Whether the shell may end: an interactive one asks twice if jobs are stopped.
    pub(crate) fn may_leave(&mut self) -> bool {
        let stopped = |job: &super::job::Job| matches!(job.state(), JobState::Stopped(_));
        if self.kind != Kind::Interactive || self.warned || !self.state.jobs.iter().any(stopped) {
            return true;
        }
        self.warned = true;
        say(&mut self.streams.stderr, "There are stopped jobs.");
        false
    }
}

impl From<Status> for ExitStatus {
    fn from(status: Status) -> ExitStatus {
        ExitStatus::exited(status.code().into())
    }
}
