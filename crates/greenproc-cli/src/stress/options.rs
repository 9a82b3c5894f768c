//! The command line of `greenproc stress`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::stressors::{self, Stressor};
use crate::span;

/// Make, kill and reap processes for a while, and check that each is reaped exactly once
///
/// Each stressor has some workers, processes that do its operations until the time is over. What it does and what it
/// checks 'greenproc stress --list' tells.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct StressOptions {
    /// Which stressors run at the same time, with commas between them [default: all]
    #[arg(long = "stressor", value_name = "NAME", value_delimiter = ',', value_parser = choices())]
    pub(crate) stressors: Vec<Choice>,
    /// List the stressors, what an operation of each is and what it checks, and do nothing else
    #[arg(long)]
    pub(crate) list: bool,
    /// How many worker processes each stressor has [default: one per CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) workers: Option<u32>,
    /// How long: 500ms, 10s, 1m [default: 10s, or 1h with --soak, or until --ops is reached]
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) time: Option<Duration>,
    /// How many operations each stressor does; whichever of --time and --ops is reached first ends it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) ops: Option<u64>,
    /// What the choices are made from; the same seed makes the same choices [default: taken from the clock]
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Keep a second account of each process from what the runtime tells of it, and say what was checked
    #[arg(long)]
    pub(crate) verify: bool,
    /// Time single lives: from the spawn to the first step, from the last step to the wait, from the kill to the wait
    #[arg(long)]
    pub(crate) metrics: bool,
    /// First, measure lives and kills of the host's own processes (fork, kill, waitpid) beside the runtime's
    #[arg(long)]
    pub(crate) host: bool,
    /// Say how memory, threads, memory maps and pids developed; what grows is a fault
    #[arg(long)]
    pub(crate) soak: bool,
    /// Write one JSON object to this file; without a name or with '-', to standard output instead of the table
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
    /// Write a page with charts to this file; it needs nothing else to be looked at
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// For the page: what the benchmark 'peers' printed with --json
    #[arg(long, value_name = "FILE", requires = "html")]
    pub(crate) peers: Option<PathBuf>,
    /// Append a record of each process that ends to this file; 'greenproc lastcomm' prints it
    #[arg(long, value_name = "FILE")]
    pub(crate) accounting: Option<PathBuf>,
    /// Write what the processes did, the last 200,000 facts, to this file, as a timeline for <https://ui.perfetto.dev>
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

impl StressOptions {
    /// Whether lives are timed: if somebody will see it.
    pub(super) fn times_lives(&self) -> bool {
        self.metrics || self.html.is_some()
    }

    /// Whether the JSON takes the place of the table.
    pub(super) fn json_to_stdout(&self) -> bool {
        self.json.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }
}

/// What `--stressor` names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    All,
    One(&'static Stressor),
}

/// The name that means all of them.
const ALL: &str = "all";

impl Choice {
    #[cfg(test)]
    pub(crate) fn label(self) -> &'static str {
        match self {
            Choice::All => ALL,
            Choice::One(stressor) => stressor.name,
        }
    }

    /// What all of these mean together: each once, in the order of their naming.
    pub(super) fn stressors(choices: &[Choice]) -> Vec<&'static Stressor> {
        let mut chosen: Vec<&Stressor> = Vec::new();
        let named = choices.iter().flat_map(|choice| match choice {
            Choice::All => stressors::ALL,
            Choice::One(stressor) => std::slice::from_ref(stressor),
        });
        let named =
            if choices.is_empty() { stressors::ALL.iter().collect() } else { named.collect::<Vec<_>>() };
        for stressor in named {
            if !chosen.iter().any(|other| other.name == stressor.name) {
                chosen.push(stressor);
            }
        }
        chosen
    }
}

fn choices() -> impl TypedValueParser<Value = Choice> {
    let values = stressors::ALL.iter().map(|stressor| PossibleValue::new(stressor.name).help(stressor.about));
    let all = PossibleValue::new(ALL).help("All of these");
    PossibleValuesParser::new(values.chain([all])).map(|name| {
        stressors::ALL
            .iter()
            .find(|stressor| stressor.name == name)
            .map_or(Choice::All, |one| Choice::One(one))
    })
}
