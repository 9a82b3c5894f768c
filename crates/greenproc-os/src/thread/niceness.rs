//! How much of the CPU a thread leaves to others: Linux keeps that per thread.
#![allow(unsafe_code, reason = "getpriority and setpriority")]

use std::io;

use super::Tid;

/// The least and the most nice a thread can be.
pub const NICENESS: std::ops::RangeInclusive<i32> = -20..=19;

/// The niceness of a thread of this OS process. A new thread begins with that of the thread that makes it.
///
/// # Errors
/// ESRCH: there is no such thread.
///
/// ```
/// use greenproc_os::thread::{NICENESS, niceness, tid};
///
/// assert!(NICENESS.contains(&niceness(tid())?));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "getpriority")]
pub fn niceness(of: Tid) -> io::Result<i32> {
    // SAFETY: takes numbers only. The system call itself: it answers 20 less the niceness, so that no answer looks like an error.
    let answer = unsafe { libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, of.as_raw()) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(20 - answer as i32) }
}

/// Sets the niceness of a thread of this OS process; outside of [`NICENESS`] the nearest value is taken.
///
/// # Errors
/// - EACCES: it would be less nice than now, and the host does not permit that.
/// - ESRCH: there is no such thread.
#[doc(alias = "setpriority")]
pub fn set_niceness(of: Tid, niceness: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, of.as_raw() as libc::id_t, niceness) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::tid;
    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        let base = niceness(tid()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                set_niceness(tid(), base + 1).unwrap();
                assert_eq!(niceness(tid()).unwrap(), (base + 1).min(19));
                set_niceness(tid(), 100).unwrap();
                assert_eq!(niceness(tid()).unwrap(), 19);
            });
        });
        assert_eq!(niceness(tid()).unwrap(), base);
    }
}
