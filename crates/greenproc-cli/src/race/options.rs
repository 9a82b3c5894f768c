//! The command line of `greenproc race`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::span;

/// Find the races of the runtime's own code, replay and show them
///
/// Each race is a shape of a few processes that runs through the real code under a scheduler that tries one order after
/// the other. Faults can be planted in that code; each of them has to be found, and without one every order has to be
/// clean. Needs a build with the feature 'racelab'.
#[derive(Debug, Args)]
pub(crate) struct RaceOptions {
    #[command(subcommand)]
    pub(crate) job: RaceJob,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RaceJob {
    /// List the races and the faults that can be planted
    List(Output),
    /// Tell what a race is about
    Explain(ExplainOptions),
    /// Explore one race
    Run(RunOptions),
    /// Run the schedule of a token again
    Replay(ReplayOptions),
    /// Explore all races: every planted fault has to be found, and nothing else
    Hunt(HuntOptions),
    /// Run a race on threads that nobody controls, to see how rarely it shows
    Free(FreeOptions),
    /// Put the results of all shards of a hunt together
    Merge(MergeOptions),
}

/// How the result is written.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// Print JSON, an object on a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainOptions {
    /// The race
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Which variant of a race.
#[derive(Debug, Args)]
pub(crate) struct Variant {
    /// With this fault planted; without a name with the first that the race has
    #[arg(long, value_name = "FAULT", num_args = 0..=1, default_missing_value = "", conflicts_with = "fixed")]
    pub(crate) buggy: Option<String>,
    /// The runtime's code as it is (the default)
    #[arg(long)]
    pub(crate) fixed: bool,
}

/// Which orders a schedule may have.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Rules {
    /// Time-outs may be over at any point
    #[arg(long)]
    pub(crate) timeouts: bool,
    /// Sleepers may wake without a reason
    #[arg(long)]
    pub(crate) spurious: bool,
}

/// How a schedule is shown.
#[derive(Debug, Args)]
pub(crate) struct Shown {
    /// Write a page that shows the schedule step by step
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Show every event, also those that concern one LWP only
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// The race
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) variant: Variant,
    /// Which orders are tried
    #[arg(long, value_name = "NAME", value_enum, default_value = "bounded")]
    pub(crate) strategy: StrategyName,
    /// The most preemptions, for 'bounded'; how many orders between events the race needs, for 'pct'
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) bound: u32,
    /// The most schedules
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) schedules: u64,
    /// Where the randomness begins, for 'random', 'pct' and 'coverage'; the bytes themselves, as hexadecimal digits, for 'bytes'
    #[arg(long, value_name = "S", default_value = "1")]
    pub(crate) seed: String,
    /// How long: 500ms, 10s, 1m [default: until all was tried, or --schedules is reached]
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) time: Option<Duration>,
    #[command(flatten)]
    pub(crate) rules: Rules,
    /// Only this part of the schedules, I from 0 to N - 1
    #[arg(long, value_name = "I/N", default_value = "0/1")]
    pub(crate) shard: String,
    /// Write the number of each schedule to this file, a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) schedules_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shown: Shown,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The token that a failure came with
    #[arg(value_name = "TOKEN")]
    pub(crate) token: String,
    #[command(flatten)]
    pub(crate) rules: Rules,
    #[command(flatten)]
    pub(crate) shown: Shown,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct HuntOptions {
    /// Explore for hours rather than minutes, and when few preemptions were tried also by chance
    #[arg(long)]
    pub(crate) nightly: bool,
    /// Where the randomness of --nightly begins: the same for all shards, and another one for another night
    #[arg(long, value_name = "S", default_value_t = 1, requires = "nightly")]
    pub(crate) seed: u64,
    /// How long in all [default: 150s; 8h with --nightly]
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) time: Option<Duration>,
    /// Only this part of the schedules, I from 0 to N - 1
    #[arg(long, value_name = "I/N", default_value = "0/1")]
    pub(crate) shard: String,
    /// Write a page that shows the first failure that should not be there, or else the first planted one
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct FreeOptions {
    /// The race
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) variant: Variant,
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    /// After which time a run counts as hung
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = span::parse)]
    pub(crate) time_limit: Duration,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct MergeOptions {
    /// What 'race hunt --shard I/N --json' wrote, all N
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Which orders are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StrategyName {
    /// All orders with no preemption, then with one, and so on
    Bounded,
    /// All orders but those that come to the same
    Exhaustive,
    /// Each choice at random
    Random,
    /// Random priorities that change at a few points
    Pct,
    /// Choices from bytes, as a fuzzer makes them
    Bytes,
    /// Bytes that are changed at random; those that lead to something new are changed further
    Coverage,
}
