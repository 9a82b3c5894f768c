//! How something developed: flat, growing, or looked at too seldom to say.
//!
//! What is looked at swings, as the workers do now this and now that, so the means say little. The slope is the median
//! of the slopes between any two looks (Theil and Sen), which a third of wild values does not move; whether it is one at
//! all is asked of the signs alone (Kendall).

use serde::Serialize;

/// The share of a run that is left out: caches fill, and threads are made for the first time.
const WARM_UP: f64 = 0.25;

/// So many looks at least, after that, and for so many seconds: what is kept for later use grows in the first minutes.
const ENOUGH: usize = 30;
const LONG_ENOUGH: f64 = 120.0;

/// How sure the signs have to be: once in about 1,000 runs they say so by chance.
const SIGMAS: f64 = 3.0;

/// How a quantity developed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Trend {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) median: f64,
    /// How much more there is after each second.
    pub(super) slope_per_second: f64,
    /// What that makes over the time that was looked at.
    pub(super) growth: f64,
    /// How much of it is nothing to worry about.
    pub(super) bound: f64,
    pub(super) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Flat,
    Growing,
    TooShort,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Verdict::Flat => "flat",
            Verdict::Growing => "growing",
            Verdict::TooShort => "too short to say",
        }
    }
}

/// How the values developed, given as (seconds, value) in the order of time. What grows by less than `floor`, by less
/// than a tenth of what there is, or by less than one and a half times what is between the quartiles, is flat.
pub(super) fn trend(looks: &[(f64, f64)], floor: f64) -> Option<Trend> {
    let (first, last) = (looks.first()?.0, looks.last()?.0);
    let begin = first + (last - first) * WARM_UP;
    let looks: Vec<(f64, f64)> = looks.iter().copied().filter(|look| look.0 >= begin).collect();
    let values: Vec<f64> = looks.iter().map(|look| look.1).collect();
    let mut slopes = Vec::with_capacity(looks.len() * looks.len() / 2);
    let mut balance = 0_i64;
    for (place, early) in looks.iter().enumerate() {
        for late in &looks[place + 1..] {
            slopes.push((late.1 - early.1) / (late.0 - early.0));
            balance += late.1.total_cmp(&early.1) as i64;
        }
    }
    let count = looks.len() as f64;
    let spread = (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
    let slope = if slopes.is_empty() { 0.0 } else { quantile(&mut slopes, 0.5) };
    let growth = slope * (last - begin);
    let middle = quantile(&mut values.clone(), 0.5);
    let swing = quantile(&mut values.clone(), 0.75) - quantile(&mut values.clone(), 0.25);
    // What does nothing but grow grows by twice that.
    let bound = floor.max(middle / 10.0).max(swing * 1.5);
    let verdict = if looks.len() < ENOUGH || last - begin < LONG_ENOUGH {
        Verdict::TooShort
    } else if growth > bound && balance as f64 > SIGMAS * spread {
        Verdict::Growing
    } else {
        Verdict::Flat
    };
    Some(Trend {
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        median: middle,
        slope_per_second: slope,
        growth,
        bound,
        verdict,
    })
}

/// Of at least one value.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    let place = (values.len() - 1) as f64 * share;
    *values.select_nth_unstable_by(place as usize, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that swings by chance, and grows by so much a second besides, looked at once a second.
    fn looks(seconds: u32, growth: f64) -> Vec<(f64, f64)> {
        let mut rng = fastrand::Rng::with_seed(7);
        (0..seconds)
            .map(|second| {
                // Now and then there is three times as much for a moment.
                let swing = if rng.u8(0..10) == 0 { 200.0 } else { 20.0 * rng.f64() };
                (f64::from(second), 100.0 + swing + growth * f64::from(second))
            })
            .collect()
    }

    #[test]
    fn what_swings_is_flat_and_what_leaks_grows() {
        for (growth, verdict) in
            [(0.0, Verdict::Flat), (0.02, Verdict::Flat), (0.3, Verdict::Growing), (-1.0, Verdict::Flat)]
        {
            let trend = trend(&looks(400, growth), 10.0).unwrap();
            assert_eq!(trend.verdict, verdict, "{growth}: {trend:?}");
            assert!((trend.slope_per_second - growth).abs() < 0.02, "{growth}: {trend:?}");
        }
    }

    #[test]
    fn what_is_there_for_the_first_time_does_not_count() {
        let mut looks = looks(400, 0.0);
        looks.iter_mut().take(90).for_each(|look| look.1 = 0.0);
        let trend = trend(&looks, 10.0).unwrap();
        assert_eq!(trend.verdict, Verdict::Flat, "{trend:?}");
        assert!(trend.min >= 100.0);
    }

    #[test]
    fn few_looks_say_nothing() {
        assert_eq!(trend(&[], 1.0), None);
        assert_eq!(trend(&[(0.0, 5.0)], 1.0).unwrap().verdict, Verdict::TooShort);
        assert_eq!(trend(&looks(30, 100.0), 1.0).unwrap().verdict, Verdict::TooShort);
        assert_eq!(trend(&looks(150, 100.0), 1.0).unwrap().verdict, Verdict::TooShort);
    }
}
