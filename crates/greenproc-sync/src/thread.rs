//! Native threads: where the runtime makes them and waits for their end.
//!
//! The threads themselves are those of [`greenproc_os::thread`]; they come through here because a controlled scheduler
//! has to know of a thread before it runs, and must not block in a join.

use std::time::Duration;

use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_os::thread::{Entry, NativeThread, Refused};

/// Starts `entry` on a native thread with this stack, open to this kick.
///
/// # Errors
/// [`Refused`], with the stack and the entry, if the host has no thread left.
///
/// ```
/// use greenproc_os::kick::Kick;
/// use greenproc_os::stack::Stack;
/// use greenproc_sync::thread;
///
/// let kick = Kick::install(Kick::default_signal()).expect("nobody else uses it");
/// let stack = Stack::map(65_536).expect("memory");
/// let started = thread::spawn(stack, &kick, Box::new(|| {})).expect("a thread");
/// assert!(thread::join(started).size() >= 65_536);
/// ```
pub fn spawn(stack: Stack, kick: &Kick, entry: Entry) -> Result<NativeThread, Refused> {
    NativeThread::spawn(stack, kick, entry)
}

/// Waits until a thread has ended, its thread-local destructors included, and returns its stack.
pub fn join(thread: NativeThread) -> Stack {
    thread.join()
}

/// [`join`] with a time-out.
///
/// # Errors
/// The thread itself, if it has not ended in time.
pub fn join_timeout(thread: NativeThread, timeout: Duration) -> Result<Stack, NativeThread> {
    thread.join_timeout(timeout)
}
