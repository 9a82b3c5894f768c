//! Unix processes inside your process.
//!
//! A greenproc *process* has a pid, a parent, a process group, an exit status and a zombie; each of its *LWPs* is one
//! native thread. It can be waited for, killed, adopted and accounted, also while it blocks in a host call: what a
//! Unix kernel does with processes, for threads.
//!
//! ```
//! # fn main() -> greenproc::Result<()> {
//! use greenproc::{Command, Runtime, Signal};
//!
//! let runtime = Runtime::boot()?;
//! let status = runtime.run(Command::new("parent", |p| {
//!     let stubborn = p.spawn(Command::new("stubborn", |p| loop { p.checkpoint(); }))?;
//!     p.kill(stubborn.id(), Signal::KILL)?;
//!     let waited = p.wait()?;
//!     assert_eq!(waited.status.signal(), Some(Signal::KILL));
//!     greenproc::Result::Ok(())
//! }))?;
//! assert!(status.success());
//! # Ok(())
//! # }
//! ```
//!
//! Where to start: [`Runtime`] boots a tree, [`Command`] says what to run, a body gets its [`Process`], and whoever made a
//! process holds its [`Child`]. The semantics are POSIX's; where kernels differ, `docs/semantics.md` says what is done.
//!
//! # How a process is stopped
//!
//! A native thread cannot be stopped from outside, so an LWP stops itself, at a *checkpoint*: on entry to a blocking
//! call of the runtime, instead of its sleep, and at [`Process::checkpoint`] in loops. It unwinds, so destructors run. A
//! thread in a host call is interrupted if the call was made through [`Process::blocking`]. Code that comes to no
//! checkpoint cannot be stopped: it is named in events and in every [`ShutdownReport`]. `docs/killable.md` lists what can be
//! killed, and the replacement for what cannot.
//!
//! Threads that a body makes with `std::thread` are no LWPs: nobody kills or waits for them.

#[cfg(panic = "abort")]
compile_error!(
    "greenproc cannot work with panic = \"abort\": processes end by unwinding their threads, so aborting on panic \
     would take the whole program down with the first process that is killed. Set panic = \"unwind\" in the profile."
);

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[macro_use]
pub mod racelab;

pub mod accounting;
mod action;
mod action_table;
mod admission;
mod aio;
mod arena;
#[cfg(any(debug_assertions, feature = "racelab"))]
mod audit;
mod builder;
mod call;
mod child;
mod command;
mod counters;
mod crash;
mod delivery;
mod departures;
mod descriptor;
mod error;
mod event;
mod exec;
mod exit;
mod extras;
mod handle;
#[cfg(feature = "hold-times")]
pub mod hold_times;
mod hooks;
mod host;
mod image;
mod inspect;
mod json;
mod kernel;
mod killable;
pub mod ktrace;
mod life;
mod limits;
mod local;
mod locks;
mod lwp;
mod lwpctl;
mod mailbox;
mod marks;
mod niceness;
mod pace;
mod pending;
mod pid;
mod pipe;
mod policy;
mod proc;
mod process;
mod profile;
mod programs;
mod reaper;
mod records;
mod report;
mod returned;
mod runtime;
mod selector;
mod sequence;
mod shutdown;
mod siginfo;
mod signal;
mod signal_state;
mod sigset;
mod spawn;
mod spin;
mod standstill;
mod starts;
mod status;
mod stop;
mod subtree;
pub mod sys;
mod table;
mod target;
mod term;
mod termination;
mod threads;
mod ticker;
mod timekeeper;
mod timers;
mod trace;
mod tree;
mod tty;
mod usage;
mod vfork;
mod wait;
#[cfg(feature = "async")]
mod wait_async;
mod wait_queue;
mod watch;
mod workdir;
mod worker;

pub use action::{SaFlags, SigAction};
pub use aio::{Aio, AioCancel};
pub use arena::{Arena, ArenaBox, ArenaBuf};
pub use builder::{Builder, OnInitExit, PanicReport};
pub use call::{Arg, Args, Call, CallResult};
pub use child::Child;
pub use command::{Command, ProcessGroup};
pub use counters::{Counter, Counters};
pub use descriptor::{DescriptorInfo, Fd, Stream, Waiting};
pub use error::{Error, Exhausted, Result};
pub use event::{Event, EventFilter, EventKind, EventStream, Stuck};
pub use hooks::Ending;
pub use host::{HostAction, HostShutdown, HostSignals};
pub use image::ARG_MAX;
pub use inspect::{LwpInfo, ProcessDetail, ProcessInfo, Snapshot, State};
pub use killable::{KillableMutex, KillableMutexGuard};
pub use limits::Limits;
pub use local::{Local, LwpLocal};
pub use lwp::Interrupt;
pub use lwpctl::{LwpControl, LwpLook, LwpState};
pub use mailbox::Mailbox;
pub use pid::{LwpId, Pid};
pub use pipe::{PIPE_BUF, PipeReader, PipeWriter, pipe, pipe_with_capacity};
pub use policy::Policy;
pub use process::{JoinError, LwpHandle, MaskHow, Process, RecvError, SendError, SendFailure};
pub use profile::{Place, Profile};
pub use report::{CrashReport, ExitReport};
pub use returned::Returned;
pub use runtime::{Runtime, Stats};
pub use selector::{WaitFlags, WaitFor, Waited};
pub use sequence::Sequence;
pub use shutdown::ShutdownReport;
pub use siginfo::{SigCode, SigInfo};
pub use signal::{DefaultAction, Signal, UnknownSignal};
pub use sigset::SigSet;
pub use status::ExitStatus;
pub use subtree::{Freeze, Killed};
pub use target::Target;
pub use termination::{Outcome, Termination};
pub use timers::{Timer, TimerSetting};
pub use trace::{TraceOptions, TraceStop, TracedCall, Tracee};
pub use tty::{ControlCharacters, Termios, Tty, TtyMaster, WindowSize};
pub use usage::Usage;
#[cfg(feature = "async")]
pub use wait_async::WaitAsync;
#[cfg(feature = "async")]
pub use watch::NextNote;
pub use watch::{Note, NoteFlags, NoteKind, Watch};

/// The process of the calling LWP, for code that was not handed one.
///
/// # Errors
/// ESRCH: the calling thread runs no process.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// # use greenproc::{Command, Runtime};
/// fn deep_inside() -> greenproc::Result<String> {
///     Ok(greenproc::current()?.name().to_owned())
/// }
/// assert_eq!(deep_inside().expect_err("not in a process").errno(), 3); // ESRCH
/// let runtime = Runtime::boot()?;
/// let (child, name) = runtime.spawn_returning("named", |_| deep_inside().ok())?;
/// assert!(child.wait()?.status.success());
/// assert_eq!(name.take(), Some(Some("named".to_owned())));
/// # Ok(())
/// # }
/// ```
pub fn current() -> Result<Process> {
    worker::current().ok_or(Error::NotAProcess)
}
