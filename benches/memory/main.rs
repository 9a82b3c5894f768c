//! Question: how much memory does a process take, as a zombie, blocked and by the million, and does it go back?
//!
//! What a process takes is what the OS process has in RAM (`VmRSS`) when all are there, less what it had before the first,
//! divided by how many there are.
//!
//! - `zombie`: a million zombies with names of 8 bytes.
//! - `blocked`: 10,000 processes in a sleep, with stacks of 64 KiB; and what is left once they have ended and the runtime has
//!   kept their threads for as long as it was told to.
//! - `live`: as many blocked processes as are to be possible, all at once.
//! - `many`: five million zombies, more than the host has pids.
//!
//! ```text
//! cargo bench -p greenproc-benches --bench memory [-- --quick --json --only PART]
//! ```

mod blocked;
#[path = "../figure.rs"]
mod figure;
#[path = "../harness.rs"]
mod harness;
#[path = "../stopwatch.rs"]
mod stopwatch;
mod zombies;

use std::process::ExitCode;

use harness::{Outcome, Part};

const PARTS: [Part; 4] = [
    ("zombie", zombies::a_million),
    ("blocked", blocked::ten_thousand),
    ("live", blocked::as_many_as_possible),
    ("many", zombies::five_million),
];

fn main() -> ExitCode {
    harness::run("memory", &PARTS)
}

/// Bytes of this OS process that are in RAM.
fn resident() -> Outcome<f64> {
    Ok(greenproc_os::memory::resident_bytes().ok_or("the host does not say how much memory is in RAM")?
        as f64)
}
