//! Sets of signals.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not, Sub};

use crate::signal::Signal;

/// A set of signals: a mask, or what is pending.
///
/// Source: POSIX `sigset_t`.
///
/// ```
/// use greenproc::{SigSet, Signal};
/// let set = SigSet::from([Signal::INT, Signal::TERM]);
/// assert!(set.contains(Signal::INT) && !set.contains(Signal::HUP));
/// assert_eq!((set - SigSet::from(Signal::INT)).iter().collect::<Vec<_>>(), [Signal::TERM]);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SigSet(u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: SigSet = SigSet(0);
    /// Every signal.
    pub const ALL: SigSet = SigSet(u64::MAX);

    /// The set of one signal.
    pub const fn of(signal: Signal) -> SigSet {
        SigSet(1 << (signal.as_raw() - 1))
    }

    /// Whether the signal is in the set.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & SigSet::of(signal).0 != 0
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set with one more signal.
    #[must_use]
    pub const fn with(self, signal: Signal) -> SigSet {
        SigSet(self.0 | SigSet::of(signal).0)
    }

    /// The set without this signal.
    #[must_use]
    pub const fn without(self, signal: Signal) -> SigSet {
        SigSet(self.0 & !SigSet::of(signal).0)
    }

    /// How many are in it.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The signals, lowest number first.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        (1..=64).filter_map(Signal::from_raw).filter(move |&signal| self.contains(signal))
    }
}

impl BitOr for SigSet {
    type Output = SigSet;

    fn bitor(self, other: SigSet) -> SigSet {
        SigSet(self.0 | other.0)
    }
}

impl BitAnd for SigSet {
    type Output = SigSet;

    fn bitand(self, other: SigSet) -> SigSet {
        SigSet(self.0 & other.0)
    }
}

impl Sub for SigSet {
    type Output = SigSet;

    fn sub(self, other: SigSet) -> SigSet {
        SigSet(self.0 & !other.0)
    }
}

impl Not for SigSet {
    type Output = SigSet;

    fn not(self) -> SigSet {
        SigSet(!self.0)
    }
}

impl From<Signal> for SigSet {
    fn from(signal: Signal) -> SigSet {
        SigSet::of(signal)
    }
}

impl<const N: usize> From<[Signal; N]> for SigSet {
    fn from(signals: [Signal; N]) -> SigSet {
        signals.into_iter().collect()
    }
}

impl FromIterator<Signal> for SigSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> SigSet {
        signals.into_iter().fold(SigSet::EMPTY, SigSet::with)
    }
}

impl fmt::Debug for SigSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
