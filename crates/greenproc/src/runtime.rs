//! The runtime: a process tree of its own, with init at its root.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::atomic::{Ordering, fence};

use crate::accounting::{self, Accounting};
use crate::builder::Builder;
use crate::child::{Child, Origin};
use crate::command::{Command, check_name};
use crate::error::{Error, Exhausted, Result};
use crate::event::{EventFilter, EventStream};
use crate::handle::Handle;
use crate::host::{self, HostShutdown};
use crate::inspect::{self, ProcessDetail, Snapshot};
use crate::kernel::{Kernel, Phase};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::programs;
use crate::returned::{self, Returned};
use crate::shutdown::{self, ShutdownReport};
use crate::signal::Signal;
use crate::spawn::{self, Owner};
use crate::status::ExitStatus;
use crate::table::Entry;
use crate::target::{self, Target};
use crate::termination::Termination;
use crate::tree::NodeRef;
use crate::usage::Usage;
use crate::worker;

/// A handle to a runtime: several can live in one OS process, each with its own pids and its own init.
///
/// Handles are cheap to clone. Dropping the last one shuts the runtime down with a grace of 5 seconds.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Runtime};
/// use std::time::Duration;
/// let runtime = Runtime::boot()?;
/// let status = runtime.run(Command::new("hello", |p| {
///     assert_eq!(p.ppid().as_raw(), 1);
///     7
/// }))?;
/// assert_eq!(status.code(), Some(7));
/// let report = runtime.shutdown(Duration::from_secs(1))?;
/// assert!(report.is_clean(), "{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Runtime {
    handle: Arc<Handle>,
}

/// What a runtime holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Processes, zombies and init included.
    pub processes: usize,
    /// Zombies.
    pub zombies: usize,
    /// LWPs that run, or are about to.
    pub lwps: usize,
    /// How many LWPs there may be.
    pub lwp_capacity: usize,
    /// Native threads, idle ones included.
    pub threads: usize,
    /// Native threads that wait for work.
    pub idle_threads: usize,
    /// LWPs that wait for a native thread.
    pub queued_starts: usize,
    /// Numbers in use by processes, groups and sessions.
    pub pids_in_use: usize,
    /// Processes made so far, init not counted.
    pub spawned: u64,
    /// Processes reaped so far.
    pub reaped: u64,
}

impl Runtime {
    /// How a runtime is to be, other than by default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Boots a runtime with everything as it is by default.
    ///
    /// # Errors
    /// As [`Builder::boot`].
    pub fn boot() -> Result<Runtime> {
        Runtime::builder().boot()
    }

    /// Runs a process under init and waits for its end. From any thread.
    ///
    /// # Errors
    /// As [`spawn`](Runtime::spawn) and [`Child::wait`].
    #[track_caller]
    pub fn run(&self, command: Command) -> Result<ExitStatus> {
        let child = self.spawn(command)?;
        child.wait().map(|waited| waited.status)
    }

    /// Makes a process under init. It belongs to the handle: nobody else reaps it while the handle lives. From any thread.
    ///
    /// # Errors
    /// - EINVAL, ENAMETOOLONG, EAGAIN, EPERM: as [`Process::spawn`].
    /// - EAGAIN: the runtime is shutting down.
    /// - ESHUTDOWN: init has ended; the error names its status.
    pub fn spawn(&self, command: Command) -> Result<Child> {
        let kernel = self.kernel();
        let (init, node) = self.init()?;
        let origin = Arc::new(Origin { kernel: Arc::clone(kernel), maker: None });
        spawn::spawn(origin, &init, node, command, Owner::Handle, None).map_err(|error| match error {
            // Init is past the point where it takes children: the runtime is on its way down.
            Error::Exiting { .. } => self.down_or(Exhausted::ShuttingDown.into()),
            Error::InitEnded { status } => shutdown::down(kernel, status),
            other => other,
        })
    }

