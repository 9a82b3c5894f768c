//! What can be seen of a supervisor's children.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use greenproc::{ExitStatus, Pid};

use crate::machine::{Child, Down, State};
use crate::spec::Restart;

/// One child, as it was when the supervisor was asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its name.
    pub id: Arc<str>,
    /// Whether it is a supervisor.
    pub is_supervisor: bool,
    /// When it is started again.
    pub restart: Restart,
    /// What it does.
    pub state: ChildState,
    /// Its process, if it has one.
    pub pid: Option<Pid>,
    /// Which life this is, or was the last: the first is 1, before that it is 0.
    pub incarnation: u64,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// How its last life ended.
    pub last_exit: Option<ExitStatus>,
}

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildState {
    /// It was not started yet.
    Never,
    /// A life has begun, and is not ready.
    Starting,
    /// It is ready.
    Up,
    /// It was asked to end.
    Stopping,
    /// It is started again at this time of the tree's clock.
    Waiting {
        /// When.
        until: Duration,
    },
    /// It is started when others are stopped or ready.
    Queued,
    /// It ended by itself, for good.
    Done,
    /// It was terminated.
    Terminated,
    /// It could not be stopped, and its supervisor waits no longer.
    Abandoned,
}

/// How many children a supervisor has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All, with those that do not run.
    pub specs: usize,
    /// Those that have a process.
    pub active: usize,
    /// Those that are supervisors.
    pub supervisors: usize,
    /// Those that are not.
    pub workers: usize,
}

impl ChildInfo {
    pub(crate) fn of(child: &Child) -> ChildInfo {
        ChildInfo {
            id: Arc::clone(&child.spec.id),
            is_supervisor: child.spec.is_supervisor(),
            restart: child.spec.restart,
            state: ChildState::of(&child.state),
            pid: child.pid(),
            incarnation: child.incarnation,
            restarts: child.restarts,
            last_exit: child.last_exit,
        }
    }
}

impl ChildState {
    pub(crate) fn of(state: &State) -> ChildState {
        match state {
            State::Starting { .. } => ChildState::Starting,
            State::Up { .. } => ChildState::Up,
            State::Stopping { .. } => ChildState::Stopping,
            State::Down(Down::Never) => ChildState::Never,
            State::Down(Down::Waiting { until }) => ChildState::Waiting { until: *until },
            State::Down(Down::Queued) => ChildState::Queued,
            State::Down(Down::Done) => ChildState::Done,
            State::Down(Down::Terminated) => ChildState::Terminated,
            State::Down(Down::Abandoned) => ChildState::Abandoned,
        }
    }
}

impl Counts {
    pub(crate) fn of(children: &[ChildInfo]) -> Counts {
        let supervisors = children.iter().filter(|child| child.is_supervisor).count();
        Counts {
            specs: children.len(),
            active: children.iter().filter(|child| child.pid.is_some()).count(),
            supervisors,
            workers: children.len() - supervisors,
        }
    }
}

impl fmt::Display for ChildState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildState::Never => f.write_str("not started yet"),
            ChildState::Starting => f.write_str("starting"),
            ChildState::Up => f.write_str("up"),
            ChildState::Stopping => f.write_str("stopping"),
            ChildState::Waiting { until } => write!(f, "waits until {until:?}"),
            ChildState::Queued => f.write_str("waits for its turn"),
            ChildState::Done => f.write_str("done"),
            ChildState::Terminated => f.write_str("terminated"),
            ChildState::Abandoned => f.write_str("could not be stopped"),
        }
    }
}
