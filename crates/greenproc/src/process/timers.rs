//! Timers of the process.

use std::time::Duration;

use crate::call::{Call, args};
use crate::error::Result;
use crate::process::Process;
use crate::timers::{Timer, TimerSetting};

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
        self.gate(Call::Alarm, || args![after], || self.set_timer(Timer::Real, setting))
            .map(|former| former.value)
    }

    /// Sends the process SIGALRM or SIGPROF after `value`, and then every `interval`; returns the setting before. There is one
    /// such timer for each clock; that of [`Timer::Real`] is the one that [`alarm`](Process::alarm) sets. Expiries that find
    /// the signal pending still coalesce.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `setitimer`, row 15 of the kernel map.
    pub fn setitimer(&self, timer: Timer, setting: TimerSetting) -> Result<TimerSetting> {
        self.gate(
            Call::Setitimer,
            || args![setting.value, setting.interval],
            || self.set_timer(timer, setting),
        )
    }

    fn set_timer(&self, timer: Timer, setting: TimerSetting) -> Result<TimerSetting> {
        self.check_live()?;
        let used = self.used_by(timer);
        let keeper = &self.worker.kernel.timekeeper;
        let mut state = self.record.state.lock();
        if state.life.begin_exit().is_none() {
            return Ok(TimerSetting::default());
        }
        let timers = state.timers.get_or_insert_default();
        match timer {
            Timer::Real => {
                let former = timers.setting();
                let armed = timers.set(setting);
                drop(state);
                if let Some((due, generation)) = armed {
                    keeper.alarm(&self.record, due, generation);
                }
                Ok(former)
            }
            Timer::Cpu => {
                let former = timers.cpu_setting(used);
                let armed = timers.set_cpu(setting, used);
                drop(state);
                if let Some(generation) = armed {
                    keeper.cpu_alarm(&self.record, generation);
                }
                Ok(former)
            }
        }
    }

    /// What is left of a timer.
    ///
    /// Source: POSIX `getitimer`.
    pub fn getitimer(&self, timer: Timer) -> TimerSetting {
        self.gate_sure(
            Call::Getitimer,
            || args![],
            |_| 0,
            || {
                let used = self.used_by(timer);
                let state = self.record.state.lock();
                let setting = state.timers.as_ref().map(|timers| match timer {
                    Timer::Real => timers.setting(),
                    Timer::Cpu => timers.cpu_setting(used),
                });
                setting.unwrap_or_default()
            },
        )
    }

    /// What the clock of a timer shows, where the timer itself cannot read it.
    fn used_by(&self, timer: Timer) -> Duration {
        match timer {
            Timer::Real => Duration::ZERO,
            Timer::Cpu => crate::inspect::usage_now(&self.record).total(),
        }
    }
}
