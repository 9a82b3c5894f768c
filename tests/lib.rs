//! The fixture of the integration tests: a runtime that is looked over when a test is done with it.
//!
//! On drop the [`Fixture`] shuts its runtime down and asserts that nothing is left of it: no process, zombie, LWP, native
//! thread, queued start or pid. A fixture that lives longer than two minutes ends the test binary with the name of its
//! test, so a test that hangs says so.
//!
//! The helpers are there to wait for things: nothing in these tests sleeps to let something happen.

mod fixture;

pub use fixture::cpu::{burn, cpu_of, thread_cpu};
pub use fixture::held::{
    AN_HOUR, Barrier, Hold, OnDrop, barrier, dead, hold, is_dead, living, new_group, owns, same, stay,
};
pub use fixture::outcome::{PATIENCE, describe, errno, next_event, soon, succeeded};
pub use fixture::{Fixture, assert_empty};
