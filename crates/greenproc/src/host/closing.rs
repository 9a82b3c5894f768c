//! The shutdown that a signal of the host begins, on a thread of its own: the dispatcher has to hear the second signal.

use std::sync::Arc;
use std::time::Duration;

use greenproc_os::stack::Stack;
use greenproc_os::thread::Entry;
use greenproc_sync::atomic::{AtomicBool, Ordering};
use greenproc_sync::thread;

use super::dispatcher;
use crate::kernel::Kernel;
use crate::shutdown::{self, ShutdownReport};
use crate::signal::Signal;

/// Longer than anybody waits; it can be added to the time.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 100);

/// That a signal of the host has shut a runtime down, and how it went.
#[derive(Clone, Debug)]
pub struct HostShutdown {
    /// The signal that began it.
    pub signal: Signal,
    /// How it went.
    pub report: ShutdownReport,
}

/// Whether a signal of the host has begun the shutdown.
#[derive(Debug, Default)]
pub(crate) enum HostEnd {
    #[default]
    No,
    UnderWay,
    Done(HostShutdown),
}

/// A thread that shuts a runtime down.
pub(super) struct Closer {
    thread: thread::Thread,
    done: Arc<AtomicBool>,
}

impl Closer {
    /// Joins the thread if it has done its work.
    pub(super) fn join_if_done(self) -> Option<Closer> {
        if !self.done.load(Ordering::Acquire) {
            return Some(self);
        }
        drop(thread::join(self.thread));
        None
    }
}

/// Begins the shutdown of a runtime, or ends the grace of the one that is under way. Called by the dispatcher.
pub(super) fn shut_down(kernel: Arc<Kernel>, signal: Signal, grace: Duration) -> Option<Closer> {
    let asked = {
        let mut list = kernel.lock();
        let Ok(asked) = shutdown::begin(&mut list) else {
            shutdown::hasten(&kernel, &mut list);
            return None;
        };
        list.host_end = HostEnd::UnderWay;
        asked
    };
    let done = Arc::<AtomicBool>::default();
    let is_done = Arc::clone(&done);
    let kick = kernel.kick;
    let stack = Stack::map(kernel.config.stack_size);
    let entry: Entry = Box::new(move || {
        let report = shutdown::finish(&kernel, asked, grace.min(LONGEST));
        kernel.lock().host_end = HostEnd::Done(HostShutdown { signal, report });
        kernel.quiet_cv.notify_all();
        drop(kernel);
        is_done.store(true, Ordering::Release);
        dispatcher::ring();
    });
    let Ok(stack) = stack else {
        entry();
        return None;
    };
    match thread::spawn(stack, &kick, entry) {
        Ok(thread) => Some(Closer { thread, done }),
        // No thread is left: the dispatcher lends itself, and hears nothing else meanwhile.
        Err(refused) => {
            (refused.entry)();
            None
        }
    }
}

/// Waits for the end of a shutdown that a signal of the host has begun, if one has.
pub(crate) fn settle(kernel: &Kernel) {
    let mut list = kernel.lock();
    kernel.wait_quiet(&mut list, None, |list| !matches!(list.host_end, HostEnd::UnderWay));
}

/// How a shutdown went that a signal of the host has begun; waits for its end.
pub(crate) fn ended(kernel: &Kernel) -> Option<HostShutdown> {
    settle(kernel);
    match &kernel.lock().host_end {
        HostEnd::Done(end) => Some(end.clone()),
        HostEnd::No | HostEnd::UnderWay => None,
    }
}
