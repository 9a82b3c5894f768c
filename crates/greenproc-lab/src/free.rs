//! The same shape on threads that nobody controls: how rarely a race shows by itself.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use greenproc::racelab::Faults;
use greenproc_sync::time;

use crate::check::{Scenario, builder, watch_panics};

/// Runs that hang keep their threads: no more than so many are let to.
const MOST_HUNG: u64 = 16;

thread_local! {
    static FREE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is that of a free run.
pub(crate) fn is_free() -> bool {
    FREE.get()
}

/// What came of uncontrolled runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Free {
    /// How many there were.
    pub runs: u64,
    /// How many came to no end in time, and were given up.
    pub hung: u64,
    /// How many failed otherwise: a panic, or something was left at the end.
    pub failed: u64,
    /// How long all took together.
    pub elapsed: Duration,
}

impl Scenario {
    /// Runs it so many times on an ordinary runtime, on threads that the host schedules. A run that takes longer than
    /// `time_out` is given up: its threads stay. After a few of those the rest is not run.
    ///
    /// # Panics
    /// If the host has no thread left.
    pub fn free(&self, runs: u64, time_out: Duration) -> Free {
        watch_panics();
        let begin = time::now();
        let mut free = Free::default();
        while free.runs < runs && free.hung < MOST_HUNG {
            free.runs += 1;
            let (tell, told) = sync_channel(1);
            let scenario = self.clone();
            std::thread::Builder::new()
                .spawn(move || tell.send(scenario.one_free_run()).is_ok())
                .expect("the host gives a thread");
            match told.recv_timeout(time_out) {
                Ok(true) => {}
                Ok(false) | Err(RecvTimeoutError::Disconnected) => free.failed += 1,
                Err(RecvTimeoutError::Timeout) => free.hung += 1,
            }
        }
        Free { elapsed: begin.elapsed(), ..free }
    }

    /// Whether all went well.
    fn one_free_run(&self) -> bool {
        FREE.set(true);
        let faults = Arc::new(Faults::default());
        let booted = builder(self.pid_max).race_lab(Arc::clone(&faults)).boot();
        let Ok(runtime) = booted else { return false };
        if let Some(fault) = self.fault {
            faults.plant(fault);
        }
        let went = catch_unwind(AssertUnwindSafe(|| (self.body)(&runtime)));
        faults.clear();
        went.is_ok() & self.end(&runtime).is_ok()
    }
}
