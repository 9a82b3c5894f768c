//! `greenproc race run` and `replay`: one race.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use greenproc_lab::{
    Covered, Exhausted, Failure as Wrong, Finding, Options, Outcome, Race, Report, StrategyKind, Telling,
    Timeline, Trial, follow,
};
use serde::Serialize;

use super::names;
use super::options::{ReplayOptions, Rules, RunOptions, StrategyName};
use crate::Verdict;
use crate::failure::{Failure, after_writing};
use crate::quantity::{counted, grouped, rate, time};
use crate::style::Style;

/// What a run says in JSON.
#[derive(Serialize)]
struct Ran {
    #[serde(flatten)]
    outcome: Outcome,
    good: bool,
    runs: u64,
    schedules_per_second: f64,
    longest: usize,
    states: usize,
    timeline: Option<Telling>,
}

/// Explores one race.
pub(super) fn run(options: &RunOptions) -> Result<Verdict, Failure> {
    let race = names::race(&options.name)?;
    let fault = names::fault(race, &options.variant)?;
    let shard = names::shard(&options.shard)?;
    let how = Options {
        strategy: strategy(options)?,
        schedules: options.schedules,
        time: options.time,
        shard,
        ..rules(options.rules)
    };
    let scenario = race.scenario(fault);
    let mut numbers = options.schedules_file.as_ref().map(|_| Vec::new());
    let mut report = scenario.explore_each(&how, |number| {
        if let Some(numbers) = &mut numbers {
            numbers.push(number);
        }
    });
    if let (Some(path), Some(numbers)) = (&options.schedules_file, numbers) {
        write_numbers(path, &numbers).map_err(|error| unwritable(path, &error))?;
    }
    let found = report.found.take();
    if let (Some(path), Some(found)) = (&options.shown.html, &found) {
        write_page(path, race, found.failure.kind(), &found.token, &found.timeline, &how)?;
    }
    let timeline = found.as_ref().map(|found| found.timeline.clone());
    let (runs, longest, states) = (report.runs, report.longest, report.states.len());
    let elapsed = report.elapsed;
    let outcome = Outcome::of(&Trial { race, fault }, shard, Report { found, ..report });
    let good = outcome.is_good();
    let verdict = Verdict::of(good || shard.of() > 1 && fault.is_some());
    let ran = Ran {
        good,
        runs,
        schedules_per_second: rate(runs, elapsed),
        longest,
        states,
        timeline: timeline.as_ref().map(Timeline::tell),
        outcome,
    };
    let write = || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if options.output.json {
            serde_json::to_writer(&mut out, &ran)?;
            writeln!(out)?;
        } else {
            tell_run(&mut out, Style::of_stdout(), race, &ran, elapsed, options.shown.all)?;
        }
        Ok(out.flush()?)
    };
    after_writing(write(), verdict)
}

fn write_numbers(path: &Path, numbers: &[u64]) -> io::Result<()> {
    let mut file = io::BufWriter::new(File::create(path)?);
    numbers.iter().try_for_each(|number| writeln!(file, "{number:016x}"))?;
    file.flush()
}

fn rules(rules: Rules) -> Options {
    Options { early_timeouts: rules.timeouts, spurious: rules.spurious, ..Options::default() }
}

fn strategy(options: &RunOptions) -> Result<StrategyKind, Failure> {
    let bad =
        |what: &str| Failure::Usage(format!("--seed {}: {what} (try 'greenproc race --help')", options.seed));
    let seed = || options.seed.parse::<u64>().map_err(|_| bad("a seed is a number"));
    Ok(match options.strategy {
        StrategyName::Bounded => StrategyKind::Bounded { bound: options.bound },
        StrategyName::Exhaustive => StrategyKind::Exhaustive,
        StrategyName::Random => StrategyKind::Random { seed: seed()? },
        StrategyName::Pct => StrategyKind::Pct { seed: seed()?, depth: options.bound.max(1) },
        StrategyName::Coverage => StrategyKind::Coverage { seed: seed()? },
        StrategyName::Bytes => {
            let digits = options.seed.as_bytes().chunks(2);
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            StrategyKind::Bytes(
                digits.map(byte).collect::<Option<_>>().ok_or_else(|| bad("hexadecimal digits"))?,
            )
        }
    })
}

fn tell_run(
    out: &mut impl Write,
    style: Style,
    race: &Race,
    ran: &Ran,
    elapsed: std::time::Duration,
    all: bool,
) -> io::Result<()> {
    let Ran { outcome, timeline, .. } = ran;
    if let (Some(found), Some(timeline)) = (&outcome.found, timeline) {
        tell_failure(out, style, race, found, timeline, all)?;
        writeln!(out)?;
    }
    writeln!(
        out,
        "{}: {} in {} ({} a second)\nup to {} each, {} and {} seen",
        style.bold(outcome.label()),
        counted(outcome.schedules, "schedule"),
        time(elapsed),
        grouped(ran.schedules_per_second as u64),
        counted(ran.longest as u64, "choice"),
        counted(outcome.handovers as u64, "hand-over"),
        counted(ran.states as u64, "state"),
    )?;
    if let Some(extent) = extent(outcome) {
        writeln!(out, "{extent}")?;
    }
    let verdict = match (&outcome.found, &outcome.fault) {
        (None, None) => "No schedule failed.",
        (None, Some(_)) => "The planted fault was not found.",
        (Some(_), Some(_)) => "The planted fault was found.",
        (Some(_), None) => "This is a bug of the runtime, or of the lab.",
    };
    let verdict = if ran.good { style.good(verdict) } else { style.bad(verdict) };
    writeln!(out, "{} {verdict}", style.mark(ran.good))
}

