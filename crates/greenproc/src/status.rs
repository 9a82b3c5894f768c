//! How a process ended, and the 32-bit word in which Unix packs it.

use std::fmt;

use crate::signal::Signal;

/// How a child ended, or that it stopped or went on.
///
/// The cause is kept typed and the exit value whole; the packed word of `wait4` is only made by
/// [`into_raw`](ExitStatus::into_raw) and keeps the low eight bits of the value, as the host's does.
///
/// Source: POSIX `sys/wait.h`; rows 2 and 5 of the kernel map; decision 1 of the semantics page.
///
/// ```
/// use greenproc::{ExitStatus, Signal};
/// let status = ExitStatus::exited(259);
/// assert_eq!(status.code(), Some(259));
/// assert_eq!(status.into_raw(), 3 << 8);
/// assert_eq!(ExitStatus::killed(Signal::KILL).to_string(), "signal: 9 (SIGKILL)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitStatus(Cause);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Cause {
    Exited(i32),
    Killed(Signal),
    Dumped(Signal),
    Stopped(Signal),
    Continued,
}

const CONTINUED_WORD: i32 = 0xffff;
const CORE_FLAG: i32 = 0x80;
const STOPPED_TAG: i32 = 0x7f;

impl ExitStatus {
    /// Ended by itself with this value; 0 is success.
    #[doc(alias = "W_EXITCODE")]
    pub const fn exited(code: i32) -> ExitStatus {
        ExitStatus(Cause::Exited(code))
    }

    /// Ended by this signal.
    pub const fn killed(signal: Signal) -> ExitStatus {
        ExitStatus(Cause::Killed(signal))
    }

    /// Ended by this signal, with the core flag: what a panic does, as SIGABRT.
    pub const fn dumped(signal: Signal) -> ExitStatus {
        ExitStatus(Cause::Dumped(signal))
    }

    /// Stopped by this signal; the process has not ended.
    #[doc(alias = "W_STOPCODE")]
    pub const fn stopped(signal: Signal) -> ExitStatus {
        ExitStatus(Cause::Stopped(signal))
    }

    /// Continued after a stop; the process has not ended.
    pub const fn resumed() -> ExitStatus {
        ExitStatus(Cause::Continued)
    }

