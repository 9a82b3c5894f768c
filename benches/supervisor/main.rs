//! Questions about supervision trees: what does a storm of restarts cost others, and does anything grow? How long is it from the
//! death of a child until its next life is ready, beside what the runtime itself takes for a death and a birth? Does
//! anybody survive a supervisor that is killed?
//!
//! - `storm`: 100 children that fail all the time. Once without limit and back-off, 10,000 restarts a second offered (each
//!   life is 10 ms); once with the defaults, which give up again and again under a supervisor that starts them again. Beside them a
//!   sibling answers pings.
//! - `restart`: 2,000 deaths, interleaved with the runtime's own, with threads of their own and with shared ones.
//! - `soak`: 5,000 cycles of a child that fails, is terminated, restarted and deleted, and of a supervisor that comes and goes.
//! - `killed`: a tree of 10,000 children is started, and its root is killed at a random moment, 200 times.
//!
//! ```text
//! cargo bench -p greenproc-benches --bench supervisor [-- --quick --json --only PART --seconds 20 --cycles 5000 --runs 200 --children 10000]
//! ```
//!
//! The exit status is 0 if what has to be exact is: nobody is left, nothing is off. Times and memory are for the reader.

mod killed;
#[path = "../quantile.rs"]
mod quantile;
mod restart;
mod soak;
#[path = "../stopwatch.rs"]
mod stopwatch;
mod storm;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
struct Options {
    json: bool,
    seconds: u64,
    deaths: usize,
    cycles: usize,
    runs: usize,
    children: usize,
}

/// One number, and what it is to be.
#[derive(Debug, Serialize)]
struct Row {
    part: &'static str,
    what: &'static str,
    value: f64,
    unit: &'static str,
    /// The bar of the project for it: at most, or at least, this.
    bar: Option<Bar>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bar {
    AtMost(f64),
    Exactly(f64),
}

impl Row {
    fn new(part: &'static str, what: &'static str, value: f64, unit: &'static str) -> Row {
        Row { part, what, value, unit, bar: None }
    }

    fn at_most(self, bar: f64) -> Row {
        Row { bar: Some(Bar::AtMost(bar)), ..self }
    }

    fn exactly(self, bar: f64) -> Row {
        Row { bar: Some(Bar::Exactly(bar)), ..self }
    }

    fn is_met(&self) -> bool {
        self.bar.is_none_or(|bar| match bar {
            Bar::AtMost(bar) => self.value <= bar,
            Bar::Exactly(bar) => self.value.total_cmp(&bar).is_eq(),
        })
    }

    /// Whether it has to be exact, and is not.
    fn is_wrong(&self) -> bool {
        matches!(self.bar, Some(Bar::Exactly(_))) && !self.is_met()
    }

    fn print(&self, json: bool) {
        if json {
            println!("{}", serde_json::to_string(self).unwrap_or_default());
            return;
        }
        let bar = match self.bar {
            None => String::new(),
            Some(Bar::AtMost(bar)) => format!("bar: at most {bar:.1}"),
            Some(Bar::Exactly(bar)) => format!("bar: {bar:.0}"),
        };
        let verdict = if self.is_met() { "" } else { ", MISSED" };
        let Row { part, what, value, unit, .. } = self;
        println!("{part:<24}{what:<46}{value:>12.1} {unit:<10}{bar}{verdict}");
    }
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("supervisor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is exact that has to be.
fn measure() -> Result<bool, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let after = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)
    };
    let number = |name: &str, quick: usize, full: usize| match after(name) {
        Some(text) => text.parse().map_err(|_| format!("{name} {text}: not a number")),
        None if has("--quick") => Ok(quick),
        None => Ok(full),
    };
    let options = Options {
        json: has("--json"),
        seconds: number("--seconds", 2, 20)? as u64,
        deaths: number("--deaths", 200, 2_000)?,
        cycles: number("--cycles", 200, 5_000)?,
        runs: number("--runs", 5, 200)?,
        children: number("--children", 1_000, 10_000)?,
    };
    let only = after("--only").map(String::as_str);
    let mut exact = true;
    let parts: [(&str, Part); 4] = [
        ("storm", storm::measure),
        ("restart", restart::measure),
        ("soak", soak::measure),
        ("killed", killed::measure),
    ];
    for (name, part) in parts {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        for row in part(options)? {
            row.print(options.json);
            exact &= !row.is_wrong();
        }
    }
    Ok(exact)
}

type Part = fn(Options) -> Result<Vec<Row>, Box<dyn Error>>;

/// Times in some unit.
fn in_units(times: &[Duration], unit: f64) -> Vec<f64> {
    times.iter().map(|time| time.as_secs_f64() * unit).collect()
}
