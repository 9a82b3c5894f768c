//! The end of a pipe that is written to.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::{Pipe, buffer};
use crate::call::{Call, args, count_value};
use crate::error::{Error, Result};
use crate::process::Process;
use crate::signal::Signal;
use crate::wait_queue::{Waiter, Wakeups, wait_for};
use crate::worker;

/// An end of a [`pipe`](crate::pipe) that is written to. A clone is another one.
///
/// It is [`io::Write`] as well, for code that is not handed a process; where both are in reach, that is
/// `Write::write(&mut writer, buf)`. Such a write is made by the calling LWP, or from outside any process, where
/// nobody interrupts it and EPIPE comes without a signal. To an LWP that has to end and cannot unwind (in a
/// destructor, in [`critical`](Process::critical)) its EINTR comes as [`io::ErrorKind::Other`], because the
/// standard library would write again for ever.
pub struct PipeWriter {
    pub(super) pipe: Arc<Pipe>,
}

/// What became of a write: how many bytes are in the pipe, and what kept the others out.
struct Sent {
    bytes: usize,
    result: Result<()>,
}

impl PipeWriter {
    /// Writes all of `buf`, and waits for room as long as it takes. `process` is the caller's own.
    ///
    /// Up to [`PIPE_BUF`](crate::PIPE_BUF) bytes come in one piece. More may be mixed with what others write, and if a
    /// signal comes or the last reader goes in the middle, the result is how many were written.
    ///
    /// A checkpoint: a request to end ends the wait; what was written stays written. If there is room, it is written,
    /// whatever is pending.
    ///
    /// # Errors
    /// - EPIPE: all readers are dropped. SIGPIPE is posted to the process, which ends of it here; the error is seen only
    ///   by one that does not.
    /// - EINTR: a signal came before any byte was written.
    /// - ESRCH: the `Process` was kept beyond its LWP's end.
    ///
    /// Source: POSIX `write`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// let (reader, writer) = greenproc::pipe();
    /// drop(reader);
    /// let status = runtime.run(Command::new("unread", move |p| writer.write(p, b"hello").map(drop)))?;
    /// assert_eq!(status.signal(), Some(Signal::PIPE));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn write(&self, process: &Process, buf: &[u8]) -> Result<usize> {
        process.enter();
        process.gate_value(
            Call::Write,
            || args![buf.len()],
            |&written| count_value(written),
            || {
                process.check_live()?;
                self.write_entered(process, buf)
            },
        )
    }

    /// The same, for a caller that has entered the process.
    #[track_caller]
    pub(crate) fn write_entered(&self, process: &Process, buf: &[u8]) -> Result<usize> {
        let sent = self.send(Some(process), buf);
        match sent.result {
            Err(error) if sent.bytes == 0 => Err(error),
            Ok(()) | Err(_) => Ok(sent.bytes),
        }
    }

    /// Writes all of `buf`, or fails. `process` is the caller's own.
    ///
    /// A checkpoint, as [`write`](PipeWriter::write).
    ///
    /// # Errors
    /// As [`write`](PipeWriter::write), but also if a part was written. Who needs to know how much calls `write`.
    #[track_caller]
    pub fn write_all(&self, process: &Process, buf: &[u8]) -> Result<()> {
        process.enter();
        process.gate(
            Call::Write,
            || args![buf.len()],
            || {
                process.check_live()?;
                self.send(Some(process), buf).result
            },
        )
    }

    /// Writes what there is room for, and does not wait: up to [`PIPE_BUF`](crate::PIPE_BUF) bytes all or none, of more
    /// what fits. No checkpoint, and no signal. From anywhere; in a process it is a call as [`write`](PipeWriter::write) is, to
    /// its policy and its tracer.
    ///
    /// # Errors
    /// - EAGAIN: there is no room.
    /// - EPIPE: all readers are dropped.
    ///
    /// Source: POSIX `write` with `O_NONBLOCK`.
    ///
    /// ```
    /// let (reader, writer) = greenproc::pipe();
    /// assert_eq!(writer.try_write(&[0; 70_000]).expect("room"), 65_536);
    /// assert_eq!(writer.try_write(b"more").expect_err("it is full").errno(), 11); // EAGAIN
    /// drop(reader);
    /// assert_eq!(writer.try_write(b"more").expect_err("nobody reads").errno(), 32); // EPIPE
    /// ```
    pub fn try_write(&self, buf: &[u8]) -> Result<usize> {
        match worker::current() {
            Some(process) => {
                let value = |&written: &usize| count_value(written);
                process.gate_value(Call::Write, || args![buf.len()], value, || self.write_now(buf))
            }
            None => self.write_now(buf),
        }
    }

    /// The same, for a caller that has entered the process.
    pub(crate) fn write_now(&self, buf: &[u8]) -> Result<usize> {
        match self.put(buf, None)? {
            0 if !buf.is_empty() => Err(Error::WouldBlock { what: "the pipe is full" }),
            count => Ok(count),
        }
    }

    /// How many bytes there is room for.
    pub fn available(&self) -> usize {
        self.pipe.state.lock().buffer.room()
    }

    #[track_caller]
    fn send(&self, process: Option<&Process>, buf: &[u8]) -> Sent {
        let mut bytes = 0;
        let attempt = |me: &Waiter| match self.put(&buf[bytes..], Some(me)) {
            Err(error) => Some(Err(error)),
            Ok(count) => {
                bytes += count;
                (bytes == buf.len()).then_some(Ok(()))
            }
        };
        let give_up = |me: &Waiter| self.pipe.state.lock().full.leave(me);
        let result = wait_for(process, attempt, give_up).flatten();
        if let (Err(Error::BrokenPipe), Some(process)) = (&result, process) {
            process.worker.kernel.post(&process.record, Signal::PIPE);
            process.checkpoint();
        }
        Sent { bytes, result }
    }

    /// Puts in what there is room for; if that is not all, `waiter` is in the queue. An empty write always succeeds.
    fn put(&self, buf: &[u8], waiter: Option<&Waiter>) -> Result<usize> {
        let (put, woken) = {
            let mut state = self.pipe.state.lock();
            let broken = state.readers == 0 && !buf.is_empty();
            let count = if broken { 0 } else { state.buffer.put(buf) };
            let rest = &buf[count..];
            if let Some(waiter) = waiter {
                if broken || rest.is_empty() {
                    state.full.leave(waiter);
                } else {
                    state.full.join(waiter);
                    state.wanted = state.wanted.min(buffer::wanted(rest));
                }
            }
            let woken = if count > 0 { state.empty.take_all() } else { Wakeups::default() };
            (if broken { Err(Error::BrokenPipe) } else { Ok(count) }, woken)
        };
        woken.wake();
        put
    }
}

impl Clone for PipeWriter {
    fn clone(&self) -> PipeWriter {
        self.pipe.state.lock().writers += 1;
        PipeWriter { pipe: Arc::clone(&self.pipe) }
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.pipe.state.lock();
            state.writers -= 1;
            if state.writers == 0 { state.empty.take_all() } else { Wakeups::default() }
        };
        woken.wake();
    }
}

impl io::Write for PipeWriter {
    #[track_caller]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut &*self, buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Write for &PipeWriter {
    #[track_caller]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let Some(process) = worker::current() {
            return PipeWriter::write(self, &process, buf).map_err(|error| process.host_error(error));
        }
        let sent = self.send(None, buf);
        match sent.result {
            Err(error) if sent.bytes == 0 => Err(error.into()),
            Ok(()) | Err(_) => Ok(sent.bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeWriter").field("available", &self.available()).finish_non_exhaustive()
    }
}
