//! Question: what becomes of the lives per second (start, end, wait) when more spawn at the same time, and in trees of other
//! shapes?
//!
//! Spawners are processes, LWPs of one process, or processes in a runtime each. Shapes are wide (a thousand at a time),
//! one after another, deep chains, trees in which each has two children, pipelines of four stages, and `vfork`.
//!
//! Each is measured beside one spawner of a known shape in the same run: phases of it and of the others alternate (one,
//! others, one, others, ..), a ratio is the rate of a phase over the mean of its two neighbours, and what is reported is the
//! median of the rounds. Above 1 it is faster than one spawner. As many lives are brought about in a phase, however many spawners
//! there are.
//!
//! Everything is measured twice, on all CPUs and pinned to one, each in an OS process of its own, because a runtime
//! reads at boot how many CPUs it has.
//!
//! ```text
//! cargo bench -p greenproc-benches --bench scaling [-- --quick --json --only wide]
//! ```

#[path = "../peers/pinning.rs"]
mod pinning;
#[path = "../quantile.rs"]
mod quantile;
mod shape;
#[path = "../spawners.rs"]
mod spawners;

use std::process::{Command as HostCommand, ExitCode};

use greenproc::Runtime;
use serde::Serialize;

use pinning::Pinning;
use quantile::{median, quantile};
use shape::Shape;
use spawners::{Failure, Spawner};

const USAGE: &str = "\
usage: scaling [--json] [--quick] [--only SHAPE]
  --json    one JSON object per line instead of tables
  --quick   fewer rounds
  --only    what is measured beside this shape: wide, sequential, deep, bushy, pipes";

/// How many runtimes there are at most.
const RUNTIMES: usize = 2;

/// Of whom the rate is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Setting {
    shape: Shape,
    spawner: Spawner,
    spawners: u32,
}

impl Setting {
    const fn new(shape: Shape, spawner: Spawner, spawners: u32) -> Setting {
        Setting { shape, spawner, spawners }
    }

    const fn one(shape: Shape) -> Setting {
        Setting::new(shape, Spawner::Process, 1)
    }

    /// One phase: how many lives a second.
    fn rate(self, runtimes: &[Runtime]) -> Result<f64, Failure> {
        let Setting { shape, spawner, spawners } = self;
        let units = shape.phase() / spawners / shape.unit();
        let work = move |p: &greenproc::Process| (0..units).try_for_each(|_| shape.live(p));
        let time = spawners::work(runtimes, (spawner, spawners), work)?;
        Ok(f64::from(units * shape.unit() * spawners) / time.as_secs_f64())
    }
}

/// What is measured beside one spawner of a shape.
struct Group {
    beside: Shape,
    settings: Vec<Setting>,
}

/// What was measured of one setting.
#[derive(Debug, Serialize)]
struct Row {
    shape: &'static str,
    /// What spawns.
    spawner: &'static str,
    spawners: u32,
    /// The shape of which one spawner is 1.
    beside: &'static str,
    pinned: bool,
    rounds: usize,
    lives_per_second: f64,
    /// Lives per second over those of the one spawner: the median of the rounds, and its tenths.
    ratio: f64,
    p10: f64,
    p90: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let outcome = match Options::parse(&arguments) {
        None => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
        Some(options) => match options.pinning {
            Some(pinning) => measure(pinning, &options),
            None => measure_in_children(&arguments),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("scaling: {failure}");
            ExitCode::FAILURE
        }
    }
}

struct Options<'a> {
    json: bool,
    quick: bool,
    only: Option<&'a str>,
    /// Measure here, not in a child.
    pinning: Option<Pinning>,
}

impl Options<'_> {
    fn parse(arguments: &[String]) -> Option<Options<'_>> {
        let mut options = Options { json: false, quick: false, only: None, pinning: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => options.json = true,
                "--quick" => options.quick = true,
                "--only" => options.only = Some(arguments.next()?),
                "--measure-all-cpus" => options.pinning = Some(Pinning::AllCpus),
                "--measure-one-cpu" => options.pinning = Some(Pinning::OneCpu),
                _ => return None,
            }
        }
        Some(options)
    }
}

/// A runtime reads at boot how many CPUs it has.
fn measure_in_children(arguments: &[String]) -> Result<(), Failure> {
    for pinning in Pinning::ALL {
        let measure = match pinning {
            Pinning::AllCpus => "--measure-all-cpus",
            Pinning::OneCpu => "--measure-one-cpu",
        };
        let status = HostCommand::new(std::env::current_exe()?).args(arguments).arg(measure).status()?;
        if !status.success() {
            return Err(format!("the measuring child ended with {status}").into());
        }
    }
    Ok(())
}

