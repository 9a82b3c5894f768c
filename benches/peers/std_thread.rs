//! A thread of the standard library's for each life.
#![allow(clippy::disallowed_methods, reason = "the peer is std itself")]

use std::thread;
use std::time::Duration;

use crate::contender::{Contender, Failure, Pattern};
use crate::stopwatch::Stopwatch;

/// `std::thread::spawn` and `join`.
pub(crate) struct StdThread;

impl Contender for StdThread {
    fn live(&mut self, pattern: Pattern, lives: u32) -> Result<Duration, Failure> {
        let (at_a_time, batches) = pattern.batches(lives);
        let mut batch = Vec::with_capacity(at_a_time as usize);
        let stopwatch = Stopwatch::start();
        for _ in 0..batches {
            batch.extend((0..at_a_time).map(|_| thread::spawn(|| ())));
            for life in batch.drain(..) {
                life.join().map_err(|_| "a std thread panicked")?;
            }
        }
        Ok(stopwatch.elapsed())
    }
}
