//! The machine under any order of events: what always holds of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::child::{Down, State};
use super::world::{World, of, plain, slow};
use super::{Input, Key, Request};
use crate::backoff::Backoff;
use crate::spec::{ChildSpec, Restart, Shutdown};
use crate::supervisor::{AutoShutdown, StopOrder, Strategy as Restarts, Supervisor};

#[derive(Clone, Debug)]
enum Op {
    /// One that has a process ends, or the one that was told to longest ago.
    Exit {
        which: usize,
        code: i32,
    },
    Die,
    Ready {
        which: usize,
    },
    Pass {
        ms: u64,
    },
    Terminate {
        which: usize,
    },
    TerminateLife {
        which: usize,
        incarnation: u64,
    },
    Restart {
        which: usize,
    },
    Delete {
        which: usize,
    },
    Start {
        which: usize,
        slow: bool,
    },
    Refuse {
        which: usize,
        refused: bool,
    },
    Stop,
}

const NAMES: [&str; 6] = ["a", "b", "c", "deaf", "x", "y"];

fn op() -> impl Strategy<Value = Op> {
    let which = 0..NAMES.len();
    prop_oneof![
        4 => (which.clone(), 0..2_i32).prop_map(|(which, code)| Op::Exit { which, code }),
        4 => Just(Op::Die),
        3 => which.clone().prop_map(|which| Op::Ready { which }),
        4 => (0..400_u64).prop_map(|ms| Op::Pass { ms }),
        2 => which.clone().prop_map(|which| Op::Terminate { which }),
        1 => (which.clone(), 1..4_u64)
            .prop_map(|(which, incarnation)| Op::TerminateLife { which, incarnation }),
        2 => which.clone().prop_map(|which| Op::Restart { which }),
        1 => which.clone().prop_map(|which| Op::Delete { which }),
        1 => (which.clone(), any::<bool>()).prop_map(|(which, slow)| Op::Start { which, slow }),
        1 => (which, any::<bool>()).prop_map(|(which, refused)| Op::Refuse { which, refused }),
        1 => Just(Op::Stop),
    ]
}

fn supervisor() -> impl Strategy<Value = Supervisor> {
    let strategy =
        prop_oneof![Just(Restarts::OneForOne), Just(Restarts::OneForAll), Just(Restarts::RestForOne)];
    let backoff = prop_oneof![Just(Backoff::NONE), Just(Backoff::default())];
    let order = prop_oneof![Just(StopOrder::Reverse), Just(StopOrder::Together)];
    let ends = prop_oneof![
        Just(AutoShutdown::Never),
        Just(AutoShutdown::AnySignificant),
        Just(AutoShutdown::AllSignificant)
    ];
    (strategy, backoff, order, ends, 0..20_u32).prop_map(|(strategy, backoff, order, ends, restarts)| {
        let significant =
            |child: ChildSpec| if ends == AutoShutdown::Never { child } else { child.significant() };
        Supervisor::new("s")
            .strategy(strategy)
            .backoff(backoff)
            .stop_order(order)
            .auto_shutdown(ends)
            .intensity(restarts, Duration::from_secs(1))
            .child(plain("a"))
            .child(slow("b").ready_within(Duration::from_millis(200)))
            .child(significant(of(Restart::Transient, "c")))
            .child(plain("deaf").shutdown(Shutdown::Grace(Duration::from_millis(150))))
            .child(slow("x").restart(Restart::Temporary))
    })
}

fn apply(world: &mut World, op: &Op) {
    let named = |which: usize| Arc::<str>::from(NAMES[which]);
    match *op {
        Op::Exit { which, code } => {
            let key = world.machine.key(NAMES[which]);
            if let Some(key) = key.filter(|key| world.alive.contains_key(key)) {
                world.exit(key, code);
            }
        }
        Op::Die => {
            if let Some(&key) = world.dying.first() {
                world.exit(key, 0);
            }
        }
        Op::Ready { which } => {
            if world.machine.key(NAMES[which]).is_some() {
                world.ready(NAMES[which]);
            }
        }
        Op::Pass { ms } => world.pass_ms(ms),
        Op::Terminate { which } => {
            world.request(Request::Terminate { id: named(which), incarnation: None });
        }
        Op::TerminateLife { which, incarnation } => {
            world.request(Request::Terminate { id: named(which), incarnation: Some(incarnation) });
        }
        Op::Restart { which } => {
            world.request(Request::Restart { id: named(which) });
        }
        Op::Delete { which } => {
            world.request(Request::Delete { id: named(which) });
        }
        Op::Start { which, slow: is_slow } => {
            let make = if is_slow { slow } else { plain };
            world.request(Request::Start(Box::new(make(NAMES[which]))));
        }
        Op::Refuse { which, refused } => {
            let name = named(which);
            if refused {
                world.refused.insert(name);
            } else {
                world.refused.remove(&name);
            }
        }
        Op::Stop => world.input(Input::Stop),
    }
}

