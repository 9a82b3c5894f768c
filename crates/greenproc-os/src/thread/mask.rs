//! The host's signal mask of a native thread: open to the kick and to its own faults, closed to the rest.
#![allow(unsafe_code, reason = "signal sets and pthread_sigmask")]

use std::mem::MaybeUninit;
use std::ptr;

use crate::kick::Kick;

/// Signals that the kernel raises in a thread for what the thread itself did. Blocked, they would end the OS
/// process without a word.
pub(crate) const FAULTS: [libc::c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];

/// The host's signal mask of native threads: the kick signal and the synchronous fault signals open, everything else
/// blocked.
#[derive(Clone, Copy)]
pub struct SignalMask(libc::sigset_t);

impl SignalMask {
    /// The mask that [`NativeThread::spawn`](super::NativeThread::spawn) gives with this kick.
    pub fn of_native_threads(kick: &Kick) -> SignalMask {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises the whole set before anything reads it. sigdelset changes only the set,
        // and every number is valid: the constants of the host, and one that `Kick::install` has checked.
        unsafe {
            libc::sigfillset(set.as_mut_ptr());
            for signal in FAULTS {
                libc::sigdelset(set.as_mut_ptr(), signal);
            }
            libc::sigdelset(set.as_mut_ptr(), kick.signal());
            SignalMask(set.assume_init())
        }
    }

    /// Gives the calling thread this mask: for a thread that ran foreign code, which may have left another one. Costs
    /// a system call.
    pub fn restore(&self) {
        // SAFETY: the set is initialised, SIG_SETMASK is a valid request, and the old mask is not asked for. The mask
        // of the calling thread alone changes; no memory does.
        let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
        debug_assert_eq!(result, 0, "pthread_sigmask");
    }

    pub(crate) fn as_set(&self) -> &libc::sigset_t {
        &self.0
    }
}

impl std::fmt::Debug for SignalMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignalMask")
    }
}

/// Gives the calling thread the mask `new` and returns the one it had.
pub(crate) fn exchange(new: &libc::sigset_t) -> libc::sigset_t {
    let mut old = MaybeUninit::uninit();
    // SAFETY: `new` is an initialised set, `old` is room for one, and SIG_SETMASK is a valid request, so the
    // call cannot fail and has written `old`. The mask of the calling thread alone changes; no memory does.
    unsafe {
        // Zeroed first, since glibc writes only the part of the set that the kernel knows.
        ptr::write_bytes(old.as_mut_ptr(), 0, 1);
        let result = libc::pthread_sigmask(libc::SIG_SETMASK, new, old.as_mut_ptr());
        debug_assert_eq!(result, 0, "pthread_sigmask");
        old.assume_init()
    }
}
