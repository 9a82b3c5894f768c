//! The kick: a signal whose only effect is that a system call of the thread it hits ends with `EINTR`.
//!
//! Its handler is empty and installed without `SA_RESTART`; a handler made with the usual crates would have
//! the kernel go on with the call instead. One kick may come too early, before the thread is in its system
//! call: who needs the thread out of it sends again until it is.
#![allow(unsafe_code, reason = "sigaction and tgkill")]

use std::error::Error;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use crate::thread::{FAULTS, Tid};

/// A kick signal, installed in this OS process for good.
///
/// ```
/// use greenproc_os::kick::{InstallError, Kick};
/// use greenproc_os::thread;
///
/// let kick = Kick::install(Kick::default_signal())?;
/// kick.send(thread::tid()).expect("the calling thread exists");
/// assert_eq!(Kick::install(9).unwrap_err(), InstallError::Invalid { signal: 9 });
/// # Ok::<(), InstallError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kick {
    signal: libc::c_int,
}

/// Why a signal cannot be the kick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallError {
    /// Somebody else uses the signal: it has a handler that is not ours, or is ignored.
    Foreign {
        /// The signal.
        signal: i32,
    },
    /// No such signal, or one that cannot or must not be handled: `SIGKILL`, `SIGSTOP`, a fault's, or one
    /// that the C library keeps for itself.
    Invalid {
        /// The number.
        signal: i32,
    },
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstallError::Foreign { signal } => {
                write!(f, "signal {signal} cannot be the kick: this OS process already uses it")
            }
            InstallError::Invalid { signal } => {
                write!(f, "signal {signal} cannot be the kick: it must be free to handle")
            }
        }
    }
}

impl Error for InstallError {}

impl Kick {
    /// Installs `signal` as a kick: once per OS process and signal, further calls find it installed.
    ///
    /// # Errors
    /// - [`InstallError::Foreign`]: the signal has a handler of somebody else's, or is ignored.
    /// - [`InstallError::Invalid`]: no such signal, `SIGKILL`, `SIGSTOP`, a synchronous fault signal (see
    ///   [`NativeThread::spawn`](crate::thread::NativeThread::spawn)), or one that the C library reserves.
    pub fn install(signal: i32) -> Result<Kick, InstallError> {
        if !can_be_kick(signal) {
            return Err(InstallError::Invalid { signal });
        }
        let invalid = InstallError::Invalid { signal };
        let before = exchange(signal, None).ok_or(invalid)?;
        let handler = match before.sa_sigaction {
            libc::SIG_DFL => exchange(signal, Some(&our_action())).ok_or(invalid)?,
            _ => before,
        };
        match handler.sa_sigaction {
            // What stood there at the exchange: nothing, or what another thread's `install` had put.
            libc::SIG_DFL => Ok(Kick { signal }),
            address if address == our_address() => Ok(Kick { signal }),
            _ => {
                if before.sa_sigaction == libc::SIG_DFL {
                    // Somebody was faster between the two calls: give it back.
                    exchange(signal, Some(&handler));
                }
                Err(InstallError::Foreign { signal })
            }
        }
    }

    /// The signal that is taken when nobody chooses: the ninth real-time signal, `SIGRTMIN` + 8.
    pub fn default_signal() -> i32 {
        libc::SIGRTMIN() + 8
    }

    /// The signal's number.
    pub fn signal(&self) -> i32 {
        self.signal
    }

    /// Sends the kick to the thread `tid` of this OS process.
    ///
    /// # Errors
    /// - `ESRCH`: there is no such thread any more.
    /// - `EAGAIN`: the user has too many real-time signals pending (`RLIMIT_SIGPENDING`); send again.
    #[doc(alias = "tgkill")]
    pub fn send(&self, tid: Tid) -> io::Result<()> {
        // SAFETY: getpid and tgkill touch no memory. The signal has a handler that does nothing, and the
        // thread is looked up among this OS process's own.
        let result = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid.as_raw(), self.signal) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

extern "C" fn on_kick(_signal: libc::c_int) {}

pub(crate) fn our_address() -> usize {
    let handler: extern "C" fn(libc::c_int) = on_kick;
    handler as *const () as usize
}

/// The empty handler, with no flag at all: above all no `SA_RESTART`.
fn our_action() -> libc::sigaction {
    // SAFETY: all zeros are a valid `sigaction`: no handler, no flags, an empty mask.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_sigaction = our_address();
    action
}

/// Gives `signal` the action `new`, if there is one, and returns the one it had; nothing if the host does not
/// let the signal be handled.
pub(crate) fn exchange(signal: libc::c_int, new: Option<&libc::sigaction>) -> Option<libc::sigaction> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `new` is null or a valid action: our empty handler, or what `sigaction` itself returned before.
    // `old` is room for one and valid as zeros.
    unsafe {
        let result = libc::sigaction(signal, new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr());
        (result == 0).then(|| old.assume_init())
    }
}

fn can_be_kick(signal: libc::c_int) -> bool {
    /// The first signal that is not one of the classic ones: from here to `SIGRTMIN` the C library keeps
    /// them.
    const FIRST_RESERVED: libc::c_int = 32;
    let exists =
        (1..FIRST_RESERVED).contains(&signal) || (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal);
    exists && !matches!(signal, libc::SIGKILL | libc::SIGSTOP) && !FAULTS.contains(&signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_signals_can_be_the_kick() {
        let cases = [
            (0, false),
            (-1, false),
            (libc::SIGHUP, true),
            (libc::SIGKILL, false),
            (libc::SIGUSR1, true),
            (libc::SIGSEGV, false),
            (libc::SIGABRT, false),
            (libc::SIGSTOP, false),
            (libc::SIGURG, true),
            (libc::SIGSYS, false),
            (32, false),
            (libc::SIGRTMIN() - 1, false),
            (libc::SIGRTMIN(), true),
            (Kick::default_signal(), true),
            (libc::SIGRTMAX(), true),
            (libc::SIGRTMAX() + 1, false),
            (i32::MAX, false),
            (i32::MIN, false),
        ];
        for (signal, expected) in cases {
            assert_eq!(can_be_kick(signal), expected, "signal {signal}");
        }
    }
}
