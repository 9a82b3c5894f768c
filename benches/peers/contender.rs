//! What is measured: something that can bring many short lives about.

use std::error::Error;
use std::time::Duration;

/// Why a measurement came to nothing.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// How many lives of a batch exist at a time.
pub(crate) const BATCH: u32 = 1000;

/// How the lives of a phase follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// A batch is started, then waited for, then the next.
    Batch,
    /// One is started and waited for, then the next.
    Sequential,
}

impl Pattern {
    pub(crate) const ALL: [Pattern; 2] = [Pattern::Batch, Pattern::Sequential];

    /// The name in options, table and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Pattern::Batch => "batch1000",
            Pattern::Sequential => "sequential",
        }
    }

    /// Cuts lives into batches: how many to start before each round of waiting, and how often.
    pub(crate) const fn batches(self, lives: u32) -> (u32, u32) {
        match self {
            Pattern::Batch => (BATCH, lives / BATCH),
            Pattern::Sequential => (1, lives),
        }
    }
}

/// Greenproc, or one of its peers.
pub(crate) trait Contender {
    /// Brings that many empty lives about, waits for each, and says how long it took.
    ///
    /// `lives` is a multiple of [`BATCH`] where the pattern is [`Pattern::Batch`].
    fn live(&mut self, pattern: Pattern, lives: u32) -> Result<Duration, Failure>;

    /// CPU time used so far that is not this OS process's own, nor that of children it has waited for.
    fn cpu_elsewhere(&mut self) -> Result<Duration, Failure> {
        Ok(Duration::ZERO)
    }
}
