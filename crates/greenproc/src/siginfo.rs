//! What a signal carries.

use std::time::Duration;

use crate::pid::Pid;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::usage::Usage;

/// Why a signal was sent.
///
/// Source: POSIX `signal.h`, `si_code`; rows 1 to 3 of the kernel map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigCode {
    /// Somebody called `kill`.
    #[doc(alias = "SI_USER")]
    User,
    /// Somebody called `sigqueue`.
    #[doc(alias = "SI_QUEUE")]
    Queue,
    /// Somebody called `tgkill` or `raise`.
    #[doc(alias = "SI_TKILL")]
    Lwp,
    /// Work that was handed to the background is done.
    #[doc(alias = "SI_ASYNCIO")]
    AsyncIo,
    /// A timer expired.
    #[doc(alias = "SI_TIMER")]
    Timer,
    /// The runtime itself: a terminal, a limit, a shutdown.
    #[doc(alias = "SI_KERNEL")]
    Runtime,
    /// The child ended by itself.
    #[doc(alias = "CLD_EXITED")]
    Exited,
    /// A signal ended the child.
    #[doc(alias = "CLD_KILLED")]
    Killed,
    /// A signal ended the child, and it would have left a core.
    #[doc(alias = "CLD_DUMPED")]
    Dumped,
    /// The child stopped.
    #[doc(alias = "CLD_STOPPED")]
    Stopped,
    /// The child went on after a stop.
    #[doc(alias = "CLD_CONTINUED")]
    Continued,
}

impl SigCode {
    /// The host's number.
    pub const fn as_raw(self) -> i32 {
        match self {
            SigCode::User => libc::SI_USER,
            SigCode::Queue => libc::SI_QUEUE,
            SigCode::Lwp => libc::SI_TKILL,
            SigCode::AsyncIo => libc::SI_ASYNCIO,
            SigCode::Timer => libc::SI_TIMER,
            SigCode::Runtime => libc::SI_KERNEL,
            SigCode::Exited => libc::CLD_EXITED,
            SigCode::Killed => libc::CLD_KILLED,
            SigCode::Dumped => libc::CLD_DUMPED,
            SigCode::Stopped => libc::CLD_STOPPED,
            SigCode::Continued => libc::CLD_CONTINUED,
        }
    }
}

/// What a signal says. Of a child all values are final: they are those a wait returns.
///
/// Source: POSIX `siginfo_t`; rows 2, 3 and 42 of the kernel map (mistake f: never the packed word, never times from
/// before the end).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigInfo {
    /// The signal itself.
    pub signal: Signal,
    /// Why it was sent; from the typed cause.
    pub code: SigCode,
    /// The child, or the sender; init stands for the runtime and for threads outside it.
    pub pid: Pid,
    /// The child's, or the sender's, user.
    pub uid: u32,
    /// Of a child: the whole exit value, or the number of the signal that ended, stopped or continued it.
    pub status: i32,
    /// Of a child: CPU time spent in user code.
    pub user_time: Duration,
    /// Of a child: CPU time spent in the host's kernel.
    pub system_time: Duration,
    /// What `sigqueue` gave along.
    #[doc(alias = "si_value")]
    pub value: i64,
}

impl SigInfo {
    /// A signal of the runtime itself.
    pub(crate) fn of_runtime(signal: Signal) -> SigInfo {
        SigInfo {
            signal,
            code: SigCode::Runtime,
            pid: Pid::INIT,
            uid: 0,
            status: 0,
            user_time: Duration::ZERO,
            system_time: Duration::ZERO,
            value: 0,
        }
    }

    /// Who sent it; `None` if the runtime itself did.
    pub(crate) fn sender(&self) -> Option<Pid> {
        let of_runtime = matches!(self.code, SigCode::Runtime | SigCode::Timer) && self.pid == Pid::INIT;
        (!of_runtime).then_some(self.pid)
    }

    /// A signal about a child that ended, stopped or went on.
    pub(crate) fn of_child(signal: Signal, pid: Pid, uid: u32, status: ExitStatus, usage: &Usage) -> SigInfo {
        let (code, value) = if let Some(code) = status.code() {
            (SigCode::Exited, code)
        } else if let Some(stop) = status.stopped_signal() {
            (SigCode::Stopped, stop.as_raw())
        } else if status.continued() {
            (SigCode::Continued, Signal::CONT.as_raw())
        } else {
            let code = if status.core_dumped() { SigCode::Dumped } else { SigCode::Killed };
            (code, status.signal().map_or(0, Signal::as_raw))
        };
        SigInfo {
            code,
            pid,
            uid,
            status: value,
            user_time: usage.user(),
            system_time: usage.system(),
            ..SigInfo::of_runtime(signal)
        }
    }
}
