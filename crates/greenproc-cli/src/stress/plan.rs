//! Who does what in a stress run.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;

use super::worker::{Gauge, Task};
use crate::cli::{StressOptions, StressorName};

/// How long a run lasts unless the command line says otherwise.
const TIME: Duration = Duration::from_secs(10);

/// A stress run to be.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stressors: Vec<Stressor>,
    /// How long; without end if only the operations are counted.
    pub(super) time: Option<Duration>,
    pub(super) seed: u64,
}

/// One stressor with its workers.
#[derive(Debug)]
pub(super) struct Stressor {
    pub(super) name: StressorName,
    pub(super) gauge: Arc<Gauge>,
    pub(super) tasks: Vec<Task>,
}

impl Plan {
    pub(super) fn of(options: &StressOptions) -> Plan {
        let mut names: Vec<StressorName> = Vec::new();
        let wanted =
            if options.stressors.is_empty() { StressorName::value_variants() } else { &options.stressors };
        for &name in wanted {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let workers = match options.workers {
            Some(workers) => u64::from(workers),
            None => std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64),
        };
        let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
        // The choices of a worker depend on its stressor and its number, not on what else runs.
        let stressor = |&name: &StressorName| {
            let gauge = Arc::<Gauge>::default();
            let task = |worker| Task {
                stressor: name,
                gauge: Arc::clone(&gauge),
                ops: options.ops.map(|ops| share(ops, workers, worker)),
                seed: mix(seed, name as u64 * 10_000 + worker),
            };
            Stressor { name, tasks: (0..workers).map(task).collect(), gauge: Arc::clone(&gauge) }
        };
        let time = options.time.or_else(|| options.ops.is_none().then_some(TIME));
        Plan { stressors: names.iter().map(stressor).collect(), time, seed }
    }

    /// How many workers there are in all.
    pub(super) fn workers(&self) -> usize {
        self.stressors.iter().map(|stressor| stressor.tasks.len()).sum()
    }
}

impl Stressor {
    /// The name as the command line has it.
    pub(super) fn label(&self) -> String {
        self.name.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// The part of one worker, fixed so that a seed gives each worker the same choices every time.
fn share(ops: u64, workers: u64, worker: u64) -> u64 {
    ops / workers + u64::from(worker < ops % workers)
}

/// A seed for one worker: neighbours must not look alike.
fn mix(seed: u64, worker: u64) -> u64 {
    fastrand::Rng::with_seed(seed.wrapping_add(worker.wrapping_mul(0x9e37_79b9_7f4a_7c15))).u64(..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> StressOptions {
        StressOptions {
            stressors: Vec::new(),
            time: None,
            ops: None,
            workers: Some(3),
            seed: Some(7),
            accounting: None,
            trace: None,
            json: false,
        }
    }

    #[test]
    fn all_operations_are_shared_out() {
        for ops in [1, 2, 3, 10, 1000] {
            let plan = Plan::of(&StressOptions { ops: Some(ops), ..options() });
            for stressor in &plan.stressors {
                assert_eq!(stressor.tasks.iter().filter_map(|task| task.ops).sum::<u64>(), ops);
            }
            assert_eq!(plan.time, None);
        }
    }

    #[test]
    fn all_stressors_run_unless_some_are_named() {
        assert_eq!(Plan::of(&options()).stressors.len(), 9);
        let named = vec![StressorName::Kill, StressorName::Spawn, StressorName::Kill];
        let plan = Plan::of(&StressOptions { stressors: named, ..options() });
        let labels: Vec<String> = plan.stressors.iter().map(Stressor::label).collect();
        assert_eq!(labels, ["kill", "spawn"]);
        assert_eq!(plan.workers(), 6);
    }

    #[test]
    fn a_workers_choices_do_not_depend_on_who_else_runs() {
        let seeds = |stressors: Vec<StressorName>| {
            let plan = Plan::of(&StressOptions { stressors, ..options() });
            plan.stressors[0].tasks.iter().map(|task| task.seed).collect::<Vec<_>>()
        };
        let alone = seeds(vec![StressorName::Lwp]);
        assert_eq!(alone, seeds(vec![StressorName::Lwp, StressorName::Spawn]));
        assert_ne!(alone[0], alone[1]);
        assert_ne!(alone, seeds(vec![StressorName::Kill]));
    }
}
