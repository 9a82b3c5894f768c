//! Greenproc itself, through its public face and with the default builder.

use std::sync::mpsc;
use std::time::Duration;

use greenproc::{Command, Process, Runtime};

use crate::contender::{Contender, Failure, Pattern};
use crate::stopwatch::Stopwatch;

/// A runtime; every phase is one process of it, which spawns the lives and waits for them.
pub(crate) struct Greenproc {
    runtime: Runtime,
}

impl Greenproc {
    pub(crate) fn boot() -> Result<Greenproc, Failure> {
        Ok(Greenproc { runtime: Runtime::boot()? })
    }
}

impl Contender for Greenproc {
    fn live(&mut self, pattern: Pattern, lives: u32) -> Result<Duration, Failure> {
        let (report, reported) = mpsc::channel();
        let status = self.runtime.run(Command::new("bench", move |p| {
            let (at_a_time, batches) = pattern.batches(lives);
            let stopwatch = Stopwatch::start();
            let lived = live(p, at_a_time, batches);
            // The receiver waits for this process; it cannot be gone.
            let _ = report.send(stopwatch.elapsed());
            lived
        }))?;
        if !status.success() {
            return Err(format!("greenproc's measuring process ended with {status}").into());
        }
        Ok(reported.try_recv()?)
    }
}

fn live(p: &Process, at_a_time: u32, batches: u32) -> greenproc::Result<()> {
    for _ in 0..batches {
        for _ in 0..at_a_time {
            p.spawn(Command::new("b", |_| {}))?;
        }
        for _ in 0..at_a_time {
            drop(p.wait()?);
        }
    }
    Ok(())
}
