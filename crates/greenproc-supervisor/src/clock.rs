//! The time that supervisors go by.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenproc::Mailbox;
use greenproc_sync::{Mutex, time};

use crate::driver::Message;
use crate::locks::Leaf;
use crate::reply::ask;

/// What a tree of supervisors takes for the time: the host's monotonic clock, or one that a test moves by hand.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    Host(Instant),
    Manual(ManualClock),
}

/// A clock that stands until somebody moves it: intensities, back-off, deadlines and watchdogs are tested without a sleep.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use greenproc::{Runtime, Signal};
/// use greenproc_supervisor::{ChildSpec, EventKind, Events, ManualClock, Supervisor};
/// use std::time::Duration;
/// let (clock, events) = (ManualClock::new(), Events::bounded(100));
/// let runtime = Runtime::boot()?;
/// let supervisor = Supervisor::new("root")
///     .clock(&clock)
///     .events(&events)
///     .child(ChildSpec::new("sleeper", |p| p.sleep(Duration::from_hours(1))))
///     .start(&runtime)?;
/// supervisor.child("sleeper")?.signal(Signal::KILL)?;
/// let wait = loop {
///     if let EventKind::Restarting { after, .. } = events.recv().expect("it goes on").kind {
///         break after;
///     }
/// };
/// assert!(supervisor.child("sleeper").is_err(), "it waits");
/// clock.advance(wait);
/// assert_eq!(supervisor.child("sleeper")?.incarnation(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ManualClock(Arc<Mutex<Leaf, Manual>>);

#[derive(Default)]
struct Manual {
    now: Duration,
    /// The supervisors that have to look when it moves.
    listeners: Vec<Mailbox<Message>>,
}

impl Clock {
    /// The host's, from now on.
    pub(crate) fn host() -> Clock {
        Clock(Kind::Host(time::now()))
    }

    /// How late it is.
    pub(crate) fn now(&self) -> Duration {
        match &self.0 {
            Kind::Host(begin) => time::now().saturating_duration_since(*begin),
            Kind::Manual(manual) => manual.now(),
        }
    }

    /// How long somebody may sleep who has to look at this time again; `None` if the clock itself will say.
    pub(crate) fn patience(&self, deadline: Duration) -> Option<Duration> {
        match &self.0 {
            Kind::Host(_) => Some(deadline.saturating_sub(self.now())),
            Kind::Manual(_) => None,
        }
    }

    /// The supervisor with this mailbox is told when the clock is moved by hand.
    pub(crate) fn listen(&self, listener: &Mailbox<Message>) {
        if let Kind::Manual(manual) = &self.0 {
            manual.0.lock().listeners.push(listener.clone());
        }
    }
}

impl ManualClock {
    /// One that stands at zero.
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// What it shows.
    pub fn now(&self) -> Duration {
        self.0.lock().now
    }

    /// Moves it, and returns when every supervisor that goes by it has done what it does at that time.
    pub fn advance(&self, time: Duration) {
        let listeners = {
            let mut manual = self.0.lock();
            manual.now += time;
            manual.listeners.clone()
        };
        for listener in listeners {
            // One that is gone has nothing to do.
            let _ = ask(&listener, Message::Tick);
        }
        self.0.lock().listeners.retain(|listener| !listener.is_closed());
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Clock {
        Clock(Kind::Manual(clock.clone()))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({:?})", self.now())
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({:?})", self.now())
    }
}
