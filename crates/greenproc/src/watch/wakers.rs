//! Tasks to be woken when no lock is held: a waker is user code.

#[cfg(feature = "async")]
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "async")]
use std::task::Waker;

/// Who is to be woken when the lock is free again; nobody, without the feature `async`.
#[derive(Default)]
#[must_use = "whom nobody wakes sleeps for ever"]
pub(crate) struct Wakers {
    #[cfg(feature = "async")]
    wakers: Vec<Waker>,
}

#[cfg(feature = "async")]
impl Wakers {
    pub(crate) fn push(&mut self, waker: Waker) {
        self.wakers.push(waker);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// Wakes them, each isolated from the others' panics. Called without a lock.
    pub(crate) fn wake(self) {
        for waker in self.wakers {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                // Its destructor may panic as well, and nobody is there to be told.
                std::mem::forget(payload);
            }
        }
    }
}

#[cfg(not(feature = "async"))]
#[allow(clippy::unused_self, reason = "the same face with and without the feature")]
impl Wakers {
    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn wake(self) {}
}
