//! Tracing: one process sees to what another does, as a debugger does.
//!
//! What a tracer is told comes as stops of its tracee: before a signal is acted on, at the entry and the exit of each of its
//! calls, when it has made a child, when it has replaced its body, when its end is decided. While it stands, the tracer
//! reads why, may change the signal, and lets it go on. `docs/tracing.md` says what this is good for.
//!
//! A stop for a tracer is the stop of any process (`stop.rs`) with a reason beside it ([`Traced`]), which only the tracer, its
//! end, or SIGKILL takes back. Who traces whom is in the tree (`tree/tracing.rs`); the rest is in the process's own signal
//! state, under `p_smutex`, made when the process is first traced.

mod attach;
mod exit_stop;
mod halt;
mod release;
mod state;
mod step;
mod tracee;

pub(crate) use exit_stop::ExitStop;
pub(crate) use state::Traced;
pub use step::TracedCall;
pub use tracee::Tracee;

use std::fmt;

use crate::pid::Pid;
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::status::ExitStatus;

bitflags::bitflags! {
    /// What a tracer wants to be told of besides signals, and what becomes of its tracee without it.
    ///
    /// Source: Linux `PTRACE_SETOPTIONS`, NetBSD `PT_SET_EVENT_MASK`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct TraceOptions: u32 {
        /// The end of the tracer lets the tracee run on, instead of killing it (decision 9).
        #[doc(alias = "PTRACE_O_EXITKILL")]
        const DETACH_ON_EXIT = 1;
        /// It stops when it has made a child, and the child is traced by the same tracer with the same options: it stops
        /// before its first step.
        #[doc(alias = "PTRACE_O_TRACEFORK")]
        const SPAWN = 1 << 1;
        /// It stops when it has replaced its body.
        #[doc(alias = "PTRACE_O_TRACEEXEC")]
        const EXEC = 1 << 2;
        /// It stops once more when its end is decided (row 8).
        #[doc(alias = "PTRACE_O_TRACEEXIT")]
        const EXIT = 1 << 3;
    }
}

/// Why a tracee stands still.
///
/// A wait reports the stop as [`stopped`](ExitStatus::stopped_signal) by [`signal`](TraceStop::signal).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceStop {
    /// It is traced from now on: it was attached to, or it is the child of a tracee and has not begun.
    Attached,
    /// This signal has come. Nothing was done about it yet: what it carries can be changed, and
    /// [`Tracee::cont`] says whether it is acted on.
    Signal(SigInfo),
    /// A stop signal was passed on and has stopped it, as it stops any process. SIGCONT continues it, and so does its
    /// tracer.
    JobControl(Signal),
    /// While it is [stepped](Tracee::step_call): it is about to make a call, or has come back from one. What stands is the
    /// whole process; the call says which of its LWPs it is.
    Call(TracedCall),
    /// It has made this child.
    Spawned(Pid),
    /// It has replaced its body.
    Executed,
    /// Its end is decided. Nothing changes it any more.
    Exiting(ExitStatus),
}

impl TraceStop {
    /// The signal that a wait reports as having stopped it: SIGSTOP, the signal that has come, or SIGTRAP for what is no
    /// signal.
    pub fn signal(&self) -> Signal {
        match self {
            TraceStop::Attached => Signal::STOP,
            TraceStop::Signal(info) => info.signal,
            TraceStop::JobControl(signal) => *signal,
            TraceStop::Call(_) | TraceStop::Spawned(_) | TraceStop::Executed | TraceStop::Exiting(_) => {
                Signal::TRAP
            }
        }
    }
}

impl fmt::Display for TraceStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceStop::Attached => f.write_str("attached"),
            TraceStop::Signal(info) => write!(f, "{} has come", info.signal),
            TraceStop::JobControl(signal) => write!(f, "stopped by {signal}"),
            TraceStop::Call(call) => write!(f, "{call}"),
            TraceStop::Spawned(child) => write!(f, "made child {child}"),
            TraceStop::Executed => f.write_str("replaced its body"),
            TraceStop::Exiting(status) => write!(f, "exiting with {status}"),
        }
    }
}
