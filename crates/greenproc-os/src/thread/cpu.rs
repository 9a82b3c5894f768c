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

/// Keeps the calling thread on one CPU: on the one that the first caller of this OS process was on, so that all callers share
/// one. For threads of which one runs at a time: the turn goes from one to the next without waking another CPU.
///
/// # Errors
/// As `sched_setaffinity`: EINVAL if the OS process may not use that CPU any more.
///
/// ```
/// std::thread::spawn(|| {
///     greenproc_os::thread::pin_to_one_cpu().expect("it may stay where it is");
///     assert_eq!(greenproc_os::limits::usable_cpus(), 1);
/// })
/// .join()
/// .expect("no panic");
/// ```
pub fn pin_to_one_cpu() -> std::io::Result<()> {
    static CHOSEN: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    // SAFETY: it has no arguments and touches no memory.
    let here = || usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0);
    let cpu = *CHOSEN.get_or_init(here);
    let mut set = std::mem::MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: a zeroed set is an empty one; `CPU_SET` ignores a number beyond its end.
    let set = unsafe {
        libc::CPU_SET(cpu, set.assume_init_mut());
        set.assume_init()
    };
    // SAFETY: the kernel reads a set of the size that it is told.
    let result = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
