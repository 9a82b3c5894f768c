//! The charts of the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::axis::Axis;
use super::markup::{each, escape};
use super::picture::{Picture, Room, Scale};
use crate::quantity::{grouped, time};
use crate::stress::latency::Latencies;
use crate::stress::samples::Sample;

/// How many columns a power of ten has in a distribution.
const COLUMNS: i32 = 12;

/// How many places there are to point at in a chart over time.
const HOVERS: usize = 100;

/// A time as an axis has it: without the digits that are none.
fn nanoseconds(ns: f64) -> String {
    let text = time(Duration::from_nanos(ns.round() as u64));
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// The column that such a time falls into.
fn column_of(ns: u64) -> i32 {
    ((ns.max(1) as f64).log10() * f64::from(COLUMNS)).floor() as i32
}

/// Where a column begins.
fn bound(column: i32) -> f64 {
    10_f64.powf(f64::from(column) / f64::from(COLUMNS))
}

/// The share of what was timed in each column of equal width on a scale of powers, from the one before the first that
/// has some to the one after the last.
fn columns(values: &Histogram<u64>) -> BTreeMap<i32, f64> {
    let (first, last) = (column_of(values.min()), column_of(values.max()));
    let mut columns: BTreeMap<i32, f64> = (first - 1..=last + 1).map(|column| (column, 0.0)).collect();
    for step in values.iter_recorded() {
        let share = step.count_since_last_iteration() as f64 / values.len() as f64;
        *columns.entry(column_of(step.value_iterated_to())).or_default() += share;
    }
    columns
}

/// How long what was timed took: the share of it in each column of time.
pub(super) fn distribution(latencies: &Latencies) -> Option<String> {
    let series: Vec<_> =
        latencies.each().into_iter().enumerate().filter(|(_, (.., values))| !values.is_empty()).collect();
    let low = series.iter().map(|(_, (.., values))| values.min()).min()?;
    let high = series.iter().map(|(_, (.., values))| values.max()).max()?;
    let drawn: Vec<_> =
        series.iter().map(|&(number, (_, name, values))| (number, name, columns(values))).collect();
    let top = drawn.iter().flat_map(|(.., columns)| columns.values().copied()).fold(0.0, f64::max);
    let room = Room { width: 960.0, height: 320.0, left: 56.0, right: 30.0, top: 16.0, bottom: 32.0 };
    let x = Scale { axis: Axis::by_powers(low.max(1) as f64, high as f64), lines: 8, write: &nanoseconds };
    let y =
        Scale { axis: Axis::even(0.0, top, 4), lines: 4, write: &|share| format!("{:.0} %", share * 100.0) };
    let mut picture = Picture::new(room, "How long single lives took", &x, &y);
    for (number, _, columns) in &drawn {
        let points: Vec<_> = columns
            .iter()
            .map(|(&column, &share)| ((bound(column) * bound(column + 1)).sqrt(), share))
            .collect();
        picture.line(&points, &format!("s{number}"), true);
    }
    for column in column_of(low)..=column_of(high) {
        let (from, to) = (bound(column), bound(column + 1));
        let mut text = format!("{} to {}", nanoseconds(from), nanoseconds(to));
        for (_, name, columns) in &drawn {
            let share = columns.get(&column).copied().unwrap_or(0.0);
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{name}: {:.2} %", share * 100.0);
        }
        picture.hover(from, to, &text);
    }
    let names: Vec<_> =
        drawn.iter().map(|&(number, name, _)| (format!("s{number}"), name.to_owned())).collect();
    Some(format!("{}{}", legend(&names), scrolled(&picture.finish())))
}

/// Which colour is what.
pub(super) fn legend(names: &[(String, String)]) -> String {
    let entry =
        |(class, name): &(String, String)| format!(r#"<span><i class="{class}"></i>{}</span>"#, escape(name));
    let entries = each(names, entry);
    format!(r#"<p class="legend">{entries}</p>"#)
}

/// Something over time.
pub(super) struct OverTime<'a> {
    pub(super) what: &'a str,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) write: &'a dyn Fn(f64) -> String,
    pub(super) class: &'a str,
}

impl OverTime<'_> {
    /// As a small chart, from 0 up.
    pub(super) fn draw(&self) -> String {
        let top = self.points.iter().map(|point| point.1).fold(0.0, f64::max);
        let end = self.points.last().map_or(1.0, |point| point.0);
        let room = Room { width: 300.0, height: 140.0, left: 62.0, right: 14.0, top: 10.0, bottom: 26.0 };
        let x = Scale { axis: Axis::exact(0.0, end), lines: 4, write: &seconds };
        let y = Scale { axis: Axis::even(0.0, top, 3), lines: 3, write: self.write };
        let mut picture = Picture::new(room, &format!("{} over time", self.what), &x, &y);
        picture.line(&self.points, self.class, true);
        let step = self.points.len().div_ceil(HOVERS).max(1);
        let chosen: Vec<_> = self.points.iter().step_by(step).collect();
        for (number, point) in chosen.iter().enumerate() {
            let from = number.checked_sub(1).map_or(0.0, |before| f64::midpoint(chosen[before].0, point.0));
            let to = chosen.get(number + 1).map_or(end, |after| f64::midpoint(point.0, after.0));
            picture.hover(from, to, &format!("{}: {}", seconds(point.0), (self.write)(point.1)));
        }
        picture.finish()
    }
}

/// Operations a second of a stressor between two looks.
pub(super) fn rates(samples: &[Sample], stressor: usize) -> Vec<(f64, f64)> {
    let between = samples.windows(2).filter_map(|pair| {
        let (before, after) = (pair[0].ops.get(stressor)?, pair[1].ops.get(stressor)?);
        let time = pair[1].seconds - pair[0].seconds;
        (time > 0.0).then(|| (pair[1].seconds, after.saturating_sub(*before) as f64 / time))
    });
    between.collect()
}

/// What ours cost as a share of what others cost.
#[derive(Clone, Debug)]
pub(in crate::stress) struct Ratio {
    pub(super) beside: String,
    pub(super) class: &'static str,
    pub(super) median: f64,
    pub(super) p10: f64,
    pub(super) p90: f64,
}

/// The ratios, a row each, on a scale of powers around 1.
pub(super) fn ratios(ratios: &[Ratio]) -> Option<String> {
    const ROW: f64 = 26.0;
    let low = ratios.iter().map(|ratio| ratio.p10).reduce(f64::min)?;
    let high = ratios.iter().map(|ratio| ratio.p90).fold(1.0, f64::max);
    let height = ROW * ratios.len() as f64 + 60.0;
    let room = Room { width: 960.0, height, left: 330.0, right: 70.0, top: 26.0, bottom: 34.0 };
    let x = Scale {
        axis: Axis::by_powers(low, high),
        lines: 6,
        write: &|ratio| {
            if ratio < 1.0 {
                format!("1/{}", grouped((1.0 / ratio).round() as u64))
            } else {
                grouped(ratio as u64)
            }
        },
    };
    // The rows have no values, only names.
    let y = Scale { axis: Axis::exact(-2.0, -1.0), lines: 0, write: &|_| String::new() };
    let mut picture = Picture::new(room, "What ours cost, as a share of what others cost", &x, &y);
    picture.mark(1.0);
    for (number, ratio) in ratios.iter().enumerate() {
        let at = room.top + ROW * (number as f64 + 0.5);
        picture.text(room.left - 14.0, at + 4.0, "name end", &ratio.beside);
        let text = format!("{}: {:.4} ({:.4} to {:.4})", ratio.beside, ratio.median, ratio.p10, ratio.p90);
        picture.ranged((ratio.p10, ratio.median, ratio.p90), at, ratio.class, &text);
        let digits = if ratio.median < 0.1 { 4 } else { 2 };
        picture.text(room.width - 8.0, at + 4.0, "value end", &format!("{:.digits$}", ratio.median));
    }
    Some(scrolled(&picture.finish()))
}

/// A wide picture, which a narrow window shows a part of.
fn scrolled(picture: &str) -> String {
    format!(r#"<div class="scroll">{picture}</div>"#)
}

/// Seconds, or the minutes and hours that they make.
fn seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-9 => "0".to_owned(),
        _ if seconds >= 7200.0 => format!("{:.1} h", seconds / 3600.0),
        _ if seconds >= 120.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds < 10.0 && seconds.fract() > 0.05 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_distribution_hold_all_of_it() {
        let mut values = Histogram::<u64>::new(2).unwrap();
        for ns in [0, 1, 7, 900, 1_000, 31_000, 5_000_000_000] {
            values.record(ns).unwrap();
        }
        let columns = columns(&values);
        assert!((columns.values().sum::<f64>() - 1.0).abs() < 1e-9, "{columns:?}");
        assert_eq!(columns.first_key_value(), Some((&-1, &0.0)));
        assert_eq!(columns.last_key_value().map(|column| *column.1), Some(0.0));
    }

    #[test]
    fn an_axis_has_no_digits_that_are_none() {
        for (ns, text) in [
            (100.0, "100 ns"),
            (1e3, "1 µs"),
            (1.5e6, "1.5 ms"),
            (1e8, "100 ms"),
            (1e9, "1 s"),
            (1e10, "10 s"),
        ] {
            assert_eq!(nanoseconds(ns), text);
        }
        for (time, text) in
            [(0.0, "0"), (5.0, "5 s"), (0.5, "0.5 s"), (60.0, "60 s"), (180.0, "3 min"), (7200.0, "2.0 h")]
        {
            assert_eq!(seconds(time), text);
        }
    }

    #[test]
    fn rates_are_between_looks() {
        let sample = |seconds, ops| Sample {
            seconds,
            resident_bytes: 0,
            threads: 0,
            maps: 0,
            pids: 0,
            ops: vec![ops],
        };
        let samples = [sample(0.0, 0), sample(0.5, 100), sample(1.5, 400)];
        assert_eq!(rates(&samples, 0), [(0.5, 200.0), (1.5, 300.0)]);
        assert_eq!(rates(&samples, 1), []);
    }
}
