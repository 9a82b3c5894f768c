//! Question: what do storms cost: a million orphans at once, a signal to ten thousand, a thousand waiters, and does anybody
//! have to wait meanwhile?
//!
//! - `adoption`: a parent with a million zombies ends. Init only takes them in, which is what is asked for; then the same beside
//!   a process that asks again and again for something that takes `proclist_lock` and notes how long it had to wait; then the
//!   same with the runtime's own init, which reaps them meanwhile. How long that lock is held at a stretch says the feature
//!   `hold-times`; what the other one waits includes what the host does with it.
//! - `group`: 10,000 sleepers in one group are killed with one call.
//! - `waiters`: 1,000 LWPs wait each for another child, and the children end one after another. Counted is how many waiters wake
//!   up for each end: one is what it takes, and with a thundering herd it would be hundreds.
//!
//! Waits by group and by pid beside many zombies are the question of the benchmark `wait`; single calls that of `calls`.
//!
//! ```text
//! cargo bench -p greenproc-benches --features hold-times --bench storms [-- --quick --json --only PART]
//! ```

mod adoption;
#[path = "../figure.rs"]
mod figure;
mod group;
#[path = "../harness.rs"]
mod harness;
mod holds;
mod prober;
#[path = "../quantile.rs"]
mod quantile;
#[path = "../stopwatch.rs"]
mod stopwatch;
mod waiters;

use std::process::ExitCode;

use harness::Part;

const PARTS: [Part; 3] =
    [("adoption", adoption::measure), ("group", group::measure), ("waiters", waiters::measure)];

fn main() -> ExitCode {
    harness::run("storms", &PARTS)
}
