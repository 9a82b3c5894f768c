//! The atomics the runtime uses: those of `std`, under a name that can be replaced.
//!
//! An atomic access is no scheduling point of its own; code that spins on one says so with [`crate::spin::hint`], and where
//! two threads each write and then look at what the other wrote, there is a [`fence`] between the two, which is one. With
//! the feature `racelab` each of them carries a mark, so that a controller knows which turns have to do with each other.

#[cfg(feature = "racelab")]
pub use crate::marked_atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
};
#[cfg(not(feature = "racelab"))]
pub use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
};
pub use std::sync::atomic::{AtomicPtr, Ordering};

/// [`std::sync::atomic::fence`].
#[inline]
#[cfg_attr(feature = "racelab", track_caller)]
pub fn fence(order: Ordering) {
    #[cfg(feature = "racelab")]
    if let Some(control) = crate::lab::control() {
        control.by.point(control.me, crate::lab::Point::Fence, std::panic::Location::caller());
    }
    std::sync::atomic::fence(order);
}
