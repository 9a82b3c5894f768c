//! The CPU's own clock, for what takes some nanoseconds.
//!
//! The host's monotonic clock costs more to read than many a hold of a lock takes, and a CPU that works ahead may read it
//! before it has done what was to be measured. Elsewhere than on x86-64 the monotonic clock has to do.
#![allow(clippy::cast_precision_loss, reason = "times that are measured have fewer digits than an f64")]

use std::sync::OnceLock;

use super::monotonic_ns;

/// How long the two clocks are compared.
const COMPARED_NS: u64 = 10_000_000;

/// The present tick. Read after everything that stands before it has been done, but for stores on their way to memory.
///
/// Two readings on threads of different CPUs compare where the host's own clock relies on the same counter.
///
/// ```
/// use greenproc_os::clock::{ticks, ticks_per_ns};
///
/// let before = ticks();
/// let sum: u64 = std::hint::black_box((0..1000).sum());
/// let ns = (ticks() - before) as f64 / ticks_per_ns();
/// assert!(ns > 0.0, "counting to {sum} takes time");
/// ```
#[inline]
#[doc(alias = "rdtscp")]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let mut cpu = 0;
        // SAFETY: every x86-64 CPU since 2008 has the instruction; it writes the number of the CPU, into a word of ours.
        unsafe { std::arch::x86_64::__rdtscp(&raw mut cpu) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    monotonic_ns()
}

/// How many ticks there are in a nanosecond. The first call compares the two clocks for 10 ms.
pub fn ticks_per_ns() -> f64 {
    static RATE: OnceLock<f64> = OnceLock::new();
    *RATE.get_or_init(|| {
        if !cfg!(target_arch = "x86_64") {
            return 1.0;
        }
        let (ns, begin) = (monotonic_ns(), ticks());
        loop {
            let (passed, end) = (monotonic_ns() - ns, ticks());
            if passed >= COMPARED_NS {
                return (end - begin) as f64 / passed as f64;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_go_as_the_clock_goes() {
        let rate = ticks_per_ns();
        let within = |share: f64| {
            let (ns, begin) = (monotonic_ns(), ticks());
            let end = loop {
                if monotonic_ns() - ns > COMPARED_NS {
                    break ticks();
                }
            };
            let ns = (monotonic_ns() - ns) as f64;
            ((end - begin) as f64 / rate / ns - 1.0).abs() < share
        };
        // Whoever is taken off its CPU between two readings has measured something else.
        assert!((0..100).any(|_| within(0.01)), "{rate} ticks in a nanosecond");
    }
}
