//! The race lab of greenproc: the real code of the runtime on native threads, under a scheduler that decides who goes on.
//!
//! Empty without the feature `racelab`, so that a plain build of the workspace carries no scheduling points. With it, a
//! scenario (a closure that is given a runtime) runs again and again, each time in another order; what goes wrong is
//! reported with a token that replays exactly that order.
//!
//! - `check` explores a scenario of the user's own.
//! - `Race`s are the runtime's own, each with faults that can be planted in the real code.
#![cfg(feature = "racelab")]

mod baton;
mod candidate;
mod check;
mod event;
mod explore;
mod failure;
mod footprint;
mod free;
mod html;
mod hunt;
mod incoming;
mod minimise;
mod object;
mod pool;
mod races;
mod scheduler;
mod script;
mod shard;
mod state;
mod strategy;
mod task;
mod timeline;
mod token;
mod watchdog;

pub use check::{Scenario, check, settle, settles};
pub use event::{Event, What};
pub use explore::{Found, Options, Report, explore, follow, replay};
pub use failure::{Failure, Holding};
pub use free::Free;
pub use greenproc::racelab::Fault;
pub use html::page;
pub use hunt::{Extent, Finding, NotAHunt, Outcome, Size, Summary, Trial, merge};
pub use incoming::{Incoming, signal_at_any_point};
pub use races::Race;
pub use script::{Script, run_bytes};
pub use shard::{BadShard, Shard};
pub use strategy::{Covered, Exhausted, StrategyKind};
pub use timeline::{Lane, Row, Standing, Telling, Timeline};
pub use token::{BadToken, Token};
