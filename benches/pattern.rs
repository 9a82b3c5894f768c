//! How the lives of a spawner follow each other: as in the benchmark `peers`.

use greenproc::{Command, Process};

/// How many lives of a batch exist at a time.
pub(crate) const BATCH: u32 = 1000;

/// In which order lives begin and are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// A batch is started, then waited for, then the next.
    Batch,
    /// One is started and waited for, then the next.
    Sequential,
}

impl Pattern {
    pub(crate) const ALL: [Pattern; 2] = [Pattern::Batch, Pattern::Sequential];

    /// The name in table and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Pattern::Batch => "batch1000",
            Pattern::Sequential => "sequential",
        }
    }

    /// Brings that many empty lives about and waits for each.
    pub(crate) fn live(self, p: &Process, lives: u32) -> greenproc::Result<()> {
        let (at_a_time, batches) = match self {
            Pattern::Batch => (BATCH, lives / BATCH),
            Pattern::Sequential => (1, lives),
        };
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
}
