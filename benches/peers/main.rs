//! Question: what does the whole life of a greenproc process cost (start, end, wait for it), beside the things people
//! use today? It is asked one life after another (`sequential`) and a thousand at a time (`batch1000`).
//!
//! | peer | a life |
//! |---|---|
//! | `tokio_spawn` | a task spawned and awaited, which has no thread of its own |
//! | `tokio_spawn_blocking` | a closure on tokio's blocking threads, spawned and awaited |
//! | `std_thread` | `std::thread::spawn` and `join` |
//! | `fork` | `fork`, `_exit` and `waitpid` |
//! | `futex_pingpong` | no life: one hand-over to another thread and back, the floor for whatever sleeps |
//!
//! With `--external` programs outside Rust are measured instead; `scripts/peers-external` has some.
//!
//! Times on a shared machine move by a factor of two from minute to minute, so only ratios of neighbours count. Phases
//! of peer and greenproc alternate (peer, ours, peer, ours, .., peer); a round is one phase of ours with its two
//! neighbours, its ratio is ours over their mean, and what is reported is the median of the rounds' ratios.
//!
//! Everything is measured twice, on all CPUs and pinned to one, each in an OS process of its own, because a runtime
//! reads at boot how many CPUs it has.
//!
//! ```text
//! cargo bench -p greenproc-benches --bench peers [-- --quick --json --only batch1000/tokio_spawn]
//! ```

mod contender;
mod cpu_time;
mod external;
mod fork;
mod futex;
#[path = "../futex_word.rs"]
mod futex_word;
mod measuring;
mod options;
mod ours;
mod pinning;
mod plan;
#[path = "../quantile.rs"]
mod quantile;
mod rounds;
mod row;
mod std_thread;
#[path = "../stopwatch.rs"]
mod stopwatch;
mod table;
mod tokio_peers;

use std::env;
use std::process::ExitCode;

use contender::Failure;
use options::{Invocation, Options, USAGE};
use pinning::Pinning;

fn main() -> ExitCode {
    let outcome = match Options::parse(env::args().skip(1)) {
        Err(complaint) => {
            eprintln!("peers: {complaint}");
            return ExitCode::from(2);
        }
        Ok(Invocation::Help) => {
            println!("{USAGE}");
            Ok(())
        }
        Ok(Invocation::Measure(pinning, options)) => measuring::measure(pinning, &options),
        Ok(Invocation::Compare(options)) => compare(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("peers: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Measures under both pinnings and prints each row as it comes.
fn compare(options: &Options) -> Result<(), Failure> {
    for pinning in Pinning::ALL {
        if !options.json {
            table::print_head(pinning);
        }
        measuring::measure_in_child(pinning, options, |row| {
            if options.json {
                println!("{}", serde_json::to_string(row)?);
            } else {
                table::print_row(row);
            }
            Ok(())
        })?;
    }
    if !options.json {
        table::print_legend(options.effort);
    }
    Ok(())
}
