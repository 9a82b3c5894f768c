//! Locks, condition variables, atomics, threads and time for the runtime `greenproc`, behind one facade.
//!
//! The runtime names neither `std::sync` nor `parking_lot`; it takes everything that blocks, wakes or reads a clock from
//! here. That buys two things:
//!
//! - **The lock order is declared once and checked.** Each lock has a class, a type made by [`lock_order!`]. A debug
//!   build keeps the locks each thread holds and panics, before it can deadlock, when one is taken out of order; the
//!   message names both classes, both places in the source, and the declared order. The module head of `check.rs` has
//!   the rules.
//! - **One seam.** [`RawMutex`], [`RawRwLock`] and [`RawCondvar`] are types of this crate under the generic front of
//!   `lock_api`, so a controlled scheduler can be put under them without a change to the runtime. [`thread`], [`time`],
//!   [`spin`] and [`thread_local!`] are here for the same reason.
//!
//! In a release build nothing is checked: the raw types are those of `parking_lot` in a newtype, every call is inlined
//! to the call below it, and a `Mutex<C, u64>` takes 16 bytes.
//!
//! # Example
//!
//! ```
//! use greenproc_sync::{Condvar, Mutex, lock_order};
//!
//! lock_order! {
//!     /// The tree of processes.
//!     pub Proclist = "proclist_lock",
//!     /// The state of one process.
//!     pub PSmutex = "p_smutex",
//! }
//!
//! static TREE: Mutex<Proclist, Vec<u32>> = Mutex::new(Vec::new());
//! static CHANGED: Condvar<Proclist> = Condvar::new();
//!
//! let state: Mutex<PSmutex, &str> = Mutex::new("active");
//! let mut tree = TREE.lock();
//! tree.push(1);
//! *state.lock() = "exiting"; // proclist_lock, then p_smutex: in order
//! drop(tree);
//! CHANGED.notify_all();
//! greenproc_sync::assert_no_locks_held();
//! ```
//!
//! The other way round panics in a debug build:
//!
//! ```no_run
//! # use greenproc_sync::{Mutex, lock_order};
//! # lock_order! {
//! #     pub Proclist = "proclist_lock",
//! #     pub PSmutex = "p_smutex",
//! # }
//! let tree: Mutex<Proclist, ()> = Mutex::new(());
//! let state: Mutex<PSmutex, ()> = Mutex::new(());
//! let _inner = state.lock();
//! let _outer = tree.lock();
//! ```

pub mod atomic;
mod check;
mod guard;
mod held;
#[cfg(feature = "hold-times")]
pub mod hold_times;
#[cfg(feature = "racelab")]
pub mod lab;
#[cfg(feature = "racelab")]
mod marked_atomic;
mod once;
mod order;
mod raw_condvar;
mod raw_mutex;
mod raw_rwlock;
pub mod spin;
mod static_ref;

pub mod thread;
pub mod time;
mod try_mutex;

pub use check::{assert_no_locks_held, held_locks};
pub use guard::RawGuard;
pub use lock_api::WaitTimeoutResult;
pub use once::OnceLock;
pub use order::LockClass;
pub use raw_condvar::{Condvar, RawCondvar};
pub use raw_mutex::{MappedMutexGuard, Mutex, MutexGuard, RawMutex};
pub use raw_rwlock::{RawRwLock, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use static_ref::AtomicStatic;
/// Declares a thread-local value, as [`std::thread_local!`] does.
pub use std::thread_local;
pub use try_mutex::{TryMutex, TryMutexGuard};
