//! The event stream: what happens to processes, told to whoever subscribed.
//!
//! Events of the tree are put into the channels under `proclist_lock`, so every subscriber sees them in the order in
//! which they happened. A full channel never blocks the runtime: the event is dropped and counted.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};
use greenproc_sync::atomic::{AtomicU64, Ordering};

use crate::lwp::Place;
use crate::pid::{LwpId, Pid};
use crate::proc::Proc;
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::status::ExitStatus;

/// Something that happened to a process.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub time: Instant,
    /// To whom.
    pub pid: Pid,
    /// Its name.
    pub name: Cow<'static, str>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// It was made, by this parent.
    Spawned {
        /// Its parent.
        parent: Pid,
    },
    /// Its end was decided, and its other LWPs have left (row 14).
    Exiting,
    /// It became a zombie, or would have if its parent did not ignore its children.
    Exited {
        /// How it ended.
        status: ExitStatus,
    },
    /// Its exit signal was sent to this parent (row 41), or SIGCHLD to one that inherited its zombie (row 43).
    ExitSignal {
        /// The parent.
        to: Pid,
        /// What the signal carries.
        info: SigInfo,
    },
    /// It was waited for, or its parent ignores it: its pid is free again.
    Reaped,
    /// Its parent died, and it has another.
    Reparented {
        /// The new parent.
        to: Pid,
    },
    /// Another body has replaced its own, and it is called as that one from here on.
    Executed {
        /// What it was called.
        former: Cow<'static, str>,
    },
    /// It stopped.
    Stopped {
        /// Which signal stopped it.
        signal: Signal,
    },
    /// It goes on after a stop.
    Continued,
    /// A signal was posted to it.
    Signalled {
        /// The signal.
        signal: Signal,
    },
    /// It has to end and runs code that comes to no checkpoint: state D.
    Stuck(Stuck),
    /// The host had no thread for it within a second; it dies of SIGKILL.
    StartFailed,
    /// Its tracer has ended and did not say that it may run on: it was killed (decision 9).
    TraceeKilled {
        /// The tracer.
        tracer: Pid,
    },
    /// Something that it owned panicked when it was dropped.
    DropPanicked {
        /// The panic's message.
        message: String,
    },
    /// An exit hook of it, or its personality, panicked.
    HookPanicked {
        /// The panic's message.
        message: String,
    },
}

/// An LWP that cannot be stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Its process.
    pub pid: Pid,
    /// The name of its process.
    pub name: Cow<'static, str>,
    /// Which of its LWPs.
    pub lwp: LwpId,
    /// The native thread it runs on.
    pub tid: Option<i32>,
    /// Where in the program it last came to a checkpoint; `None` if it never did.
    pub last_checkpoint: Option<String>,
    /// Whether it is inside `Process::blocking`, in a host call that no kick ends.
    pub in_host_call: bool,
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} ({}), LWP {}", self.pid, self.name, self.lwp)?;
        if let Some(tid) = self.tid {
            write!(f, ", thread {tid}")?;
        }
        let place = if self.in_host_call { "in a host call" } else { "in code without a checkpoint" };
        match &self.last_checkpoint {
            Some(location) => write!(f, ": {place}, last checkpoint {location}"),
            None => write!(f, ": {place}, never came to a checkpoint"),
        }
    }
}

impl Stuck {
    /// The LWPs of a process that were asked to end and are not on their way.
    pub(crate) fn of(process: &Proc) -> Vec<Stuck> {
        let state = process.state.lock();
        let stuck = state.lwps.iter().filter(|lwp| lwp.asked_at().is_some());
        let stuck = stuck.filter(|lwp| matches!(lwp.place, Place::Running | Place::Blocking));
        stuck
            .map(|lwp| {
                let seat = lwp.seat.as_deref();
                Stuck {
                    pid: process.pid,
                    name: process.name().clone(),
                    lwp: lwp.id,
                    tid: seat.and_then(crate::lwp::Seat::tid).map(greenproc_os::thread::Tid::as_raw),
                    last_checkpoint: seat
                        .and_then(|seat| seat.checkpoint.load(Ordering::Relaxed))
                        .map(ToString::to_string),
                    in_host_call: lwp.place == Place::Blocking,
                }
            })
            .collect()
    }
}

