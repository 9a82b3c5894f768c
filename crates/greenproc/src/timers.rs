//! Interval timers: when the next SIGALRM or SIGPROF is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greenproc_sync::time;

use crate::inspect::usage_now;
use crate::kernel::Kernel;
use crate::proc::Proc;
use crate::siginfo::{SigCode, SigInfo};
use crate::signal::Signal;

/// The timers of a process. Guarded by `p_smutex`; taken away when its end is decided (row 15).
#[derive(Default)]
pub(crate) struct Timers {
    real: Option<Armed>,
    cpu: Option<ArmedCpu>,
    /// Tells an expiry of a timer from one of the timer that was there before.
    generation: u64,
    cpu_generation: u64,
}

/// Which clock a timer goes by.
///
/// Source: POSIX `setitimer`. There is no `ITIMER_VIRTUAL`: how the time of an LWP that runs is split into user and system
/// time is not known (decision 26).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Time as it passes; SIGALRM.
    #[doc(alias = "ITIMER_REAL")]
    Real,
    /// CPU time of the process, all its LWPs together; SIGPROF. It is looked at every 10 ms, so it expires up to that much late.
    #[doc(alias = "ITIMER_PROF")]
    Cpu,
}

/// How often the CPU time of a process is looked at while it has a timer for it.
pub(crate) const CPU_TICK: Duration = Duration::from_millis(10);

/// By the CPU time of the process.
struct ArmedCpu {
    due: Duration,
    interval: Duration,
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
    /// What is left by the CPU clock, of a process that has used so much.
    pub(crate) fn cpu_setting(&self, used: Duration) -> TimerSetting {
        let Some(armed) = &self.cpu else { return TimerSetting::default() };
        let value = armed.due.saturating_sub(used).max(Duration::from_nanos(1));
        TimerSetting { value, interval: armed.interval }
    }

    /// Arms or disarms the timer for CPU time; with which generation the process is to be looked at.
    pub(crate) fn set_cpu(&mut self, setting: TimerSetting, used: Duration) -> Option<u64> {
        self.cpu_generation += 1;
        self.cpu = None;
        if setting.value.is_zero() {
            return None;
        }
        self.cpu = Some(ArmedCpu { due: used.checked_add(setting.value)?, interval: setting.interval });
        Some(self.cpu_generation)
    }

    /// Lets the timer for CPU time expire if that much was used; whether it has, and whether it is still armed. `None` if it
    /// was set anew.
    fn expire_cpu(&mut self, generation: u64, used: Duration) -> Option<(bool, bool)> {
        let armed = self.cpu.as_mut().filter(|_| generation == self.cpu_generation)?;
        if used < armed.due {
            return Some((false, true));
        }
        // As with the other timer: expiries that were missed would coalesce.
        let interval = armed.interval;
        match armed.due.checked_add(interval).filter(|_| !interval.is_zero()) {
            Some(next) => armed.due = next.max(used),
            None => self.cpu = None,
        }
        Some((true, self.cpu.is_some()))
    }

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
    let (expiry, posted) = observed(kernel, process, info.signal, || {
        let mut state = process.state.lock();
        let expiry = state.timers.as_mut().and_then(|timers| timers.expire(generation))?;
        #[cfg(feature = "racelab")]
        if planted!(kernel, AlarmByNumber) {
            drop(state);
            let whoever = kernel.find_live(process.pid).ok()?;
            let mut state = whoever.state.lock();
            return Some((expiry, whoever.post(&mut state, info, None, || false)));
        }
        // In the same hold: who takes the timer back and hears that nothing was left finds the signal there.
        Some((expiry, process.post(&mut state, info, None, || false)))
    })?;
    // A standard signal always finds room.
    if let Ok(posted) = posted {
        kernel.nudge(process, posted.nudges);
    }
    match expiry {
        Expiry::Last => None,
        Expiry::Again(due) => Some(due),
    }
}

/// Looks whether a process has used what its timer for CPU time was set to; whether it is to be looked at again.
pub(crate) fn expire_cpu(kernel: &Kernel, process: &Arc<Proc>, generation: u64) -> bool {
    let used = usage_now(process).total();
    let info = SigInfo { code: SigCode::Timer, ..SigInfo::of_runtime(Signal::PROF) };
    let mut armed = false;
    let posted = observed(kernel, process, info.signal, || {
        let mut state = process.state.lock();
        let (expired, again) = state.timers.as_mut()?.expire_cpu(generation, used)?;
        armed = again;
        expired.then(|| process.post(&mut state, info, None, || false))
    });
    // A standard signal always finds room.
    if let Some(Ok(posted)) = posted {
        kernel.nudge(process, posted.nudges);
    }
    armed
}

/// Posts a timer's signal, and tells those who watch the process in the same hold, so that its end cannot be told before
/// what ended it.
fn observed<T>(
    kernel: &Kernel,
    process: &Proc,
    signal: Signal,
    post: impl FnOnce() -> Option<T>,
) -> Option<T> {
    if !process.is_observed() {
        return post();
    }
    let mut list = kernel.lock();
    let posted = post();
    if posted.is_some() {
        kernel.note_signal(&mut list, process, signal);
    }
    posted
}
