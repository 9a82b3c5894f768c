//! What a child of a supervisor is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use greenproc::{Command, Limits, Outcome, Process, ProcessGroup, Termination};

use crate::backoff::Backoff;
use crate::intensity::Intensity;
use crate::life::Life;
use crate::supervisor::Supervisor;
use crate::watchdog::Watchdog;

/// When a child that ended by itself is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// Unless it ended with success.
    Transient,
    /// Never. Its specification goes with it.
    Temporary,
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// SIGTERM, and after this time SIGKILL to it and all below it.
    Grace(Duration),
    /// SIGKILL at once, to it and all below it.
    Kill,
    /// SIGTERM, and as much time as it takes. What supervisors among the children have.
    Infinite,
}

impl Default for Shutdown {
    /// OTP's for workers: 5 s.
    fn default() -> Shutdown {
        Shutdown::Grace(Duration::from_secs(5))
    }
}

/// A child as data: what it runs, when it is started again, how it is stopped. It is checked before anything starts.
///
/// Every life of the child is a process of its own, a child of the supervisor's process, with a process group and a fresh native
/// thread. What a life has started and left behind is killed at its end.
///
/// ```
/// use greenproc_supervisor::{ChildSpec, Restart, Shutdown};
/// use std::time::Duration;
/// let spec = ChildSpec::new("cleaner", |p| p.sleep(Duration::from_hours(1)))
///     .restart(Restart::Transient)
///     .shutdown(Shutdown::Grace(Duration::from_secs(1)));
/// assert_eq!(spec.id(), "cleaner");
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until a supervisor has it"]
pub struct ChildSpec {
    pub(crate) id: Arc<str>,
    pub(crate) body: Body,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) significant: bool,
    pub(crate) ready_within: Option<Duration>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) intensity: Option<Intensity>,
    pub(crate) watchdog: Option<Watchdog>,
    limits: Option<Limits>,
    stack_size: Option<usize>,
    own_thread: bool,
}

type Run = dyn Fn(&Process, &Life) -> Outcome + Send + Sync;

#[derive(Clone)]
pub(crate) enum Body {
    /// Ready as soon as it runs.
    Plain(Arc<Run>),
    /// Says itself when it is ready.
    WithLife(Arc<Run>),
    Supervisor(Arc<Supervisor>),
}

impl ChildSpec {
    /// A child that is ready as soon as it runs.
    pub fn new<R: Termination>(
        id: impl Into<Arc<str>>,
        body: impl Fn(&Process) -> R + Send + Sync + 'static,
    ) -> ChildSpec {
        let run = move |process: &Process, _: &Life| body(process).report();
        ChildSpec::of(id.into(), Body::Plain(Arc::new(run)))
    }

    /// A child that says itself when it is ready ([`Life::ready`]), and that it is well ([`Life::beat`]). Its start has failed if
    /// it ends before that.
    ///
    /// ```
    /// use greenproc_supervisor::ChildSpec;
    /// use std::time::Duration;
    /// let server = ChildSpec::with_life("server", |p, life| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    ///     life.ready(); // who comes after it in the supervisor's list starts now
    ///     loop {
    ///         p.sleep(Duration::from_secs(1)).map_err(|error| error.to_string())?;
    ///         let _serve = &listener;
    ///     }
    ///     # #[allow(unreachable_code)]
    ///     Ok::<(), String>(())
    /// })
    /// .ready_within(Duration::from_secs(10));
    /// ```
    pub fn with_life<R: Termination>(
        id: impl Into<Arc<str>>,
        body: impl Fn(&Process, &Life) -> R + Send + Sync + 'static,
    ) -> ChildSpec {
        let run = move |process: &Process, life: &Life| body(process, life).report();
        ChildSpec::of(id.into(), Body::WithLife(Arc::new(run)))
    }

