//! Mistakes that the race lab plants in a supervisor, each at the very place where it could be made. Each was made by somebody: see
//! `tests/races.rs`.

use crate::supervisor::Supervisor;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A handle terminates whichever life there is.
    HandleReachesAnyLife,
    /// A child that is terminated while it waits for its restart is started all the same.
    TimerOutlivesTermination,
    /// A second request to terminate a child is answered although the child is still there.
    SecondAnsweredEarly,
    /// A life that ends before it was ready is taken for one that was stopped.
    CrashDuringStartIgnored,
    /// Who ends stops those that are up, and not those that are starting.
    StopForgetsStarts,
}

impl Supervisor {
    /// The same with a fault.
    pub fn with_fault(mut self, fault: Fault) -> Supervisor {
        self.settings.fault = Some(fault);
        self
    }
}
