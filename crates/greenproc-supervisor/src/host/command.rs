//! A command of the host as the body of a process.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use greenproc::{ExitStatus, MaskHow, NoteFlags, Process, SigSet, Signal};
use greenproc_os::host_process::HostUsage;
use greenproc_sync::time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::child::HostChild;
use super::forward::Forwarding;
use super::lines::LineLimit;
use super::log::Log;
use super::table::{HostEntry, HostTable};

/// A command of the host, to be run as the body of a process.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Runtime};
/// use greenproc_supervisor::host::HostCommand;
/// let runtime = Runtime::boot()?;
/// let host = HostCommand::new("sh").args(["-c", "exit 7"]);
/// let status = runtime.run(Command::new("seven", move |p| host.run(p)))?;
/// assert_eq!(status.code(), Some(7));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HostCommand {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, Option<OsString>)>,
    clear_environment: bool,
    directory: Option<PathBuf>,
    stop_signal: Signal,
    line_limit: LineLimit,
    table: HostTable,
}

/// Something that a host process did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostEvent<'a> {
    /// It runs.
    Started {
        /// Its pid in the host.
        host_pid: i32,
    },
    /// It wrote a line: see [`Told::Line`](super::Told::Line).
    Line {
        /// Where.
        stream: HostStream,
        /// The line, without its end.
        text: &'a str,
    },
    /// It wrote more lines than its [`LineLimit`] allows.
    Suppressed {
        /// Where.
        stream: HostStream,
        /// How many were not told.
        lines: u64,
    },
    /// It has ended, and what was left of its group is killed.
    Ended {
        /// How.
        status: ExitStatus,
        /// What it and those it waited for have used. The usage of its process in the runtime is that of the thread that
        /// looked after it.
        usage: HostUsage,
    },
}

/// A stream that a host process writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why a host command could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The host did not start it: the program is not there, for instance.
    #[error("cannot start {program}: {error}")]
    Start {
        /// The program.
        program: String,
        /// What the host said.
        error: io::Error,
    },
    /// The host took its end away, or gave no news of it.
    #[error("cannot wait for {program}: {error}")]
    Wait {
        /// The program.
        program: String,
        /// What the host said.
        error: io::Error,
    },
    /// The runtime refused something.
    #[error(transparent)]
    Runtime(#[from] greenproc::Error),
}

