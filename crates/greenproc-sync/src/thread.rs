//! Native threads: where the runtime makes them and waits for their end.
//!
//! The threads themselves are those of [`greenproc_os::thread`]; they come through here because a controlled scheduler
//! has to know of a thread before it runs, and must not block in a join.

use std::fmt;
use std::io;
use std::time::Duration;

use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_os::thread::{Entry, NativeThread, Refused};

#[cfg(feature = "racelab")]
use crate::lab;

/// A thread that runs, or has ended and was not joined yet.
pub struct Thread(Which);

enum Which {
    Native(NativeThread),
    /// One of a controlled scheduler's, which has a stack of its own: this one is only kept.
    #[cfg(feature = "racelab")]
    Controlled(lab::ThreadNo, Stack),
}

impl Thread {
    /// Whether the calling thread is this one.
    pub fn is_current(&self) -> bool {
        match &self.0 {
            Which::Native(thread) => thread.is_current(),
            #[cfg(feature = "racelab")]
            Which::Controlled(no, _) => lab::control().is_some_and(|control| control.me == *no),
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Which::Native(thread) => thread.fmt(f),
            #[cfg(feature = "racelab")]
            Which::Controlled(no, _) => f.debug_tuple("Controlled").field(no).finish(),
        }
    }
}

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
pub fn spawn(stack: Stack, kick: &Kick, entry: Entry) -> Result<Thread, Refused> {
    #[cfg(feature = "racelab")]
    if let Some(control) = lab::control() {
        return Ok(Thread(Which::Controlled(control.by.spawn(control.me, entry), stack)));
    }
    NativeThread::spawn(stack, kick, entry).map(|thread| Thread(Which::Native(thread)))
}

/// Starts `entry` on a thread that nobody waits for: the host takes back what it had when it has ended.
///
/// For what is to outlive everybody who could join it; all other threads are joined. It has what signals its maker has.
///
/// # Errors
/// The host has no thread left.
///
/// ```
/// use std::sync::mpsc::channel;
///
/// let (tell, told) = channel();
/// greenproc_sync::thread::detached("last", Box::new(move || tell.send(7).expect("somebody listens"))).expect("a thread");
/// assert_eq!(told.recv(), Ok(7));
/// ```
pub fn detached(name: &str, entry: Entry) -> io::Result<()> {
    #[cfg(feature = "racelab")]
    if let Some(control) = lab::control() {
        control.by.spawn(control.me, entry);
        return Ok(());
    }
    // Its stack is the host library's own, which alone can free it when the thread that ran on it is gone.
    std::thread::Builder::new().name(name.to_owned()).spawn(entry).map(drop)
}

/// Waits until a thread has ended, its thread-local destructors included, and returns its stack.
pub fn join(thread: Thread) -> Stack {
    match thread.0 {
        Which::Native(thread) => thread.join(),
        #[cfg(feature = "racelab")]
        Which::Controlled(no, stack) => {
            if let Some(control) = lab::control() {
                control.by.join(control.me, no, None);
            }
            stack
        }
    }
}

/// [`join`] with a time-out.
///
/// # Errors
/// The thread itself, if it has not ended in time.
pub fn join_timeout(thread: Thread, timeout: Duration) -> Result<Stack, Thread> {
    match thread.0 {
        Which::Native(thread) => thread.join_timeout(timeout).map_err(|thread| Thread(Which::Native(thread))),
        #[cfg(feature = "racelab")]
        Which::Controlled(no, stack) => match lab::control() {
            Some(control) if !control.by.join(control.me, no, Some(lab::after(timeout))) => {
                Err(Thread(Which::Controlled(no, stack)))
            }
            _ => Ok(stack),
        },
    }
}
