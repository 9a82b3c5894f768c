//! The simulator against what can be computed without it.

#[path = "simulator/mod.rs"]
mod simulator;

use simulator::{Costs, Lengths, Outcome, Step, Which, simulate};

const SEED: u64 = 7;

/// Nothing costs anything, and nobody sleeps.
const NONE: Costs = Costs {
    transfer: 0.0,
    hand_over: 0.0,
    spin: f64::INFINITY,
    fall_asleep: 0.0,
    wake: 0.0,
    wake_up: 0.0,
    fair: f64::INFINITY,
};

fn one_lock(cores: usize, outside: Lengths, inside: Lengths, costs: &Costs) -> Outcome {
    simulate(cores, &[Step { outside, inside, lock: Which::ONE }], costs, SEED)
}

#[track_caller]
fn assert_close(is: f64, should_be: f64, share: f64) {
    assert!((is / should_be - 1.0).abs() < share, "{is} instead of {should_be}");
}

#[test]
fn one_core_waits_for_nobody() {
    let outcome = one_lock(1, Lengths::Fixed(900.0), Lengths::Fixed(100.0), &NONE);
    assert_close(outcome.rounds_per_ns, 1.0 / 1000.0, 1e-4);
    assert_close(outcome.busy, 0.1, 1e-3);
    assert!(outcome.mean_wait < 1e-9, "{outcome:?}");
}

#[test]
fn a_lock_is_given_no_oftener_than_it_can_be_held() {
    let outcome = one_lock(64, Lengths::Exponential(900.0), Lengths::Fixed(100.0), &NONE);
    assert_close(outcome.rounds_per_ns, 1.0 / 100.0, 1e-3);
    assert_close(outcome.busy, 1.0, 1e-3);
}

#[test]
fn cores_in_step_never_meet() {
    // Ten holds fit into a round, so each core finds its place in it.
    let outcome = one_lock(10, Lengths::Fixed(900.0), Lengths::Fixed(100.0), &NONE);
    assert_close(outcome.rounds_per_ns, 10.0 / 1000.0, 1e-3);
}

/// The repairman's problem, M/M/1//N: the lock is free with the probability p0 = 1 / sum of N!/(N-n)! (h/w)^n.
#[test]
fn chance_makes_them_wait_as_the_repairman_does() {
    let (outside, inside) = (400.0_f64, 100.0_f64);
    for cores in [2_u32, 4, 8] {
        let mut term = 1.0;
        let mut sum = 1.0;
        for n in 0..cores {
            term *= f64::from(cores - n) * inside / outside;
            sum += term;
        }
        let rate = (1.0 - 1.0 / sum) / inside;
        let outcome =
            one_lock(cores as usize, Lengths::Exponential(outside), Lengths::Exponential(inside), &NONE);
        assert_close(outcome.rounds_per_ns, rate, 0.01);
    }
}

/// M/D/1, to which many cores come close that seldom want the lock: a wait of busy * h / (2 (1 - busy)).
#[test]
fn many_that_come_seldom_wait_as_in_a_queue() {
    let (cores, inside, busy) = (1000_u32, 100.0_f64, 0.5_f64);
    let outside = f64::from(cores) * inside / busy;
    let outcome = one_lock(cores as usize, Lengths::Exponential(outside), Lengths::Fixed(inside), &NONE);
    assert_close(outcome.busy, busy, 0.02);
    assert_close(outcome.mean_wait, busy * inside / (2.0 * (1.0 - busy)), 0.05);
}

#[test]
fn what_comes_from_another_core_makes_a_hold_longer() {
    // Both always want it, and whoever waits gets it at once: they take turns.
    let costs = Costs { transfer: 50.0, ..NONE };
    let outcome = one_lock(2, Lengths::Fixed(10.0), Lengths::Fixed(100.0), &costs);
    assert_close(outcome.rounds_per_ns, 1.0 / 150.0, 0.01);
    assert_close(outcome.mean_hold, 150.0, 0.01);
    let alone = one_lock(1, Lengths::Fixed(10.0), Lengths::Fixed(100.0), &costs);
    assert_close(alone.mean_hold, 100.0, 1e-3);
}

