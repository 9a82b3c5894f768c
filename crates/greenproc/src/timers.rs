//! Interval timers: when the next SIGALRM is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greenproc_sync::time;

use crate::kernel::Kernel;
use crate::proc::Proc;
use crate::siginfo::{SigCode, SigInfo};
use crate::signal::Signal;

/// The timers of a process. Guarded by `p_smutex`; taken away when its end is decided (row 15).
#[derive(Default)]
pub(crate) struct Timers {
    real: Option<Armed>,
    /// Tells an expiry of a timer from one of the timer that was there before.
    generation: u64,
}

struct Armed {
    due: Instant,
    interval: Duration,
}

/// When a timer expires next, and then how often.
///
/// Source: POSIX `struct itimerval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerSetting {
    /// The time until it expires; zero: not at all.
    pub value: Duration,
    /// How long after each expiry comes the next; zero: that was the last.
    pub interval: Duration,
}

impl Timers {
    pub(crate) fn setting(&self) -> TimerSetting {
        let Some(armed) = &self.real else { return TimerSetting::default() };
        // What is due has not expired yet, so it has some time left.
        let value = armed.due.saturating_duration_since(time::now()).max(Duration::from_nanos(1));
        TimerSetting { value, interval: armed.interval }
    }

    /// Arms or disarms; when to come back, and with which generation.
    pub(crate) fn set(&mut self, setting: TimerSetting) -> Option<(Instant, u64)> {
        self.generation += 1;
        self.real = None;
        if setting.value.is_zero() {
            return None;
        }
        let due = time::now().checked_add(setting.value)?;
        self.real = Some(Armed { due, interval: setting.interval });
        Some((due, self.generation))
    }

    /// Lets the timer of this generation expire, unless it was set anew; it is armed again if it repeats.
    fn expire(&mut self, generation: u64) -> Option<Expiry> {
        let armed = self.real.as_mut().filter(|_| generation == self.generation)?;
        if armed.interval.is_zero() {
            self.real = None;
            return Some(Expiry::Last);
        }
        // Expiries that were missed are not made up for: they would coalesce.
        let now = time::now();
        let mut due = armed.due;
        while due <= now {
            let Some(next) = due.checked_add(armed.interval.max(SHORTEST)) else {
                // Beyond the clock's range: never.
                self.real = None;
                return Some(Expiry::Last);
            };
            due = next;
        }
        armed.due = due;
        Some(Expiry::Again(due))
    }
}

/// What comes after an expiry.
enum Expiry {
    Last,
    Again(Instant),
}

/// Timers repeat no faster.
const SHORTEST: Duration = Duration::from_micros(100);

/// A timer of the process may have expired. Returns when to come back.
pub(crate) fn expire(kernel: &Kernel, process: &Arc<Proc>, generation: u64) -> Option<Instant> {
    let info = SigInfo { code: SigCode::Timer, ..SigInfo::of_runtime(Signal::ALRM) };
    let (expiry, posted) = {
        let mut state = process.state.lock();
        let expiry = state.timers.as_mut().and_then(|timers| timers.expire(generation))?;
        // In the same hold: who takes the timer back and hears that nothing was left finds the signal there.
        (expiry, state.post(info, None, || false, time::now()))
    };
    // A standard signal always finds room.
    if let Ok(posted) = posted {
        kernel.nudge(process, posted.nudges);
    }
    match expiry {
        Expiry::Last => None,
        Expiry::Again(due) => Some(due),
    }
}
