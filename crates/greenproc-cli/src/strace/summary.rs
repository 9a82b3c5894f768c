//! What `strace -c` prints in the end: how often each call was made, how often it failed, and how long it took.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use greenproc::{Call, CallResult};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// The calls that were made.
#[derive(Debug, Default)]
pub(super) struct Summary(BTreeMap<Call, Row>);

/// What is known of one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    calls: u64,
    errors: u64,
    time: Duration,
}

impl Summary {
    /// A call is made.
    pub(super) fn enter(&mut self, call: Call) {
        self.0.entry(call).or_default().calls += 1;
    }

    /// It came back, after this long.
    pub(super) fn leave(&mut self, call: Call, result: CallResult, took: Duration) {
        let row = self.0.entry(call).or_default();
        row.errors += u64::from(matches!(result, CallResult::Failed(_)));
        row.time += took;
    }

    fn total(&self) -> Row {
        self.0.values().fold(Row::default(), |sum, row| Row {
            calls: sum.calls + row.calls,
            errors: sum.errors + row.errors,
            time: sum.time + row.time,
        })
    }

    /// The one that took most first.
    fn sorted(&self) -> Vec<(Call, Row)> {
        let mut rows: Vec<(Call, Row)> = self.0.iter().map(|(&call, &row)| (call, row)).collect();
        rows.sort_by(|(one, first), (other, second)| {
            second.time.cmp(&first.time).then(one.name().cmp(other.name()))
        });
        rows
    }
}

const RULE: &str = "------ ----------- ----------- --------- --------- ----------------";

impl fmt::Display for Summary {
    /// As strace has it. The time is that from entry to exit, with what the stops for the tracer cost.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        writeln!(f, "% time     seconds  usecs/call     calls    errors syscall\n{RULE}")?;
        for (call, row) in self.sorted() {
            line(f, row, total.time, call.name())?;
        }
        writeln!(f, "{RULE}")?;
        line(f, total, total.time, "total")
    }
}

fn line(f: &mut fmt::Formatter<'_>, row: Row, of: Duration, name: &str) -> fmt::Result {
    let Row { calls, errors, time } = row;
    let percent = if of.is_zero() { 0.0 } else { 100.0 * time.as_secs_f64() / of.as_secs_f64() };
    let each = time.as_micros().checked_div(calls.into()).unwrap_or(0);
    let errors = if errors == 0 { String::new() } else { errors.to_string() };
    writeln!(f, "{percent:>6.2} {:>11.6} {each:>11} {calls:>9} {errors:>9} {name}", time.as_secs_f64())
}

impl Serialize for Summary {
    /// An object with a member for each call.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Member {
            calls: u64,
            errors: u64,
            seconds: f64,
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (call, Row { calls, errors, time }) in self.sorted() {
            map.serialize_entry(call.name(), &Member { calls, errors, seconds: time.as_secs_f64() })?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_strace() {
        let mut summary = Summary::default();
        for result in [CallResult::Done(0), CallResult::Failed(4)] {
            summary.enter(Call::Nanosleep);
            summary.leave(Call::Nanosleep, result, Duration::from_millis(375));
        }
        summary.enter(Call::Wait4);
        summary.leave(Call::Wait4, CallResult::Done(3), Duration::from_millis(250));
        summary.enter(Call::Exit);
        let text = format!(
            "% time     seconds  usecs/call     calls    errors syscall\n{RULE}\n\
             \u{20}75.00    0.750000      375000         2         1 nanosleep\n\
             \u{20}25.00    0.250000      250000         1           wait4\n\
             \u{20} 0.00    0.000000           0         1           exit\n{RULE}\n\
             100.00    1.000000      250000         4         1 total\n"
        );
        assert_eq!(summary.to_string(), text);
        let json = serde_json::to_string(&summary).expect("it can be");
        assert_eq!(
            json,
            r#"{"nanosleep":{"calls":2,"errors":1,"seconds":0.75},"wait4":{"calls":1,"errors":0,"seconds":0.25},"exit":{"calls":1,"errors":0,"seconds":0.0}}"#
        );
    }

    #[test]
    fn nothing_is_a_table_too() {
        let text = Summary::default().to_string();
        assert!(text.ends_with("  0.00    0.000000           0         0           total\n"), "{text}");
    }
}