bitflags::bitflags! {
    /// Which events a subscriber wants.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct EventFilter: u32 {
        /// [`EventKind::Spawned`].
        const SPAWNED = 1;
        /// [`EventKind::Exiting`].
        const EXITING = 1 << 1;
        /// [`EventKind::Exited`].
        const EXITED = 1 << 2;
        /// [`EventKind::ExitSignal`].
        const EXIT_SIGNAL = 1 << 3;
        /// [`EventKind::Reaped`].
        const REAPED = 1 << 4;
        /// [`EventKind::Reparented`].
        const REPARENTED = 1 << 5;
        /// [`EventKind::Signalled`].
        const SIGNALLED = 1 << 6;
        /// [`EventKind::Stuck`], [`EventKind::StartFailed`], [`EventKind::DropPanicked`] and [`EventKind::HookPanicked`].
        const TROUBLE = 1 << 7;
        /// [`EventKind::Stopped`] and [`EventKind::Continued`].
        const JOB_CONTROL = 1 << 8;
        /// [`EventKind::Executed`].
        const EXECUTED = 1 << 9;
        /// [`EventKind::TraceeKilled`].
        const TRACING = 1 << 10;
    }
}

impl EventKind {
    pub(crate) const fn filter(&self) -> EventFilter {
        match self {
            EventKind::Spawned { .. } => EventFilter::SPAWNED,
            EventKind::Exiting => EventFilter::EXITING,
            EventKind::Exited { .. } => EventFilter::EXITED,
            EventKind::ExitSignal { .. } => EventFilter::EXIT_SIGNAL,
            EventKind::Reaped => EventFilter::REAPED,
            EventKind::Reparented { .. } => EventFilter::REPARENTED,
            EventKind::Executed { .. } => EventFilter::EXECUTED,
            EventKind::Signalled { .. } => EventFilter::SIGNALLED,
            EventKind::Stopped { .. } | EventKind::Continued => EventFilter::JOB_CONTROL,
            EventKind::TraceeKilled { .. } => EventFilter::TRACING,
            EventKind::Stuck(_)
            | EventKind::StartFailed
            | EventKind::DropPanicked { .. }
            | EventKind::HookPanicked { .. } => EventFilter::TROUBLE,
        }
    }
}

/// Receives the events of a runtime: a crossbeam receiver, usable in `select!`.
///
/// It ends (its channel disconnects) when the runtime is down.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, EventFilter, Runtime};
/// let runtime = Runtime::boot()?;
/// let events = runtime.events(EventFilter::EXITED);
/// runtime.run(Command::new("short", |_| 7))?;
/// let event = events.recv().expect("the runtime is up");
/// assert_eq!(event.name, "short");
/// assert_eq!(events.dropped(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventStream {
    receiver: Receiver<Event>,
    dropped: Arc<AtomicU64>,
}

impl EventStream {
    /// How many events found this stream full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The stream of a runtime that is down.
    pub(crate) fn into_ended(self) -> EventStream {
        EventStream { receiver: crossbeam_channel::bounded(0).1, ..self }
    }
}

impl Deref for EventStream {
    type Target = Receiver<Event>;

    fn deref(&self) -> &Receiver<Event> {
        lab_touch!();
        &self.receiver
    }
}

/// How many events a stream holds before it drops new ones.
const STREAM_LENGTH: usize = 65_536;

/// What a process is called. An alias, as a borrowed one has to be cloned without becoming owned.
type Name = Cow<'static, str>;

struct Subscriber {
    sender: Sender<Event>,
    filter: EventFilter,
    dropped: Arc<AtomicU64>,
}

/// Who wants to be told. Guarded by `proclist_lock`.
#[derive(Default)]
pub(crate) struct Subscribers(Vec<Subscriber>);

impl Subscribers {
    pub(crate) fn subscribe(&mut self, filter: EventFilter) -> EventStream {
        let (sender, receiver) = crossbeam_channel::bounded(STREAM_LENGTH);
        let dropped = Arc::new(AtomicU64::new(0));
        self.0.push(Subscriber { sender, filter, dropped: Arc::clone(&dropped) });
        EventStream { receiver, dropped }
    }

    /// Whether anybody wants an event of these kinds.
    pub(crate) fn want(&self, kinds: EventFilter) -> bool {
        self.0.iter().any(|subscriber| subscriber.filter.intersects(kinds))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn tell(&mut self, pid: Pid, name: &Name, kind: EventKind) {
        if !self.0.is_empty() {
            self.tell_those(pid, name, kind);
        }
    }

    fn tell_those(&mut self, pid: Pid, name: &Name, kind: EventKind) {
        let wanted = kind.filter();
        if !self.want(wanted) {
            return;
        }
        lab_touch!();
        let event = Event { time: greenproc_sync::time::now(), pid, name: name.clone(), kind };
        self.0.retain(|subscriber| {
            if !subscriber.filter.intersects(wanted) {
                return true;
            }
            match subscriber.sender.try_send(event.clone()) {
                Ok(()) => true,
                Err(crossbeam_channel::TrySendError::Full(_)) => {
                    subscriber.dropped.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(crossbeam_channel::TrySendError::Disconnected(_)) => false,
            }
        });
    }

    /// Ends all streams.
    pub(crate) fn close(&mut self) {
        self.0.clear();
    }
}