    /// Makes a process under init that computes a value.
    ///
    /// # Errors
    /// As [`spawn`](Runtime::spawn).
    pub fn spawn_returning<T: Send + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        body: impl FnOnce(&Process) -> T + Send + 'static,
    ) -> Result<(Child, Returned<T>)> {
        let (command, returned) = returned::command(name, body);
        self.spawn(command).map(|child| (child, returned))
    }

    /// Gives `body` a name, by which commands can ask for it, or another body to a name: processes that run the former one
    /// go on. See [`Builder::program`]. From any thread.
    ///
    /// # Errors
    /// - EINVAL, ENAMETOOLONG: the name holds a NUL, or is longer than 255 bytes.
    pub fn register<R: Termination>(
        &self,
        name: impl Into<Cow<'static, str>>,
        body: impl Fn(&Process) -> R + Send + Sync + 'static,
    ) -> Result<()> {
        let name = name.into();
        check_name(&name)?;
        drop(self.kernel().programs.register(name, programs::program(body)));
        Ok(())
    }

    /// Sends a signal. From any thread; [`Target::MyGroup`] is init's group, [`Target::All`] all but init.
    ///
    /// # Errors
    /// - ESRCH: there is no such process or group.
    pub fn kill(&self, target: impl Into<Target>, signal: Signal) -> Result<()> {
        target::kill(self.kernel(), None, target.into(), signal)
    }

    /// What a process and all its descendants have used, as [`Process::subtree_usage`]; of a zombie, what it and those that it waited
    /// for have used.
    ///
    /// # Errors
    /// - ESRCH: nobody has this pid.
    pub fn subtree_usage(&self, pid: Pid) -> Result<Usage> {
        let kernel = self.kernel();
        match kernel.find(pid)? {
            Entry::Live(process) => {
                let node = process.node().ok_or(Error::NoProcess { pid: pid.as_raw() })?;
                Ok(kernel.subtree_usage(&process, node))
            }
            Entry::Dead(node) => Ok(kernel.usage_below(node)),
        }
    }

    /// All processes as they are, zombies included. Taken page by page: each page is one moment, the whole is not.
    pub fn snapshot(&self) -> Snapshot {
        inspect::snapshot(self.kernel())
    }

    /// One process with its LWPs.
    ///
    /// # Errors
    /// - ESRCH: nobody has this pid, or the process is too far in its exit to be looked into.
    pub fn inspect(&self, pid: Pid) -> Result<ProcessDetail> {
        inspect::inspect(self.kernel(), pid)
    }

    /// Subscribes to events. The stream holds 65,536 of them; what finds it full is counted and lost.
    pub fn events(&self, filter: EventFilter) -> EventStream {
        let kernel = self.kernel();
        let mut list = kernel.lock();
        kernel.interest.fetch_or(filter.bits(), Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let mut stream = list.events.subscribe(filter);
        kernel.enter_departures(&mut list);
        if matches!(list.phase, Phase::Down(_)) {
            list.events.close();
            stream = stream.into_ended();
        }
        stream
    }

    /// Waits until init has ended: the runtime is down then.
    ///
    /// # Errors
    /// - ESHUTDOWN: init did not end by itself, but by a signal or a panic; the error names its status.
    /// - EDEADLK: the caller is an LWP of this runtime.
    pub fn wait(&self) -> Result<ExitStatus> {
        self.refuse_inside("a process that waits for the end of its runtime")?;
        let kernel = self.kernel();
        let mut list = kernel.lock();
        kernel.wait_quiet(&mut list, None, |list| matches!(list.phase, Phase::Down(_)));
        let Phase::Down(status) = list.phase else { unreachable!("waited for without a deadline") };
        drop(list);
        if status.code().is_some() { Ok(status) } else { Err(shutdown::down(kernel, status)) }
    }

    /// Shuts the runtime down: nobody is admitted any more, every process but init gets SIGTERM, and SIGKILL when the
    /// grace is over; then all are reaped, init ends, and the threads.
    ///
    /// LWPs that come to no checkpoint cannot be stopped: they are waited for no longer than a second beyond the grace,
    /// and named in the report. The statuses of children whose handles live are kept for them.
    ///
    /// # Errors
    /// - EDEADLK: the caller is an LWP of this runtime.
    /// - EAGAIN: another shutdown is under way.
    /// - ESHUTDOWN: init has ended already; the error names its status.
    pub fn shutdown(&self, grace: Duration) -> Result<ShutdownReport> {
        self.refuse_inside("a process that shuts its own runtime down")?;
        let kernel = self.kernel();
        match shutdown::run(kernel, grace) {
            Ok(report) => {
                self.handle.stopped.store(true, Ordering::Relaxed);
                Ok(report)
            }
            Err(Error::InitEnded { status }) => {
                host::settle(kernel);
                if !self.handle.stopped.swap(true, Ordering::Relaxed) {
                    shutdown::stop_threads(kernel, 0);
                }
                Err(shutdown::down(kernel, status))
            }
            Err(other) => Err(other),
        }
    }

    /// How the shutdown went that a signal of the host has begun ([`Builder::host_signals`]); `None` if none has. Waits for
    /// its end.
    ///
    /// # Errors
    /// - EDEADLK: the caller is an LWP of this runtime.
    pub fn host_shutdown(&self) -> Result<Option<HostShutdown>> {
        self.refuse_inside("a process that waits for the end of its runtime")?;
        Ok(host::ended(self.kernel()))
    }

    /// What became of the accounting records so far; `None` if the runtime was booted without a sink. After a shutdown these are
    /// the final counts.
    pub fn accounting(&self) -> Option<accounting::Stats> {
        self.kernel().accounting.as_ref().map(Accounting::stats)
    }

    /// What the runtime holds.
    pub fn stats(&self) -> Stats {
        let kernel = self.kernel();
        let (idle_threads, queued_starts) = {
            let starts = kernel.starts.lock();
            (starts.resting(), starts.queued())
        };
        let list = kernel.lock();
        Stats {
            processes: list.tree.len(),
            zombies: list.tree.zombies(),
            lwps: list.admission.reserved(),
            lwp_capacity: list.admission.capacity(),
            threads: kernel.threads.count(),
            idle_threads,
            queued_starts,
            pids_in_use: kernel.pids.used(),
            spawned: list.spawned,
            reaped: list.reaped,
        }
    }

    pub(crate) fn of(handle: Handle) -> Runtime {
        Runtime { handle: Arc::new(handle) }
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        &self.handle.kernel
    }

    fn init(&self) -> Result<(Arc<Proc>, NodeRef)> {
        let kernel = self.kernel();
        let list = kernel.lock();
        if let Err(error) = list.admits() {
            drop(list);
            return Err(match error {
                Error::InitEnded { status } => shutdown::down(kernel, status),
                other => other,
            });
        }
        let node = list.init.ok_or(Error::NotAProcess)?;
        let record = list.tree.record(node).map(Arc::clone).ok_or(Error::NotAProcess)?;
        Ok((record, node))
    }

    fn down_or(&self, other: Error) -> Error {
        let phase = self.kernel().lock().phase;
        if let Phase::Down(status) = phase { shutdown::down(self.kernel(), status) } else { other }
    }

    fn refuse_inside(&self, what: &'static str) -> Result<()> {
        let inside =
            worker::current().is_some_and(|process| Arc::ptr_eq(&process.worker.kernel, self.kernel()));
        if inside { Err(Error::Deadlock { what }) } else { Ok(()) }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("stats", &self.stats()).finish()
    }
}
