//! The atomics the runtime uses: those of `std`, under a name that can be replaced.
//!
//! An atomic access is no scheduling point of its own; code that spins on one says so with [`crate::spin::hint`].

pub use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    Ordering, fence,
};
