//! How long a child that failed waits before its next life.

use std::time::Duration;

/// The time between a failure and the next start: it grows with each failure that follows soon, is a little random, and
/// begins anew after a life that was long enough.
///
/// The n-th wait in a row is `first * factor^(n-1)`, at most `max`, less a random share of up to `jitter`: so that children
/// that failed together do not all come back together.
///
/// ```
/// use greenproc_supervisor::Backoff;
/// use std::time::Duration;
/// let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
/// let waits: Vec<_> = (1..=4).map(|failures| backoff.wait(failures, 0.0)).collect();
/// assert_eq!(waits, [100, 200, 400, 800].map(Duration::from_millis));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first wait. Zero is no wait at all, however often the child fails.
    pub first: Duration,
    /// What each wait in a row is multiplied with; at least 1.
    pub factor: f64,
    /// The longest wait.
    pub max: Duration,
    /// Which share of the wait is left to chance, from 0 to 1.
    pub jitter: f64,
    /// A life of at least this length begins the row anew.
    pub reset_after: Duration,
}

impl Backoff {
    /// No waits: a child starts again at once, as in OTP.
    pub const NONE: Backoff = Backoff {
        first: Duration::ZERO,
        factor: 1.0,
        max: Duration::ZERO,
        jitter: 0.0,
        reset_after: Duration::ZERO,
    };

    /// How long the child waits after this many failures in a row, if chance (from 0 to 1) takes this part of the jitter.
    pub fn wait(&self, failures: u32, chance: f64) -> Duration {
        if self.first.is_zero() {
            return Duration::ZERO;
        }
        let grown = self.first.as_secs_f64() * self.factor.powf(f64::from(failures.saturating_sub(1)));
        let kept = grown.min(self.max.as_secs_f64()) * (1.0 - self.jitter * chance);
        Duration::try_from_secs_f64(kept.max(0.0)).unwrap_or(self.max)
    }

    /// What is wrong with it, if anything is.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if !(self.factor.is_finite() && self.factor >= 1.0) {
            Some("the factor of a back-off is at least 1")
        } else if !(0.0..=1.0).contains(&self.jitter) {
            Some("the jitter of a back-off is from 0 to 1")
        } else if self.first > self.max {
            Some("the first wait of a back-off is at most its longest")
        } else {
            None
        }
    }
}

impl Default for Backoff {
    /// 100 ms, doubled each time up to 30 s, a fifth of it left to chance; anew after a life of a minute.
    fn default() -> Backoff {
        Backoff {
            first: Duration::from_millis(100),
            factor: 2.0,
            max: Duration::from_secs(30),
            jitter: 0.2,
            reset_after: Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_lose_their_jitter() {
        let backoff = Backoff { max: Duration::from_secs(1), jitter: 0.5, ..Backoff::default() };
        let table =
            [(1, 0.0, 100), (1, 1.0, 50), (3, 0.5, 300), (4, 0.0, 800), (5, 0.0, 1000), (u32::MAX, 1.0, 500)];
        for (failures, chance, expected) in table {
            let wait = backoff.wait(failures, chance);
            assert_eq!(wait.as_millis(), expected, "after {failures} failures, chance {chance}");
        }
        for failures in [1, 7, u32::MAX] {
            assert_eq!(Backoff::NONE.wait(failures, 0.0), Duration::ZERO);
            let growing = Backoff { first: Duration::ZERO, ..Backoff::default() };
            assert_eq!(growing.wait(failures, 0.0), Duration::ZERO, "nothing grows to nothing");
        }
        let for_ever = Backoff { max: Duration::MAX, jitter: 0.0, ..Backoff::default() };
        assert_eq!(for_ever.wait(u32::MAX, 0.0), Duration::MAX);
    }

    #[test]
    fn nonsense_is_found() {
        let good = Backoff::default();
        assert_eq!(good.fault(), None);
        assert_eq!(Backoff::NONE.fault(), None);
        let bad = [
            Backoff { factor: 0.5, ..good },
            Backoff { factor: f64::NAN, ..good },
            Backoff { jitter: 1.5, ..good },
            Backoff { jitter: f64::NAN, ..good },
            Backoff { max: Duration::ZERO, ..good },
        ];
        for backoff in bad {
            assert!(backoff.fault().is_some(), "{backoff:?}");
        }
    }
}
