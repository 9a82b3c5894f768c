//! One wake-up of another thread through a futex: how long until it runs.
#![allow(unsafe_code, reason = "the floor is the host's futex itself")]
#![allow(clippy::disallowed_methods, reason = "the sleeper is a plain thread, beside any runtime")]

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

const REST: u32 = 0;
const WAKE: u32 = 1;
const OVER: u32 = 2;

/// A thread that says when it woke up.
pub(crate) struct Wakeup {
    word: Arc<AtomicU32>,
    woken: Receiver<Instant>,
    sleeper: Option<JoinHandle<()>>,
}

impl Wakeup {
    pub(crate) fn start() -> Wakeup {
        let word = Arc::new(AtomicU32::new(REST));
        let (tell, woken) = unbounded();
        let theirs = Arc::clone(&word);
        let sleeper = thread::spawn(move || {
            loop {
                sleep_while_at_rest(&theirs);
                let now = Instant::now();
                if theirs.swap(REST, Ordering::AcqRel) == OVER || tell.send(now).is_err() {
                    return;
                }
            }
        });
        Wakeup { word, woken, sleeper: Some(sleeper) }
    }

    /// From before the wake-up to the first thing that the woken thread does.
    pub(crate) fn measure(&self) -> Duration {
        // It has told of the last time, and sleeps again after a moment.
        thread::sleep(Duration::from_micros(200));
        let begin = Instant::now();
        self.set(WAKE);
        self.woken.recv().map_or(Duration::ZERO, |end| end.saturating_duration_since(begin))
    }

    fn set(&self, state: u32) {
        self.word.store(state, Ordering::Release);
        // SAFETY: the address is that of a live, aligned u32, and FUTEX_WAKE reads no further argument.
        unsafe {
            libc::syscall(libc::SYS_futex, self.word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1)
        };
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        self.set(OVER);
        if let Some(sleeper) = self.sleeper.take() {
            // It cannot panic, and a drop could not report it.
            let _ = sleeper.join();
        }
    }
}

fn sleep_while_at_rest(word: &AtomicU32) {
    while word.load(Ordering::Acquire) == REST {
        // SAFETY: the word is live and aligned; the kernel compares it before it sleeps, and a null time-out means none.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                REST,
                ptr::null::<libc::timespec>(),
            )
        };
    }
}
