//! What a lock gives to its holder, under the guards of `lock_api`.
//!
//! A newtype rather than `parking_lot`'s own marker, for two reasons. Its feature `send_guard`, which any crate of a
//! build can turn on for all, makes that marker `Send`; a lock released on another thread would stay on the list of the
//! thread that took it. And another scheduler under the raw types needs to keep state with an acquisition: here it fits.

use lock_api::GuardNoSend;

/// The proof that a raw lock is held, bound to the thread that took it; `P` is the proof of the lock below.
///
/// ```compile_fail,E0277
/// use greenproc_sync::{MutexGuard, lock_order};
/// lock_order! { pub Only = "only" }
/// fn send<T: Send>() {}
/// send::<MutexGuard<'static, Only, u32>>();
/// ```
pub struct RawGuard<P> {
    /// What the lock below gave, and wants back at the release.
    pub(crate) inner: P,
    /// When the hold began, if it is recorded.
    #[cfg(feature = "hold-times")]
    pub(crate) began: u64,
    /// Makes guards stay on their thread, while `&Guard` may be shared.
    _thread_bound: GuardNoSend,
}

impl<P> RawGuard<P> {
    /// Wraps what the lock below gave.
    #[inline]
    pub(crate) const fn new(inner: P) -> Self {
        Self {
            inner,
            #[cfg(feature = "hold-times")]
            began: 0,
            _thread_bound: GuardNoSend::new(),
        }
    }
}
