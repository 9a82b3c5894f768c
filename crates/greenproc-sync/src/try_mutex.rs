//! A mutex that is only ever tried.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// A mutex without a way to wait for it, so that it can take no part in a deadlock and has no place in the lock order.
///
/// It holds the value of locks that are built on top, which queue their waiters themselves and whose guards users keep
/// for as long as they like.
///
/// ```
/// let value = greenproc_sync::TryMutex::new(1);
/// let guard = value.try_lock().expect("nobody holds it");
/// assert!(value.try_lock().is_none());
/// drop(guard);
/// assert_eq!(value.into_inner(), 1);
/// ```
pub struct TryMutex<T>(parking_lot::Mutex<T>);

/// The value is the holder's as long as this lives.
#[must_use = "the value is free again when this is dropped"]
pub struct TryMutexGuard<'a, T>(parking_lot::MutexGuard<'a, T>);

impl<T> TryMutex<T> {
    /// Makes one that nobody holds.
    pub const fn new(value: T) -> TryMutex<T> {
        TryMutex(parking_lot::Mutex::new(value))
    }

    /// Takes the value if nobody holds it.
    pub fn try_lock(&self) -> Option<TryMutexGuard<'_, T>> {
        self.0.try_lock().map(TryMutexGuard)
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// The value, without locking: nobody else has a reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> Deref for TryMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for TryMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> fmt::Debug for TryMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryMutex").field("held", &self.0.is_locked()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for TryMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
