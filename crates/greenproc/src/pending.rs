//! Signals that have come and were not acted on yet.

use std::collections::VecDeque;

use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::sigset::SigSet;

/// What is pending for an LWP, or for a whole process. Guarded by `p_smutex`.
///
/// Standard signals coalesce, but SIGCHLD keeps what it says of each child; real-time signals queue, in the order in which
/// they came (decision 11).
#[derive(Debug, Default)]
pub(crate) struct Pending {
    set: SigSet,
    queue: VecDeque<SigInfo>,
}

impl Pending {
    pub(crate) fn set(&self) -> SigSet {
        self.set
    }

    /// How many are queued.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Adds a signal; whether it was one more, not one that coalesced.
    pub(crate) fn push(&mut self, info: SigInfo) -> bool {
        let signal = info.signal;
        if self.set.contains(signal) && !signal.is_real_time() {
            // Another child's news is news; the same child's replaces what was said of it.
            let same = self
                .queue
                .iter_mut()
                .find(|old| old.signal == signal && (signal != Signal::CHLD || old.pid == info.pid));
            match same {
                Some(old) if signal == Signal::CHLD => {
                    *old = info;
                    return false;
                }
                Some(_) => return false,
                None => {}
            }
        }
        self.set = self.set.with(signal);
        self.queue.push_back(info);
        true
    }

    /// Adds a signal before all others of its kind. Of a standard signal it replaces the one that is pending.
    pub(crate) fn push_first(&mut self, info: SigInfo) {
        let signal = info.signal;
        if !signal.is_real_time() {
            self.queue.retain(|old| old.signal != signal || (signal == Signal::CHLD && old.pid != info.pid));
        }
        self.set = self.set.with(signal);
        self.queue.push_front(info);
    }

    /// Takes the first of the lowest signal that is in `wanted`: standard ones before real-time ones.
    pub(crate) fn take(&mut self, wanted: SigSet) -> Option<SigInfo> {
        let signal = (self.set & wanted).iter().next()?;
        let place = self.queue.iter().position(|info| info.signal == signal)?;
        let info = self.queue.remove(place);
        if !self.queue.iter().any(|info| info.signal == signal) {
            self.set = self.set.without(signal);
        }
        info
    }

    /// Forgets these signals.
    pub(crate) fn discard(&mut self, signals: SigSet) {
        if !(self.set & signals).is_empty() {
            self.queue.retain(|info| !signals.contains(info.signal));
            self.set = self.set - signals;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pid::Pid;

    fn info(signal: Signal, value: i64) -> SigInfo {
        SigInfo { value, ..SigInfo::of_runtime(signal) }
    }

    fn of_child(pid: i32, status: i32) -> SigInfo {
        SigInfo { pid: Pid::new(pid).expect("positive"), status, ..SigInfo::of_runtime(Signal::CHLD) }
    }

    #[test]
    fn standard_signals_coalesce_and_the_first_is_kept() {
        let mut pending = Pending::default();
        assert!(pending.push(info(Signal::USR1, 1)));
        assert!(!pending.push(info(Signal::USR1, 2)));
        assert_eq!(pending.take(SigSet::ALL).map(|info| info.value), Some(1));
        assert!(pending.take(SigSet::ALL).is_none() && pending.set().is_empty());
    }

    #[test]
    fn real_time_signals_queue_in_order_lowest_number_first() {
        let (low, high) = (Signal::real_time(0).expect("one"), Signal::real_time(1).expect("another"));
        let mut pending = Pending::default();
        for value in 0..3 {
            assert!(pending.push(info(high, value)));
            assert!(pending.push(info(low, 10 + value)));
        }
        let taken: Vec<_> = std::iter::from_fn(|| pending.take(SigSet::ALL)).map(|info| info.value).collect();
        assert_eq!(taken, [10, 11, 12, 0, 1, 2]);
    }

    #[test]
    fn one_sigchld_is_kept_for_each_child() {
        let mut pending = Pending::default();
        assert!(pending.push(of_child(5, 1)));
        assert!(pending.push(of_child(6, 1)));
        assert!(!pending.push(of_child(5, 2)), "the same child again");
        let taken: Vec<_> = std::iter::from_fn(|| pending.take(SigSet::ALL))
            .map(|info| (info.pid.as_raw(), info.status))
            .collect();
        assert_eq!(taken, [(5, 2), (6, 1)]);
    }

    #[test]
    fn what_is_not_wanted_stays() {
        let mut pending = Pending::default();
        assert!(pending.push(info(Signal::HUP, 0)));
        assert!(pending.push(info(Signal::USR2, 0)));
        assert_eq!(pending.take(!SigSet::of(Signal::HUP)).map(|info| info.signal), Some(Signal::USR2));
        pending.discard(SigSet::of(Signal::HUP));
        assert_eq!((pending.len(), pending.set()), (0, SigSet::EMPTY));
    }
}
