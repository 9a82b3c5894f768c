//! The recorder: where facts go, and how they are read.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::ktrace::ring::Ring;
use crate::ktrace::{Facts, Record, chrome};

/// Keeps the last facts about the processes that are recorded. See [`ktrace`](crate::ktrace).
///
/// Clones keep the same facts; the facts are kept as long as there is one. The processes of one recorder are told from one
/// another by their pids, so each runtime should have its own.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::ktrace::{Fact, Recorder};
/// use greenproc::{Call, CallResult, Command, Runtime};
/// let recorder = Recorder::new(1_000);
/// let runtime = Runtime::builder().ktrace(&recorder).boot()?;
/// runtime.run(Command::new("leader", |p| p.setsid().map(drop)).new_session())?;
/// let failed = recorder.records().into_iter().find_map(|record| match record.fact {
///     Fact::Returned { call, result: CallResult::Failed(errno) } => Some((record.name, call, errno)),
///     _ => None,
/// });
/// assert_eq!(failed, Some(("leader".into(), Call::Setsid, 1))); // EPERM: it leads one
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Recorder {
    ring: Arc<Ring>,
    facts: Facts,
}

impl Recorder {
    /// One that keeps the last `capacity` facts of all kinds, about 200 bytes each. With a capacity of 0 it only counts.
    pub fn new(capacity: usize) -> Recorder {
        Recorder { ring: Arc::new(Ring::new(capacity)), facts: Facts::all() }
    }

    /// The same recorder for processes of which only these facts are wanted: they go to the same place as those of
    /// others.
    #[must_use]
    pub fn only(&self, facts: Facts) -> Recorder {
        Recorder { ring: Arc::clone(&self.ring), facts }
    }

    /// Which facts are recorded of a process that is given this.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// What is kept, in the order in which it happened. Processes go on meanwhile, and with recording.
    pub fn records(&self) -> Vec<Record> {
        self.ring.copy().0
    }

    /// How many facts have gone, the oldest first, for want of room.
    pub fn dropped(&self) -> u64 {
        self.ring.dropped()
    }

    /// Writes what is kept in the Chrome trace event format, as one JSON object, to be opened with
    /// <https://ui.perfetto.dev>.
    ///
    /// Each process has a track that says what it was doing: `ready` (it waits for a thread), `run`, `wait` (all its LWPs
    /// sleep), `stopped`, `exit` and `zombie`; and a track for the calls of each LWP. Arrows go from a spawn to the first step,
    /// from the posting of a signal to its effect, and from an end to its reaping. Times are in microseconds since the
    /// recorder was made. What was not recorded, or has gone, is not shown: `run` stands for whatever a process did that
    /// cannot be told any more.
    ///
    /// # Errors
    /// Those of the writer. What came before is written.
    ///
    /// Source: the "Trace Event Format" of Chromium's catapult.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use greenproc::ktrace::Recorder;
    /// use greenproc::{Command, Runtime};
    /// let recorder = Recorder::new(1_000);
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("short", |_| {}).ktrace(&recorder))?;
    /// let mut trace = Vec::new();
    /// recorder.chrome_trace(&mut trace)?;
    /// assert!(String::from_utf8(trace)?.contains("\"short\""));
    /// # Ok(())
    /// # }
    /// ```
    pub fn chrome_trace(&self, writer: impl io::Write) -> io::Result<()> {
        let (records, dropped) = self.ring.copy();
        chrome::write(&records, dropped, writer)
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("facts", &self.facts).finish_non_exhaustive()
    }
}
