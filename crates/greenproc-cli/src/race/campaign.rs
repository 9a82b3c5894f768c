//! `greenproc race hunt` and `merge`: all races.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use greenproc_lab::{Options, Outcome, Race, Shard, Size, Summary, Token, Trial};
use greenproc_sync::time;

use super::options::{HuntOptions, MergeOptions};
use super::{names, single};
use crate::Verdict;
use crate::failure::Failure;
use crate::quantity::{counted, grouped};
use crate::style::Style;

/// How long a hunt takes that nobody gave a time.
const SHORT: Duration = Duration::from_secs(130);
const NIGHTLY: Duration = Duration::from_hours(8);

/// Explores all races, and says of each how that went when it is done.
pub(super) fn hunt(options: &HuntOptions) -> Result<Verdict, Failure> {
    let shard = names::shard(&options.shard)?;
    let size = if options.nightly { Size::Nightly { seed: options.seed } } else { Size::Short };
    let time = options.time.unwrap_or(if options.nightly { NIGHTLY } else { SHORT });
    let mut teller = Teller::new(options.output.json, shard, size)?;
    let begin = time::now();
    let mut trials = Trial::all();
    let mut outcomes = Vec::with_capacity(trials.len());
    while !trials.is_empty() {
        let weights: u32 = trials.iter().map(Trial::weight).sum();
        let trial = trials.remove(0);
        let share = time.saturating_sub(begin.elapsed()) * trial.weight() / weights;
        let outcome = trial.run(size, shard, share);
        teller.tell(&outcome)?;
        outcomes.push(outcome);
    }
    if let Some(path) = &options.html {
        write_page(path, &outcomes)?;
    }
    teller.sum_up(&outcomes)
}

fn write_page(path: &Path, outcomes: &[Outcome]) -> Result<(), Failure> {
    let found = || outcomes.iter().filter(|outcome| outcome.found.is_some());
    let shown = found().find(|outcome| !outcome.is_good()).or_else(|| found().next());
    let Some(finding) = shown.and_then(|outcome| outcome.found.as_ref()) else { return Ok(()) };
    let (token, race, fault): (Token, &'static Race, _) = names::token(&finding.token)?;
    let how = Options::default();
    let (_, timeline) = greenproc_lab::replay(&race.scenario(fault), &token, &how);
    single::write_page(path, race, &finding.kind, &token, &timeline, &how)
}

/// Puts the results of all shards of a hunt together.
pub(super) fn merge(options: &MergeOptions) -> Result<Verdict, Failure> {
    let mut outcomes = Vec::new();
    for path in &options.files {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::Usage(format!("{}: {error} (try 'greenproc race --help')", path.display()))
        };
        let file = File::open(path).map_err(|error| wrong(&error))?;
        let before = outcomes.len();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|error| wrong(&error))?;
            let value: serde_json::Value =
                serde_json::from_str(&line).map_err(|_| wrong(&"not what 'race hunt --json' writes"))?;
            // The last line sums up.
            if value.get("race").is_some() {
                outcomes.push(serde_json::from_value(value).map_err(|error| wrong(&error))?);
            }
        }
        if outcomes.len() == before {
            return Err(wrong(&"no outcome of 'race hunt --json' in it"));
        }
    }
    let merged = greenproc_lab::merge(outcomes)
        .map_err(|error| Failure::Usage(format!("{error} (try 'greenproc race --help')")))?;
    let mut teller = Teller::new(options.output.json, Shard::WHOLE, Size::Short)?;
    merged.iter().try_for_each(|outcome| teller.tell(outcome))?;
    teller.sum_up(&merged)
}

/// Says what comes out, as it comes. A reader who had enough stops neither the hunt nor the verdict.
struct Teller {
    json: bool,
    shard: Shard,
    size: Size,
    style: Style,
    width: usize,
    closed: bool,
}

impl Teller {
    fn new(json: bool, shard: Shard, size: Size) -> Result<Teller, Failure> {
        let length =
            |trial: &Trial| trial.race.name.len() + trial.fault.map_or(0, |fault| fault.name().len() + 1);
        let width = Trial::all().iter().map(length).max().unwrap_or(0);
        let mut teller = Teller { json, shard, size, style: Style::of_stdout(), width, closed: false };
        if !json {
            let heading = teller.line("RACE", ["SCHEDULES", "TIME", "PREEMPT", "HANDOVERS"], "RESULT");
            let heading = teller.style.bold(heading);
            teller.write(|out| Ok(writeln!(out, "  {heading}")?))?;
        }
        Ok(teller)
    }

    fn line(&self, name: &str, columns: [&str; 4], result: &str) -> String {
        let width = self.width;
        let [schedules, time, preemptions, handovers] = columns;
        format!("{name:<width$} {schedules:>10} {time:>8} {preemptions:>7} {handovers:>9}  {result}")
    }

    fn tell(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        if self.json {
            let mut shown = outcome.clone();
            if self.shard == Shard::WHOLE {
                shown.handover_set.clear();
            }
            return self.write(|out| {
                serde_json::to_writer(&mut *out, &shown)?;
                Ok(writeln!(out)?)
            });
        }
        let found = outcome.found.as_ref();
        let preemptions = found.map_or_else(String::new, |found| found.preemptions.to_string());
        let result = found.map_or_else(|| outcome.extent(), |found| found.kind.clone());
        let columns = [
            &*grouped(outcome.schedules),
            &*format!("{:.2} s", outcome.seconds),
            &*preemptions,
            &*grouped(outcome.handovers as u64),
        ];
        let line = self.line(&outcome.label(), columns, &result);
        let (good, style) = (outcome.is_good() || self.shard.of() > 1 && outcome.fault.is_some(), self.style);
        let alarm =
            found.filter(|_| !good).map(|found| format!("    {}\n    {}\n", found.failure, found.token));
        self.write(|out| {
            writeln!(out, "{} {}", style.mark(good), if good { line } else { style.bad(line) })?;
            Ok(write!(out, "{}", alarm.unwrap_or_default())?)
        })
    }

    fn sum_up(mut self, outcomes: &[Outcome]) -> Result<Verdict, Failure> {
        let summary = Summary::of(outcomes, self.shard).sized(self.size);
        let verdict = Verdict::of(summary.is_good());
        if self.json {
            self.write(|out| {
                serde_json::to_writer(&mut *out, &summary)?;
                Ok(writeln!(out)?)
            })?;
            return Ok(verdict);
        }
        let style = self.style;
        self.write(|out| {
            let Summary { races, planted, found, missed, false_alarms, core, schedules, seconds, .. } =
                &summary;
            writeln!(
                out,
                "\n{}: {} of {} found, {}; {} in {seconds:.1} s",
                style.bold(counted(*races as u64, "race")),
                found,
                counted(*planted as u64, "planted fault"),
                counted(false_alarms.len() as u64, "false alarm"),
                counted(*schedules, "schedule"),
            )?;
            if let Some(seed) = summary.seed {
                writeln!(out, "seed: {seed}")?;
            }
            let names: Vec<&str> = core.iter().map(|extent| &*extent.race).collect();
            writeln!(out, "core shapes: {}", names.join(", "))?;
            for label in missed {
                writeln!(out, "{} {}", style.mark(false), style.bad(format!("missed: {label}")))?;
            }
            for label in false_alarms {
                writeln!(out, "{} {}", style.mark(false), style.bad(format!("false alarm: {label}")))?;
            }
            Ok(())
        })?;
        Ok(verdict)
    }

    fn write(&mut self, tell: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        match tell(&mut out).and_then(|()| Ok(out.flush()?)) {
            Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            written => written,
        }
    }
}
