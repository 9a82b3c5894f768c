//! A host process for each life.
#![allow(unsafe_code, reason = "the peer is the host's fork itself")]

use std::io;
use std::ptr;
use std::time::Duration;

use crate::contender::{Contender, Failure, Pattern};
use crate::stopwatch::Stopwatch;

/// `fork`, `_exit` and `waitpid` for any child.
pub(crate) struct Fork;

impl Contender for Fork {
    fn live(&mut self, pattern: Pattern, lives: u32) -> Result<Duration, Failure> {
        let (at_a_time, batches) = pattern.batches(lives);
        let stopwatch = Stopwatch::start();
        for _ in 0..batches {
            for _ in 0..at_a_time {
                fork()?;
            }
            for _ in 0..at_a_time {
                wait()?;
            }
        }
        Ok(stopwatch.elapsed())
    }
}

/// Starts a child that ends at once.
fn fork() -> io::Result<()> {
    // SAFETY: other threads of this process exist, and may hold any lock at the moment of the fork. The child calls
    // nothing but `_exit`, which is async-signal-safe and takes none.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: ends the child on the spot; no destructor and no atexit handler of the copied state runs.
        0 => unsafe { libc::_exit(0) },
        _ => Ok(()),
    }
}

/// Waits for any child.
fn wait() -> io::Result<()> {
    loop {
        // SAFETY: a null status pointer is allowed and means that the status is not wanted.
        if unsafe { libc::waitpid(-1, ptr::null_mut(), 0) } != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
