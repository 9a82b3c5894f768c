//! What the simulator says of more cores than there are.

use serde::Serialize;

use crate::runtime::Point;
use crate::simulator::{Costs, Lengths, Outcome, Step, Which, simulate};

const SEED: u64 = 1;

/// On how many cores one runtime of several is.
pub(crate) const CORES_OF_A_RUNTIME: usize = 4;

/// In how many parts a sharded tree is.
pub(crate) const SHARDS: usize = 64;

/// The part of a hold that a sharded tree still does under one lock, for what all share: groups, sessions, admission, events.
pub(crate) const SHARED: f64 = 0.2;

/// The work of a life, as it was measured on one and on all CPUs. Times are in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// Outside the lock, where lives come from the other CPU's cache half of the time.
    pub(crate) outside: f64,
    pub(crate) hold: Lengths,
    /// Holds in a life.
    pub(crate) holds: f64,
    /// What a hold takes longer if another core had the lock before.
    pub(crate) transfer: f64,
}

/// On one core all of it is local; the rest is found by simulation.
pub(crate) struct Fitted {
    pub(crate) one_core: Life,
    pub(crate) many_cores: Life,
}

/// From a point of one CPU and one of several, the same lives on each.
pub(crate) fn fit(one: &Point, many: &Point, costs: &Costs) -> Fitted {
    let one_core = Life { outside: one.wall - one.held, hold: one.hold(), holds: one.holds, transfer: 0.0 };
    let remote = 1.0 - 1.0 / many.cpus as f64;
    let (local, mixed) = (one.held / many.holds, many.held / many.holds);
    let transfer = (mixed - local).max(0.0) / remote;
    let hold = many.hold();
    // As it is if the same core had the lock before.
    let hold = hold.times((mixed - transfer * remote) / mixed);
    let mut life = Life { outside: 0.0, hold, holds: many.holds, transfer };
    // More work outside makes fewer lives: halve the interval.
    let (mut least, mut most) = (0.0, many.wall * many.cpus as f64);
    for _ in 0..30 {
        life.outside = f64::midpoint(least, most);
        if wall(many.cpus, &life, costs) < many.wall {
            least = life.outside;
        } else {
            most = life.outside;
        }
    }
    Fitted { one_core, many_cores: life }
}

/// How the tree's lock is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Division {
    One,
    /// So many runtimes, each with the same share of the cores.
    Runtimes(usize),
    Shards,
}

pub(crate) fn outcome(cores: usize, life: &Life, costs: &Costs, division: Division) -> Outcome {
    let costs = Costs { transfer: life.transfer, ..*costs };
    let outside = Lengths::Exponential(life.outside / life.holds);
    let inside = life.hold.clone();
    let steps = match division {
        Division::One => vec![Step { outside, inside, lock: Which::ONE }],
        Division::Runtimes(locks) => vec![Step { outside, inside, lock: Which::Dealt { first: 0, locks } }],
        Division::Shards => vec![
            Step {
                outside,
                inside: inside.times(1.0 - SHARED),
                lock: Which::Dealt { first: 1, locks: SHARDS },
            },
            Step { outside: Lengths::Fixed(0.0), inside: inside.times(SHARED), lock: Which::ONE },
        ],
    };
    simulate(cores, &steps, &costs, SEED)
}

/// From start to end for a life, all cores together.
pub(crate) fn wall(cores: usize, life: &Life, costs: &Costs) -> f64 {
    life.holds / outcome(cores, life, costs, Division::One).rounds_per_ns
}

/// Lives a second with so many cores.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Prediction {
    pub(crate) cores: usize,
    /// If nobody ever waited for the lock.
    pub(crate) nobody_waits: f64,
    /// If the lock were held all the time, each time by another core.
    pub(crate) bound: f64,
    pub(crate) one_lock: f64,
    pub(crate) lock_busy: f64,
    /// The same if whoever waits looked on for ever, and never slept.
    pub(crate) looking: f64,
    /// The same with lines that take twice as long to come, as from another socket.
    pub(crate) far: f64,
    pub(crate) runtimes: f64,
    pub(crate) shards: f64,
}

pub(crate) fn predict(cores: usize, fitted: &Fitted, costs: &Costs) -> Prediction {
    let life = if cores == 1 { &fitted.one_core } else { &fitted.many_cores };
    let lives = |outcome: Outcome| 1e9 * outcome.rounds_per_ns / life.holds;
    let held = life.holds * (life.hold.mean() + life.transfer * (1.0 - 1.0 / cores as f64));
    let far = Life { transfer: 2.0 * life.transfer, ..life.clone() };
    let far_costs = Costs { hand_over: 2.0 * costs.hand_over, ..*costs };
    let one = outcome(cores, life, costs, Division::One);
    let runtimes = Division::Runtimes(cores.div_ceil(CORES_OF_A_RUNTIME));
    Prediction {
        cores,
        nobody_waits: cores as f64 * 1e9 / (life.outside + held),
        bound: 1e9 / held,
        one_lock: lives(one),
        lock_busy: one.busy,
        looking: lives(outcome(cores, life, &Costs { spin: f64::INFINITY, ..*costs }, Division::One)),
        far: lives(outcome(cores, &far, &far_costs, Division::One)),
        runtimes: lives(outcome(cores, life, costs, runtimes)),
        shards: lives(outcome(cores, life, costs, Division::Shards)),
    }
}