/// Everybody does what is expected: is ready, dies if told to; and time passes.
fn settle(world: &mut World) {
    world.refused.clear();
    for _ in 0..12 {
        if world.over.is_some() {
            return;
        }
        // Whose burial starts others that are to be ready before time passes.
        for _ in 0..4 {
            for name in NAMES {
                if world.over.is_none() && world.machine.key(name).is_some() {
                    world.ready(name);
                }
            }
            world.bury();
        }
        if world.over.is_none() {
            world.pass(Duration::from_secs(40));
        }
    }
}

/// What holds after each event, besides what the world itself asserts: one process for each child, a deadline in the future, no
/// second answer, nobody left at the end.
fn holds(world: &World) {
    for (key, child) in world.machine.children() {
        let name = &child.spec.id;
        assert_eq!(child.is_alive(), world.alive.contains_key(&key), "{name}: {:?}", child.state);
        if let State::Down(Down::Waiting { until }) = child.state {
            assert_eq!(child.timer, Some(until), "{name} waits for nothing");
        }
        if let State::Down(_) = child.state {
            let waits = matches!(child.state, State::Down(Down::Waiting { .. }));
            assert_eq!(child.timer.is_some(), waits, "{name}: {:?}", child.state);
            assert!(child.stoppers.is_empty(), "{name} is gone, and somebody waits for that");
        }
    }
    let known: HashSet<Key> = world.machine.children().map(|(key, _)| key).collect();
    assert!(world.alive.keys().all(|key| known.contains(key)), "a process that nobody knows");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// In the end all that are to run do; and when the supervisor is stopped, nobody is left, and nobody waits for an answer.
    #[test]
    fn whatever_happens_it_comes_to_rest(supervisor in supervisor(), ops in prop::collection::vec(op(), 0..60)) {
        let mut world = World::new(&supervisor);
        world.input(Input::Begin);
        let mut asked = 0;
        for op in &ops {
            if world.over.is_some() {
                break;
            }
            apply(&mut world, op);
            asked = world.requests();
            if world.over.is_none() {
                holds(&world);
            }
        }
        settle(&mut world);
        if world.over.is_none() {
            for name in NAMES {
                if let Some(key) = world.machine.key(name) {
                    let child = world.machine.child(key).expect("it has a key");
                    let rests = matches!(child.state, State::Up { .. } | State::Down(Down::Terminated | Down::Done));
                    prop_assert!(rests, "{} does not come to rest: {:?}", name, child.state);
                }
            }
            world.input(Input::Stop);
            settle(&mut world);
        }
        prop_assert!(world.over.is_some(), "it does not end: {:?}", world.machine);
        for ticket in 1..=asked {
            prop_assert!(world.answer(ticket).is_some(), "request {} has no answer", ticket);
        }
    }

    /// A child that was terminated is not started again by anything but a request.
    #[test]
    fn who_was_terminated_stays_down(
        supervisor in supervisor(),
        before in prop::collection::vec(op(), 0..20),
        which in 0..NAMES.len(),
        after in prop::collection::vec(op(), 0..40),
    ) {
        let mut world = World::new(&supervisor);
        world.input(Input::Begin);
        for op in &before {
            if world.over.is_none() {
                apply(&mut world, op);
            }
        }
        if world.over.is_some() {
            return Ok(());
        }
        world.terminate(NAMES[which]);
        world.done();
        for op in &after {
            let brings_back = matches!(op, Op::Restart { which: other } | Op::Start { which: other, .. } if *other == which);
            if world.over.is_none() && !brings_back {
                apply(&mut world, op);
            }
        }
        let started = format!("start {}", NAMES[which]);
        prop_assert!(!world.log.contains(&started), "{:?}", world.log);
    }

    /// Who ends is stopped after all that were started after it.
    #[test]
    fn the_end_goes_in_reverse_order(supervisor in supervisor(), ops in prop::collection::vec(op(), 0..30)) {
        let supervisor = supervisor.stop_order(StopOrder::Reverse);
        let mut world = World::new(&supervisor);
        world.input(Input::Begin);
        for op in &ops {
            if world.over.is_none() {
                apply(&mut world, op);
            }
        }
        if world.over.is_some() {
            return Ok(());
        }
        let stops = |key: &Key| {
            world.machine.child(*key).is_some_and(|child| matches!(child.state, State::Stopping { .. }))
        };
        let told: HashSet<Key> =
            world.alive.keys().copied().filter(stops).chain(world.dying.iter().copied()).collect();
        world.input(Input::Stop);
        while world.over.is_none() {
            let newly: Vec<Key> = world.dying.iter().copied().filter(|key| !told.contains(key)).collect();
            if let Some(first) = newly.first() {
                let later = world.alive.keys().filter(|key| *key > first).count();
                prop_assert_eq!(later, 0, "stopped before those that were started later");
            }
            match world.dying.first() {
                Some(&key) => world.exit(key, 0),
                None => world.pass_ms(100),
            }
        }
    }
}
