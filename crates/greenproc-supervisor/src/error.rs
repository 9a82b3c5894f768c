//! What can go wrong between a supervisor and those who ask it for something.

use greenproc::Pid;

/// A specification that cannot work. It is found before anything starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {fault}")]
pub struct SpecError {
    /// Whose it is: the names from the root down, with slashes.
    pub path: String,
    /// What is wrong.
    pub fault: String,
}

/// Why a tree did not start. What had started is stopped again, in reverse order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The specification cannot work.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A child failed to start.
    #[error("{path} failed to start: {why}")]
    Child {
        /// The names from the root down, with slashes.
        path: String,
        /// Why.
        why: String,
    },
    /// The supervisor was stopped or killed before its children were ready.
    #[error("the supervisor was stopped before all its children were ready")]
    Stopped,
    /// The runtime refused the supervisor's process, or the caller was interrupted.
    #[error(transparent)]
    Runtime(#[from] greenproc::Error),
}

/// Why a supervisor did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It has ended.
    #[error("the supervisor {supervisor:?} has ended")]
    Gone {
        /// Its path.
        supervisor: String,
    },
    /// It is about to end, and starts nothing.
    #[error("the supervisor is shutting down")]
    ShuttingDown,
    /// It has no child of this name.
    #[error("the supervisor has no child {id:?}")]
    NoChild {
        /// The name.
        id: String,
    },
    /// The child is not there at the moment.
    #[error("the child {id:?} does not run: {state}")]
    NotRunning {
        /// The name.
        id: String,
        /// What it does instead.
        state: crate::ChildState,
    },
    /// The child runs, or is about to: stop it first.
    #[error("the child {id:?} runs, or is about to: terminate it first")]
    Running {
        /// The name.
        id: String,
    },
    /// There is a child of this name, which has to be deleted first.
    #[error("there is a child {id:?} already: restart it, or delete it first")]
    Exists {
        /// The name.
        id: String,
    },
    /// The supervisor has as many children as it may.
    #[error("the supervisor has {max} children, and may not have more")]
    Full {
        /// How many it may have.
        max: usize,
    },
    /// The handle is of an earlier life of the child.
    #[error("life {incarnation} of the child {id:?} is over")]
    Stale {
        /// The name.
        id: String,
        /// Which life it was.
        incarnation: u64,
    },
    /// The child failed to start.
    #[error("the child {id:?} failed to start: {why}")]
    StartFailed {
        /// The name.
        id: String,
        /// Why.
        why: String,
    },
    /// The child comes to no checkpoint, and nobody can stop it. It is stopped when it does.
    #[error("the child {id:?} (process {pid}) comes to no checkpoint and cannot be stopped")]
    Stuck {
        /// The name.
        id: String,
        /// Its process.
        pid: Pid,
    },
    /// The specification cannot work.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The caller was interrupted by a signal. What it asked for is done all the same.
    #[error(transparent)]
    Interrupted(greenproc::Error),
}
