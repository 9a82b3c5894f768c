//! An atomic `Option<&'static T>`.
//!
//! For what is set once or seldom and read where no lock may be taken: a signal handler, a panic hook, a hot path.
#![allow(unsafe_code, reason = "a reference is made from the pointer in an AtomicPtr")]

use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

/// A place for an `Option<&'static T>` that threads read and write without a lock.
///
/// Handing over a reference includes handing over what it points at, so no access here is weaker than acquire and
/// release: [`Ordering::Relaxed`] is taken as [`Ordering::Acquire`] by a load and as [`Ordering::Release`] by a store.
/// A reader could otherwise see the reference before the value.
///
/// # Example
///
/// ```
/// use greenproc_sync::AtomicStatic;
/// use greenproc_sync::atomic::Ordering;
///
/// static NAME: AtomicStatic<String> = AtomicStatic::new(None);
///
/// assert_eq!(NAME.load(Ordering::Acquire), None);
/// NAME.store(Some(Box::leak(Box::new(String::from("init")))), Ordering::Release);
/// assert_eq!(NAME.load(Ordering::Acquire).map(String::as_str), Some("init"));
/// ```
pub struct AtomicStatic<T: 'static> {
    /// Null, or made from a `&'static T`.
    pointer: AtomicPtr<T>,
}

impl<T: Sync + 'static> AtomicStatic<T> {
    /// Makes a place that holds `value`.
    #[inline]
    #[must_use]
    pub const fn new(value: Option<&'static T>) -> Self {
        Self { pointer: AtomicPtr::new(into_pointer(value)) }
    }

    /// Reads the reference, with `order` or [`Ordering::Acquire`], whichever is stronger.
    ///
    /// # Panics
    ///
    /// If `order` is [`Ordering::Release`] or [`Ordering::AcqRel`], which mean nothing for a load.
    #[inline]
    pub fn load(&self, order: Ordering) -> Option<&'static T> {
        let order = if order == Ordering::Relaxed { Ordering::Acquire } else { order };
        // SAFETY: a pointer in here that is not null was a `&'static T`, so it is valid for good. `T` is `Sync`, so it may
        // have come from another thread; that thread's store released what it saw of the value, and this load acquired it.
        NonNull::new(self.pointer.load(order)).map(|pointer| unsafe { pointer.as_ref() })
    }

    /// Puts a reference or nothing, with `order` or [`Ordering::Release`], whichever is stronger.
    ///
    /// # Panics
    ///
    /// If `order` is [`Ordering::Acquire`] or [`Ordering::AcqRel`], which mean nothing for a store.
    #[inline]
    pub fn store(&self, value: Option<&'static T>, order: Ordering) {
        let order = if order == Ordering::Relaxed { Ordering::Release } else { order };
        self.pointer.store(into_pointer(value), order);
    }
}

impl<T: Sync + 'static> Default for AtomicStatic<T> {
    fn default() -> Self {
        Self::new(None)
    }
}

impl<T: Sync + fmt::Debug + 'static> fmt::Debug for AtomicStatic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AtomicStatic").field(&self.load(Ordering::Acquire)).finish()
    }
}

/// Null for nothing. The pointer is never written through: `*mut` is what an `AtomicPtr` holds.
#[inline]
const fn into_pointer<T>(value: Option<&'static T>) -> *mut T {
    match value {
        Some(value) => ptr::from_ref(value).cast_mut(),
        None => ptr::null_mut(),
    }
}

#[cfg(test)]
mod tests {
    use super::{AtomicStatic, Ordering};

    static ONE: u64 = 1;
    static TWO: u64 = 2;

    #[test]
    fn what_was_stored_is_loaded() {
        static PLACE: AtomicStatic<u64> = AtomicStatic::new(Some(&ONE));
        assert!(PLACE.load(Ordering::Acquire).is_some_and(|value| std::ptr::eq(value, &raw const ONE)));
        PLACE.store(Some(&TWO), Ordering::Release);
        assert!(PLACE.load(Ordering::SeqCst).is_some_and(|value| std::ptr::eq(value, &raw const TWO)));
        PLACE.store(None, Ordering::SeqCst);
        assert_eq!(PLACE.load(Ordering::Relaxed), None);
    }

    #[test]
    fn another_thread_sees_the_value_behind_the_reference() {
        static PLACE: AtomicStatic<Vec<u64>> = AtomicStatic::new(None);
        let read = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                loop {
                    if let Some(values) = PLACE.load(Ordering::Relaxed) {
                        return values.iter().sum::<u64>();
                    }
                    crate::spin::hint();
                }
            });
            PLACE.store(Some(Box::leak(Box::new(vec![3, 4]))), Ordering::Relaxed);
            reader.join().unwrap()
        });
        assert_eq!(read, 7);
    }
}