impl HostCommand {
    /// A program of the host, by its path or by a name that is looked for in `PATH`.
    ///
    /// Its input is empty, its outputs are read; it has this OS process's environment and directory.
    pub fn new(program: impl Into<OsString>) -> HostCommand {
        HostCommand {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            clear_environment: false,
            directory: None,
            stop_signal: Signal::TERM,
            line_limit: LineLimit::default(),
            table: HostTable::new(),
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> HostCommand {
        self.arguments.push(argument.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<S: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = S>) -> HostCommand {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With this variable in its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> HostCommand {
        self.environment.push((name.into(), Some(value.into())));
        self
    }

    /// Without this variable.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> HostCommand {
        self.environment.push((name.into(), None));
        self
    }

    /// With no variables but those that are named.
    #[must_use]
    pub fn env_clear(mut self) -> HostCommand {
        self.clear_environment = true;
        self
    }

    /// In this directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> HostCommand {
        self.directory = Some(directory.into());
        self
    }

    /// What SIGTERM is passed on as [default: SIGTERM]. Some programs end politely by another one.
    #[must_use]
    pub fn stop_signal(mut self, signal: Signal) -> HostCommand {
        self.stop_signal = signal;
        self
    }

    /// How many lines of each of its outputs are told.
    #[must_use]
    pub fn line_limit(mut self, limit: LineLimit) -> HostCommand {
        self.line_limit = limit;
        self
    }

    /// Enters it into this table while it runs.
    #[must_use]
    pub fn table(mut self, table: &HostTable) -> HostCommand {
        self.table = table.clone();
        self
    }

    /// Runs it to its end, as the process: signals that come to the process go to the group of the host process, and its
    /// end is what is returned. By the first LWP of a process, which blocks all signals from here on.
    ///
    /// A checkpoint. An LWP that unwinds kills the group of the host process.
    ///
    /// # Errors
    /// - [`Start`](HostError::Start): the host did not start it.
    /// - [`Wait`](HostError::Wait): somebody else waited for it.
    #[track_caller]
    pub fn run(&self, p: &Process) -> Result<ExitStatus, HostError> {
        self.run_seeing(p, |_| {})
    }

    /// [`run`](HostCommand::run), telling what it does. `see` is called by the LWP that runs it, and may spawn LWPs, which
    /// then block signals too. While it sleeps nobody reads what the host process writes.
    ///
    /// # Errors
    /// As [`run`](HostCommand::run).
    pub fn run_seeing(
        &self,
        p: &Process,
        mut see: impl FnMut(HostEvent<'_>),
    ) -> Result<ExitStatus, HostError> {
        let watch = p.watch(p.pid(), NoteFlags::SIGNAL)?;
        p.sigmask(MaskHow::Block, SigSet::ALL)?;
        let mut child = self.start()?;
        let _forwarding = Forwarding::start(watch, child.group().clone(), self.stop_signal);
        let entry = HostEntry { name: p.name().to_owned(), host_pid: child.pid() };
        let _entered = self.table.enter(p.pid(), entry);
        see(HostEvent::Started { host_pid: child.pid() });
        self.look_after(p, &mut child, None, &mut see)?.ok_or_else(|| unreachable!("there is no deadline"))
    }

    /// Runs it beside what the process does otherwise, for at most so long: a probe. `None` if it took longer; it is killed
    /// then. It gets no signals.
    ///
    /// A checkpoint. An LWP that unwinds kills the group of the host process.
    ///
    /// # Errors
    /// As [`run`](HostCommand::run).
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// use greenproc_supervisor::host::HostCommand;
    /// use std::time::Duration;
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("probes", |p| {
    ///     let slow = HostCommand::new("sleep").arg("1000");
    ///     let in_time = slow.check(p, Duration::from_millis(20)).expect("it starts");
    ///     i32::from(in_time.is_some())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn check(&self, p: &Process, within: Duration) -> Result<Option<ExitStatus>, HostError> {
        let deadline = time::now().checked_add(within);
        let mut child = self.start()?;
        self.look_after(p, &mut child, deadline, &mut |_| {})
    }

    fn start(&self) -> Result<HostChild, HostError> {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.clear_environment {
            command.env_clear();
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let failed = |error| HostError::Start { program: self.shown(), error };
        HostChild::start(&mut command).map_err(failed)
    }

    /// Reads what it writes, and waits for its end.
    fn look_after(
        &self,
        p: &Process,
        child: &mut HostChild,
        deadline: Option<Instant>,
        see: &mut dyn FnMut(HostEvent<'_>),
    ) -> Result<Option<ExitStatus>, HostError> {
        let failed = |error| HostError::Wait { program: self.shown(), error };
        let mut log = Log::new(self.line_limit);
        loop {
            let now = time::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            let until_deadline = deadline.map(|deadline| deadline.saturating_duration_since(now));
            let timeout = until_deadline.into_iter().chain(log.due_in()).min();
            let is_dead = p.blocking(|| wait_for_news(child, timeout)).map_err(failed)?;
            if is_dead {
                child.kill_rest();
            }
            log.read(child, is_dead, see);
            if is_dead && let Some(ended) = child.take_end().map_err(failed)? {
                log.finish(see);
                let status = ExitStatus::from_raw(ended.word).unwrap_or(ExitStatus::exited(1));
                see(HostEvent::Ended { status, usage: ended.usage });
                return Ok(Some(status));
            }
        }
    }

    fn shown(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }
}

/// Sleeps until the child has written something, has ended, or the time is over. Whether it has ended.
fn wait_for_news(child: &HostChild, timeout: Option<Duration>) -> io::Result<bool> {
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut wanted = Vec::with_capacity(3);
    wanted.push(PollFd::new(child.pidfd(), PollFlags::IN));
    wanted.extend(child.stdout.as_ref().map(|stdout| PollFd::new(stdout, PollFlags::IN)));
    wanted.extend(child.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
    poll(&mut wanted, timeout.as_ref())?;
    Ok(!wanted[0].revents().is_empty())
}

impl fmt::Display for HostStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HostStream::Stdout => "stdout",
            HostStream::Stderr => "stderr",
        })
    }
}
