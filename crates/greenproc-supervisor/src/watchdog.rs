//! Children that hang are noticed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// What is done about a child that does not beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSilence {
    /// An event says so, once for each interval.
    Report,
    /// It is killed, with all below it, and that is a failure like others.
    Kill,
    /// The whole host process is aborted, for something outside to start it anew: for code that nobody can stop.
    Abort,
}

/// A child has to call [`Life::beat`](crate::Life::beat) at least this often from when it is ready.
///
/// ```
/// use greenproc_supervisor::{OnSilence, Watchdog};
/// use std::time::Duration;
/// let watchdog = Watchdog { interval: Duration::from_secs(1), on_silence: OnSilence::Kill };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// The longest time between two beats.
    pub interval: Duration,
    /// What is done after it.
    pub on_silence: OnSilence,
}

/// When a life has beaten last, as the supervisor's clock says.
#[derive(Debug)]
pub(crate) struct Heart {
    clock: Clock,
    last_ns: AtomicU64,
}

impl Heart {
    pub(crate) fn new(clock: Clock) -> Heart {
        let heart = Heart { clock, last_ns: AtomicU64::new(0) };
        heart.beat();
        heart
    }

    pub(crate) fn beat(&self) {
        self.last_ns.store(self.clock.now().as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn last(&self) -> Duration {
        Duration::from_nanos(self.last_ns.load(Ordering::Relaxed))
    }
}
