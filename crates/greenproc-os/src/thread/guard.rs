//! Where the guard of the calling thread's stack is: what tells an overflow from any other fault.
//!
//! Written by the thread itself before its entry runs, read by the same thread in the fault handler. Atomic
//! only so that the compiler keeps the accesses; no other thread sees them.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::stack::Parts;

/// The guard of one stack, and the size of the stack above it, in addresses and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) low: usize,
    pub(crate) high: usize,
    pub(crate) stack_size: usize,
}

impl Guard {
    pub(crate) fn of(parts: &Parts) -> Guard {
        let low = parts.guard as usize;
        Guard { low, high: low + parts.guard_size, stack_size: parts.usable_size }
    }

    pub(crate) fn contains(&self, address: usize) -> bool {
        (self.low..self.high).contains(&address)
    }

    /// Makes this the guard of the calling thread.
    pub(crate) fn make_current(self) {
        CURRENT.with(|[low, high, stack_size]| {
            stack_size.store(self.stack_size, Relaxed);
            low.store(self.low, Relaxed);
            high.store(self.high, Relaxed);
        });
    }
}

thread_local! {
    /// Low, high, stack size. All zero, an empty guard, in threads that are not ours. Constant and without a
    /// destructor: readable in a signal handler.
    static CURRENT: [AtomicUsize; 3] =
        const { [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)] };
}

/// The guard of the calling thread; empty where the thread is not one of ours. Async-signal-safe.
pub(crate) fn current_guard() -> Guard {
    CURRENT.with(|[low, high, stack_size]| Guard {
        low: low.load(Relaxed),
        high: high.load(Relaxed),
        stack_size: stack_size.load(Relaxed),
    })
}
