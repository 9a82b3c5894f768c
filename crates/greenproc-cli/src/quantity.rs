//! Counts, sizes and times as a person reads them.

use std::time::Duration;

/// The count with its thousands set apart: `100,000`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The count, and the word for what is counted, in the plural where it belongs: `1 file`, `2 files`.
pub(crate) fn counted(count: u64, word: &str) -> String {
    let ending = match (count, word.strip_suffix('s')) {
        (1, _) => "",
        (_, Some(_)) => "es",
        (_, None) => "s",
    };
    format!("{}\u{20}{word}{ending}", grouped(count))
}

/// The size with the unit that fits: `17 B`, `5.0 MiB`.
pub(crate) fn bytes(size: u64) -> String {
    if size < 1024 {
        return format!("{size} B");
    }
    let mut value = size as f64 / 1024.0;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB", "PiB", "EiB"] {
        // What would be written with four digits before the point belongs to the next unit.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

/// The time with three digits or so, and the unit that fits: `12.3 ms`.
pub(crate) fn time(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    match seconds {
        _ if span < Duration::from_micros(1) => format!("{} ns", span.as_nanos()),
        _ if seconds < 999.95e-6 => format!("{:.1} µs", seconds * 1e6),
        _ if seconds < 999.95e-3 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 99.995 => format!("{seconds:.2} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// How many a second; 0 if no time has passed.
pub(crate) fn rate(count: u64, span: Duration) -> f64 {
    let seconds = span.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (100_000, "100,000"), (1_234_567, "1,234,567")];
        for (count, text) in cases {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn words_take_the_plural() {
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(0, "file"), "0 files");
        assert_eq!(counted(2000, "process"), "2,000 processes");
        assert_eq!(counted(1, "process"), "1 process");
    }

    #[test]
    fn sizes_take_the_unit_that_fits() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (65_537, "64.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (5_242_880, "5.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (size, text) in cases {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn times_take_the_unit_that_fits() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.5 µs"),
            (999_960, "1.0 ms"),
            (12_345_678, "12.3 ms"),
            (999_960_000, "1.00 s"),
            (100_000_000_000, "100 s"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(time(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn no_time_is_no_rate() {
        assert!(rate(5, Duration::ZERO).abs() < f64::EPSILON);
        assert!((rate(5, Duration::from_millis(500)) - 10.0).abs() < f64::EPSILON);
    }
}
