//! Question: does a wait stay as cheap beside a million zombies as beside a thousand?
//!
//! A parent holds a pile of zombies and takes them one at a time: any of them, one by its pid (chosen at random), or any
//! of a process group (chosen at random among sixteen). What was taken is replaced untimed, so that the pile keeps its
//! size. Children die in another order than they were made in. Each pile is in a runtime of its own, so that the small
//! pile does not share tables with the large one.
//!
//! Criterion shows one wait of each kind beside each pile. At the end a summary, measured in interleaved rounds, has the
//! ratios between the piles: at most 1.5 from a hundred thousand to a million, at most 5 from a thousand to a million
//! (more than 1, because a million zombies do not fit into any cache).
//!
//! ```text
//! cargo bench -p greenproc-benches --bench wait [-- FILTER]
//! ```

mod quantile;
mod stopwatch;
#[path = "wait/"]
mod piles {
    pub(crate) mod brood;
    pub(crate) mod kind;
    pub(crate) mod pile;
    pub(crate) mod random;
    pub(crate) mod roster;
    pub(crate) mod zombies;
}
#[path = "wait/summary.rs"]
mod summary;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

use piles::kind::Kind;
use piles::pile::Pile;

/// Zombies in a pile.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let mut piles = SIZES.map(Pile::new);
    for kind in Kind::ALL {
        let mut group = criterion.benchmark_group(format!("wait by {}", kind.name()));
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(1));
        for pile in &mut piles {
            group.bench_function(BenchmarkId::from_parameter(pile.size()), |bencher| {
                // Not inside the measurement, whose number of waits criterion reckons from how long it takes.
                pile.pile_up();
                bencher.iter_custom(|waits| pile.measure(kind, waits as usize));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    summary::print(&mut piles);
}
