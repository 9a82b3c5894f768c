//! Work that a process hands to a pool of its own (row 11).
//!
//! The pool is made of LWPs of the process, so what runs there is the process's like anything else: it is killed, stopped,
//! counted and waited for with it. An LWP of the pool leaves when there is nothing to do; the thread cache makes that
//! cheap. Queue and jobs are leaves.

mod job;
mod pool;

pub use job::{Aio, AioCancel};
pub(crate) use pool::Pool;

use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::call::{Call, args, count_value};
use crate::error::Result;
use crate::process::Process;
use crate::siginfo::{SigCode, SigInfo};
use crate::signal::Signal;
use crate::target;

use job::Job;
use pool::Work;

impl Process {
    /// Hands work to a pool of LWPs of the process, and returns at once; the result is asked for later.
    ///
    /// For what blocks and may overlap: reading many files or sockets at once and collecting the answers, while the caller
    /// computes. Beside [`spawn_lwp`](Process::spawn_lwp) it has a bound, 16 LWPs at a time, beyond which work waits its turn
    /// in order; and work can be [cancelled](Aio::cancel).
    ///
    /// The work runs as an LWP of the process: `greenproc::current()` there is this process, a panic is its SIGABRT, and when
    /// it ends, work that waits is cancelled and what runs is made to leave like any LWP.
    ///
    /// # Errors
    /// - EAGAIN: no LWP of the pool is there, and none may be had; where a limit leaves room for one only, also while that one,
    ///   having done all, is leaving.
    /// - ESRCH: the process is exiting, or this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `aio_read`, row 11 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("overlaps", |p| {
    ///     let reads = ["Cargo.toml", "src/lib.rs"].map(|name| p.aio(move |_| std::fs::read(name)));
    ///     let mut bytes = 0;
    ///     for read in reads {
    ///         bytes += read?.wait(p)?.map_or(0, |file| file.len());
    ///     }
    ///     assert!(bytes > 0);
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn aio<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Process) -> T + Send + 'static,
    ) -> Result<Aio<T>> {
        self.gate(Call::Aio, || args![], || self.submit(work, |_| {}))
    }

    /// [`aio`](Process::aio) that sends the process a signal with a value when the work is done, with
    /// [`SigCode::AsyncIo`]: for a process that waits in `sigtimedwait`, or a handler. Work that was cancelled sends none.
    ///
    /// A real-time signal is queued for each; of others one is kept.
    ///
    /// # Errors
    /// As [`aio`](Process::aio).
    ///
    /// Source: POSIX `aio_sigevent`.
    pub fn aio_with_signal<T: Send + 'static>(
        &self,
        signal: Signal,
        value: i64,
        work: impl FnOnce(&Process) -> T + Send + 'static,
    ) -> Result<Aio<T>> {
        let done = move |process: &Process| {
            let me = Some(&process.record);
            let info = SigInfo { value, ..target::info_from(me, signal, SigCode::AsyncIo) };
            // A queue that is full loses the signal, as the host's would; the result is there all the same.
            let _ = target::send_info(&process.worker.kernel, me, &process.record, None, info);
        };
        self.gate(Call::Aio, || args![signal, value], || self.submit(work, done))
    }

    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Process) -> T + Send + 'static,
        done: impl FnOnce(&Process) + Send + 'static,
    ) -> Result<Aio<T>> {
        self.check_live()?;
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let job = Arc::new(Job::new(self.record.pid));
        let own = Arc::clone(&job);
        let run = Box::new(move |process: &Process| {
            let value = work(process);
            let before = slot.lock().replace(value);
            drop(before);
            own.finish();
            done(process);
        });
        self.enqueue(Work { job: Arc::clone(&job), run })?;
        Ok(Aio::new(job, result))
    }

    /// Cancels all work of the process that has not begun; returns how much that was.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `aio_cancel` without a request.
    pub fn aio_cancel(&self) -> Result<usize> {
        self.gate_value(
            Call::AioCancel,
            || args![],
            |&count| count_value(count),
            || {
                self.check_live()?;
                Ok(self.record.extras().map_or(0, |extras| extras.aio.cancel_waiting(self)))
            },
        )
    }
}
