//! `greenproc race`: the races of the runtime's own code, found, replayed and shown.
//!
//! What it does needs the race lab, which is in builds with the feature `racelab` only. In others the command line is read
//! all the same, and the answer is how to build it.

pub(crate) mod options;

#[cfg(feature = "racelab")]
mod campaign;
#[cfg(feature = "racelab")]
mod catalogue;
#[cfg(feature = "racelab")]
mod free;
#[cfg(feature = "racelab")]
mod names;
#[cfg(feature = "racelab")]
mod single;

use crate::Verdict;
use crate::failure::Failure;
use options::RaceOptions;

/// Does what the command line asks for.
#[cfg(feature = "racelab")]
pub(crate) fn run(options: &RaceOptions) -> Result<Verdict, Failure> {
    use options::RaceJob;
    match &options.job {
        RaceJob::List(output) => catalogue::list(*output),
        RaceJob::Explain(options) => catalogue::explain(options),
        RaceJob::Run(options) => single::run(options),
        RaceJob::Replay(options) => single::replay(options),
        RaceJob::Hunt(options) => campaign::hunt(options),
        RaceJob::Free(options) => free::run(options),
        RaceJob::Merge(options) => campaign::merge(options),
    }
}

/// Says how to build it.
#[cfg(not(feature = "racelab"))]
pub(crate) fn run(_: &RaceOptions) -> Result<Verdict, Failure> {
    let build = "cargo run --release -p greenproc-cli --features racelab --target-dir target/lab -- race";
    Err(Failure::Usage(format!("the race lab is not in this build (try '{build} --help')")))
}
