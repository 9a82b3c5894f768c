//! Where a value stands in a picture, and where the lines of the grid are.

/// How the values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    Even,
    /// Each power of ten takes the same room. All values are above 0.
    ByPowers,
}

/// One axis of a picture: values, and the places of the first and the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    spread: Spread,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// From 0, or the lowest value, to a round value at or above the highest; with about so many lines.
    pub(super) fn even(low: f64, high: f64, lines: u32) -> Axis {
        let high = if high > low { high } else { low + 1.0 };
        let step = round_step((high - low) / f64::from(lines));
        Axis {
            spread: Spread::Even,
            low,
            high: low + ((high - low) / step).ceil() * step,
            from: 0.0,
            to: 1.0,
        }
    }

    /// From the lowest to the highest value and no further: for time, which ends where it ends.
    pub(super) fn exact(low: f64, high: f64) -> Axis {
        Axis {
            spread: Spread::Even,
            low,
            high: if high > low { high } else { low + 1.0 },
            from: 0.0,
            to: 1.0,
        }
    }

    /// Powers of ten around the values.
    pub(super) fn by_powers(low: f64, high: f64) -> Axis {
        let low = 10_f64.powf(low.max(f64::MIN_POSITIVE).log10().floor());
        let high = 10_f64.powf(high.log10().ceil()).max(low * 10.0);
        Axis { spread: Spread::ByPowers, low, high, from: 0.0, to: 1.0 }
    }

    /// The same, drawn from one place to another.
    pub(super) fn over(self, from: f64, to: f64) -> Axis {
        Axis { from, to, ..self }
    }

    /// Where a value stands.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = match self.spread {
            Spread::Even => (value - self.low) / (self.high - self.low),
            Spread::ByPowers => {
                (value.max(self.low).log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
            }
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// The values at which a line of the grid stands, about so many.
    pub(super) fn lines(&self, about: u32) -> Vec<f64> {
        match self.spread {
            _ if about == 0 => Vec::new(),
            Spread::Even => {
                let step = round_step((self.high - self.low) / f64::from(about));
                let first = (self.low / step).ceil() as i64;
                let last = (self.high / step + 1e-9).floor() as i64;
                (first..=last).map(|number| number as f64 * step).collect()
            }
            Spread::ByPowers => {
                let first = self.low.log10().round() as i32;
                let last = self.high.log10().round() as i32;
                (first..=last).map(|power| 10_f64.powi(power)).collect()
            }
        }
    }

    pub(super) fn from(&self) -> f64 {
        self.from
    }

    pub(super) fn to(&self) -> f64 {
        self.to
    }
}

/// 1, 2 or 5 times a power of ten, not below the rough one.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999_999);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_round_values() {
        assert_eq!(Axis::even(0.0, 9.3, 5).lines(5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(Axis::even(0.0, 70_000.0, 3).lines(3), [0.0, 50_000.0, 100_000.0]);
        assert_eq!(Axis::exact(0.0, 11.0).lines(5), [0.0, 5.0, 10.0]);
        assert_eq!(Axis::by_powers(30.0, 2_000.0).lines(5), [10.0, 100.0, 1_000.0, 10_000.0]);
    }

    #[test]
    fn values_stand_in_between() {
        let even = Axis::even(0.0, 10.0, 5).over(100.0, 200.0);
        let powers = Axis::by_powers(1.0, 10_000.0).over(100.0, 0.0);
        for (place, expected) in
            [(even.place(5.0), 150.0), (even.place(50.0), 200.0), (powers.place(100.0), 50.0)]
        {
            assert!((place - expected).abs() < 1e-9, "{place}");
        }
    }

    #[test]
    fn nothing_has_an_axis_too() {
        assert_eq!(Axis::even(0.0, 0.0, 4).lines(4).first(), Some(&0.0));
        assert!(Axis::exact(0.0, 1.0).lines(0).is_empty());
        assert!(Axis::by_powers(0.0, 0.0).place(1.0).is_finite());
        assert!(Axis::exact(0.0, 0.0).place(0.0).abs() < 1e-9);
    }
}
