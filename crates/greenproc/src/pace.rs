//! How many threads of the default class are kept at work: as many as there are CPUs, while short lives keep them busy.
//!
//! A thread that finishes takes the next start without a wake-up, so one more thread than there are CPUs gains nothing but context switches. A call for one more is therefore
//! held back while that many LWPs run that do not sleep. It is made up for as soon as one of them is about to sleep, and by the timekeeper if the queue moves too slowly.

use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::Mutex;
use greenproc_sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::kernel::Kernel;
use crate::locks::StartQueue;
use crate::starts::{Call, ClassId, Starts};

/// How long a queue may move slowly before every start in it gets a thread of its own.
pub(crate) const LOOK_AFTER: Duration = Duration::from_micros(500);

/// Fewer starts taken than this in [`LOOK_AFTER`] is slow: the LWPs compute for long, or sleep where the runtime does not see it.
pub(crate) const SLOW: u64 = 16;

pub(crate) struct Pace {
    /// So many LWPs at work are enough.
    enough: u32,
    /// LWPs on threads of the class that sleep in a call of the runtime.
    dozing: AtomicU32,
    /// A call was held back. Set under the lock of the start queue, by whom counts the dozing afterwards; looked at by whoever is about to doze, after it has counted itself. One of the two sees the other.
    held_back: AtomicBool,
}

impl Pace {
    pub(crate) fn new(enough: u32) -> Pace {
        Pace { enough, dozing: AtomicU32::new(0), held_back: AtomicBool::new(false) }
    }

    /// Whether a call is to be held back, when so many LWPs have a thread; noted if so. Under the lock of the start queue.
    pub(crate) fn holds_back(&self, working: u32) -> bool {
        if self.is_short_of(working) {
            // Whoever is called calls for the next. Should that be held back, it is news: nobody looks after it any more.
            self.relent();
            return false;
        }
        if !self.held_back.load(Ordering::Relaxed) {
            self.held_back.store(true, Ordering::SeqCst);
            if self.is_short_of(working) {
                self.relent();
                return false;
            }
        }
        true
    }

    fn is_short_of(&self, working: u32) -> bool {
        working.saturating_sub(self.dozing.load(Ordering::SeqCst)) < self.enough
    }

    /// Nothing is held back any more. Under the lock of the start queue.
    pub(crate) fn relent(&self) {
        if self.held_back.load(Ordering::Relaxed) {
            self.held_back.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_holding_back(&self) -> bool {
        self.held_back.load(Ordering::SeqCst)
    }
}

/// Stands for an LWP that sleeps, or is about to.
pub(crate) struct Doze<'a>(Option<&'a Pace>);

impl<'a> Doze<'a> {
    /// Counts the caller. If a call was held back it is to be made up for, by [`Kernel::make_up_for`].
    pub(crate) fn begin(pace: Option<&'a Pace>) -> Doze<'a> {
        if let Some(pace) = pace {
            pace.dozing.fetch_add(1, Ordering::SeqCst);
        }
        Doze(pace)
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.0.is_some_and(Pace::is_holding_back)
    }

    /// The call to be made up for, if there is one.
    pub(crate) fn call<T>(&self, starts: &Mutex<StartQueue, Starts<T>>, class: ClassId) -> Call {
        if self.is_awaited() { starts.lock().resume(class) } else { Call::Nobody }
    }
}

impl Drop for Doze<'_> {
    fn drop(&mut self) {
        if let Some(pace) = self.0 {
            pace.dozing.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Kernel {
    /// Makes the call that was held back, now that somebody dozes. Called without a lock.
    pub(crate) fn make_up_for(self: &Arc<Kernel>, class: ClassId) {
        let call = self.starts.lock().resume(class);
        self.answer(class, call);
    }
}
