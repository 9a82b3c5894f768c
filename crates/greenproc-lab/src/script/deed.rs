//! What an actor can do.

use std::fmt;

macro_rules! kinds {
    ($($kind:ident = $text:literal;)+) => {
        /// What is done; the argument says to whom, or how.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)+
        }

        impl Kind {
            const ALL: &'static [Kind] = &[$(Kind::$kind),+];

            fn text(self) -> &'static str {
                match self {
                    $(Kind::$kind => $text,)+
                }
            }
        }
    };
}

kinds! {
    Spawn = "spawns a child that";
    SpawnGroup = "spawns a child in a group of its own that";
    SpawnOwnThread = "spawns a child on a thread of its own that";
    SpawnStopping = "spawns a child that stops when it exits, and";
    SpawnQuiet = "spawns a child whose end sends no signal, and";
    Vfork = "vforks a child that";
    SpawnLwp = "starts an LWP that";
    Exec = "execs a body that";
    Exit = "exits with";
    ExitLwp = "ends as an LWP";
    Checkpoint = "comes to a checkpoint";
    Sleep = "sleeps for milliseconds:";
    Pause = "pauses";
    Alarm = "sets an alarm";
    WaitAny = "waits for any child";
    WaitPid = "waits for process";
    WaitGroup = "waits for group";
    WaitFor = "waits for a millisecond for process";
    LookAny = "looks for any child";
    LookPid = "looks for process";
    LookGroup = "looks for group";
    LookStates = "looks for children that stop or go on, or end";
    Peek = "looks for a dead child and leaves it";
    WaitHandle = "waits for the child it holds";
    KillHandle = "kills the child it holds";
    DropHandle = "lets go of the child it holds";
    Watch = "watches process";
    Term = "sends SIGTERM to process";
    Stop = "sends SIGSTOP to process";
    Continue = "sends SIGCONT to process";
    Kill = "sends SIGKILL to process";
    User = "sends SIGUSR1 to process";
    StopGroup = "sends SIGSTOP to group";
    ContinueGroup = "sends SIGCONT to group";
    TermGroup = "sends SIGTERM to group";
    TermAll = "sends SIGTERM to all";
    LeadGroup = "leads a group";
    PutAlone = "gives a group of its own to process";
    JoinGroup = "joins the group of process";
    NewSession = "leads a session";
    IgnoreChildren = "ignores its children";
    ReapInHandler = "reaps children in a handler";
    DefaultChildren = "neither ignores nor handles the end of children";
    CatchUser = "catches SIGUSR1";
    BlockSignals = "blocks SIGTERM and SIGUSR1";
    UnblockSignals = "unblocks SIGTERM and SIGUSR1";
    Subreaper = "adopts orphans";
    Trace = "traces process";
    TraceMe = "is traced by its parent";
    LetTracee = "lets the tracee it holds go on";
    DetachTracee = "gives the tracee it holds free";
    KillTracee = "kills the tracee it holds";
}

/// Something that an actor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) kind: Kind,
    pub(crate) argument: u8,
}

impl Kind {
    pub(crate) fn of(byte: u8) -> Kind {
        Kind::ALL[usize::from(byte) % Kind::ALL.len()]
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.kind.text(), self.argument)
    }
}