    /// The whole exit value, if the process ended by itself.
    #[doc(alias = "WEXITSTATUS")]
    #[doc(alias = "WIFEXITED")]
    pub const fn code(self) -> Option<i32> {
        match self.0 {
            Cause::Exited(code) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended the process, if one did.
    #[doc(alias = "WTERMSIG")]
    #[doc(alias = "WIFSIGNALED")]
    pub const fn signal(self) -> Option<Signal> {
        match self.0 {
            Cause::Killed(signal) | Cause::Dumped(signal) => Some(signal),
            _ => None,
        }
    }

    /// Whether the process would have left a core: it panicked, or the signal's action is to dump.
    #[doc(alias = "WCOREDUMP")]
    pub const fn core_dumped(self) -> bool {
        matches!(self.0, Cause::Dumped(_))
    }

    /// The signal that stopped the process, if this is a stop.
    #[doc(alias = "WSTOPSIG")]
    #[doc(alias = "WIFSTOPPED")]
    pub const fn stopped_signal(self) -> Option<Signal> {
        match self.0 {
            Cause::Stopped(signal) => Some(signal),
            _ => None,
        }
    }

    /// Whether this says that the process went on after a stop.
    #[doc(alias = "WIFCONTINUED")]
    pub const fn continued(self) -> bool {
        matches!(self.0, Cause::Continued)
    }

    /// Whether the process ended by itself with value 0.
    pub const fn success(self) -> bool {
        matches!(self.0, Cause::Exited(0))
    }

    /// Packs the status into the host's wait word; of an exit value only the low eight bits fit.
    pub const fn into_raw(self) -> i32 {
        match self.0 {
            Cause::Exited(code) => (code & 0xff) << 8,
            Cause::Killed(signal) => signal.as_raw(),
            Cause::Dumped(signal) => signal.as_raw() | CORE_FLAG,
            Cause::Stopped(signal) => (signal.as_raw() << 8) | STOPPED_TAG,
            Cause::Continued => CONTINUED_WORD,
        }
    }

    /// Reads a wait word of the host; `None` if the word is none.
    pub const fn from_raw(word: i32) -> Option<ExitStatus> {
        if word == CONTINUED_WORD {
            return Some(ExitStatus(Cause::Continued));
        }
        if word & !0xffff != 0 {
            return None;
        }
        let high = word >> 8;
        match (word & STOPPED_TAG, Signal::from_raw(word & STOPPED_TAG), Signal::from_raw(high)) {
            (0, ..) if word & CORE_FLAG == 0 => Some(ExitStatus(Cause::Exited(high))),
            (STOPPED_TAG, _, Some(signal)) if word & CORE_FLAG == 0 => {
                Some(ExitStatus(Cause::Stopped(signal)))
            }
            (_, Some(signal), _) if high == 0 && word & CORE_FLAG != 0 => {
                Some(ExitStatus(Cause::Dumped(signal)))
            }
            (_, Some(signal), _) if high == 0 => Some(ExitStatus(Cause::Killed(signal))),
            _ => None,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cause::Exited(code) => write!(f, "exit status: {code}"),
            Cause::Killed(signal) => write!(f, "signal: {} ({signal})", signal.as_raw()),
            Cause::Dumped(signal) => write!(f, "signal: {} ({signal}) (core dumped)", signal.as_raw()),
            Cause::Stopped(signal) => write!(f, "stopped: {} ({signal})", signal.as_raw()),
            Cause::Continued => f.write_str("continued"),
        }
    }
}

impl fmt::Debug for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ExitStatus> for std::process::ExitStatus {
    /// The same status as the standard library's type, through the wait word.
    fn from(status: ExitStatus) -> std::process::ExitStatus {
        std::os::unix::process::ExitStatusExt::from_raw(status.into_raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::process::ExitStatusExt;

    fn any_status() -> impl Strategy<Value = ExitStatus> {
        let signal = || (1..=64).prop_map(|number| Signal::from_raw(number).expect("in range"));
        prop_oneof![
            any::<i32>().prop_map(ExitStatus::exited),
            signal().prop_map(ExitStatus::killed),
            signal().prop_map(ExitStatus::dumped),
            signal().prop_map(ExitStatus::stopped),
            Just(ExitStatus::resumed()),
        ]
    }

    proptest! {
        #[test]
        fn the_host_reads_our_wait_word_as_we_do(status in any_status()) {
            let host = std::process::ExitStatus::from_raw(status.into_raw());
            prop_assert_eq!(host.code(), status.code().map(|code| code & 0xff));
            prop_assert_eq!(host.signal(), status.signal().map(Signal::as_raw));
            prop_assert_eq!(host.core_dumped(), status.core_dumped());
            prop_assert_eq!(host.stopped_signal(), status.stopped_signal().map(Signal::as_raw));
            prop_assert_eq!(host.continued(), status.continued());
            prop_assert_eq!(host.success(), status.into_raw() == 0);
        }

        #[test]
        fn unpacking_undoes_packing(status in any_status()) {
            let back = ExitStatus::from_raw(status.into_raw()).expect("a wait word");
            let kept = status.code().map_or(status, |code| ExitStatus::exited(code & 0xff));
            prop_assert_eq!(back, kept);
        }

        #[test]
        fn any_word_is_read_or_refused_without_loss(word in any::<i32>()) {
            if let Some(status) = ExitStatus::from_raw(word) {
                prop_assert_eq!(status.into_raw(), word);
            }
        }
    }

    #[test]
    fn the_words_are_those_of_linux() {
        assert_eq!(ExitStatus::exited(3).into_raw(), 0x300);
        assert_eq!(ExitStatus::exited(-1).into_raw(), 0xff00);
        assert_eq!(ExitStatus::killed(Signal::KILL).into_raw(), 9);
        assert_eq!(ExitStatus::dumped(Signal::ABRT).into_raw(), 0x86);
        assert_eq!(ExitStatus::stopped(Signal::STOP).into_raw(), 0x137f);
        assert_eq!(ExitStatus::resumed().into_raw(), 0xffff);
    }

    #[test]
    fn the_whole_exit_value_is_kept() {
        assert_eq!(ExitStatus::exited(i32::MIN).code(), Some(i32::MIN));
        assert!(!ExitStatus::exited(256).success());
    }
}
