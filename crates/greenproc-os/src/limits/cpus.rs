//! On how many CPUs the calling thread may run.
#![allow(unsafe_code, reason = "sched_getaffinity")]

use std::mem::MaybeUninit;
use std::thread::available_parallelism;

/// The number of CPUs that the calling thread may run on, at least 1.
///
/// From its affinity mask; a CPU quota, which slows threads but lets them run side by side, does not count.
///
/// ```
/// assert!(greenproc_os::limits::usable_cpus() >= 1);
/// ```
#[doc(alias = "sched_getaffinity")]
pub fn usable_cpus() -> usize {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the kernel writes at most the given size into `set`, which is valid as zeros too. On an error,
    // as on hosts with more CPUs than the set has bits, it is left empty.
    let count = unsafe {
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr());
        libc::CPU_COUNT(&set.assume_init())
    };
    match usize::try_from(count) {
        Ok(count) if count > 0 => count,
        _ => available_parallelism().map_or(1, usize::from),
    }
}
