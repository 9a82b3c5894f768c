//! A mutex whose waiters can be killed.

use std::fmt;
use std::ops::{Deref, DerefMut};

use greenproc_sync::{Mutex, TryMutex, TryMutexGuard};

use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::process::Process;
use crate::wait_queue::{WaitQueue, Waiter, wait_for};

/// A mutex between processes: an LWP that waits for it can be killed, which it cannot in a lock of the host or of
/// `parking_lot`.
///
/// It does not poison. What is changed under it is best changed inside [`Process::critical`], so that a kill finds it
/// whole.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, KillableMutex, Runtime, Signal};
/// use std::sync::Arc;
/// let runtime = Runtime::boot()?;
/// let lock = Arc::new(KillableMutex::new(0));
/// let theirs = Arc::clone(&lock);
/// runtime.run(Command::new("holder", move |p| {
///     let guard = theirs.lock(p)?;
///     let shared = Arc::clone(&theirs);
///     let waiter = p.spawn(Command::new("waiter", move |p| { *shared.lock(p)? += 1; greenproc::Result::Ok(()) }))?;
///     waiter.kill()?; // although it waits for the lock
///     assert_eq!(p.wait()?.status.signal(), Some(Signal::KILL));
///     drop(guard);
///     greenproc::Result::Ok(())
/// }))?;
/// # Ok(())
/// # }
/// ```
pub struct KillableMutex<T> {
    /// Who holds it and who waits. Both sides look under this lock: a waiter tries `value` once more before it sleeps,
    /// and whoever lets go of `value` comes here afterwards, so no wake-up is lost.
    line: Mutex<Leaf, Line>,
    value: TryMutex<T>,
}

#[derive(Default)]
struct Line {
    holder: Option<Waiter>,
    /// One stays in the line until it has the lock or gives up.
    waiting: WaitQueue,
}

/// The lock is held as long as this lives.
#[must_use = "the lock is free again when this is dropped"]
pub struct KillableMutexGuard<'a, T> {
    lock: &'a KillableMutex<T>,
    /// `None` only while this is being dropped.
    value: Option<TryMutexGuard<'a, T>>,
}

impl<T> KillableMutex<T> {
    /// Makes one that nobody holds.
    pub const fn new(value: T) -> KillableMutex<T> {
        let line = Line { holder: None, waiting: WaitQueue::new() };
        KillableMutex { line: Mutex::new(line), value: TryMutex::new(value) }
    }

    /// Waits until nobody else holds the lock, and takes it. `process` is the caller's own.
    ///
    /// A checkpoint: a request to end ends the wait. A lock that is free beats a request.
    ///
    /// # Errors
    /// - EDEADLK: the calling LWP holds it already.
    /// - EINTR: SIGTERM came first, and the process is polite about it.
    /// - ESRCH: the `Process` was kept beyond its LWP's end.
    #[track_caller]
    pub fn lock(&self, process: &Process) -> Result<KillableMutexGuard<'_, T>> {
        process.enter();
        process.check_live()?;
        let attempt = |me: &Waiter| {
            let mut line = self.line.lock();
            if line.holder.as_ref() == Some(me) {
                return Some(Err(Error::Deadlock { what: "an LWP that locks what it holds" }));
            }
            let Some(value) = self.value.try_lock() else {
                line.waiting.join(me);
                return None;
            };
            line.waiting.leave(me);
            line.holder = Some(me.clone());
            Some(Ok(KillableMutexGuard { lock: self, value: Some(value) }))
        };
        let give_up = |me: &Waiter| {
            self.line.lock().waiting.leave(me);
            // A wake-up that was meant for this LWP goes to the next one.
            self.wake_first();
        };
        wait_for(Some(process), attempt, give_up)?
    }

    /// Takes the lock if nobody holds it. No checkpoint. From anywhere.
    pub fn try_lock(&self) -> Option<KillableMutexGuard<'_, T>> {
        let mut line = self.line.lock();
        let value = self.value.try_lock()?;
        line.holder = crate::worker::current().map(|process| Waiter::of(Some(&process)));
        Some(KillableMutexGuard { lock: self, value: Some(value) })
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// The value, without locking: nobody else has a reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Wakes the first in the line to try.
    fn wake_first(&self) {
        let first = self.line.lock().waiting.first();
        first.wake();
    }
}

impl<T> Deref for KillableMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("held until dropped")
    }
}

impl<T> DerefMut for KillableMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("held until dropped")
    }
}

impl<T> Drop for KillableMutexGuard<'_, T> {
    fn drop(&mut self) {
        let former = {
            let mut line = self.lock.line.lock();
            self.value = None;
            line.holder.take()
        };
        drop(former);
        self.lock.wake_first();
    }
}

impl<T> fmt::Debug for KillableMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KillableMutex").field(&self.value).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for KillableMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KillableMutexGuard").field(&**self).finish()
    }
}
