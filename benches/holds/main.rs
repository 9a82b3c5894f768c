//! Question: how long is `proclist_lock` held for one life, by all holds together, with no waiting in it?
//!
//! The lives are those of the benchmark `peers`: a thousand at a time, or one after another, of one spawning process or
//! of two at once. A round is some thousand lives; what is reported is the median of the rounds, as a holder that loses its CPU for
//! a time slice holds the lock meanwhile, and a mean would say how often that happened. How long single holds lasted is
//! shown over all rounds. Last comes the longest hold while a million children change their parent.
//!
//! The clock is the CPU's counter, read twice for each hold; what that adds to an empty hold is measured at the start and
//! subtracted. It also makes lives longer: rates are from this build, and are slower than without the feature.
//!
//! Everything is measured on all CPUs and pinned to one, each in an OS process of its own.
//!
//! ```text
//! cargo bench -p greenproc-benches --features hold-times --bench holds [-- --quick --json]
//! ```

mod adoption;
mod histogram;
#[path = "../pattern.rs"]
mod pattern;
#[path = "../peers/pinning.rs"]
mod pinning;
#[path = "../quantile.rs"]
mod quantile;
#[path = "../spawners.rs"]
mod spawners;

use std::process::{Command as HostCommand, ExitCode};

use greenproc::Runtime;
use greenproc::hold_times::HoldTimes;
use serde::Serialize;

use pattern::{BATCH, Pattern};
use pinning::Pinning;
use quantile::{median, quantile};
use spawners::{Failure, Spawner};

const USAGE: &str = "\
usage: holds [--json] [--quick]
  --json    one JSON object per line instead of tables
  --quick   fewer rounds, and a tenth of the children";

/// What was measured of one scenario. Times are in nanoseconds.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    spawners: u32,
    pinned: bool,
    rounds: usize,
    /// In a round, all spawners together.
    lives: u32,
    holds_per_life: f64,
    /// Held for a life: the median of the rounds, and its tenths.
    held_ns: f64,
    p10: f64,
    p90: f64,
    /// The same over all rounds together, with the holders that lost their CPU.
    mean_held_ns: f64,
    /// From start to end of a round, for a life.
    wall_ns: f64,
    /// The share of the time in which the lock was held: the median of the rounds.
    busy: f64,
    hold_median_ns: f64,
    hold_p99_ns: f64,
    longest_hold_ns: f64,
    /// Subtracted from each hold.
    overhead_ns: f64,
    histogram: Vec<histogram::Line>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let known = ["--json", "--quick", "--measure-all-cpus", "--measure-one-cpu"];
    if arguments.iter().any(|argument| !known.contains(&argument.as_str())) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let (json, quick) = (has("--json"), has("--quick"));
    let outcome = if has("--measure-all-cpus") {
        measure(Pinning::AllCpus, quick, json)
    } else if has("--measure-one-cpu") {
        measure(Pinning::OneCpu, quick, json)
    } else {
        measure_in_children(&arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("holds: {failure}");
            ExitCode::FAILURE
        }
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

fn measure(pinning: Pinning, quick: bool, json: bool) -> Result<(), Failure> {
    pinning.apply()?;
    let mut rows = Vec::new();
    for pattern in Pattern::ALL {
        for spawners in [1, 2] {
            rows.push(scenario(pattern, spawners, pinning, if quick { 21 } else { 201 })?);
        }
    }
    let adopted = adoption::measure(if quick { 100_000 } else { 1_000_000 })?;
    if json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
        println!("{}", serde_json::to_string(&adopted)?);
    } else {
        print(pinning, &rows, &adopted);
    }
    Ok(())
}

fn scenario(pattern: Pattern, spawners: u32, pinning: Pinning, rounds: usize) -> Result<Row, Failure> {
    let runtimes = [Runtime::boot()?];
    let runtime = &runtimes[0];
    let each = 2 * BATCH;
    let lives = each * spawners;
    let round = || spawners::work(&runtimes, (Spawner::Process, spawners), move |p| pattern.live(p, each));
    for _ in 0..5 {
        round()?;
    }
    let mut all: Option<HoldTimes> = None;
    let (mut held, mut wall, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    let _ = runtime.take_hold_times();
    for _ in 0..rounds {
        let time = round()?;
        let times = runtime.take_hold_times();
        wall.push(time.as_nanos() as f64 / f64::from(lives));
        held.push(times.sum().as_nanos() as f64 / f64::from(lives));
        busy.push(times.sum().as_secs_f64() / time.as_secs_f64());
        match &mut all {
            Some(all) => all.add(&times),
            None => all = Some(times),
        }
    }
    let all = all.ok_or("no round")?;
    Ok(Row {
        name: pattern.name(),
        spawners,
        pinned: pinning == Pinning::OneCpu,
        rounds,
        lives,
        holds_per_life: all.holds() as f64 / (f64::from(lives) * rounds as f64),
        held_ns: median(&held),
        p10: quantile(&held, 0.1),
        p90: quantile(&held, 0.9),
        mean_held_ns: held.iter().sum::<f64>() / rounds as f64,
        wall_ns: median(&wall),
        busy: median(&busy),
        hold_median_ns: all.quantile_ns(0.5),
        hold_p99_ns: all.quantile_ns(0.99),
        longest_hold_ns: all.longest().as_nanos() as f64,
        overhead_ns: all.overhead_ns(),
        histogram: histogram::lines(&all),
    })
}

fn print(pinning: Pinning, rows: &[Row], adopted: &adoption::Adopted) {
    println!("\n{pinning}");
    println!(
        "{:<11}{:>9}{:>11}{:>10}{:>8}{:>8}{:>9}{:>9}{:>6}   {:>8}{:>9}{:>11}",
        "",
        "spawners",
        "holds/life",
        "held",
        "p10",
        "p90",
        "mean",
        "wall",
        "busy",
        "a hold",
        "p99",
        "longest"
    );
    for row in rows {
        println!(
            "{:<11}{:>9}{:>11.3}{:>7.1} ns{:>8.1}{:>8.1}{:>9.1}{:>9.1}{:>5.0}%   {:>5.1} ns{:>9.1}{:>11.0}",
            row.name,
            row.spawners,
            row.holds_per_life,
            row.held_ns,
            row.p10,
            row.p90,
            row.mean_held_ns,
            row.wall_ns,
            100.0 * row.busy,
            row.hold_median_ns,
            row.hold_p99_ns,
            row.longest_hold_ns
        );
    }
    println!(
        "\n{} children change their parent: {} holds, 99 of 100 below {:.1} us, the longest {:.1} us",
        adopted.children,
        adopted.holds,
        adopted.hold_p99_ns / 1000.0,
        adopted.longest_hold_ns / 1000.0
    );
    for row in rows {
        println!("\nHolds, {} of {} on {pinning}:", row.name, row.spawners);
        histogram::print(&row.histogram);
    }
    println!(
        "\nheld, wall: ns for a life; busy: held over wall; medians of {} rounds. {:.1} ns were subtracted from each hold for the clock.",
        rows.first().map_or(0, |row| row.rounds),
        rows.first().map_or(0.0, |row| row.overhead_ns)
    );
}
