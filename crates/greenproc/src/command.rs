//! What to run as a process, and under which conditions.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::descriptor::Given;
use crate::error::{Error, Result};
use crate::hooks::{Ending, Personality};
use crate::image::Strings;
use crate::ktrace::Recorder;
use crate::limits::{Limits, Pair};
use crate::pid::Pid;
use crate::policy::Policy;
use crate::process::Process;
use crate::signal::Signal;
use crate::sigset::SigSet;
use crate::status::ExitStatus;
use crate::termination::{Outcome, Termination};
use crate::trace::TraceOptions;
use crate::vfork::Latch;

/// The longest name of a process, in bytes.
pub(crate) const NAME_MAX: usize = 255;

/// The largest stack of an LWP, in bytes.
pub(crate) const STACK_MAX: usize = 1 << 30;

/// What an LWP runs.
pub(crate) type Body = Box<dyn FnOnce(&Process) -> Outcome + Send>;

/// A process to be: its name, its body, and what it gets along.
///
/// The body runs on a native thread of its own for as long as it runs. Threads are kept and used again, so the
/// `thread_local!` values of the standard library belong to the thread and may outlive the process, or be found by the
/// next one; [`own_thread`](Command::own_thread) gives a fresh thread that ends with the process.
///
/// Source: `std::process::Command`; POSIX `fork`, `posix_spawn`.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Runtime};
/// let runtime = Runtime::boot()?;
/// let status = runtime.run(Command::new("parent", |p| {
///     let child = p.spawn(Command::new("child", |_| 5))?;
///     let waited = p.wait()?;
///     assert_eq!((waited.pid, waited.status.code()), (child.id(), Some(5)));
///     greenproc::Result::Ok(())
/// }))?;
/// assert!(status.success());
/// # Ok(())
/// # }
/// ```
#[must_use = "a command does nothing until it is spawned"]
pub struct Command {
    pub(crate) name: Cow<'static, str>,
    pub(crate) body: Body,
    pub(crate) group: Option<ProcessGroup>,
    pub(crate) new_session: bool,
    pub(crate) mask: Option<SigSet>,
    pub(crate) exit_signal: Option<Signal>,
    pub(crate) limits: Option<Box<Pair>>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) own_thread: bool,
    /// What most commands do not say.
    pub(crate) more: Option<Box<More>>,
}

/// What a command may say besides.
#[derive(Default)]
pub(crate) struct More {
    /// The name is that of a program, and there is no body yet.
    pub(crate) is_program: bool,
    pub(crate) strings: Strings,
    pub(crate) personality: Option<Personality>,
    pub(crate) death_signal: Option<Signal>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) ktrace: Option<Recorder>,
    /// Of the LWP that waits in `vfork`.
    pub(crate) latch: Option<Arc<Latch>>,
    pub(crate) counted: bool,
    pub(crate) descriptors: Option<Given>,
    pub(crate) stop_on_exit: bool,
    /// It is traced by who makes it, with these options.
    pub(crate) traced: Option<TraceOptions>,
    pub(crate) shares: Shares,
}

/// What a process shares with its parent instead of having a copy.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shares {
    pub(crate) directory: bool,
    pub(crate) actions: FirstActions,
}

/// What a process has of its parent's signal actions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FirstActions {
    #[default]
    Copy,
    Same,
    /// The default ones.
    Default,
}

/// Which process group a new process is put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessGroup {
    /// A new one, that it leads.
    New,
    /// This one, which must be in its parent's session.
    Join(Pid),
}

impl Command {
    /// A process that runs `body`. It ends when the body returns; what the body may return says [`Termination`].
    ///
    /// The name may be up to 255 bytes long and must not hold a NUL; a spawn says so if it is not.
    pub fn new<R: Termination>(
        name: impl Into<Cow<'static, str>>,
        body: impl FnOnce(&Process) -> R + Send + 'static,
    ) -> Command {
        Command {
            name: name.into(),
            body: Box::new(move |process| body(process).report()),
            group: None,
            new_session: false,
            mask: None,
            exit_signal: Some(Signal::CHLD),
            limits: None,
            stack_size: None,
            own_thread: false,
            more: None,
        }
    }

    /// A process that runs the program of this name: what [`Builder::program`](crate::Builder::program) or
    /// [`Runtime::register`](crate::Runtime::register) said. The process is called as it.
    ///
    /// Which body that is shows when the command is spawned or executed; then it is ENOENT if there is none.
    ///
    /// Source: POSIX `posix_spawn`, `execve`.
    pub fn program(name: impl Into<Cow<'static, str>>) -> Command {
        let mut command = Command::new(name, |_| {});
        command.more().is_program = true;
        command
    }

    /// One more argument: what the process finds in [`Process::args`].
    pub fn arg(mut self, arg: impl Into<String>) -> Command {
        self.more().strings.args.push(arg.into());
        self
    }