    /// A supervisor as a child. It is ready when all its children are, and stops as slowly as they do. It gives up with a
    /// failure, which this child's own supervisor treats as any other.
    pub fn supervisor(supervisor: Supervisor) -> ChildSpec {
        let id = Arc::clone(&supervisor.name);
        ChildSpec {
            shutdown: Shutdown::Infinite,
            ..ChildSpec::of(id, Body::Supervisor(Arc::new(supervisor)))
        }
    }

    fn of(id: Arc<str>, body: Body) -> ChildSpec {
        ChildSpec {
            id,
            body,
            restart: Restart::default(),
            shutdown: Shutdown::default(),
            significant: false,
            ready_within: None,
            backoff: None,
            intensity: None,
            watchdog: None,
            limits: None,
            stack_size: None,
            own_thread: true,
        }
    }

    /// When it is started again. The default is [`Permanent`](Restart::Permanent).
    pub fn restart(mut self, restart: Restart) -> ChildSpec {
        self.restart = restart;
        self
    }

    /// How it is stopped. The default is 5 s of grace, and for a supervisor as much time as it takes.
    pub fn shutdown(mut self, shutdown: Shutdown) -> ChildSpec {
        self.shutdown = shutdown;
        self
    }

    /// Its end for good may be that of its supervisor ([`AutoShutdown`](crate::AutoShutdown)).
    pub fn significant(mut self) -> ChildSpec {
        self.significant = true;
        self
    }

    /// How long it may take until it is ready; then its start has failed, and it is stopped. The default is for ever, as in OTP.
    pub fn ready_within(mut self, time: Duration) -> ChildSpec {
        self.ready_within = Some(time);
        self
    }

    /// How long it waits after a failure, if not as its supervisor says.
    pub fn backoff(mut self, backoff: Backoff) -> ChildSpec {
        self.backoff = Some(backoff);
        self
    }

    /// How many restarts of this one child are too many, besides what its supervisor allows for all.
    pub fn intensity(mut self, restarts: u32, period: Duration) -> ChildSpec {
        self.intensity = Some(Intensity { restarts, period });
        self
    }

    /// Looks whether it beats ([`Life::beat`]) once it is ready.
    pub fn watchdog(mut self, watchdog: Watchdog) -> ChildSpec {
        self.watchdog = Some(watchdog);
        self
    }

    /// What each of its lives may use.
    pub fn limits(mut self, limits: Limits) -> ChildSpec {
        self.limits = Some(limits);
        self
    }

    /// The size of its stack in bytes, if not the runtime's.
    pub fn stack_size(mut self, bytes: usize) -> ChildSpec {
        self.stack_size = Some(bytes);
        self
    }

    /// Its lives take threads that are there already, and leave them to others: cheaper, but what they left in thread-locals
    /// of the host stays ([`Command::own_thread`]).
    pub fn shared_thread(mut self) -> ChildSpec {
        self.own_thread = false;
        self
    }

    /// Its name among its supervisor's children.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is a supervisor.
    pub fn is_supervisor(&self) -> bool {
        matches!(self.body, Body::Supervisor(_))
    }

    /// The command of one life.
    pub(crate) fn command(&self, run: impl FnOnce(&Process) -> Outcome + Send + 'static) -> Command {
        // The supervisor's handlers are not for its children.
        let mut command =
            Command::new(self.id.to_string(), run).process_group(ProcessGroup::New).default_signal_actions();
        if let Some(limits) = &self.limits {
            command = command.limits(*limits);
        }
        if let Some(bytes) = self.stack_size {
            command = command.stack_size(bytes);
        }
        if self.own_thread { command.own_thread() } else { command }
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ChildSpec");
        out.field("id", &self.id);
        if let Body::Supervisor(supervisor) = &self.body {
            out.field("supervisor", supervisor);
        }
        out.field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .field("significant", &self.significant)
            .field("ready_within", &self.ready_within)
            .field("backoff", &self.backoff)
            .field("intensity", &self.intensity)
            .field("watchdog", &self.watchdog)
            .finish_non_exhaustive()
    }
}
