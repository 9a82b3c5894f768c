//! Tokio's tasks and its blocking threads.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::contender::{Contender, Failure, Pattern};
use crate::stopwatch::Stopwatch;

/// How many threads run tasks: as many as the machine has that the README's figures come from, pinned or not.
const WORKERS: usize = 2;

/// A runtime, and what a life is in it.
pub(crate) struct Tokio {
    runtime: Runtime,
    start: fn() -> JoinHandle<()>,
}

impl Tokio {
    /// Lives are tasks.
    pub(crate) fn spawning() -> Result<Tokio, Failure> {
        Tokio::with(|| tokio::spawn(async {}))
    }

    /// Lives are closures on blocking threads.
    pub(crate) fn spawning_blocking() -> Result<Tokio, Failure> {
        Tokio::with(|| tokio::task::spawn_blocking(|| ()))
    }

    fn with(start: fn() -> JoinHandle<()>) -> Result<Tokio, Failure> {
        Ok(Tokio { runtime: Builder::new_multi_thread().worker_threads(WORKERS).build()?, start })
    }
}

impl Contender for Tokio {
    fn live(&mut self, pattern: Pattern, lives: u32) -> Result<Duration, Failure> {
        let (start, (at_a_time, batches)) = (self.start, pattern.batches(lives));
        // From inside a task: block_on's own thread is no worker and would pay for crossing over each time.
        let phase = self.runtime.spawn(async move {
            let mut batch = Vec::with_capacity(at_a_time as usize);
            let stopwatch = Stopwatch::start();
            for _ in 0..batches {
                batch.extend((0..at_a_time).map(|_| start()));
                for life in batch.drain(..) {
                    life.await?;
                }
            }
            Ok::<_, Failure>(stopwatch.elapsed())
        });
        self.runtime.block_on(phase)?
    }
}