fn groups() -> Vec<Group> {
    let more = |shape| {
        let spawners = [Spawner::Process, Spawner::Lwp];
        let mut settings: Vec<Setting> = spawners
            .into_iter()
            .flat_map(|spawner| [2, 4, 8].map(|spawners| Setting::new(shape, spawner, spawners)))
            .collect();
        settings.push(Setting::new(shape, Spawner::Runtime, RUNTIMES as u32));
        settings
    };
    let two_and_four =
        |shape| [2, 4].map(|spawners| Setting::new(shape, Spawner::Process, spawners)).to_vec();
    let mut wide = more(Shape::Wide);
    let others = [Shape::Deep, Shape::Bushy, Shape::Pipes, Shape::Channels, Shape::Vfork, Shape::Sequential];
    wide.extend(others.map(Setting::one));
    vec![
        Group { beside: Shape::Wide, settings: wide },
        Group { beside: Shape::Sequential, settings: more(Shape::Sequential) },
        Group { beside: Shape::Deep, settings: two_and_four(Shape::Deep) },
        Group { beside: Shape::Bushy, settings: two_and_four(Shape::Bushy) },
        Group { beside: Shape::Pipes, settings: two_and_four(Shape::Pipes) },
    ]
}

fn measure(pinning: Pinning, options: &Options<'_>) -> Result<(), Failure> {
    pinning.apply()?;
    if !options.json {
        println!("\n{pinning}");
    }
    let groups =
        groups().into_iter().filter(|group| options.only.is_none_or(|only| only == group.beside.name()));
    for group in groups {
        let rows = compare(&group, pinning, if options.quick { 5 } else { 21 })?;
        if options.json {
            for row in &rows {
                println!("{}", serde_json::to_string(row)?);
            }
        } else {
            print(group.beside, &rows);
        }
    }
    Ok(())
}

/// In each round: one spawner, a setting, one spawner, the next setting, .., one spawner.
fn compare(group: &Group, pinning: Pinning, rounds: usize) -> Result<Vec<Row>, Failure> {
    let runtimes = (0..RUNTIMES).map(|_| Runtime::boot()).collect::<Result<Vec<_>, _>>()?;
    let one = Setting::one(group.beside);
    let settings = std::iter::once(one).chain(group.settings.iter().copied());
    let mut rates: Vec<(Setting, Vec<f64>, Vec<f64>)> =
        settings.map(|setting| (setting, Vec::new(), Vec::new())).collect();
    for (setting, ..) in &rates {
        setting.rate(&runtimes)?;
    }
    let mut before = one.rate(&runtimes)?;
    for _ in 0..rounds {
        // The first of them is the one spawner itself: how much two equal phases differ.
        for (setting, of_setting, ratios) in &mut rates {
            let rate = setting.rate(&runtimes)?;
            let after = one.rate(&runtimes)?;
            of_setting.push(rate);
            ratios.push(rate / f64::midpoint(before, after));
            before = after;
        }
    }
    let row = |(setting, rates, ratios): &(Setting, Vec<f64>, Vec<f64>)| Row {
        shape: setting.shape.name(),
        spawner: match setting.spawner {
            Spawner::Process => "process",
            Spawner::Lwp => "LWP",
            Spawner::Runtime => "runtime",
        },
        spawners: setting.spawners,
        beside: group.beside.name(),
        pinned: pinning == Pinning::OneCpu,
        rounds,
        lives_per_second: median(rates).round(),
        ratio: median(ratios),
        p10: quantile(ratios, 0.1),
        p90: quantile(ratios, 0.9),
    };
    Ok(rates.iter().map(row).collect())
}

fn print(beside: Shape, rows: &[Row]) {
    println!(
        "\n{:<11}{:>9} {:<9}{:>12}{:>8}{:>8}{:>8}   beside one {}",
        "",
        "",
        "spawners",
        "lives/s",
        "ratio",
        "p10",
        "p90",
        beside.name()
    );
    for row in rows {
        println!(
            "{:<11}{:>9} {:<9}{:>12.0}{:>8.2}{:>8.2}{:>8.2}",
            row.shape, row.spawners, row.spawner, row.lives_per_second, row.ratio, row.p10, row.p90
        );
    }
}
