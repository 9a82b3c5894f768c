//! What is left in this host process when a runtime is gone.

use std::time::Duration;

use greenproc_os::memory;

use crate::lull;

/// How long the host may take to forget a thread that was joined.
const FORGET: Duration = Duration::from_secs(5);

/// How much more memory may stay in RAM: what the allocator keeps in its arenas after a run of any length. A run that
/// kept something of each process would be over it within seconds.
pub(super) const RESIDENT_BOUND: u64 = 128 * 1024 * 1024;

/// What this host process holds at a moment. Nothing is known of it where the host does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Residue {
    threads: Option<usize>,
    resident: Option<u64>,
}

/// What it holds more than before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) threads: u64,
    pub(super) resident: u64,
}

impl Residue {
    pub(super) fn now() -> Residue {
        Residue { threads: memory::thread_count(), resident: memory::resident_bytes() }
    }

    /// What there is more now.
    pub(super) fn growth(self) -> Growth {
        lull::within(FORGET, || memory::thread_count() <= self.threads);
        let now = Residue::now();
        let threads = now.threads.zip(self.threads).map_or(0, |(now, before)| now.saturating_sub(before));
        let resident = now.resident.zip(self.resident).map_or(0, |(now, before)| now.saturating_sub(before));
        Growth { threads: threads as u64, resident }
    }
}
