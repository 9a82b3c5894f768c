//! Sleeps whose interlock is `p_smutex`.

use std::time::{Duration, Instant};

use greenproc_sync::time;

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::lwp::Place;
use crate::proc::{ProcState, Request};
use crate::process::Process;
use crate::process::request::Met;

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slept {
    /// What it was for is there.
    Done,
    TimedOut,
    Interrupted(Request),
}

impl Process {
    /// Sleeps for this long.
    ///
    /// A checkpoint: a request to end ends the sleep, and the LWP, at once.
    ///
    /// # Errors
    /// - EINTR: a handler ran, or SIGTERM came and the process is polite about it.
    ///
    /// Source: POSIX `nanosleep`.
    #[track_caller]
    pub fn sleep(&self, duration: Duration) -> Result<()> {
        self.enter();
        self.gate(
            Call::Nanosleep,
            || args![duration],
            || {
                self.check_live()?;
                let _doze = self.doze();
                let deadline = time::now().checked_add(duration);
                loop {
                    match self.sleep_until(deadline, |_| false) {
                        Slept::Done | Slept::TimedOut => {
                            self.come_back();
                            return Ok(());
                        }
                        // Only a stop leaves it asleep, for its full length.
                        Slept::Interrupted(request) => match self.meet(request) {
                            Met::Stood => {}
                            Met::Restart | Met::Interrupted => return Err(Error::Interrupted),
                        },
                    }
                }
            },
        )
    }

    /// Sleeps until `done`, looking at requests instead of sleeping, never after. The caller comes back from it when it has
    /// what it slept for ([`come_back`](Process::come_back)).
    pub(crate) fn sleep_until(
        &self,
        deadline: Option<Instant>,
        mut done: impl FnMut(&mut ProcState) -> bool,
    ) -> Slept {
        let seat = &self.worker.seat;
        let mut state = self.record.state.lock();
        loop {
            let over = deadline.is_some_and(|deadline| time::now() >= deadline);
            let slept = if done(&mut state) { Some(Slept::Done) } else { over.then_some(Slept::TimedOut) };
            if let Some(slept) = slept {
                return slept;
            }
            if let Some(request) = self.fall_asleep(&mut state, Place::Sleeping) {
                return Slept::Interrupted(request);
            }
            if planted!(self.worker.kernel, SleepWithoutLooking) {
                drop(state);
                state = self.record.state.lock();
            }
            match deadline {
                None => seat.sleep_cv.wait(&mut state),
                Some(deadline) => {
                    let _ = seat.sleep_cv.wait_until(&mut state, deadline);
                }
            }
            self.wake_up(&mut state);
        }
    }
}
