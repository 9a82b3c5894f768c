//! What happens in a tree of supervisors, as it happens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use greenproc::{ExitReport, ExitStatus, Pid, Signal, Usage};

use crate::intensity::Intensity;
use crate::watchdog::OnSilence;

/// Something that happened to a child, or to a supervisor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// When, by the tree's clock, which began with the tree.
    pub at: Duration,
    /// To whom: the names from the root down, with slashes.
    pub path: Arc<str>,
    /// What.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A life of the child has begun.
    Started {
        /// Its process.
        pid: Pid,
        /// Which life: the first is 1.
        incarnation: u64,
    },
    /// The child is ready.
    Ready {
        /// Its process.
        pid: Pid,
        /// Which life.
        incarnation: u64,
        /// How long that took.
        took: Duration,
    },
    /// The child could not be started, or was not ready in time.
    StartFailed {
        /// Why.
        why: String,
    },
    /// A life of the child is over.
    Exited {
        /// Its process, which is gone.
        pid: Pid,
        /// Which life.
        incarnation: u64,
        /// How it ended.
        status: ExitStatus,
        /// What is known of a failure: the text of an error, or of a panic with its place.
        report: Option<Arc<ExitReport>>,
        /// What it had used.
        usage: Usage,
        /// Whether its supervisor had asked it to.
        asked: bool,
    },
    /// The child will be started again.
    Restarting {
        /// After this time.
        after: Duration,
        /// How many failures in a row this was.
        failures: u32,
    },
    /// The child is asked to end.
    Stopping {
        /// Its process.
        pid: Pid,
        /// With SIGTERM or SIGKILL.
        signal: Signal,
    },
    /// The child has not ended although it was asked to, for a long time; with SIGKILL: it comes to no checkpoint, and nobody can stop it.
    Stuck {
        /// Its process.
        pid: Pid,
        /// What it was asked with.
        signal: Signal,
    },
    /// The child has not beaten for its watchdog's interval.
    Silent {
        /// Its process.
        pid: Pid,
        /// When it beat last.
        since: Duration,
        /// What is done about it.
        then: OnSilence,
    },
    /// The supervisor gives up: its children were started again too often.
    GaveUp {
        /// Whose limit was exceeded by whom.
        child: Arc<str>,
        /// The limit.
        limit: Intensity,
    },
    /// The supervisor ends, because a significant child has.
    AutoShutdown {
        /// The child.
        child: Arc<str>,
    },
    /// All children of the supervisor are ready.
    Up,
    /// The supervisor has stopped its children, and ends.
    Down,
}

/// Where the events of a tree go: a queue of a fixed size. Nobody waits for room in it; what finds none is counted.
///
/// ```
/// use greenproc_supervisor::{Events, Supervisor};
/// let events = Events::bounded(1000);
/// let supervisor = Supervisor::new("root").events(&events);
/// assert_eq!(events.dropped(), 0);
/// ```
#[derive(Clone)]
pub struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    dropped: Arc<AtomicU64>,
}

impl Events {
    /// A queue for this many.
    pub fn bounded(events: usize) -> Events {
        let (sender, receiver) = bounded(events);
        Events { sender, receiver, dropped: Arc::default() }
    }

    /// Waits for the next. Never ends by itself: [`EventKind::Down`] of the root is the last of a tree. From a thread outside
    /// any process; inside, `p.recv(events.receiver())` can be killed.
    ///
    /// # Errors
    /// Never, as the queue holds an end of its own.
    pub fn recv(&self) -> Result<Event, crossbeam_channel::RecvError> {
        self.receiver.recv()
    }

    /// The next, if there is one.
    pub fn try_recv(&self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }

    /// For `select!`, and for [`Process::recv`](greenproc::Process::recv).
    pub fn receiver(&self) -> &Receiver<Event> {
        &self.receiver
    }

    /// How many found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, event: Event) {
        if self.sender.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events({} waiting, {} dropped)", self.receiver.len(), self.dropped())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Started { pid, incarnation: 1 } => write!(f, "started as {pid}"),
            EventKind::Started { pid, incarnation } => write!(f, "started as {pid}, life {incarnation}"),
            EventKind::Ready { took, .. } => write!(f, "ready after {took:?}"),
            EventKind::StartFailed { why } => write!(f, "failed to start: {why}"),
            EventKind::Exited { status, report, .. } => {
                write!(f, "ended: {status}")?;
                report.as_ref().map_or(Ok(()), |report| write!(f, " ({report})"))
            }
            EventKind::Restarting { after, failures } => {
                write!(f, "starts again in {after:?}, after {failures} failures in a row")
            }
            EventKind::Stopping { signal, .. } => write!(f, "is sent {signal}"),
            EventKind::Stuck { pid, signal } => {
                write!(f, "{pid} has not ended, although it was sent {signal}")
            }
            EventKind::Silent { pid, since, .. } => write!(f, "{pid} has not beaten since {since:?}"),
            EventKind::GaveUp { child, limit } => write!(
                f,
                "gives up: {child:?} failed, and {} restarts in {:?} are the limit",
                limit.restarts, limit.period
            ),
            EventKind::AutoShutdown { child } => write!(f, "ends, as {child:?} has"),
            EventKind::Up => f.write_str("is up"),
            EventKind::Down => f.write_str("is down"),
        }
    }
}