    /// More arguments. A spawn says EINVAL if one holds a NUL byte, and E2BIG if arguments and environment have more than
    /// [`ARG_MAX`](crate::ARG_MAX) bytes.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Command {
        self.more().strings.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable in the environment of the process, which is else a copy of its parent's. A spawn says EINVAL if the
    /// name is empty or holds a `=`, or one of the two holds a NUL byte.
    ///
    /// Source: `std::process::Command::env`.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Command {
        self.more().strings.changes.insert(name.into(), Some(value.into()));
        self
    }

    /// Takes a variable out of the environment that the process has from its parent.
    pub fn env_remove(mut self, name: impl Into<String>) -> Command {
        self.more().strings.changes.insert(name.into(), None);
        self
    }

    /// Leaves nothing of the environment that the process has from its parent, nor of what was said of it before.
    pub fn env_clear(mut self) -> Command {
        let strings = &mut self.more().strings;
        strings.clear = true;
        strings.changes.clear();
        self
    }

    /// Puts the process into this group instead of its parent's, before anybody can see it.
    ///
    /// Source: POSIX `posix_spawnattr_setpgroup`.
    pub fn process_group(mut self, group: ProcessGroup) -> Command {
        self.group = Some(group);
        self
    }

    /// Makes the process the leader of a new session, and of its first group, before anybody can see it. A
    /// [`process_group`](Command::process_group) asked for besides is not looked at.
    ///
    /// Source: POSIX `setsid`, `posix_spawn` with `POSIX_SPAWN_SETSID`.
    pub fn new_session(mut self) -> Command {
        self.new_session = true;
        self
    }

    /// What the first LWP blocks; else what the LWP that spawns it blocks. SIGKILL and SIGSTOP are never blocked.
    ///
    /// Source: POSIX `posix_spawnattr_setsigmask`.
    pub fn signal_mask(mut self, mask: impl Into<SigSet>) -> Command {
        self.mask = Some(mask.into());
        self
    }

    /// The signal that tells the parent of the end, SIGCHLD unless changed. With `None` or another signal only waits with
    /// [`ALTSIG`](crate::WaitFlags::ALTSIG) or [`ALLSIG`](crate::WaitFlags::ALLSIG) see the process.
    ///
    /// Source: Linux `clone`, row 1 of the kernel map.
    pub fn exit_signal(mut self, signal: Option<Signal>) -> Command {
        self.exit_signal = signal;
        self
    }

    /// Limits for the process and those it makes; else its parent's. They are its hard limits too, unless
    /// [`hard_limits`](Command::hard_limits) says otherwise: it cannot raise them itself, if it is not root.
    ///
    /// A spawn says EPERM if a hard limit is above the parent's, and the parent is not root.
    ///
    /// Source: POSIX `setrlimit`, `ulimit`.
    pub fn limits(mut self, limits: Limits) -> Command {
        self.limits = Some(Box::new(Pair { soft: limits, hard: limits }));
        self
    }

    /// How far the process may raise its limits itself. To be called after [`limits`](Command::limits).
    ///
    /// A spawn says EINVAL if a limit is above its hard one.
    pub fn hard_limits(mut self, limits: Limits) -> Command {
        self.limits.get_or_insert_default().hard = limits;
        self
    }

    /// The usable size of its stack in bytes, rounded up to a power of two and to the least that works; else the runtime's.
    ///
    /// A spawn says EINVAL for 0 and for more than 1 GiB.
    pub fn stack_size(mut self, bytes: usize) -> Command {
        self.stack_size = Some(bytes);
        self
    }

    /// Runs the process on a fresh native thread, which has ended, with all `thread_local!` destructors run, before the
    /// zombie can be seen. What it leaves in thread-locals no other process ever finds.
    pub fn own_thread(mut self) -> Command {
        self.own_thread = true;
        self
    }

    /// Has `personality` say with which status the process ends that would end so; what it returns is what its parent's wait
    /// gets. A status that is not an end (stopped or continued) counts as success. Children inherit it, unless their command
    /// has one of its own.
    ///
    /// For code whose idea of a status is not its parent's: a ported program that counts its errors in the exit value, one
    /// for which a panic is an ordinary failure with a code of its own. It runs after the exit hooks, which are told the
    /// status as it was decided, and on SIGKILL too. If it panics, that is the event
    /// [`HookPanicked`](crate::EventKind::HookPanicked), and the status is as it was. The report of a failure is kept
    /// whatever it returns.
    ///
    /// Source: row 24 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, ExitReport, ExitStatus, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let command = Command::new("port", |_| if true { panic!("no luck") });
    /// let child = runtime.spawn(command.personality(|_, ending| match ending.report.as_deref() {
    ///     Some(ExitReport::Panic(_)) => ExitStatus::exited(70), // EX_SOFTWARE
    ///     _ => ending.status,
    /// }))?;
    /// assert_eq!(child.wait()?.status.code(), Some(70));
    /// # Ok(())
    /// # }
    /// ```
    pub fn personality(
        mut self,
        personality: impl Fn(&Process, &Ending) -> ExitStatus + Send + Sync + 'static,
    ) -> Command {
        self.more().personality = Some(Arc::new(personality));
        self
    }

    /// Counts what the runtime does for the process, from its beginning, and for those that it makes. See
    /// [`Process::counters`](crate::Process::counters).
    pub fn counted(mut self) -> Command {
        self.more().counted = true;
        self
    }

    /// Has the process stop once when its end is decided, as [`Process::stop_on_exit`] does.
    ///
    /// Source: row 8 of the kernel map.
    pub fn stop_on_exit(mut self) -> Command {
        self.more().stop_on_exit = true;
        self
    }

    /// Has the process that makes it trace it from its birth: it stands before its first step, as one that was
    /// [attached](crate::TraceStop::Attached) to. Nothing that it does can be missed. The handle is
    /// [`Process::tracee`]. A child of a `Runtime` has the built-in init as its parent, which traces nobody: for that one this
    /// does nothing.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, TraceOptions, TraceStop};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("tracer", |p| {
    ///     let child = p.spawn(Command::new("traced", |_| 3).traced(TraceOptions::EXIT))?;
    ///     let tracee = p.tracee(child.id())?;
    ///     tracee.wait(p)?;
    ///     assert_eq!(tracee.stop()?, TraceStop::Attached);
    ///     tracee.cont(None)?;
    ///     tracee.wait(p)?;
    ///     assert!(matches!(tracee.stop()?, TraceStop::Exiting(status) if status.code() == Some(3)));
    ///     tracee.cont(None)?;
    ///     assert_eq!(tracee.wait(p)?.status.code(), Some(3));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn traced(mut self, options: TraceOptions) -> Command {
        self.more().traced = Some(options);
        self
    }

    /// Records the process from its birth, with what it makes if [`Facts::INHERIT`](crate::ktrace::Facts::INHERIT) is among the
    /// recorder's facts. If its parent is recorded too, it is by this recorder all the same. See [`ktrace`](crate::ktrace).
    ///
    /// Source: NetBSD `ktrace(1)`, row 22 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::ktrace::{Fact, Recorder};
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let recorder = Recorder::new(100);
    /// runtime.run(Command::new("recorded", |_| {}).ktrace(&recorder))?;
    /// runtime.run(Command::new("not recorded", |_| {}))?;
    /// let records = recorder.records();
    /// assert!(matches!(records[0].fact, Fact::Spawned { .. }));
    /// assert_eq!(records.last().map(|record| &record.fact), Some(&Fact::Reaped));
    /// assert!(records.iter().all(|record| &*record.name == "recorded"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn ktrace(mut self, recorder: &Recorder) -> Command {
        self.more().ktrace = Some(recorder.clone());
        self
    }

    /// Puts the process under this policy, and that of its parent if there is one, before it runs.
    ///
    /// Source: row 23 of the kernel map.
    pub fn policy(mut self, policy: Policy) -> Command {
        self.more().policy = Some(Arc::new(policy));
        self
    }

    pub(crate) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// What the command is wrong about, before anything is made.
    pub(crate) fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        if let Some(more) = &self.more {
            more.strings.check()?;
        }
        self.stack_size.map_or(Ok(()), check_stack)
    }

    /// Whether the command says nothing but what an exec can heed.
    pub(crate) fn check_exec(&self) -> Result<()> {
        let is_plain = self.group.is_none()
            && !self.new_session
            && self.mask.is_none()
            && self.exit_signal == Some(Signal::CHLD)
            && self.limits.is_none()
            && self.stack_size.is_none()
            && !self.own_thread
            && self.more.as_ref().is_none_or(|more| {
                more.death_signal.is_none()
                    && more.descriptors.is_none()
                    && !more.shares.directory
                    && more.shares.actions == FirstActions::Copy
                    && more.policy.is_none()
                    && more.ktrace.is_none()
                    && more.traced.is_none()
                    && !more.stop_on_exit
                    && !more.counted
            });
        if is_plain {
            return Ok(());
        }
        Err(Error::Invalid {
            what: "a command for exec says what is to run, not how a process is to be made",
        })
    }
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.contains('\0') {
        return Err(Error::NameHasNul { name: name.chars().take(32).collect() });
    }
    if name.len() > NAME_MAX { Err(Error::NameTooLong { length: name.len() }) } else { Ok(()) }
}

pub(crate) fn check_stack(size: usize) -> Result<()> {
    if size == 0 || size > STACK_MAX { Err(Error::StackSize { size }) } else { Ok(()) }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("name", &self.name)
            .field("group", &self.group)
            .field("new_session", &self.new_session)
            .field("mask", &self.mask)
            .field("exit_signal", &self.exit_signal)
            .field("limits", &self.limits)
            .field("stack_size", &self.stack_size)
            .field("own_thread", &self.own_thread)
            .field("death_signal", &self.more.as_ref().and_then(|more| more.death_signal))
            .finish_non_exhaustive()
    }
}
