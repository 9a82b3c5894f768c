//! ktrace: what processes do, recorded while they do it, to be looked at afterwards.
//!
//! What it is good for: *it was slow, it hung, it died: what happened?* A [`Recorder`] keeps the last so many facts about the
//! processes that are recorded: which calls they made and what came of each, which signals were sent to whom and when they
//! arrived, when an LWP slept, and the steps of each life from its spawn to its reaping. They can be read as values
//! ([`Recorder::records`]), or written for a program that shows timelines ([`Recorder::chrome_trace`], for
//! <https://ui.perfetto.dev>): a track for each process with what it was doing, arrows from a signal's posting to its
//! delivery, and from the end of a process to its reaping. `docs/observing.md` shows how.
//!
//! A process is recorded by its [command](crate::Command::ktrace), by [itself](crate::Process::ktrace), from some moment on by
//! whoever has [its handle](crate::Child::ktrace) or [its runtime](crate::Runtime::ktrace), or because
//! [all are](crate::Builder::ktrace); its children are recorded too, unless the recorder leaves out [`Facts::INHERIT`]. It ends
//! with the process: its own recording is taken from it in the hold that makes the zombie, with the exit as the last fact it
//! has; what becomes of the zombie (a new parent, the reaping) is recorded still.
//!
//! Facts are kept in a ring in memory: when it is full the oldest goes and is counted. Nobody waits for a reader or a disk.
//!
//! Source: NetBSD `ktrace(2)`, `kdump(1)`; row 22 of the kernel map.
//!
//! ```
//! # fn main() -> greenproc::Result<()> {
//! use greenproc::ktrace::{Fact, Facts, Recorder};
//! use greenproc::{Command, Runtime};
//! let runtime = Runtime::boot()?;
//! let recorder = Recorder::new(100).only(Facts::LIFE);
//! runtime.run(Command::new("short", |_| 7).ktrace(&recorder))?;
//! let records = recorder.records();
//! assert!(records.iter().all(|record| &*record.name == "short"));
//! let ends = records.iter().find_map(|record| match &record.fact {
//!     Fact::Exited { status, .. } => status.code(),
//!     _ => None,
//! });
//! assert_eq!(ends, Some(7));
//! # Ok(())
//! # }
//! ```

mod attach;
mod chrome;
mod facts;
mod recorder;
mod recording;
mod ring;

pub use facts::{Fact, Facts, Fate, Record};
pub use recorder::Recorder;
pub(crate) use recording::{KtraceSlot, Recording};
