//! Looking for a moment for what is about to come, before one sleeps for it: to fall asleep and to be woken takes longer.

use std::time::Duration;

use greenproc_sync::atomic::{AtomicU32, Ordering};
use greenproc_sync::{spin, time};

/// How a thread looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spinning {
    /// It does not.
    Off,
    /// It lets another thread have the one CPU that is usable, and looks then.
    GiveWay,
    /// It looks again and again, for so long.
    For(Duration),
}

impl Spinning {
    pub(crate) fn new(limit: Duration, cpus: usize) -> Spinning {
        match cpus {
            _ if limit.is_zero() => Spinning::Off,
            1 => Spinning::GiveWay,
            _ => Spinning::For(limit),
        }
    }

    /// Looks until `there` says so; whether it did.
    pub(crate) fn until(self, there: impl Fn() -> bool) -> bool {
        match self {
            Spinning::Off => there(),
            Spinning::GiveWay => {
                spin::give_way();
                there()
            }
            Spinning::For(limit) => {
                let until = time::now() + limit;
                loop {
                    for _ in 0..16 {
                        if there() {
                            return true;
                        }
                        spin::hint();
                    }
                    if time::now() >= until {
                        return there();
                    }
                }
            }
        }
    }
}

/// Whether looking pays: it goes on while it does, and is tried again now and then. Touched by one thread alone.
#[derive(Default)]
pub(crate) struct Luck(AtomicU32);

impl Luck {
    /// Whether it has paid of late, but for the last `patience` times, or is to be tried again.
    pub(crate) fn tries(&self, spinning: Spinning, patience: u32) -> bool {
        let misses = self.0.load(Ordering::Relaxed);
        spinning != Spinning::Off && (misses <= patience || misses.is_multiple_of(16))
    }

    /// It looked, or would have: whether that paid.
    pub(crate) fn note(&self, paid: bool) {
        let misses = if paid { 0 } else { self.0.load(Ordering::Relaxed).wrapping_add(1) };
        self.0.store(misses, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn how_a_thread_looks_depends_on_the_cpus_that_it_may_use() {
        let limit = Duration::from_micros(20);
        assert_eq!(Spinning::new(Duration::ZERO, 8), Spinning::Off);
        assert_eq!(Spinning::new(Duration::ZERO, 1), Spinning::Off);
        assert_eq!(Spinning::new(limit, 1), Spinning::GiveWay);
        assert_eq!(Spinning::new(limit, 2), Spinning::For(limit));
    }

    #[test]
    fn it_looks_until_it_is_there_or_its_time_is_over() {
        let looks = Cell::new(0);
        let after = |count: u32| {
            looks.set(0);
            let looks = &looks;
            move || {
                looks.set(looks.get() + 1);
                looks.get() >= count
            }
        };
        assert!(Spinning::For(Duration::from_hours(1)).until(after(100)));
        assert_eq!(looks.get(), 100);
        assert!(!Spinning::For(Duration::from_micros(10)).until(|| false));
        assert!(!Spinning::GiveWay.until(after(2)), "it looks once");
        assert!(Spinning::GiveWay.until(after(1)));
    }

    #[test]
    fn what_does_not_pay_is_tried_now_and_then() {
        let (luck, always) = (Luck::default(), Spinning::GiveWay);
        assert!(!luck.tries(Spinning::Off, 3));
        let mut tried = Vec::new();
        for time in 0..48 {
            if luck.tries(always, 3) {
                tried.push(time);
            }
            luck.note(false);
        }
        assert_eq!(tried, [0, 1, 2, 3, 16, 32]);
        luck.note(true);
        assert!(luck.tries(always, 0));
    }
}
