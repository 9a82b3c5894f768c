//! On which CPU the calling thread is, and whether it stayed there.
#![allow(unsafe_code, reason = "sched_getcpu")]

use std::marker::PhantomData;

use crate::clock::Mark;

/// The CPU that the calling thread is on, or was on a moment ago; `None` where the host does not say.
///
/// Costs a few nanoseconds where the C library has registered `rseq(2)`.
///
/// ```
/// assert!(greenproc_os::thread::current_cpu().is_some());
/// ```
#[doc(alias = "sched_getcpu")]
pub fn current_cpu() -> Option<u32> {
    // SAFETY: takes nothing; an error is a negative number.
    u32::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Notices whether the calling thread leaves its CPU, or handles a signal of the host, from a moment on.
///
/// There is one for each thread: a second one takes the place of the first, which then stands no more. Nor does it after the thread's CPU clock was read.
#[derive(Debug)]
pub struct OnCpu {
    mark: Mark,
    /// The mark is the thread's.
    not_send: PhantomData<*const ()>,
}

impl OnCpu {
    /// Begins now; `None` where the C library has not registered `rseq(2)`, by which the host tells.
    ///
    /// ```
    /// use greenproc_os::thread::OnCpu;
    ///
    /// if let Some(here) = OnCpu::begin() {
    ///     std::thread::yield_now();
    ///     // Nobody may have wanted the CPU; but after this it was away.
    ///     std::thread::park_timeout(std::time::Duration::from_millis(1));
    ///     assert!(!here.stands());
    /// }
    /// ```
    pub fn begin() -> Option<OnCpu> {
        let mark = Mark::elsewhere()?;
        mark.set();
        Some(OnCpu { mark, not_send: PhantomData })
    }

    /// Whether the thread has stayed.
    pub fn stands(&self) -> bool {
        self.mark.stands()
    }
}
