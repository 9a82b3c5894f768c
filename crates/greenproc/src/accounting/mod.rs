//! Process accounting: one record for each process that ends, written where the administrator wants it.
//!
//! What it is good for: afterwards, to know which processes ran, for whom, for how long, what they cost and how they
//! ended, without having watched. A sink is given to [`Builder::accounting`](crate::Builder::accounting); each process
//! that ends, init included, gives it one [`Record`] with its final status and times. [`AccountFile`] writes them as JSON
//! lines, [`read`] reads such a file, and `greenproc lastcomm` prints it.
//!
//! Records are written by a thread of their own, in the order in which the processes ended. No process waits for it: a
//! record is put into a queue of 65,536 places in the hold in which the end becomes visible, so whoever has waited for a
//! process knows that its record is on its way. A record that finds the queue full is dropped and counted, one that the
//! sink does not take (the disk is full) is counted with the error; [`Runtime::accounting`](crate::Runtime::accounting)
//! says both. A shutdown writes what is queued before it returns.
//!
//! Source: `acct(2)` and `lastcomm(1)` of the BSDs; row 21 of the kernel map, mistake n.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use greenproc::accounting::{self, AccountFile};
//! use greenproc::{Command, Runtime};
//! use std::time::Duration;
//! # let directory = std::env::temp_dir().join(format!("accounting-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let path = directory.join("acct");
//! let runtime = Runtime::builder().accounting(AccountFile::open(&path)?).boot()?;
//! runtime.run(Command::new("worker", |_| 3))?;
//! let report = runtime.shutdown(Duration::from_secs(1))?; // everything is written now
//! assert!(report.is_clean());
//! let reading = accounting::read(&path)?;
//! assert_eq!(reading.records[0].name, "worker");
//! assert_eq!(reading.records[0].status.code(), Some(3));
//! assert_eq!(reading.records[1].name, "init");
//! assert!(reading.torn.is_empty());
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok(())
//! # }
//! ```

mod file;
mod line;
mod record;
mod writer;

use std::io;

pub use file::{AccountFile, Reading, read};
pub use record::{Flags, Record};
pub use writer::Stats;

pub(crate) use writer::Accounting;

/// Where records go. Called by a thread that does nothing else, one record after another.
///
/// A function `FnMut(&Record) -> io::Result<()>` is a sink.
pub trait Sink: Send {
    /// Takes one record. It may block: only other records wait for that, and the shutdown.
    ///
    /// A panic is contained: the sink is dropped, and this and all later records count as failed.
    ///
    /// # Errors
    /// The record was not taken; it is counted and not tried again.
    fn write(&mut self, record: &Record) -> io::Result<()>;

    /// Nothing more will come: the runtime shuts down.
    ///
    /// # Errors
    /// What was written may not last; the error is kept in [`Stats::last_error`].
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: FnMut(&Record) -> io::Result<()> + Send> Sink for F {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        self(record)
    }
}
