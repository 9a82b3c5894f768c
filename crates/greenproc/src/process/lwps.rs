//! More LWPs for the process.

use std::fmt;
use std::sync::Arc;

use greenproc_os::clock::Moment;
use greenproc_sync::Mutex;

use crate::call::{Call, args};
use crate::command::Body;
use crate::error::{Error, Exhausted, Result};
use crate::locks::Leaf;
use crate::lwp::{Leaving, Lwp};
use crate::pid::LwpId;
use crate::proc::Proc;
use crate::proc::ProcState;
use crate::process::Process;
use crate::process::sleep::Slept;
use crate::status::ExitStatus;
use crate::termination::Outcome;
use crate::threads::{LwpStart, Start};

/// An LWP that was made by [`Process::spawn_lwp`]. Dropping it detaches the LWP.
#[must_use = "join it, or detach it"]
pub struct LwpHandle<T> {
    process: Arc<Proc>,
    id: LwpId,
    result: Arc<Mutex<Leaf, Option<T>>>,
}

/// Why a join has no result to give.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The LWP left by `exit_lwp`, so there is no value.
    #[error("the LWP left without a value")]
    Left,
    /// The join itself failed: EDEADLK for one's own LWP, ESRCH from another process, EINTR.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Process {
    /// Adds an LWP to the process: `body` runs on a native thread of its own, next to the caller.
    ///
    /// When the main LWP's body returns, or any LWP calls [`exit`](Process::exit), the others are made to leave. A panic in
    /// any of them is the process's SIGABRT.
    ///
    /// # Errors
    /// - ESRCH: the process is exiting or another body replaces its own, or this was kept beyond its LWP's end.
    /// - EAGAIN: no more native threads may be had, or the process has its limit of LWPs.
    ///
    /// Source: NetBSD `_lwp_create`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("two", |p| {
    ///     let half = p.spawn_lwp(|_| 20 + 1).expect("room for another LWP");
    ///     2 * half.join(p).expect("it returned")
    /// }))?;
    /// assert_eq!(status.code(), Some(42));
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn_lwp<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Process) -> T + Send + 'static,
    ) -> Result<LwpHandle<T>> {
        let value = |handle: &LwpHandle<T>| i64::from(handle.id.as_raw());
        self.gate_value(Call::LwpCreate, || args![], value, || self.make_lwp(body))
    }

    pub(crate) fn make_lwp<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Process) -> T + Send + 'static,
    ) -> Result<LwpHandle<T>> {
        self.check_live()?;
        let kernel = &self.worker.kernel;
        let record = &self.record;
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let body: Body = Box::new(move |process| {
            let value = body(process);
            let before = slot.lock().replace(value);
            drop(before);
            Outcome::from(ExitStatus::exited(0))
        });
        let mut list = kernel.lock();
        list.admission.reserve()?;
        let id = match self.add_lwp() {
            Ok(id) => id,
            Err(error) => {
                list.admission.release(1);
                // The body goes after the lock: its destructors are the user's.
                drop(list);
                return Err(error);
            }
        };
        let start = LwpStart { process: Arc::clone(record), lwp: id, body, queued: Moment::now() };
        drop(list);
        let call = kernel.starts.lock().push(record.class, Start::Lwp(start));
        kernel.answer(record.class, call);
        Ok(LwpHandle { process: Arc::clone(record), id, result })
    }

    /// Enters a new LWP into the list, unless the process has begun to exit, or an exec to replace its body: then none may come (mistake m).
    fn add_lwp(&self) -> Result<LwpId> {
        let mut state = self.record.state.lock();
        let replaced = state.lwp(self.lwp).is_none_or(|lwp| lwp.leaving == Leaving::Replaced);
        let exiting = state.life.begin_exit().is_none() && !planted!(self.worker.kernel, LatecomerStays);
        if replaced || exiting {
            return Err(Error::Exiting { pid: self.record.pid });
        }
        let limit = self.record.limits().lwps.map(|limit| limit as usize);
        if let Some(capacity) = limit.filter(|&limit| state.lwps.len() >= limit) {
            return Err(Exhausted::Lwps { capacity }.into());
        }
        let id = LwpId(state.next_lwp);
        state.next_lwp += 1;
        let mask = state.mask_of(self.lwp);
        state.lwps.push(Lwp::queued(id));
        state.set_mask(id, mask);
        Ok(id)
    }
}

impl<T> LwpHandle<T> {
    pub(crate) fn process(&self) -> &Arc<Proc> {
        &self.process
    }

    /// Which LWP it is.
    pub fn id(&self) -> LwpId {
        self.id
    }

    /// Waits for the LWP to end, and returns what its body returned. By an LWP of the same process.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// - [`Left`](JoinError::Left): it called `exit_lwp`.
    /// - EDEADLK: it is the caller itself.
    /// - ESRCH: `process` is another one.
    /// - EINTR: SIGTERM came first, and the process is polite about it. The LWP goes on, detached.
    ///
    /// Source: NetBSD `_lwp_wait`, POSIX `pthread_join`.
    #[track_caller]
    pub fn join(self, process: &Process) -> std::result::Result<T, JoinError> {
        process.enter();
        let id = self.id;
        process.gate_as(Call::LwpWait, || args![id], |_| 0, || self.join_as(process))
    }

    fn join_as(self, process: &Process) -> std::result::Result<T, JoinError> {
        process.check_live()?;
        if !Arc::ptr_eq(&process.record, &self.process) {
            return Err(Error::NoProcess { pid: self.process.pid.as_raw() }.into());
        }
        if process.lwp == self.id {
            return Err(Error::Deadlock { what: "an LWP that joins itself" }.into());
        }
        let _doze = process.doze();
        let id = self.id;
        let gone = |state: &mut ProcState| {
            let there = state.lwp(id).is_some();
            if let Some(me) = state.lwp(process.lwp) {
                me.need_extras().joining = there.then_some(id);
            }
            !there
        };
        while let Slept::Interrupted(request) = process.sleep_until(None, gone) {
            if let Some(me) = process.record.state.lock().lwp(process.lwp) {
                me.need_extras().joining = None;
            }
            process.meet(request).go_on()?;
        }
        process.come_back();
        self.result.lock().take().ok_or(JoinError::Left)
    }

    /// Lets the LWP go on by itself; what it returns is dropped.
    pub fn detach(self) {}
}

impl<T> fmt::Debug for LwpHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LwpHandle")
            .field("process", &self.process.pid)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
