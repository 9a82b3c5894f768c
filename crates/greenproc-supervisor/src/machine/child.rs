//! A child and its state.

use std::sync::Arc;
use std::time::Duration;

use greenproc::{ExitStatus, Pid};

use super::Ticket;
use crate::intensity::Window;
use crate::spec::ChildSpec;
use crate::watchdog::Heart;

#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) spec: ChildSpec,
    pub(crate) state: State,
    /// The number of its last life; 0 before the first.
    pub(crate) incarnation: u64,
    /// How often it was started again.
    pub(crate) restarts: u64,
    pub(crate) last_exit: Option<ExitStatus>,
    /// How often it failed in a row.
    pub(super) failures: u32,
    /// Its own limit, if it has one.
    pub(super) window: Option<Window>,
    /// The deadline of its state.
    pub(super) timer: Option<Duration>,
    /// Who wants to know when this start has succeeded or failed.
    pub(super) starter: Option<Starter>,
    /// Who wants to know when it is gone.
    pub(super) stoppers: Vec<Ticket>,
    /// What its watchdog listens to in this life.
    pub(crate) heart: Option<Arc<Heart>>,
}

/// Who asked for a start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Starter {
    pub(super) ticket: Ticket,
    /// The child was made for it, and goes if it fails.
    pub(super) is_new: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    Down(Down),
    /// A life has begun, and is not ready.
    Starting {
        pid: Option<Pid>,
        since: Duration,
    },
    /// It is ready.
    Up {
        pid: Pid,
        since: Duration,
    },
    Stopping {
        pid: Pid,
        because: Because,
        rung: Rung,
    },
}

/// Why a child has no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Down {
    /// It was never started.
    Never,
    /// It ended for good.
    Done,
    /// It was terminated, or its supervisor ends: only a request starts it.
    Terminated,
    /// It is started again at this time.
    Waiting { until: Duration },
    /// It is started when its turn in the wave comes.
    Queued,
    /// It did not end, and nobody waits for it any more.
    Abandoned,
}

/// Why a child is being stopped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Because {
    /// Somebody asked for it.
    Terminated,
    /// It will be started again together with others, or the supervisor ends.
    Wave,
    /// It took too long to be ready.
    NotReady { why: String },
    /// It has not beaten.
    Silent,
}

/// How far a stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    /// SIGTERM was sent.
    Asked,
    /// SIGKILL was sent.
    Killed,
    /// That was long ago.
    Stuck,
}

impl Child {
    pub(super) fn new(spec: ChildSpec) -> Child {
        let window = spec.intensity.map(Window::new);
        Child {
            spec,
            state: State::Down(Down::Never),
            incarnation: 0,
            restarts: 0,
            last_exit: None,
            failures: 0,
            window,
            timer: None,
            starter: None,
            stoppers: Vec::new(),
            heart: None,
        }
    }

    /// Whether it has a process.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, State::Down(_))
    }

    /// Its process, if it has one that has been made.
    pub(crate) fn pid(&self) -> Option<Pid> {
        match self.state {
            State::Down(_) => None,
            State::Starting { pid, .. } => pid,
            State::Up { pid, .. } | State::Stopping { pid, .. } => Some(pid),
        }
    }
}
