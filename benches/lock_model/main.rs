//! Question: with how many cores does the one lock of a runtime's tree end, and how many lives a second are there then?
//!
//! Nobody here has 128 cores, so the lock is simulated. What passing it on costs is found by having the real lock wanted by
//! threads that do nothing else, at four ratios of work and hold; three other ratios show how far the simulator is from the
//! real lock. What a life is, outside and inside the lock, is measured with the feature `hold-times` (one spawner on one
//! CPU, and as many as there are CPUs on all); other numbers of spawners, and several runtimes, show how far the model is from the real
//! runtime. Then it is asked about 1 to 128 cores: with one lock, with a runtime for each four cores, and with the tree
//! in 64 shards of which each hold still does a fifth under one lock.
//!
//! The lives are those of `peers`, a thousand at a time, of all spawners together. All times are of a build with the feature, which makes a life slower.
//!
//! ```text
//! cargo bench -p greenproc-benches --features hold-times --bench lock-model [-- --quick --json]
//! ```

mod calibration;
#[path = "../futex_word.rs"]
mod futex_word;
#[path = "../peers/pinning.rs"]
mod pinning;
mod prediction;
#[path = "../quantile.rs"]
mod quantile;
mod real;
mod runtime;
mod simulator;
#[path = "../spawners.rs"]
mod spawners;
#[path = "../kill/wakeup.rs"]
mod wakeup;

use std::process::ExitCode;

use serde::Serialize;

use calibration::Compared;
use pinning::Pinning;
use prediction::{CORES_OF_A_RUNTIME, Division, Fitted, Life, Prediction, SHARDS};
use runtime::Point;
use simulator::Costs;
use spawners::Failure;

const USAGE: &str = "\
usage: lock-model [--json] [--quick]
  --json    one JSON object per line instead of tables
  --quick   fewer rounds";

/// What a life is to hold the lock for in the second prediction, in nanoseconds.
const AIM: f64 = 100.0;

