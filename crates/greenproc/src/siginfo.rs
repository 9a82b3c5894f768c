//! What a signal about a child carries.

use std::time::Duration;

use crate::pid::Pid;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::usage::Usage;

/// Why a SIGCHLD (or another exit signal) was sent.
///
/// Source: POSIX `signal.h`, `si_code`; rows 1 to 3 of the kernel map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigCode {
    /// The child ended by itself.
    #[doc(alias = "CLD_EXITED")]
    Exited,
    /// A signal ended the child.
    #[doc(alias = "CLD_KILLED")]
    Killed,
    /// A signal ended the child, and it would have left a core.
    #[doc(alias = "CLD_DUMPED")]
    Dumped,
}

impl SigCode {
    /// The host's number.
    pub const fn as_raw(self) -> i32 {
        match self {
            SigCode::Exited => libc::CLD_EXITED,
            SigCode::Killed => libc::CLD_KILLED,
            SigCode::Dumped => libc::CLD_DUMPED,
        }
    }
}

/// What an exit signal says about the child. All values are final: they are those a wait returns.
///
/// Source: POSIX `siginfo_t`; rows 2, 3 and 42 of the kernel map (mistake f: never the packed word, never times from
/// before the end).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigInfo {
    /// The signal itself.
    pub signal: Signal,
    /// Why it was sent; from the typed cause.
    pub code: SigCode,
    /// The child.
    pub pid: Pid,
    /// The child's user.
    pub uid: u32,
    /// The whole exit value, or the number of the signal that ended the child.
    pub status: i32,
    /// CPU time the child spent in user code.
    pub user_time: Duration,
    /// CPU time the child spent in the host's kernel.
    pub system_time: Duration,
}

impl SigInfo {
    pub(crate) fn of_exit(signal: Signal, pid: Pid, uid: u32, status: ExitStatus, usage: &Usage) -> SigInfo {
        let (code, value) = match (status.code(), status.signal()) {
            (Some(code), _) => (SigCode::Exited, code),
            (None, Some(signal)) if status.core_dumped() => (SigCode::Dumped, signal.as_raw()),
            (None, signal) => (SigCode::Killed, signal.map_or(0, Signal::as_raw)),
        };
        SigInfo {
            signal,
            code,
            pid,
            uid,
            status: value,
            user_time: usage.user(),
            system_time: usage.system(),
        }
    }
}
