//! Programs made of bytes: what a few processes and LWPs do to each other, and in which order their turns come.
//!
//! The first half of the bytes is the script, the second half the schedule, so that who changes bytes at random changes
//! both. Any bytes are a program: nothing is refused, and what cannot be done (a signal to somebody who has gone) is an
//! error that has to be one of those that are documented.

mod act;
mod deed;
mod world;

use std::fmt;

use greenproc::Runtime;

use crate::check::Scenario;
use crate::explore::{Found, Options};
use crate::strategy::{Rng, StrategyKind};
pub(crate) use deed::{Deed, Kind};

/// The most deeds of a script: each may make some processes.
const MOST: usize = 16;

/// What a few actors do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    actors: Vec<Actor>,
    /// The first process stays until it is killed, when it has done all.
    stays: bool,
    /// Somebody outside holds a handle of the first process.
    held: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Actor {
    is: Is,
    deeds: Vec<Deed>,
}

/// What an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// The first LWP of the first process.
    First,
    /// Another LWP of it.
    Lwp,
    /// A child of it.
    Child,
}

impl Script {
    /// What the first half of these bytes says, and the other half, which is the schedule.
    pub fn decode(bytes: &[u8]) -> (Script, &[u8]) {
        let (script, schedule) = bytes.split_at(bytes.len().div_ceil(2));
        let (head, deeds) = script.split_first().map_or((0, script), |(head, rest)| (*head, rest));
        let is = |actor: u8| match actor {
            0 => Is::First,
            _ if head >> (3 + actor) & 1 == 0 => Is::Child,
            _ => Is::Lwp,
        };
        let mut actors: Vec<_> =
            (0..2 + (head & 0xf) % 3).map(|actor| Actor { is: is(actor), deeds: Vec::new() }).collect();
        let count = actors.len();
        for (turn, pair) in deeds.chunks(2).take(MOST).enumerate() {
            let argument = pair.get(1).copied().unwrap_or(0);
            actors[turn % count].deeds.push(Deed { kind: Kind::of(pair[0]), argument });
        }
        (Script { actors, stays: head & 0x80 != 0, held: head & 0x8 != 0 }, schedule)
    }

    /// Bytes drawn at random, the same for the same seed: a script, and a schedule in which most choices are the first.
    pub fn draw(seed: u64) -> Vec<u8> {
        let mut rng = Rng::new(seed);
        let deeds = 2 + rng.below(2 * MOST - 1);
        let mut bytes: Vec<u8> = (0..=deeds).map(|_| rng.next() as u8).collect();
        let calm = 1 + rng.below(12);
        for _ in 0..=deeds {
            let choice = rng.next() as u8;
            bytes.push(if rng.below(calm) == 0 { choice } else { 0 });
        }
        bytes
    }

    /// It, in a runtime of its own. Whatever it leaves running is killed in the end, and then nothing may be left of it.
    pub fn scenario(&self) -> Scenario {
        let script = self.clone();
        Scenario::new("script", move |runtime: &Runtime| world::play(&script, runtime))
    }
}

/// Runs the program of these bytes, and says what is wrong if it failed.
pub fn run_bytes(bytes: &[u8]) -> Option<Found> {
    let (script, schedule) = Script::decode(bytes);
    let strategy = StrategyKind::Bytes(schedule.to_vec());
    script.scenario().explore(&Options { strategy, schedules: 1, ..Options::default() }).found
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Actor { is, deeds }) in self.actors.iter().enumerate() {
            let what = match is {
                Is::First if self.held => "the first process, of which somebody holds a handle",
                Is::First => "the first process",
                Is::Lwp => "an LWP of it",
                Is::Child => "a child of it",
            };
            writeln!(f, "{number}: {what}")?;
            deeds.iter().try_for_each(|deed| writeln!(f, "   {deed}"))?;
            if self.stays && *is == Is::First {
                writeln!(f, "   stays")?;
            }
        }
        Ok(())
    }
}
