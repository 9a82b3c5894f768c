//! How the end of a tree went.

use std::fmt;
use std::sync::Arc;

use greenproc::{ExitStatus, Pid};

/// How a tree ended.
#[derive(Clone, Debug)]
#[must_use = "it names who did not stop"]
pub struct ShutdownReport {
    /// How the root ended: with success if it was stopped or a significant child had ended, with a failure if it gave up.
    pub status: ExitStatus,
    /// Who was killed, and was there still when its supervisor ended, over the whole tree.
    pub unstopped: Vec<Unstopped>,
}

/// One that nobody could stop. It ends when it comes to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unstopped {
    /// The names from the root down, with slashes.
    pub path: Arc<str>,
    /// Its process.
    pub pid: Pid,
    /// Which of its lives.
    pub incarnation: u64,
}

impl ShutdownReport {
    /// Whether everybody has stopped, and the root with success.
    pub fn is_clean(&self) -> bool {
        self.status.success() && self.unstopped.is_empty()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ended: {}", self.status)?;
        for Unstopped { path, pid, .. } in &self.unstopped {
            write!(f, "\n{path} (process {pid}) could not be stopped")?;
        }
        Ok(())
    }
}
