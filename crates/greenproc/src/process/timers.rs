//! Timers of the process.

use std::time::Duration;

use crate::error::Result;
use crate::process::Process;
use crate::timers::TimerSetting;

impl Process {
    /// Sends the process SIGALRM after this time, in place of an alarm that was set before; zero only takes that back. What
    /// that one had left is returned, zero if there was none.
    ///
    /// Children do not inherit it; the end of the process takes it back.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `alarm`, row 15 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal};
    /// use std::time::Duration;
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("limited", |p| {
    ///     p.alarm(Duration::from_millis(1))?;
    ///     p.sleep(Duration::from_secs(3600))
    /// }))?;
    /// assert_eq!(status.signal(), Some(Signal::ALRM));
    /// # Ok(())
    /// # }
    /// ```
    pub fn alarm(&self, after: Duration) -> Result<Duration> {
        let setting = TimerSetting { value: after, interval: Duration::ZERO };
        self.setitimer(setting).map(|former| former.value)
    }

    /// Sends the process SIGALRM after `value`, and then every `interval`; returns the setting before. There is one such
    /// timer, which [`alarm`](Process::alarm) sets too. Expiries that find the signal pending still coalesce.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `setitimer(ITIMER_REAL)`.
    pub fn setitimer(&self, setting: TimerSetting) -> Result<TimerSetting> {
        self.check_live()?;
        let mut state = self.record.state.lock();
        if state.life.begin_exit().is_none() {
            return Ok(TimerSetting::default());
        }
        let timers = state.timers.get_or_insert_default();
        let former = timers.setting();
        let armed = timers.set(setting);
        drop(state);
        if let Some((due, generation)) = armed {
            self.worker.kernel.timekeeper.alarm(&self.record, due, generation);
        }
        Ok(former)
    }

    /// What is left of the timer that [`setitimer`](Process::setitimer) and [`alarm`](Process::alarm) set.
    ///
    /// Source: POSIX `getitimer(ITIMER_REAL)`.
    pub fn getitimer(&self) -> TimerSetting {
        self.record.state.lock().timers.as_ref().map(|timers| timers.setting()).unwrap_or_default()
    }
}
