//! Stop on exit (row 8): a process that is so marked stops once when its end is decided and its other LWPs have left, before
//! anything of it is taken down. Its parent, or its tracer, is told, with a status of that stop (mistake b), and can look at
//! it; then it is continued, or killed, and goes on with its exit. SIGKILL never stops (decision 9).

use greenproc_sync::atomic::{AtomicU8, Ordering};

use crate::call::{Call, args};
use crate::error::Result;
use crate::life::Life;
use crate::proc::ProcState;
use crate::process::Process;
use crate::signal::Signal;
use crate::standstill::Change;
use crate::status::ExitStatus;
use crate::trace::TraceOptions;

/// Whether a process stops on exit. Written by itself and by whoever kills it.
#[derive(Debug, Default)]
pub(crate) struct ExitStop(AtomicU8);

const WANTED: u8 = 1;
/// It was killed: nothing stops it.
const FORBIDDEN: u8 = 2;

impl ExitStop {
    pub(crate) fn want(&self, wanted: bool) {
        if wanted {
            self.0.fetch_or(WANTED, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!WANTED, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & WANTED != 0
    }

    /// SIGKILL is about to be posted. Before its `p_smutex` is taken: a process that looks later does not stop, and one that
    /// looked before is in its stop when the signal comes.
    pub(crate) fn forbid(&self) {
        self.0.fetch_or(FORBIDDEN, Ordering::Release);
    }

    fn is_forbidden(&self) -> bool {
        self.0.load(Ordering::Acquire) & FORBIDDEN != 0
    }
}

impl ProcState {
    /// Lets a process go on that stands on its way out.
    pub(crate) fn leave_exit_stop(&mut self) {
        self.life = self.life.resume_exit();
        let owner = self.exit_owner.and_then(|id| self.lwp(id));
        if let Some(seat) = owner.and_then(|lwp| lwp.seat.as_ref()) {
            seat.sleep_cv.notify_one();
        }
    }

    /// A signal comes to a process whose end is decided: SIGKILL, or SIGCONT if no tracer decides about that, ends its stop.
    pub(crate) fn post_to_dying(&mut self, signal: Signal) -> Option<Change> {
        if self.life != Life::ExitStop {
            return None;
        }
        match signal {
            Signal::KILL => {
                self.leave_exit_stop();
                None
            }
            Signal::CONT if !self.is_traced() => {
                self.leave_exit_stop();
                Some(Change::Continued)
            }
            _ => None,
        }
    }

    /// Stops on the way out, unless the process was killed. Which signal is told as that of the stop.
    fn begin_exit_stop(&mut self) -> Signal {
        self.life = self.life.stop_on_exit();
        let signal = if self.is_traced() { Signal::TRAP } else { Signal::STOP };
        self.stopped_by = Some(signal);
        signal
    }
}

impl Process {
    /// Has the process stop once when its end is decided, or not. Its other LWPs have left then, and nothing of it is taken
    /// down yet; its parent's wait with [`UNTRACED`](crate::WaitFlags::UNTRACED) finds it stopped by SIGSTOP. SIGCONT and
    /// SIGKILL let it go on with its end, which neither changes. Not inherited.
    ///
    /// For a look at a worker that fails, before all it had is gone.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: row 8 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal, WaitFlags, WaitFor};
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("parent", |p| {
    ///     let child = p.spawn(Command::new("child", |_| 7).stop_on_exit())?;
    ///     let stop = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED)?.expect("no NOHANG");
    ///     assert_eq!(stop.status.stopped_signal(), Some(Signal::STOP));
    ///     child.signal(Signal::CONT)?;
    ///     assert_eq!(child.wait()?.status.code(), Some(7));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_on_exit(&self, stop: bool) -> Result<()> {
        self.gate(
            Call::Prctl,
            || args!["stop on exit", stop],
            || {
                self.check_live()?;
                self.record.need_extras().exit_stop.want(stop);
                Ok(())
            },
        )
    }

    /// Stands still if the process is to stop here. The caller is its only LWP.
    pub(crate) fn stand_on_exit(&self) {
        let record = &self.record;
        let kernel = &self.worker.kernel;
        let killed = ExitStatus::killed(Signal::KILL);
        let mark = record.extras().map(|extras| &extras.exit_stop);
        let doze = self.doze();
        let mut list = kernel.lock();
        let stopped = {
            let mut state = record.state.lock();
            let traced = state.traced().is_some_and(|traced| traced.options.contains(TraceOptions::EXIT));
            let wanted = traced || mark.is_some_and(ExitStop::is_wanted);
            let was_killed = mark.is_some_and(ExitStop::is_forbidden)
                || state.end.as_ref().is_some_and(|end| end.status == killed);
            (wanted && !was_killed).then(|| state.begin_exit_stop())
        };
        let Some(signal) = stopped else { return };
        if !planted!(kernel, ExitStopUntold) {
            kernel.tell_change(&mut list, record, Change::Stopped(signal));
        }
        drop(list);
        let mut state = record.state.lock();
        while state.life == Life::ExitStop {
            self.worker.seat.sleep_cv.wait(&mut state);
        }
        drop(state);
        drop(doze);
    }
}
