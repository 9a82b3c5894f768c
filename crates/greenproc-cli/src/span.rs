//! Lengths of time as the command line has them: `500ms`, `2s`, `1.5m`.

use std::time::Duration;

/// Longer than anybody waits, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// The units, in the order in which an error lists them, with their lengths in seconds.
const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a number with a unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let unit_at =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let (_, seconds) = UNITS.into_iter().find(|&(name, _)| name == unit).ok_or_else(wrong)?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(Duration::ZERO) => Err("it must be longer than nothing".to_owned()),
        Ok(span) if span <= LONGEST => Ok(span),
        _ => Err("it must be shorter than ten years".to_owned()),
    }
}

fn wrong() -> String {
    "use a number and one of the units ms, s, m, h: 500ms, 2s, 1.5m".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_are_lengths_of_time() {
        let cases = [
            ("500ms", 500),
            ("2s", 2_000),
            ("1m", 60_000),
            ("1h", 3_600_000),
            ("1.5s", 1_500),
            ("0.25m", 15_000),
            ("007s", 7_000),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let cases = [
            "",
            "2",
            "s",
            "2 s",
            "-1s",
            "+1s",
            "1e3s",
            "2sec",
            "1.2.3s",
            ".",
            ".s",
            "inf s",
            "NaNs",
            "0s",
            "0.0ms",
            "2S",
            "2\u{202f}s",
            "99999999999999999999h",
            "1000000h",
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
