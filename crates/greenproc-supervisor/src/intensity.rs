//! How many restarts are too many.

use std::collections::VecDeque;
use std::time::Duration;

/// At most this many restarts within a period; one more, and the supervisor gives up.
///
/// ```
/// use greenproc_supervisor::Intensity;
/// use std::time::Duration;
/// assert_eq!(Intensity::default(), Intensity { restarts: 1, period: Duration::from_secs(5) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// How many.
    pub restarts: u32,
    /// Within which time.
    pub period: Duration,
}

impl Intensity {
    /// No limit: for children whose failures are part of the plan.
    pub const UNLIMITED: Intensity = Intensity { restarts: u32::MAX, period: Duration::ZERO };
}

impl Default for Intensity {
    /// OTP's: 1 in 5 s.
    fn default() -> Intensity {
        Intensity { restarts: 1, period: Duration::from_secs(5) }
    }
}

/// The restarts of the last period.
#[derive(Debug)]
pub(crate) struct Window {
    limit: Intensity,
    times: VecDeque<Duration>,
}

impl Window {
    pub(crate) fn new(limit: Intensity) -> Window {
        Window { limit, times: VecDeque::new() }
    }

    /// Counts one more restart; says whether that is too many.
    pub(crate) fn add(&mut self, now: Duration) -> bool {
        if self.limit.restarts == u32::MAX {
            return false;
        }
        while self.times.front().is_some_and(|&time| now.saturating_sub(time) > self.limit.period) {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.times.len() > self.limit.restarts as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exceeded(restarts: u32, period: u64, times: &[u64]) -> Option<usize> {
        let mut window = Window::new(Intensity { restarts, period: Duration::from_secs(period) });
        times.iter().position(|&time| window.add(Duration::from_secs(time)))
    }

    #[test]
    fn one_more_than_the_limit_within_the_period_is_too_many() {
        assert_eq!(exceeded(0, 5, &[0]), Some(0));
        assert_eq!(exceeded(1, 5, &[0, 5]), Some(1), "the period's end belongs to it");
        assert_eq!(exceeded(1, 5, &[0, 6, 12, 18]), None);
        assert_eq!(exceeded(2, 5, &[0, 4, 6, 8, 10]), Some(3), "the window slides");
    }

    #[test]
    fn without_a_limit_nothing_is_kept() {
        let mut window = Window::new(Intensity::UNLIMITED);
        assert!((0..1000).all(|_| !window.add(Duration::ZERO)));
        assert!(window.times.is_empty());
    }
}
