//! A word that a thread can sleep on in the host's kernel.
#![allow(unsafe_code, reason = "the floor is the host's futex itself")]

use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

/// A word with one sleeper at most.
pub(crate) struct FutexWord(AtomicU32);

impl FutexWord {
    pub(crate) fn new(value: u32) -> FutexWord {
        FutexWord(AtomicU32::new(value))
    }

    /// Changes the word and wakes the sleeper.
    pub(crate) fn set(&self, value: u32) {
        self.0.store(value, Ordering::Release);
        // SAFETY: the address is that of a live, aligned u32, and FUTEX_WAKE reads no further argument.
        unsafe {
            libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1)
        };
    }

    /// Sleeps for as long as the word is this one, and says which it is then.
    pub(crate) fn wait_while(&self, value: u32) -> u32 {
        loop {
            let now = self.0.load(Ordering::Acquire);
            if now != value {
                return now;
            }
            // SAFETY: as in `set`; the kernel compares the word with `value` before it sleeps, and a null time-out
            // means none. Whatever it returns (woken, changed, interrupted), the loop looks at the word again.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    self.0.as_ptr(),
                    libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                    value,
                    ptr::null::<libc::timespec>(),
                )
            };
        }
    }
}
