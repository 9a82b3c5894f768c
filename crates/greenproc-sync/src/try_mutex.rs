//! A mutex that is only ever tried.

use std::fmt;
use std::ops::{Deref, DerefMut};

#[cfg(feature = "racelab")]
use crate::lab;

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
pub struct TryMutex<T> {
    value: parking_lot::Mutex<T>,
    #[cfg(feature = "racelab")]
    mark: lab::Mark,
}

/// The value is the holder's as long as this lives.
#[must_use = "the value is free again when this is dropped"]
pub struct TryMutexGuard<'a, T> {
    value: parking_lot::MutexGuard<'a, T>,
    #[cfg(feature = "racelab")]
    mark: &'a lab::Mark,
}

#[cfg(feature = "racelab")]
impl<T> Drop for TryMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.mark.touch(lab::Access::Write);
    }
}

impl<T> TryMutex<T> {
    /// Makes one that nobody holds.
    #[cfg_attr(feature = "racelab", track_caller)]
    pub const fn new(value: T) -> TryMutex<T> {
        TryMutex {
            value: parking_lot::Mutex::new(value),
            #[cfg(feature = "racelab")]
            mark: lab::Mark::new(),
        }
    }

    /// Takes the value if nobody holds it.
    pub fn try_lock(&self) -> Option<TryMutexGuard<'_, T>> {
        #[cfg(feature = "racelab")]
        self.mark.touch(lab::Access::Write);
        let value = self.value.try_lock()?;
        Some(TryMutexGuard {
            value,
            #[cfg(feature = "racelab")]
            mark: &self.mark,
        })
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// The value, without locking: nobody else has a reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T> Deref for TryMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for TryMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> fmt::Debug for TryMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryMutex").field("held", &self.value.is_locked()).finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for TryMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
