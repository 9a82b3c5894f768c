//! Sleeps whose interlock is `p_smutex`.

use std::time::{Duration, Instant};

use greenproc_sync::time;

use crate::error::Result;
use crate::lwp::Place;
use crate::proc::{ProcState, Request};
use crate::process::Process;

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
    /// - EINTR: SIGTERM came, and the process is polite about it.
    ///
    /// Source: POSIX `nanosleep`.
    #[track_caller]
    pub fn sleep(&self, duration: Duration) -> Result<()> {
        self.enter();
        self.check_live()?;
        let _doze = self.doze();
        match self.sleep_until(time::now().checked_add(duration), |_| false) {
            Slept::Done | Slept::TimedOut => Ok(()),
            Slept::Interrupted(request) => Err(self.meet(request)),
        }
    }

    /// Sleeps until `done`, looking at requests instead of sleeping, never after.
    pub(crate) fn sleep_until(
        &self,
        deadline: Option<Instant>,
        mut done: impl FnMut(&mut ProcState) -> bool,
    ) -> Slept {
        let seat = &self.worker.seat;
        let mut state = self.record.state.lock();
        loop {
            if done(&mut state) {
                return Slept::Done;
            }
            if deadline.is_some_and(|deadline| time::now() >= deadline) {
                return Slept::TimedOut;
            }
            if let Some(request) = self.fall_asleep(&mut state, Place::Sleeping) {
                return Slept::Interrupted(request);
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