const CORES: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// A setting of the runtime, measured and simulated. Times are nanoseconds for a life.
#[derive(Debug, Serialize)]
struct Check {
    cpus: usize,
    spawners: u32,
    runtimes: usize,
    holds: f64,
    held: f64,
    wall: f64,
    simulated: f64,
    fitted: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let known = ["--json", "--quick", "--measure-all-cpus", "--measure-one-cpu"];
    if arguments.iter().any(|argument| !known.contains(&argument.as_str())) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let outcome = if has("--measure-all-cpus") {
        runtime::measure(Pinning::AllCpus)
    } else if has("--measure-one-cpu") {
        runtime::measure(Pinning::OneCpu)
    } else {
        run(has("--quick"), has("--json"))
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("lock-model: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(quick: bool, json: bool) -> Result<(), Failure> {
    let cpus = std::thread::available_parallelism()?.get();
    if cpus < 2 {
        return Err("with one CPU nobody ever waits for the lock".into());
    }
    let (costs, compared) = calibration::calibrate(cpus, quick);
    let points = runtime::measure_in_children(if quick { 11 } else { 101 })?;
    let find =
        |cpus| points.iter().find(|point| point.cpus == cpus && is_fitted(point)).ok_or("no such point");
    let fitted = prediction::fit(find(1)?, find(cpus)?, &costs);
    let checks: Vec<Check> = points.iter().map(|point| check(point, &fitted, &costs)).collect();
    let predictions = CORES.map(|cores| prediction::predict(cores, &fitted, &costs));
    let aimed = aimed(&fitted);
    let aims = CORES.map(|cores| prediction::predict(cores, &aimed, &costs));
    if json {
        print_json(&costs, &compared, &checks, &[&predictions, &aims])
    } else {
        print_lock(&costs, &compared);
        print_runtime(&checks, &fitted);
        print_predictions("as it is", &predictions);
        print_predictions(&format!("if a life held the lock for {AIM} ns"), &aims);
        Ok(())
    }
}

fn check(point: &Point, fitted: &Fitted, costs: &Costs) -> Check {
    let life = if point.cpus == 1 { &fitted.one_core } else { &fitted.many_cores };
    let outcome = prediction::outcome(point.cpus, life, costs, Division::Runtimes(point.runtimes));
    Check {
        cpus: point.cpus,
        spawners: point.spawners,
        runtimes: point.runtimes,
        holds: point.holds,
        held: point.held,
        wall: point.wall,
        simulated: life.holds / outcome.rounds_per_ns,
        fitted: is_fitted(point),
    }
}

/// Whether the work of a life is taken from this point: one spawner on one CPU, as many as there are CPUs on all.
fn is_fitted(point: &Point) -> bool {
    point.runtimes == 1 && point.spawners as usize == point.cpus.next_power_of_two().min(8)
}

/// The same lives with shorter holds, on several cores; what is no longer done inside is not done outside either.
fn aimed(fitted: &Fitted) -> Fitted {
    let shorter = |life: &Life, remote: f64| {
        let held = life.holds * (life.hold.mean() + remote * life.transfer);
        let factor = AIM / held;
        Life { hold: life.hold.times(factor), transfer: life.transfer * factor, ..life.clone() }
    };
    Fitted { one_core: shorter(&fitted.one_core, 0.0), many_cores: shorter(&fitted.many_cores, 1.0) }
}

fn print_json(
    costs: &Costs,
    compared: &[Compared],
    checks: &[Check],
    predictions: &[&[Prediction]],
) -> Result<(), Failure> {
    println!(
        "{}",
        serde_json::json!({
            "transfer_ns": costs.transfer,
            "hand_over_ns": costs.hand_over,
            "spin_ns": costs.spin,
            "wake_ns": costs.wake,
            "wake_up_ns": costs.wake_up,
        })
    );
    for row in compared {
        println!("{}", serde_json::to_string(row)?);
    }
    for row in checks {
        println!("{}", serde_json::to_string(row)?);
    }
    for (held, rows) in ["measured", "aim"].into_iter().zip(predictions) {
        for row in *rows {
            println!("{}", serde_json::json!({ "held": held, "prediction": row }));
        }
    }
    Ok(())
}

fn print_lock(costs: &Costs, compared: &[Compared]) {
    println!(
        "Passing the lock on: {:.0} ns until one that looks has it, a hold {:.0} ns longer after another core's; looking \
         for {:.0} ns; {:.0} ns to wake one, which runs {:.0} ns later.",
        costs.hand_over, costs.transfer, costs.spin, costs.wake, costs.wake_up
    );
    println!("\nThe lock alone, rounds per us");
    println!(
        "{:>6}{:>10}{:>10}{:>11}{:>11}{:>9}",
        "cores", "outside", "held", "measured", "simulated", "error"
    );
    for row in compared {
        println!(
            "{:>6}{:>7.0} ns{:>7.0} ns{:>11.3}{:>11.3}{:>8.1}%{}",
            row.cores,
            row.outside_ns,
            row.inside_ns,
            row.measured,
            row.simulated,
            100.0 * row.error(),
            if row.fitted { "  fitted" } else { "" }
        );
    }
}

fn print_runtime(checks: &[Check], fitted: &Fitted) {
    println!("\nThe runtime, ns for a life, a thousand in all at a time");
    println!(
        "{:>5}{:>10}{:>10}{:>9}{:>9}{:>10}{:>11}{:>9}",
        "CPUs", "spawners", "runtimes", "holds", "held", "measured", "simulated", "error"
    );
    for row in checks {
        println!(
            "{:>5}{:>10}{:>10}{:>9.2}{:>9.0}{:>10.0}{:>11.0}{:>8.1}%{}",
            row.cpus,
            row.spawners,
            row.runtimes,
            row.holds,
            row.held,
            row.wall,
            row.simulated,
            100.0 * (row.simulated / row.wall - 1.0),
            if row.fitted { "  fitted" } else { "" }
        );
    }
    let Life { outside, hold, holds, transfer } = &fitted.many_cores;
    println!(
        "On several cores a life is {outside:.0} ns outside and {holds:.2} holds of {:.0} ns, {transfer:.0} ns more after another \
         core's.",
        hold.mean()
    );
}

fn print_predictions(title: &str, predictions: &[Prediction]) {
    println!("\nThousand lives a second, {title}");
    println!(
        "{:>6}{:>14}{:>9}{:>10}{:>6}{:>13}{:>7}{:>21}{:>11}",
        "cores",
        "nobody waits",
        "bound",
        "one lock",
        "busy",
        "never asleep",
        "far",
        format!("runtime per {CORES_OF_A_RUNTIME} cores"),
        format!("{SHARDS} shards")
    );
    for row in predictions {
        println!(
            "{:>6}{:>14.0}{:>9.0}{:>10.0}{:>5.0}%{:>13.0}{:>7.0}{:>21.0}{:>11.0}",
            row.cores,
            row.nobody_waits / 1e3,
            row.bound / 1e3,
            row.one_lock / 1e3,
            100.0 * row.lock_busy,
            row.looking / 1e3,
            row.far / 1e3,
            row.runtimes / 1e3,
            row.shards / 1e3
        );
    }
}
