//! CPU time as a limit: SIGXCPU at the soft one and each second after it, SIGKILL at the hard one.

use std::sync::Arc;
use std::time::Duration;

use greenproc_os::limits::usable_cpus;

use crate::inspect::usage_now;
use crate::kernel::Kernel;
use crate::proc::Proc;
use crate::signal::Signal;

/// How often SIGXCPU comes again.
const AGAIN: Duration = Duration::from_secs(1);

/// What came of a look at the CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) signal: Option<Signal>,
    /// How much more CPU time may be used before something is due; `None` if nothing will be.
    pub(super) left: Option<Duration>,
}

/// Compares what was used with the limits; `next` is where SIGXCPU comes next.
pub(super) fn look(used: Duration, next: &mut Option<Duration>, hard: Option<Duration>) -> Look {
    if hard.is_some_and(|hard| used >= hard) {
        return Look { signal: Some(Signal::KILL), left: None };
    }
    let mut signal = None;
    if let Some(due) = next.filter(|&due| used >= due) {
        // Those that were missed would coalesce.
        let missed = used.saturating_sub(due).as_nanos() / AGAIN.as_nanos() + 1;
        *next = due.checked_add(AGAIN * missed.min(u128::from(u32::MAX)) as u32);
        signal = Some(Signal::XCPU);
    }
    let ends = [*next, hard].into_iter().flatten().min();
    Look { signal, left: ends.map(|end| end.saturating_sub(used)) }
}

/// How long nothing can be due: so many CPUs use no more CPU time in that time than is left.
pub(super) fn patience(left: Duration) -> Duration {
    left / usable_cpus().max(1) as u32
}

/// Looks whether a process has come to its limit of CPU time; how long it need not be looked at again.
pub(crate) fn look_at(kernel: &Kernel, process: &Arc<Proc>) -> Option<Duration> {
    let limits = process.extras().and_then(|extras| extras.limits.get())?;
    let look = limits.look(usage_now(process).total());
    if let Some(signal) = look.signal {
        kernel.post(process, signal);
    }
    look.left.map(patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_soft_limit_signals_each_second_and_the_hard_one_kills() {
        let mut next = Some(ms(100));
        let hard = Some(ms(2_500));
        let cases = [
            (ms(0), None, Some(ms(100))),
            (ms(99), None, Some(ms(1))),
            (ms(100), Some(Signal::XCPU), Some(ms(1_000))),
            (ms(101), None, Some(ms(999))),
            (ms(2_200), Some(Signal::XCPU), Some(ms(300))),
            (ms(2_300), None, Some(ms(200))),
            (ms(2_500), Some(Signal::KILL), None),
        ];
        for (used, signal, left) in cases {
            assert_eq!(look(used, &mut next, hard), Look { signal, left }, "{used:?}");
        }
    }

    #[test]
    fn either_limit_may_be_missing() {
        assert_eq!(look(ms(7), &mut None, None), Look { signal: None, left: None });
        assert_eq!(look(ms(7), &mut None, Some(ms(9))), Look { signal: None, left: Some(ms(2)) });
        let mut next = Some(Duration::ZERO);
        let first = look(ms(0), &mut next, None);
        assert_eq!(first, Look { signal: Some(Signal::XCPU), left: Some(ms(1_000)) });
        let mut last = Some(Duration::MAX);
        assert_eq!(look(Duration::MAX, &mut last, None), Look { signal: Some(Signal::XCPU), left: None });
    }
}
