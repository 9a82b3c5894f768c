//! CPU time of single threads.
#![allow(unsafe_code, reason = "clock_gettime and getrusage, and the CPU's own counter")]

#[cfg(feature = "ticks")]
mod ticks;
mod undisturbed;

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::time::Duration;

use crate::thread::Tid;
#[cfg(feature = "ticks")]
pub use ticks::{ticks, ticks_per_ns};
pub(crate) use undisturbed::Mark;

/// The CPU time that the calling thread has used since it began, user and system, in nanoseconds; it never goes back.
///
/// Costs the reading of the monotonic clock while the thread keeps its CPU, and a system call after it was away, at least every
/// [`RECKONING`] (where the C library has not registered `rseq(2)`: always a system call).
///
/// ```
/// use greenproc_os::clock::thread_cpu_ns;
///
/// let before = thread_cpu_ns();
/// let sum: u64 = std::hint::black_box((0..100_000).sum());
/// assert!(thread_cpu_ns() > before, "counting to {sum} takes time");
/// ```
#[doc(alias = "CLOCK_THREAD_CPUTIME_ID")]
pub fn thread_cpu_ns() -> u64 {
    RECKONER.with(|reckoner| {
        let now = reckoner.reckon().unwrap_or_else(|| reckoner.read()).max(reckoner.last.get());
        reckoner.last.set(now);
        now
    })
}

/// Whether the calling thread has kept its CPU since its CPU clock was last read from the host; false where that cannot be told.
pub(crate) fn is_on_its_cpu() -> bool {
    RECKONER.with(|reckoner| reckoner.mark.is_some_and(Mark::stands))
}

/// How long the monotonic clock stands in for the CPU clock at most: they count the time of interrupts differently.
pub const RECKONING: Duration = Duration::from_millis(1);

thread_local! {
    static RECKONER: Reckoner = Reckoner {
        mark: Mark::of_this_thread(),
        cpu_ns: Cell::new(0),
        clock_ns: Cell::new(0),
        last: Cell::new(0),
    };
}

/// The calling thread's CPU clock, from when it was last read.
struct Reckoner {
    mark: Option<Mark>,
    cpu_ns: Cell<u64>,
    /// The monotonic clock at that time.
    clock_ns: Cell<u64>,
    /// What was said last.
    last: Cell<u64>,
}

impl Reckoner {
    /// The CPU time, if the thread has had its CPU since the clock was read.
    fn reckon(&self) -> Option<u64> {
        let mark = self.mark?;
        let passed = monotonic_ns() - self.clock_ns.get();
        // Looked at last: had the thread been away before the clock was read, this would show.
        (mark.stands() && passed < RECKONING.as_nanos() as u64).then(|| self.cpu_ns.get() + passed)
    }

    fn read(&self) -> u64 {
        if let Some(mark) = self.mark {
            // Set first: should the thread be away between the two readings, that is noticed.
            mark.set();
        }
        let cpu_ns = read(libc::CLOCK_THREAD_CPUTIME_ID).map_or(0, nanoseconds);
        self.cpu_ns.set(cpu_ns);
        self.clock_ns.set(monotonic_ns());
        cpu_ns
    }
}

pub(crate) fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC).map_or(0, nanoseconds)
}

