//! Processes of the host that do nothing: what a life and a kill cost there, for whoever compares.
#![allow(unsafe_code, reason = "fork, kill and waitpid")]

use std::io;
use std::ptr;

/// A child of this OS process. Dropped before it was waited for, it is killed and reaped.
#[derive(Debug)]
pub struct HostChild {
    pid: libc::pid_t,
}

/// What the child does.
#[derive(Clone, Copy)]
enum Deed {
    End,
    Pause,
}

impl HostChild {
    /// Forks a child that ends at once.
    ///
    /// # Errors
    /// What the host says: EAGAIN at its limit of processes, ENOMEM.
    ///
    /// ```
    /// greenproc_os::host_fork::HostChild::ending()?.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "fork")]
    pub fn ending() -> io::Result<HostChild> {
        fork(Deed::End)
    }

    /// Forks a child that sleeps until it is killed, at the latest when the thread that called this ends.
    ///
    /// # Errors
    /// As [`ending`](HostChild::ending).
    ///
    /// ```
    /// let child = greenproc_os::host_fork::HostChild::pausing()?;
    /// child.kill()?;
    /// child.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pausing() -> io::Result<HostChild> {
        fork(Deed::Pause)
    }

    /// Sends it SIGKILL.
    ///
    /// # Errors
    /// None that can happen: the number is the child's until somebody has waited for it.
    pub fn kill(&self) -> io::Result<()> {
        // SAFETY: the child was not waited for, so its number means it and nobody else.
        if unsafe { libc::kill(self.pid, libc::SIGKILL) } == -1 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// ECHILD: something else in this OS process has waited for it.
    pub fn wait(self) -> io::Result<()> {
        let ended = wait_for(self.pid);
        std::mem::forget(self);
        ended
    }
}

impl Drop for HostChild {
    fn drop(&mut self) {
        // What fails here fails because somebody else has waited.
        let _ = self.kill();
        let _ = wait_for(self.pid);
    }
}

fn fork(deed: Deed) -> io::Result<HostChild> {
    // SAFETY: other threads of this process exist, and may hold any lock at the moment of the fork. The child has a copy
    // of this thread only, and calls nothing but `prctl`, `pause` and `_exit`: plain system calls that take no lock and
    // allocate nothing. It never returns into code of ours.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            if let Deed::Pause = deed {
                // SAFETY: as above; the arguments are numbers.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                loop {
                    // SAFETY: as above. It returns when a handler ran that the child has inherited.
                    unsafe { libc::pause() };
                }
            }
            // SAFETY: ends the child on the spot; no destructor and no atexit handler of the copied state runs.
            unsafe { libc::_exit(0) }
        }
        pid => Ok(HostChild { pid }),
    }
}

fn wait_for(pid: libc::pid_t) -> io::Result<()> {
    loop {
        // SAFETY: a null status pointer is allowed and means that the status is not wanted.
        if unsafe { libc::waitpid(pid, ptr::null_mut(), 0) } != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_gone_when_it_was_waited_for() {
        let child = HostChild::ending().unwrap();
        let pid = child.pid;
        child.wait().unwrap();
        assert_eq!(wait_for(pid).unwrap_err().raw_os_error(), Some(libc::ECHILD));
    }

    #[test]
    fn a_child_that_is_dropped_is_killed_and_reaped() {
        let pid = HostChild::pausing().unwrap().pid;
        assert_eq!(wait_for(pid).unwrap_err().raw_os_error(), Some(libc::ECHILD));
    }
}
