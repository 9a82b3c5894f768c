//! Wall-clock time of the part of a benchmark that counts.
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark's clock is the host's, whatever the runtime's may be"
)]

use std::time::{Duration, Instant};

/// Runs from its making on.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
