//! What passing the lock on costs, so that the simulator agrees with the real one.

use serde::Serialize;

use crate::quantile::{median, quantile};
use crate::real::{self, Work};
use crate::simulator::{Costs, Lengths, Step, Which, simulate};
use crate::wakeup::Wakeup;

/// How long the lock is held, about as in the runtime.
const INSIDE: f64 = 200.0;

/// Work outside, from a lock that is always wanted to one that seldom is.
const OUTSIDE: [f64; 7] = [25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0];

/// Those by which the costs are found; the others are for seeing how good they are.
const FITTED: [f64; 4] = [25.0, 100.0, 400.0, 1600.0];

/// One ratio of work and hold, measured and simulated.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) cores: usize,
    pub(crate) outside_ns: f64,
    pub(crate) inside_ns: f64,
    /// Rounds per microsecond.
    pub(crate) measured: f64,
    pub(crate) simulated: f64,
    pub(crate) fitted: bool,
}

impl Compared {
    pub(crate) fn error(&self) -> f64 {
        self.simulated / self.measured - 1.0
    }
}

/// Measures, fits, and compares.
pub(crate) fn calibrate(cores: usize, quick: bool) -> (Costs, Vec<Compared>) {
    let costs = of_sleeping(quick);
    let work = Work::calibrate();
    let rounds = if quick { 5 } else { 21 };
    // Interleaved, so that all have the machine in the same state.
    let mut rates = OUTSIDE.map(|outside| (outside, Vec::new(), Vec::new()));
    for _ in 0..rounds {
        for (outside, alone, together) in &mut rates {
            alone.push(real::rounds_per_ns(work, 1, *outside, INSIDE));
            together.push(real::rounds_per_ns(work, cores, *outside, INSIDE));
        }
    }
    let measured = rates.map(|(outside, alone, together)| {
        // Who else is on the machine makes it slower only, and often: the better rounds count. What taking a free lock
        // costs is work outside.
        (outside, (1.0 / quantile(&alone, 0.9) - INSIDE).max(1.0), quantile(&together, 0.9))
    });
    let costs = fit(cores, costs, &measured);
    let compare = |&(outside_ns, really_outside, measured): &(f64, f64, f64)| Compared {
        cores,
        outside_ns,
        inside_ns: INSIDE,
        measured: 1000.0 * measured,
        simulated: 1000.0 * simulated(cores, really_outside, &costs),
        fitted: FITTED.contains(&outside_ns),
    };
    (costs, measured.iter().map(compare).collect())
}

/// What can be measured by itself. To fall asleep is taken to cost as much as to wake somebody: a call of the host's.
fn of_sleeping(quick: bool) -> Costs {
    let wakeup = Wakeup::start();
    let times: Vec<_> = (0..if quick { 101 } else { 1001 }).map(|_| wakeup.measure()).collect();
    let total = median(&times.iter().map(|(total, _)| total.as_nanos() as f64).collect::<Vec<_>>());
    let wake = median(&times.iter().map(|(_, call)| call.as_nanos() as f64).collect::<Vec<_>>());
    Costs {
        transfer: 0.0,
        hand_over: 0.0,
        spin: real::spin_ns(),
        fall_asleep: wake,
        wake,
        wake_up: (total - wake).max(0.0),
        fair: 500_000.0,
    }
}

fn simulated(cores: usize, outside: f64, costs: &Costs) -> f64 {
    let outside = Lengths::counted([(0.5 * outside, 1.5 * outside, 1)].into_iter());
    let step = Step { outside, inside: Lengths::Fixed(INSIDE), lock: Which::ONE };
    simulate(cores, &[step], costs, 1).rounds_per_ns
}

/// The hand-over and the transfer with which the fitted points come out best.
fn fit(cores: usize, costs: Costs, measured: &[(f64, f64, f64)]) -> Costs {
    let error = |costs: &Costs| -> f64 {
        let fitted = measured.iter().filter(|(outside, ..)| FITTED.contains(outside));
        fitted.map(|&(_, outside, rate)| (simulated(cores, outside, costs) / rate).ln().powi(2)).sum()
    };
    let grid = |from: f64, step: f64| (0..8).map(move |n| (from + step * f64::from(n)).max(0.0));
    let mut best = (f64::INFINITY, costs);
    // A wide grid first, then a fine one around the best of it.
    for step in [50.0, 10.0] {
        let around = |middle: f64| if step > 10.0 { 0.0 } else { middle - 4.0 * step };
        let (hand_overs, transfers) =
            (grid(around(best.1.hand_over), step), grid(around(best.1.transfer), step));
        let transfers: Vec<f64> = transfers.collect();
        for hand_over in hand_overs {
            for &transfer in &transfers {
                let costs = Costs { transfer, hand_over, ..costs };
                let error = error(&costs);
                if error < best.0 {
                    best = (error, costs);
                }
            }
        }
    }
    best.1
}