#[test]
fn a_lock_that_is_seen_late_lies_idle_meanwhile() {
    let costs = Costs { hand_over: 100.0, ..NONE };
    // The one that has given it back comes again too late to take it before.
    let outcome = one_lock(2, Lengths::Fixed(200.0), Lengths::Fixed(300.0), &costs);
    assert_close(outcome.rounds_per_ns, 1.0 / 400.0, 0.02);
    // Here it comes early enough, always.
    let outcome = one_lock(2, Lengths::Fixed(1.0), Lengths::Fixed(300.0), &costs);
    assert_close(outcome.rounds_per_ns, 1.0 / 301.0, 0.02);
}

#[test]
fn who_sleeps_has_to_be_woken() {
    let costs = Costs { spin: 0.0, wake: 100.0, wake_up: 1000.0, ..NONE };
    let run = |costs| one_lock(2, Lengths::Exponential(300.0), Lengths::Fixed(100.0), costs);
    let (sleeping, looking) = (run(&costs), run(&Costs { spin: f64::INFINITY, ..costs }));
    assert!(sleeping.slept > 0.05, "{sleeping:?}");
    // It costs the sleepers their wake-ups, and the lock nothing: who is awake takes it.
    assert!(sleeping.rounds_per_ns < 0.9 * looking.rounds_per_ns, "{sleeping:?} {looking:?}");
    assert!(sleeping.rounds_per_ns > 1.0 / 400.0, "{sleeping:?}: no less than one core alone");
}

#[test]
fn a_lock_handed_to_a_sleeper_is_nobodys_until_that_one_runs() {
    // Each release finds a sleeper and hands over: a hold, the call, and a wake-up in a row.
    let costs = Costs { spin: 0.0, wake: 100.0, wake_up: 1000.0, fair: 0.0, ..NONE };
    let outcome = one_lock(4, Lengths::Fixed(10.0), Lengths::Fixed(100.0), &costs);
    assert_close(outcome.rounds_per_ns, 1.0 / 1200.0, 0.01);
}

#[test]
fn locks_that_are_independent_add_up() {
    let step = |locks| Step {
        outside: Lengths::Exponential(400.0),
        inside: Lengths::Exponential(100.0),
        lock: Which::Dealt { first: 0, locks },
    };
    let one = simulate(8, &[step(1)], &NONE, SEED);
    let four = simulate(32, &[step(4)], &NONE, SEED);
    assert_close(four.rounds_per_ns, 4.0 * one.rounds_per_ns, 0.01);
    assert_close(four.busy, one.busy, 0.02);
}

#[test]
fn a_part_under_one_lock_bounds_what_many_locks_give() {
    let own = Step {
        outside: Lengths::Exponential(100.0),
        inside: Lengths::Fixed(75.0),
        lock: Which::Dealt { first: 0, locks: 64 },
    };
    let shared = Step {
        outside: Lengths::Fixed(0.0),
        inside: Lengths::Fixed(25.0),
        lock: Which::Dealt { first: 64, locks: 1 },
    };
    let outcome = simulate(64, &[own, shared], &NONE, SEED);
    assert_close(outcome.rounds_per_ns, 1.0 / 25.0, 0.01);
}

#[test]
fn lengths_are_as_they_were_counted() {
    let counted = Lengths::counted([(10.0, 20.0, 3), (100.0, 200.0, 1)].into_iter());
    assert_close(counted.mean(), 48.75, 1e-9);
    for lengths in [counted.times(2.0), counted, Lengths::Exponential(30.0), Lengths::Fixed(5.0)] {
        let outcome = one_lock(1, lengths.clone(), lengths.clone(), &NONE);
        assert_close(outcome.mean_hold, lengths.mean(), 0.01);
        assert_close(outcome.rounds_per_ns, 0.5 / lengths.mean(), 0.01);
    }
}

#[test]
fn a_seed_decides_all() {
    let costs = Costs { transfer: 40.0, hand_over: 60.0, spin: 500.0, wake: 100.0, wake_up: 700.0, ..NONE };
    let run = |seed| {
        let step = Step {
            outside: Lengths::Exponential(400.0),
            inside: Lengths::Exponential(100.0),
            lock: Which::ONE,
        };
        simulate(8, &[step], &costs, seed)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