/// How far all orders were tried, in a sentence.
fn extent(outcome: &Outcome) -> Option<String> {
    let share = |covered: Covered| 100.0 * covered.begun as f64 / covered.subtrees.max(1) as f64;
    match (outcome.exhausted?, outcome.covered) {
        (Exhausted::All, _) => Some("All orders were tried.".to_owned()),
        (Exhausted::Bound(bound), covered) => {
            let bound = match bound {
                0 => "no preemption".to_owned(),
                _ => format!("up to {}", counted(u64::from(bound), "preemption")),
            };
            let next = covered.map(|covered| format!(", and {:.1}% of those with one more", share(covered)));
            Some(format!("All orders with {bound} were tried{}.", next.unwrap_or_default()))
        }
    }
}

/// The failure, for a terminal.
fn tell_failure(
    out: &mut impl Write,
    style: Style,
    race: &Race,
    found: &Finding,
    timeline: &Telling,
    all: bool,
) -> io::Result<()> {
    let preemptions = counted(u64::from(found.preemptions), "preemption");
    writeln!(
        out,
        "{}",
        style.bad(format!("{} after {preemptions}, in schedule {}", found.kind, grouped(found.schedule)))
    )?;
    writeln!(out, "What must hold: {}.", race.invariant)?;
    tell_timeline(out, timeline, all)?;
    writeln!(out, "\nreplay: greenproc race replay {}", style.bold(&found.token))
}

fn tell_timeline(out: &mut impl Write, timeline: &Telling, all: bool) -> io::Result<()> {
    writeln!(out)?;
    if all { write!(out, "{timeline:#}") } else { write!(out, "{timeline}") }
}

/// What a replay says in JSON.
#[derive(Serialize)]
struct Replayed<'a> {
    race: &'a str,
    fault: Option<&'a str>,
    token: String,
    version: &'a str,
    /// How it failed; `null` if it did not.
    kind: Option<&'a str>,
    failure: Option<String>,
    /// The decision from which on the token does not fit any more.
    diverged_at: Option<u32>,
    good: bool,
    timeline: Telling,
}

/// Runs the schedule of a token again. As it should be is: a planted fault shows, and without one nothing does.
pub(super) fn replay(options: &ReplayOptions) -> Result<Verdict, Failure> {
    let (token, race, fault) = names::token(&options.token)?;
    let how = rules(options.rules);
    let (failure, timeline) = greenproc_lab::replay(&race.scenario(fault), &token, &how);
    let diverged_at = match failure {
        Some(Wrong::Diverged(at)) => Some(at),
        _ => None,
    };
    let good = diverged_at.is_none() && failure.is_some() == fault.is_some();
    if let Some(path) = &options.shown.html {
        write_page(path, race, failure.as_ref().map_or("no failure", Wrong::kind), &token, &timeline, &how)?;
    }
    let replayed = Replayed {
        race: race.name,
        fault: token.fault(),
        token: token.to_string(),
        version: token.version(),
        kind: failure.as_ref().map(Wrong::kind),
        failure: failure.as_ref().map(ToString::to_string),
        diverged_at,
        good,
        timeline: timeline.tell(),
    };
    let write = || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if options.output.json {
            serde_json::to_writer(&mut out, &replayed)?;
            writeln!(out)?;
        } else {
            tell_replay(&mut out, Style::of_stdout(), race, &replayed, options.shown.all)?;
        }
        Ok(out.flush()?)
    };
    after_writing(write(), Verdict::of(good))
}

fn tell_replay(
    out: &mut impl Write,
    style: Style,
    race: &Race,
    replayed: &Replayed<'_>,
    all: bool,
) -> io::Result<()> {
    writeln!(out, "What must hold: {}.", race.invariant)?;
    tell_timeline(out, &replayed.timeline, all)?;
    let verdict = match (replayed.diverged_at, replayed.kind) {
        (Some(at), _) if replayed.version != env!("CARGO_PKG_VERSION") => format!(
            "The token is of version {}: at decision {at} this code goes elsewhere.",
            replayed.version
        ),
        (Some(at), _) => format!("The token does not fit this code: at decision {at} it goes elsewhere."),
        (None, Some(kind)) => format!("It failed again: {kind}."),
        (None, None) => "It did not fail.".to_owned(),
    };
    writeln!(out, "\n{} {}", style.mark(replayed.good), style.bold(verdict))
}

/// Writes the page of a schedule, beside what the same choices lead to without the fault.
pub(super) fn write_page(
    path: &Path,
    race: &Race,
    kind: &str,
    token: &greenproc_lab::Token,
    timeline: &Timeline,
    how: &Options,
) -> Result<(), Failure> {
    let fixed = token.fault().map(|_| follow(&race.scenario(None), token, how).1);
    let page = greenproc_lab::page(race, kind, token, timeline, fixed.as_ref());
    std::fs::write(path, page).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("{}: {error} (try 'greenproc race --help')", path.display()))
}