/// A moment on the host's coarse clock: it advances every few milliseconds and costs a few nanoseconds to read, without
/// a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// The present moment.
    ///
    /// ```
    /// use greenproc_os::clock::Moment;
    /// use std::time::Duration;
    ///
    /// assert!(Moment::now().elapsed() < Duration::from_secs(60));
    /// ```
    #[doc(alias = "CLOCK_MONOTONIC_COARSE")]
    pub fn now() -> Moment {
        Moment(read(libc::CLOCK_MONOTONIC_COARSE).map_or(0, nanoseconds))
    }

    /// The time since then.
    pub fn elapsed(self) -> Duration {
        Moment::now().since(self)
    }

    /// The time since an earlier moment; none if that is later.
    ///
    /// ```
    /// use greenproc_os::clock::Moment;
    /// use std::time::Duration;
    ///
    /// let moment = Moment::now();
    /// assert_eq!(moment.since(moment), Duration::ZERO);
    /// ```
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The CPU time that the thread `tid` of this OS process has used since it began, in nanoseconds; nothing if
/// there is no such thread any more.
#[doc(alias = "pthread_getcpuclockid")]
pub fn other_thread_cpu_ns(tid: Tid) -> Option<u64> {
    /// The kernel's names (`include/linux/posix-timers_types.h`): the clock counts what the scheduler gave,
    /// and it counts it for a single thread.
    const CPUCLOCK_SCHED: libc::clockid_t = 2;
    const CPUCLOCK_PERTHREAD_MASK: libc::clockid_t = 4;
    // pthread_getcpuclockid makes the same number, but from a pthread handle, which must then still be valid.
    // The kernel looks the thread up itself, among those of this OS process, and says EINVAL.
    read((!tid.as_raw() << 3) | CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED).map(nanoseconds)
}

/// What the calling thread has used of the host since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadUsage {
    /// CPU time in user code, in nanoseconds. The kernel may split the whole by clock ticks.
    pub user_ns: u64,
    /// CPU time in the kernel, in nanoseconds.
    pub system_ns: u64,
    /// Page faults that took no input or output.
    pub minor_faults: u64,
    /// Page faults that did.
    pub major_faults: u64,
    /// How often the thread gave up its CPU to wait.
    pub voluntary_switches: u64,
    /// How often it was taken from it.
    pub involuntary_switches: u64,
}

/// What the calling thread has used of the host since it began. A system call.
///
/// ```
/// use greenproc_os::clock::{thread_cpu_ns, thread_usage};
///
/// let usage = thread_usage();
/// assert!(usage.user_ns + usage.system_ns <= thread_cpu_ns());
/// ```
#[doc(alias = "getrusage")]
pub fn thread_usage() -> ThreadUsage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is room for one `rusage`, for which all zeros are valid too; the request is a known
    // one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
    ThreadUsage {
        user_ns: time(usage.ru_utime),
        system_ns: time(usage.ru_stime),
        minor_faults: usage.ru_minflt as u64,
        major_faults: usage.ru_majflt as u64,
        voluntary_switches: usage.ru_nvcsw as u64,
        involuntary_switches: usage.ru_nivcsw as u64,
    }
}

/// The instant on `clock` that is `wait` from now. A wait of more than about 30 years is cut there.
pub(crate) fn after(clock: libc::clockid_t, wait: Duration) -> libc::timespec {
    const LONGEST: Duration = Duration::from_secs(1_000_000_000);
    const SECOND: u64 = 1_000_000_000;
    let wait = wait.min(LONGEST);
    let mut instant = read(clock).unwrap_or(libc::timespec { tv_sec: 0, tv_nsec: 0 });
    let nanoseconds = instant.tv_nsec as u64 + u64::from(wait.subsec_nanos());
    instant.tv_sec = instant.tv_sec.saturating_add(wait.as_secs() as _);
    instant.tv_sec = instant.tv_sec.saturating_add((nanoseconds / SECOND) as _);
    instant.tv_nsec = (nanoseconds % SECOND) as libc::c_long;
    instant
}

fn read(clock: libc::clockid_t) -> Option<libc::timespec> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is room for the result; a clock that does not exist is an error, not harm.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (result == 0).then_some(time)
}

fn nanoseconds(time: libc::timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_valid_time() {
        for wait in [Duration::ZERO, Duration::from_nanos(999_999_999), Duration::from_secs(1), Duration::MAX]
        {
            let before = read(libc::CLOCK_MONOTONIC).map(nanoseconds).unwrap();
            let deadline = after(libc::CLOCK_MONOTONIC, wait);
            assert!((0..1_000_000_000).contains(&deadline.tv_nsec), "{wait:?}");
            let wait = wait.min(Duration::from_secs(1_000_000_000)).as_nanos() as u64;
            assert!(nanoseconds(deadline) >= before + wait, "{wait:?}");
        }
    }
}
