//! CPU time that this OS process and the children it waited for have used.
#![allow(unsafe_code, reason = "std has no call for CPU time")]

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// User and system time of all threads, those that ended included, and of the children reaped so far.
///
/// Where a thread is running elsewhere at the moment, the host may leave out its time since the last tick, up to a few
/// milliseconds: compare sums over many phases, not single ones.
pub(crate) fn cpu_time() -> io::Result<Duration> {
    Ok(used_by(libc::RUSAGE_SELF)? + used_by(libc::RUSAGE_CHILDREN)?)
}

fn used_by(whom: libc::c_int) -> io::Result<Duration> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is writable memory of the size and alignment that getrusage fills.
    if unsafe { libc::getrusage(whom, usage.as_mut_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: rusage is plain integers, zeroed above and filled by the call.
    let usage = unsafe { usage.assume_init() };
    Ok(duration(usage.ru_utime) + duration(usage.ru_stime))
}

/// The host's times are never negative.
fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}
