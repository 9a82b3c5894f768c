//! What is recorded.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{Args, Call, CallResult};
use crate::pid::{LwpId, Pid};
use crate::signal::Signal;
use crate::status::ExitStatus;

bitflags::bitflags! {
    /// Which facts are recorded, and whether a child is recorded as its parent is.
    ///
    /// Source: NetBSD `ktrace(2)`, the trace points `KTRFAC_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Facts: u8 {
        /// Calls of the runtime, and what came of them: [`Fact::Called`] and [`Fact::Returned`].
        const CALLS = 1;
        /// Signals that are posted and acted on: [`Fact::Posted`], [`Fact::Handled`] and [`Fact::Taken`].
        const SIGNALS = 1 << 1;
        /// When an LWP sleeps and wakes: [`Fact::Sleeps`] and [`Fact::Wakes`].
        const CONTEXT = 1 << 2;
        /// The steps of a life, and of its LWPs: all other facts.
        const LIFE = 1 << 3;
        /// A child is recorded from its birth, as its parent is then.
        const INHERIT = 1 << 7;
    }
}

/// One fact about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When, since the recorder was made. Each record is later than the one before it.
    pub time: Duration,
    /// About which process.
    pub pid: Pid,
    /// Its name then.
    pub name: Arc<str>,
    /// About which of its LWPs, if about one.
    pub lwp: Option<LwpId>,
    /// What.
    pub fact: Fact,
}

/// What happened to a process, or what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// It was made.
    Spawned {
        /// Its parent; init has none.
        parent: Option<Pid>,
    },
    /// It is recorded from here on: it asked for that, or somebody else did.
    Attached,
    /// An LWP begins to run, on a native thread. What waits for a thread is yet to begin.
    Began,
    /// An LWP has ended before its process.
    Left,
    /// Another body has replaced its own.
    Executed {
        /// What it was called.
        former: Arc<str>,
    },
    /// It stands still.
    Stopped {
        /// Which signal stopped it.
        signal: Signal,
    },
    /// It goes on after a stop.
    Continued,
    /// Its end is decided and its other LWPs have left: what it has is taken down.
    Exiting {
        /// How it ends, if no exit hook or personality changes that.
        status: ExitStatus,
    },
    /// It has ended: a zombie, until its parent waits for it. The last fact that is recorded of the process itself.
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// Who may wait for it.
        parent: Option<Pid>,
    },
    /// Its parent ended, and it has another.
    Adopted {
        /// The new parent.
        by: Pid,
    },
    /// It was waited for, or its parent ignores its children: its pid is free.
    Reaped,
    /// An LWP makes a call.
    Called {
        /// Which.
        call: Call,
        /// With what.
        args: Args,
    },
    /// A call came back. One that was unwound does not.
    Returned {
        /// Which.
        call: Call,
        /// With what.
        result: CallResult,
    },
    /// A signal was posted to it, or to the LWP.
    Posted {
        /// Which.
        signal: Signal,
        /// Who sent it, where init stands for those outside; `None` if it is of the runtime itself.
        from: Option<Pid>,
        /// What became of it at that moment.
        fate: Fate,
    },
    /// An LWP is about to run the handler of a signal that was pending.
    Handled {
        /// Which.
        signal: Signal,
    },
    /// An LWP has taken a pending signal by `sigtimedwait`.
    Taken {
        /// Which.
        signal: Signal,
    },
    /// An LWP falls asleep, in the runtime or in a host call inside [`Process::blocking`](crate::Process::blocking), or
    /// stands still.
    Sleeps,
    /// It goes on.
    Wakes,
}

/// What became of a signal when it was posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Nothing: it is ignored, or the process is ending.
    #[default]
    Ignored,
    /// It is pending until an LWP handles or takes it.
    Pending,
    /// One like it was pending already, and they are one now.
    Merged,
    /// It ends the process.
    Ends,
    /// SIGTERM to a process that asks for it or has a function for it ([`on_term`](crate::Process::on_term)).
    Polite,
    /// It stops the process.
    Stops,
    /// It continues the process.
    Continues,
}

impl Fact {
    pub(crate) const fn kind(&self) -> Facts {
        match self {
            Fact::Called { .. } | Fact::Returned { .. } => Facts::CALLS,
            Fact::Posted { .. } | Fact::Handled { .. } | Fact::Taken { .. } => Facts::SIGNALS,
            Fact::Sleeps | Fact::Wakes => Facts::CONTEXT,
            Fact::Spawned { .. }
            | Fact::Attached
            | Fact::Began
            | Fact::Left
            | Fact::Executed { .. }
            | Fact::Stopped { .. }
            | Fact::Continued
            | Fact::Exiting { .. }
            | Fact::Exited { .. }
            | Fact::Adopted { .. }
            | Fact::Reaped => Facts::LIFE,
        }
    }
}

impl fmt::Display for Fact {
    /// A line as that of `kdump`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Spawned { parent: Some(parent) } => write!(f, "spawned by {parent}"),
            Fact::Spawned { parent: None } => f.write_str("booted"),
            Fact::Attached => f.write_str("recorded from here on"),
            Fact::Began => f.write_str("begins to run"),
            Fact::Left => f.write_str("LWP ends"),
            Fact::Executed { former } => write!(f, "executed, was {former}"),
            Fact::Stopped { signal } => write!(f, "stopped by {signal}"),
            Fact::Continued => f.write_str("continued"),
            Fact::Exiting { status } => write!(f, "exiting, {status}"),
            Fact::Exited { status, .. } => write!(f, "zombie, {status}"),
            Fact::Adopted { by } => write!(f, "adopted by {by}"),
            Fact::Reaped => f.write_str("reaped"),
            Fact::Called { call, args } => write!(f, "{}({args})", call.name()),
            Fact::Returned { call, result } => write!(f, "{} = {result}", call.name()),
            Fact::Posted { signal, from: Some(from), fate } => write!(f, "{signal} from {from}: {fate}"),
            Fact::Posted { signal, from: None, fate } => write!(f, "{signal}: {fate}"),
            Fact::Handled { signal } => write!(f, "{signal} handled"),
            Fact::Taken { signal } => write!(f, "{signal} taken"),
            Fact::Sleeps => f.write_str("sleeps"),
            Fact::Wakes => f.write_str("wakes"),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fate::Ignored => "ignored",
            Fate::Pending => "pending",
            Fate::Merged => "merged with a pending one",
            Fate::Ends => "ends it",
            Fate::Polite => "asks it to end",
            Fate::Stops => "stops it",
            Fate::Continues => "continues it",
        })
    }
}
