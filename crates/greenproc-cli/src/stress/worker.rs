//! A worker: a process that does one stressor's operations until it is told to stop.

use std::sync::Arc;

use fastrand::Rng;
use greenproc::{Child, Command, Error, ExitStatus, Process, WaitFlags, WaitFor, Waited};
use greenproc_sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::book::Unread;
use super::latency::{Latencies, Stopwatch};
use super::ledger::{Account, Ledger};
use super::stressors::Stressor;

/// What the workers of one stressor share with the watcher.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Set once by the watcher.
    stop: AtomicBool,
    /// Operations done so far.
    ops: AtomicU64,
}

impl Gauge {
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn ops(&self) -> u64 {
        self.ops.load(Ordering::Relaxed)
    }
}

/// What a worker is to do.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) stressor: &'static Stressor,
    pub(super) gauge: Arc<Gauge>,
    /// How many operations, or as many as there is time for.
    pub(super) ops: Option<u64>,
    /// What its choices are made from.
    pub(super) seed: u64,
    /// Whether single lives are timed.
    pub(super) times_lives: bool,
    /// What the second account has not read yet, if there is one.
    pub(super) unread: Option<Unread>,
}

/// What a worker hands over at its end.
#[derive(Debug, Default)]
pub(super) struct Result {
    pub(super) account: Account,
    pub(super) latencies: Latencies,
}

/// A worker at its work.
pub(super) struct Worker<'a> {
    pub(super) process: &'a Process,
    pub(super) rng: Rng,
    pub(super) ledger: Ledger,
    pub(super) stopwatch: Stopwatch,
    unread: Option<Unread>,
}

/// Works until all is done or the watcher says stop. The body of a worker.
pub(super) fn work(process: &Process, task: &Task) -> greenproc::Result<Result> {
    let mut worker = Worker {
        process,
        rng: Rng::with_seed(task.seed),
        ledger: Ledger::default(),
        stopwatch: Stopwatch::new(task.times_lives),
        unread: task.unread.clone(),
    };
    let gauge = &task.gauge;
    let mut left = task.ops.unwrap_or(u64::MAX);
    while left > 0 && !gauge.stop.load(Ordering::Relaxed) {
        let done = (task.stressor.round)(&mut worker, left)?;
        if done == 0 {
            // The runtime had no room: let the others end theirs.
            std::thread::yield_now();
        }
        process.checkpoint();
        gauge.ops.fetch_add(done, Ordering::Relaxed);
        left -= done;
    }
    worker.expect_no_child();
    Ok(Result { account: worker.ledger.close(), latencies: worker.stopwatch.into_latencies() })
}

impl Worker<'_> {
    /// Makes a child; `None` if the runtime has no room for it now.
    pub(super) fn spawn(&mut self, command: Command) -> greenproc::Result<Option<Child>> {
        while self.unread.as_ref().is_some_and(Unread::is_much) {
            self.process.checkpoint();
            std::thread::yield_now();
        }
        let made = self.process.spawn(command);
        self.note(made)
    }

    /// Makes a child by vfork; `None` if the runtime has no room for it now.
    pub(super) fn vfork(&mut self, command: Command) -> greenproc::Result<Option<Child>> {
        let made = self.process.vfork(command);
        self.note(made)
    }

    fn note(&mut self, made: greenproc::Result<Child>) -> greenproc::Result<Option<Child>> {
        match made {
            Ok(child) => {
                self.ledger.spawned(child.id());
                Ok(Some(child))
            }
            Err(Error::Exhausted(_)) => {
                self.ledger.refused();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits, and notes whom the wait returned.
    pub(super) fn reap(&mut self, who: WaitFor<'_>, flags: WaitFlags) -> greenproc::Result<Option<Waited>> {
        let waited = self.process.wait4(who, flags)?;
        if let Some(waited) = &waited {
            self.ledger.reaped(waited.pid);
        }
        Ok(waited)
    }

    /// Waits for this child, which has to end with this status.
    pub(super) fn reap_as(&mut self, child: &Child, expected: ExitStatus) -> greenproc::Result<()> {
        let waited = self.reap(WaitFor::Child(child), WaitFlags::empty())?;
        self.ledger.expect(waited.is_some_and(|waited| waited.status == expected));
        Ok(())
    }

    /// There is nobody left to wait for.
    pub(super) fn expect_no_child(&mut self) {
        let nobody = self.process.wait4(WaitFor::Any, WaitFlags::NOHANG);
        self.ledger.expect(matches!(nobody, Err(Error::NoChild)));
    }
}
