//! How one thread lets another go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

/// Whether it is the turn of a thread. Waited for by that thread alone.
#[derive(Debug)]
pub(crate) struct Baton {
    turn: AtomicBool,
    thread: Thread,
}

impl Baton {
    /// The calling thread's.
    pub(crate) fn own() -> Baton {
        Baton { turn: AtomicBool::new(false), thread: std::thread::current() }
    }

    /// It is the thread's turn.
    pub(crate) fn pass(&self) {
        self.turn.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Waits until it is the calling thread's turn.
    pub(crate) fn wait(&self) {
        while !self.turn.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }
}
