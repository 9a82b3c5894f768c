//! What can be read and written by number.

use std::any::Any;

use crate::error::{Error, Result};
use crate::process::Process;

/// Whether a read or a write may wait for the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It waits, and a request of the process's ends that.
    Allowed,
    /// It says EAGAIN instead.
    Refused,
}

/// Something of the user's that [`Process::read`] and [`Process::write`] can use: a device driver, as it were.
///
/// Pipes and terminals of the runtime and the host's files, sockets and pipes are streams already. A type that is one only
/// in a direction leaves the other out: that is EBADF.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Process, Result, Runtime, Stream, Waiting};
/// struct Zero;
/// impl Stream for Zero {
///     fn read(&self, _: &Process, buf: &mut [u8], _: Waiting) -> Result<usize> {
///         buf.fill(0);
///         Ok(buf.len())
///     }
/// }
/// let runtime = Runtime::boot()?;
/// let status = runtime.run(Command::new("reads zeros", |p| {
///     let zero = p.open_stream(Zero)?;
///     let mut buf = [1; 4];
///     assert_eq!((p.read(zero, &mut buf)?, buf), (4, [0; 4]));
///     assert_eq!(p.write(zero, b"x").expect_err("it cannot be written").errno(), 9); // EBADF
///     Result::Ok(())
/// }))?;
/// assert!(status.success());
/// # Ok(())
/// # }
/// ```
pub trait Stream: Any + Send + Sync {
    /// Reads into `buf` what is there, and returns how many bytes that was; 0 at the end.
    ///
    /// `process` is the caller's own, and has come through a checkpoint. Where `waiting` is allowed the wait should be one of
    /// the process's (`recv`, `blocking`), so that it can be killed.
    ///
    /// # Errors
    /// EBADF unless the type says otherwise.
    fn read(&self, process: &Process, buf: &mut [u8], waiting: Waiting) -> Result<usize> {
        let _ = (process, buf, waiting);
        Err(Error::WrongWay { what: "it is not open for reading" })
    }

    /// Writes `buf`, and returns how many bytes that was.
    ///
    /// # Errors
    /// EBADF unless the type says otherwise.
    fn write(&self, process: &Process, buf: &[u8], waiting: Waiting) -> Result<usize> {
        let _ = (process, buf, waiting);
        Err(Error::WrongWay { what: "it is not open for writing" })
    }

    /// Is told when [`Process::set_nonblocking`] changes the mode; for what has one of its own on the host.
    ///
    /// # Errors
    /// What it returns is returned, and the mode stays as it was.
    fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        let _ = nonblocking;
        Ok(())
    }
}
