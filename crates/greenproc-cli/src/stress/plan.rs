//! Who does what in a stress run.

use std::sync::Arc;
use std::time::Duration;

use super::options::{Choice, StressOptions};
use super::stressors::{self, Stressor};
use super::worker::{Gauge, Task};

/// How long a run lasts unless the command line says otherwise.
const TIME: Duration = Duration::from_secs(10);

/// The same for a soak.
const SOAK: Duration = Duration::from_hours(1);

/// A stress run to be.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) squads: Vec<Squad>,
    /// How long; without end if only the operations are counted.
    pub(super) time: Option<Duration>,
    /// How many operations each stressor does; as many as there is time for if only that counts.
    pub(super) ops: Option<u64>,
    pub(super) seed: u64,
}

/// One stressor with its workers.
#[derive(Debug)]
pub(super) struct Squad {
    pub(super) stressor: &'static Stressor,
    pub(super) gauge: Arc<Gauge>,
    pub(super) tasks: Vec<Task>,
}

impl Plan {
    pub(super) fn of(options: &StressOptions) -> Plan {
        let workers = match options.workers {
            Some(workers) => u64::from(workers),
            None => std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64),
        };
        let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
        // The choices of a worker depend on its stressor and its number, not on what else runs.
        let squad = |stressor: &'static Stressor| {
            let place = stressors::ALL.iter().take_while(|other| other.name != stressor.name).count() as u64;
            let gauge = Arc::<Gauge>::default();
            let task = |worker| Task {
                stressor,
                gauge: Arc::clone(&gauge),
                ops: options.ops.map(|ops| share(ops, workers, worker)),
                seed: mix(seed, place * 10_000 + worker),
                times_lives: options.times_lives(),
                unread: None,
            };
            Squad { stressor, tasks: (0..workers).map(task).collect(), gauge: Arc::clone(&gauge) }
        };
        let unless_said = if options.soak { SOAK } else { TIME };
        let time = options.time.or_else(|| options.ops.is_none().then_some(unless_said));
        let squads = Choice::stressors(&options.stressors).into_iter().map(squad).collect();
        Plan { squads, time, ops: options.ops, seed }
    }

    /// How many workers there are in all.
    pub(super) fn workers(&self) -> usize {
        self.squads.iter().map(|squad| squad.tasks.len()).sum()
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

    /// What the command line says, after three workers and a seed.
    fn plan(words: &str) -> Plan {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: StressOptions,
        }
        let line = format!("stress --workers 3 --seed 7 {words}");
        let Line { options } = clap::Parser::parse_from(line.split_whitespace());
        Plan::of(&options)
    }

    fn names(plan: &Plan) -> Vec<&'static str> {
        plan.squads.iter().map(|squad| squad.stressor.name).collect()
    }

    #[test]
    fn all_operations_are_shared_out() {
        for ops in [1, 2, 3, 10, 1000] {
            let plan = plan(&format!("--ops {ops}"));
            for squad in &plan.squads {
                assert_eq!(squad.tasks.iter().filter_map(|task| task.ops).sum::<u64>(), ops);
            }
            assert_eq!(plan.time, None);
        }
    }

    #[test]
    fn all_stressors_run_unless_some_are_named() {
        assert_eq!(plan("").squads.len(), stressors::ALL.len());
        assert_eq!(plan("--stressor kill,all").squads.len(), stressors::ALL.len());
        let named = plan("--stressor kill,spawn,kill");
        assert_eq!(names(&named), ["kill", "spawn"]);
        assert_eq!(named.workers(), 6);
    }

    #[test]
    fn a_soak_is_long_unless_the_time_is_said() {
        assert_eq!(plan("").time, Some(TIME));
        assert_eq!(plan("--soak").time, Some(SOAK));
        assert_eq!(plan("--soak --time 5s").time, Some(Duration::from_secs(5)));
        assert_eq!(plan("--soak --ops 5").time, None);
    }

    #[test]
    fn a_workers_choices_do_not_depend_on_who_else_runs() {
        let seeds = |words| plan(words).squads[0].tasks.iter().map(|task| task.seed).collect::<Vec<_>>();
        let alone = seeds("--stressor lwp");
        assert_eq!(alone, seeds("--stressor lwp,spawn"));
        assert_ne!(alone[0], alone[1]);
        assert_ne!(alone, seeds("--stressor kill"));
    }
}
