//! One piece of work: where it is, and who waits for it.

use std::fmt;
use std::sync::Arc;

use greenproc_sync::{Mutex, time};

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::lwp::{Finality, Leaving};
use crate::pid::{LwpId, Pid};
use crate::proc::Nudges;
use crate::process::Process;
use crate::wait_queue::{WaitQueue, Waiter, wait_for};

/// Work that was handed to the pool by [`Process::aio`]. Dropping it lets the work go on; the result is dropped.
#[must_use = "wait for it, or cancel it"]
pub struct Aio<T> {
    job: Arc<Job>,
    result: Arc<Mutex<Leaf, Option<T>>>,
}

/// What came of a cancellation.
///
/// Source: POSIX `aio_cancel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AioCancel {
    /// It had not begun, and does not.
    #[doc(alias = "AIO_CANCELED")]
    Cancelled,
    /// It has begun: its LWP is made to leave, at its next checkpoint or out of its sleep. A wait says what came of it.
    #[doc(alias = "AIO_NOTCANCELED")]
    Asked,
    /// It was over.
    #[doc(alias = "AIO_ALLDONE")]
    AllDone,
}

pub(super) struct Job {
    of: Pid,
    state: Mutex<Leaf, State>,
}

struct State {
    phase: Phase,
    waiting: WaitQueue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running(LwpId),
    Done,
    Cancelled,
}

impl Job {
    pub(super) fn new(of: Pid) -> Job {
        Job { of, state: Mutex::new(State { phase: Phase::Waiting, waiting: WaitQueue::new() }) }
    }

    /// Whether the LWP may begin; it was cancelled otherwise.
    pub(super) fn begin(&self, by: LwpId) -> bool {
        let mut state = self.state.lock();
        let begins = state.phase == Phase::Waiting;
        if begins {
            state.phase = Phase::Running(by);
        }
        begins
    }

    /// The result is there.
    pub(super) fn finish(&self) {
        self.end(Phase::Done);
    }

    /// There will be no result, unless there is one.
    pub(super) fn cancel(&self) {
        self.end(Phase::Cancelled);
    }

    fn end(&self, phase: Phase) {
        let woken = {
            let mut state = self.state.lock();
            if !matches!(state.phase, Phase::Done | Phase::Cancelled) {
                state.phase = phase;
            }
            state.waiting.take_all()
        };
        woken.wake();
    }
}

impl<T> Aio<T> {
    pub(super) fn new(job: Arc<Job>, result: Arc<Mutex<Leaf, Option<T>>>) -> Aio<T> {
        Aio { job, result }
    }

    /// Waits until the work is over, and returns what it returned, once. `process` is the caller's own, which may be another
    /// one than the work's.
    ///
    /// A checkpoint: a request to end ends the wait. A result that is there beats a request.
    ///
    /// # Errors
    /// - ECANCELED: it was cancelled, or its LWP or its process left before it was done.
    /// - EDEADLK: it is the caller itself.
    /// - EINTR: a signal came first.
    /// - EINVAL: the result was taken before.
    /// - ESRCH: the `Process` was kept beyond its LWP's end.
    ///
    /// Source: POSIX `aio_suspend`, `aio_return`.
    #[track_caller]
    pub fn wait(&self, process: &Process) -> Result<T> {
        process.enter();
        process.gate(Call::AioSuspend, || args![], || self.await_result(process))
    }

    fn await_result(&self, process: &Process) -> Result<T> {
        process.check_live()?;
        let me = (self.job.of, Phase::Running(process.lwp));
        let attempt = |waiter: &Waiter| {
            let mut state = self.job.state.lock();
            let over = match state.phase {
                Phase::Done => Ok(()),
                Phase::Cancelled => Err(Error::Cancelled),
                phase if me == (process.record.pid, phase) => {
                    Err(Error::Deadlock { what: "work that waits for its own result" })
                }
                Phase::Waiting | Phase::Running(_) => {
                    state.waiting.join(waiter);
                    return None;
                }
            };
            state.waiting.leave(waiter);
            Some(over)
        };
        wait_for(Some(process), attempt, |waiter| self.job.state.lock().waiting.leave(waiter))??;
        self.take()
    }

    /// What the work returned, once, if it is over. From anywhere; no checkpoint.
    ///
    /// # Errors
    /// - EAGAIN: it is not over.
    /// - ECANCELED, EINVAL: as [`wait`](Aio::wait).
    ///
    /// Source: POSIX `aio_error`, `aio_return`.
    pub fn try_get(&self) -> Result<T> {
        let phase = self.job.state.lock().phase;
        match phase {
            Phase::Done => self.take(),
            Phase::Cancelled => Err(Error::Cancelled),
            Phase::Waiting | Phase::Running(_) => Err(Error::WouldBlock { what: "the work is not over" }),
        }
    }

    fn take(&self) -> Result<T> {
        self.result.lock().take().ok_or(Error::Invalid { what: "the result of this work was taken before" })
    }

    /// Cancels the work if it has not begun; else asks its LWP to leave, as [`exit_lwp`](Process::exit_lwp) in it would: it
    /// unwinds from its next checkpoint, or out of its sleep or host call. By an LWP of the same process.
    ///
    /// # Errors
    /// - ESRCH: `process` is another one, or was kept beyond its LWP's end.
    ///
    /// Source: POSIX `aio_cancel`.
    pub fn cancel(&self, process: &Process) -> Result<AioCancel> {
        process.gate(Call::AioCancel, || args![], || self.cancel_as(process))
    }

    fn cancel_as(&self, process: &Process) -> Result<AioCancel> {
        process.check_live()?;
        if process.record.pid != self.job.of {
            return Err(Error::NoProcess { pid: self.job.of.as_raw() });
        }
        if let Some(extras) = process.record.extras()
            && let Some(work) = extras.aio.take(&self.job)
        {
            work.cancel(process);
            return Ok(AioCancel::Cancelled);
        }
        let mut nudges = Nudges::new();
        let cancel = {
            // Who runs the work looks for this under the same lock, after it: it does not take the next one.
            let mut state = process.record.state.lock();
            let phase = self.job.state.lock().phase;
            match phase {
                Phase::Running(lwp) => {
                    if let Some(lwp) = state.lwp(lwp).filter(|lwp| lwp.leaving == Leaving::No) {
                        lwp.leaving = Leaving::ByItself;
                        nudges.push(lwp.interrupt(Finality::Final, time::now()));
                    }
                    AioCancel::Asked
                }
                // Taken out of the queue, and about to begin.
                Phase::Waiting => {
                    self.job.state.lock().phase = Phase::Cancelled;
                    AioCancel::Cancelled
                }
                Phase::Done | Phase::Cancelled => AioCancel::AllDone,
            }
        };
        process.worker.kernel.nudge(&process.record, nudges);
        if cancel == AioCancel::Cancelled {
            self.job.cancel();
        }
        Ok(cancel)
    }
}

impl<T> fmt::Debug for Aio<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aio").field("phase", &self.job.state.lock().phase).finish_non_exhaustive()
    }
}
