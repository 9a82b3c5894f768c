//! Two threads that hand over to each other through one futex: the floor for anything that sleeps until its peer is
//! done, and what a life would cost if each needed a wake-up there and one back.
#![allow(unsafe_code, reason = "the peer is the host's futex itself")]
#![allow(clippy::disallowed_methods, reason = "the partner is a plain thread, beside any runtime")]

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::contender::{Contender, Failure, Pattern};
use crate::stopwatch::Stopwatch;

const OURS: u32 = 0;
const PARTNERS: u32 = 1;
const OVER: u32 = 2;

/// A thread that gives every ball back.
pub(crate) struct FutexPingPong {
    turn: Arc<Turn>,
    partner: Option<JoinHandle<()>>,
}

impl FutexPingPong {
    pub(crate) fn start() -> FutexPingPong {
        let turn = Arc::new(Turn(AtomicU32::new(OURS)));
        let theirs = Arc::clone(&turn);
        let partner = thread::spawn(move || {
            while theirs.wait_while(OURS) != OVER {
                theirs.pass(OURS);
            }
        });
        FutexPingPong { turn, partner: Some(partner) }
    }
}

impl Contender for FutexPingPong {
    /// There is no batch of a hand-over: both patterns measure the same.
    fn live(&mut self, _: Pattern, lives: u32) -> Result<Duration, Failure> {
        let stopwatch = Stopwatch::start();
        for _ in 0..lives {
            self.turn.pass(PARTNERS);
            self.turn.wait_while(PARTNERS);
        }
        Ok(stopwatch.elapsed())
    }
}

impl Drop for FutexPingPong {
    fn drop(&mut self) {
        self.turn.pass(OVER);
        if let Some(partner) = self.partner.take() {
            // Its loop cannot panic, and a drop could not report it.
            let _ = partner.join();
        }
    }
}

/// Whose turn it is, on a word that the kernel can wait for.
struct Turn(AtomicU32);

impl Turn {
    /// Gives the turn away. Only who has it may do so, hence at most one thread ever sleeps here.
    fn pass(&self, to: u32) {
        self.0.store(to, Ordering::Release);
        // SAFETY: the address is that of a live, aligned u32, and FUTEX_WAKE reads no further argument.
        unsafe {
            libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1)
        };
    }

    /// Sleeps for as long as the turn is this one, and says which it is then.
    fn wait_while(&self, turn: u32) -> u32 {
        loop {
            let now = self.0.load(Ordering::Acquire);
            if now != turn {
                return now;
            }
            // SAFETY: as in `pass`; the kernel compares the word with `turn` before it sleeps, and a null time-out
            // means none. Whatever it returns (woken, changed, interrupted), the loop looks at the word again.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    self.0.as_ptr(),
                    libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                    turn,
                    ptr::null::<libc::timespec>(),
                )
            };
        }
    }
}
