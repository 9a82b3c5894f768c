//! The end of a pipe that is read from.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::Pipe;
use crate::call::{Call, args, count_value};
use crate::error::{Error, Result};
use crate::process::Process;
use crate::wait_queue::{Waiter, Wakeups, wait_for};
use crate::worker;

/// An end of a [`pipe`](crate::pipe) that is read from. A clone is another one.
///
/// It is [`io::Read`] as well, for code that is not handed a process; where both are in reach, that is
/// `Read::read(&mut reader, buf)`. Such a read is made by the calling LWP, or from outside any process, where
/// nobody interrupts it. To an LWP that has to end and cannot unwind (in a destructor, in
/// [`critical`](Process::critical)) its EINTR comes as [`io::ErrorKind::Other`], because the standard library would
/// read again for ever.
pub struct PipeReader {
    pub(super) pipe: Arc<Pipe>,
}

impl PipeReader {
    /// Reads what is there, up to the length of `buf`; waits if nothing is there. `process` is the caller's own.
    ///
    /// Returns 0 at the end of the file: the pipe is empty and all writers are dropped. An empty `buf` gets 0 at once.
    ///
    /// A checkpoint: a request to end ends the wait. Bytes that are there beat a request.
    ///
    /// # Errors
    /// - EINTR: a signal came before any byte.
    /// - ESRCH: the `Process` was kept beyond its LWP's end.
    ///
    /// Source: POSIX `read`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let (reader, writer) = greenproc::pipe();
    /// let status = runtime.run(Command::new("reader", move |p| {
    ///     p.spawn(Command::new("writer", move |p| writer.write_all(p, b"seven")))?;
    ///     let mut count = 0;
    ///     let mut buf = [0; 3];
    ///     loop {
    ///         match reader.read(p, &mut buf)? {
    ///             0 => return greenproc::Result::Ok(assert_eq!(count, 5)),
    ///             read => count += read,
    ///         }
    ///     }
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn read(&self, process: &Process, buf: &mut [u8]) -> Result<usize> {
        process.enter();
        let length = buf.len();
        process.gate_value(
            Call::Read,
            || args![length],
            |&read| count_value(read),
            || {
                process.check_live()?;
                self.receive(Some(process), buf)
            },
        )
    }

    /// The same, for a caller that has entered the process.
    pub(crate) fn read_entered(&self, process: &Process, buf: &mut [u8]) -> Result<usize> {
        self.receive(Some(process), buf)
    }

    /// Reads what is there, and does not wait. No checkpoint. From anywhere; in a process it is a call as
    /// [`read`](PipeReader::read) is, to its policy and its tracer.
    ///
    /// Returns 0 at the end of the file, and for an empty `buf`.
    ///
    /// # Errors
    /// - EAGAIN: the pipe is empty, and there are writers.
    ///
    /// Source: POSIX `read` with `O_NONBLOCK`.
    ///
    /// ```
    /// let (reader, writer) = greenproc::pipe();
    /// assert_eq!(reader.try_read(&mut [0; 8]).expect_err("nothing is there").errno(), 11); // EAGAIN
    /// drop(writer);
    /// assert_eq!(reader.try_read(&mut [0; 8]).expect("the end"), 0);
    /// ```
    pub fn try_read(&self, buf: &mut [u8]) -> Result<usize> {
        match worker::current() {
            Some(process) => {
                let length = buf.len();
                let value = |&read: &usize| count_value(read);
                process.gate_value(Call::Read, || args![length], value, || self.read_now(buf))
            }
            None => self.read_now(buf),
        }
    }

    /// The same, for a caller that has entered the process.
    pub(crate) fn read_now(&self, buf: &mut [u8]) -> Result<usize> {
        self.take(buf, None).ok_or(Error::WouldBlock { what: "the pipe is empty" })
    }

    /// How many bytes can be read without waiting.
    ///
    /// Source: `ioctl(FIONREAD)`.
    pub fn available(&self) -> usize {
        self.pipe.state.lock().buffer.len()
    }

    fn receive(&self, process: Option<&Process>, buf: &mut [u8]) -> Result<usize> {
        let give_up = |me: &Waiter| self.pipe.state.lock().empty.leave(me);
        wait_for(process, |me| self.take(buf, Some(me)), give_up)
    }

    /// Takes what is there; `None` if the caller has to wait, then `waiter` is in the queue.
    fn take(&self, buf: &mut [u8], waiter: Option<&Waiter>) -> Option<usize> {
        let (taken, woken) = {
            let mut state = self.pipe.state.lock();
            let taken = state.buffer.take(buf);
            if taken == 0 && !buf.is_empty() && state.writers > 0 {
                if let Some(waiter) = waiter {
                    state.empty.join(waiter);
                }
                return None;
            }
            if let Some(waiter) = waiter {
                state.empty.leave(waiter);
            }
            (taken, state.room_came())
        };
        woken.wake();
        Some(taken)
    }
}

impl Clone for PipeReader {
    fn clone(&self) -> PipeReader {
        self.pipe.state.lock().readers += 1;
        PipeReader { pipe: Arc::clone(&self.pipe) }
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.pipe.state.lock();
            state.readers -= 1;
            if state.readers == 0 { state.full.take_all() } else { Wakeups::default() }
        };
        woken.wake();
    }
}

impl io::Read for PipeReader {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &*self, buf)
    }
}

impl io::Read for &PipeReader {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match worker::current() {
            Some(process) => PipeReader::read(self, &process, buf).map_err(|error| process.host_error(error)),
            None => Ok(self.receive(None, buf)?),
        }
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeReader").field("available", &self.available()).finish_non_exhaustive()
    }
}
