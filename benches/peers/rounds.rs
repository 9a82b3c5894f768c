//! Phases of peer and ours in turn, and what follows from them.

use std::time::Duration;

use crate::contender::{Contender, Failure, Pattern};
use crate::cpu_time::cpu_time;
use crate::pinning::Pinning;
use crate::plan::Plan;
use crate::quantile::{median, quantile};
use crate::row::Row;

/// Measures ours beside the peer: peer, ours, peer, ours, .., peer.
pub(crate) fn compare(
    (pattern, peer, pinning): (Pattern, &str, Pinning),
    plan: Plan,
    ours: &mut dyn Contender,
    theirs: &mut dyn Contender,
) -> Result<Row, Failure> {
    let mut our_phases = Phases::new(pattern, plan.lives);
    let mut peer_phases = Phases::new(pattern, plan.peer_lives);
    our_phases.warm_up(ours)?;
    peer_phases.warm_up(theirs)?;

    peer_phases.run(theirs)?;
    for _ in 0..plan.rounds {
        our_phases.run(ours)?;
        peer_phases.run(theirs)?;
    }

    let neighbours = peer_phases.ns_per_life.windows(2).map(|pair| f64::midpoint(pair[0], pair[1]));
    let ratios: Vec<f64> =
        our_phases.ns_per_life.iter().zip(neighbours).map(|(ours, peer)| ours / peer).collect();
    Ok(Row {
        name: pattern.name().to_owned(),
        peer: peer.to_owned(),
        ours_ns: rounded(median(&our_phases.ns_per_life), 1),
        peer_ns: rounded(median(&peer_phases.ns_per_life), 1),
        ratio: rounded(median(&ratios), 4),
        p10: rounded(quantile(&ratios, 0.1), 4),
        p90: rounded(quantile(&ratios, 0.9), 4),
        ours_cpu_ns: rounded(our_phases.cpu_ns_per_life(), 1),
        peer_cpu_ns: rounded(peer_phases.cpu_ns_per_life(), 1),
        pinned: pinning == Pinning::OneCpu,
        rounds: plan.rounds,
        lives: plan.lives,
        peer_lives: plan.peer_lives,
    })
}

/// What one contender has done so far.
struct Phases {
    pattern: Pattern,
    lives: u32,
    ns_per_life: Vec<f64>,
    cpu: Duration,
}

impl Phases {
    fn new(pattern: Pattern, lives: u32) -> Phases {
        Phases { pattern, lives, ns_per_life: Vec::new(), cpu: Duration::ZERO }
    }

    /// Fills caches of threads and memory before anything counts.
    fn warm_up(&self, contender: &mut dyn Contender) -> Result<(), Failure> {
        contender.live(self.pattern, self.lives).map(drop)
    }

    fn run(&mut self, contender: &mut dyn Contender) -> Result<(), Failure> {
        let before = cpu_time()? + contender.cpu_elsewhere()?;
        let wall = contender.live(self.pattern, self.lives)?;
        self.cpu += (cpu_time()? + contender.cpu_elsewhere()?).saturating_sub(before);
        self.ns_per_life.push(wall.as_nanos() as f64 / f64::from(self.lives));
        Ok(())
    }

    fn cpu_ns_per_life(&self) -> f64 {
        self.cpu.as_nanos() as f64 / (self.ns_per_life.len() as f64 * f64::from(self.lives))
    }
}

/// Without the digits that mean nothing.
fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
