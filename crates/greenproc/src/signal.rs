//! Signal numbers and what each does by default.

use std::fmt;
use std::str::FromStr;

/// A signal of the host's numbering.
///
/// What it does to a process says its [`SigAction`](crate::SigAction); by default its [`default_action`](Signal::default_action).
///
/// Source: POSIX `signal.h`; decision 1 of the semantics page.
///
/// ```
/// use greenproc::Signal;
/// assert_eq!(Signal::KILL.to_string(), "SIGKILL");
/// assert_eq!("term".parse(), Ok(Signal::TERM));
/// assert_eq!("9".parse(), Ok(Signal::KILL));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// What a signal does to a process that has said nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefaultAction {
    /// The process ends.
    Terminate,
    /// The process ends, and its status carries the core flag.
    Core,
    /// The process stops until it is continued.
    Stop,
    /// A stopped process goes on.
    Continue,
    /// Nothing happens.
    Ignore,
}

macro_rules! signals {
    ($($name:ident $number:ident $action:ident $doc:literal;)*) => {
        impl Signal {
            $(
                #[doc = $doc]
                pub const $name: Signal = Signal(libc::$number as u8);
            )*

            /// What the signal does to a process that has said nothing about it.
            ///
            /// Source: POSIX `signal.h`.
            pub const fn default_action(self) -> DefaultAction {
                match self {
                    $(Signal::$name => DefaultAction::$action,)*
                    _ => DefaultAction::Terminate,
                }
            }

            /// The signal's name, `SIGKILL` for instance; real-time signals have none.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Signal::$name => Some(stringify!($number)),)*
                    _ => None,
                }
            }

            #[cfg(test)]
            const NAMED: &[(Signal, i32)] = &[$((Signal::$name, libc::$number)),*];
        }

        impl FromStr for Signal {
            type Err = UnknownSignal;

            /// Reads a name with or without `SIG`, in either case, or a number.
            fn from_str(text: &str) -> Result<Signal, UnknownSignal> {
                if let Ok(number) = text.parse::<i32>() {
                    return Signal::from_raw(number).ok_or_else(|| UnknownSignal(text.to_owned()));
                }
                let upper = text.to_ascii_uppercase();
                match upper.strip_prefix("SIG").unwrap_or(&upper) {
                    $(stringify!($name) => Ok(Signal::$name),)*
                    _ => Err(UnknownSignal(text.to_owned())),
                }
            }
        }
    };
}

signals! {
    HUP SIGHUP Terminate "The terminal or the controlling process went away.";
    INT SIGINT Terminate "Interrupt from the terminal.";
    QUIT SIGQUIT Core "Quit from the terminal.";
    ILL SIGILL Core "Illegal instruction.";
    TRAP SIGTRAP Core "Trace trap.";
    ABRT SIGABRT Core "Abort; also how a panic ends a process.";
    BUS SIGBUS Core "Bus error.";
    FPE SIGFPE Core "Arithmetic error.";
    KILL SIGKILL Terminate "Kill; cannot be ignored or caught.";
    USR1 SIGUSR1 Terminate "For the application.";
    SEGV SIGSEGV Core "Invalid memory reference.";
    USR2 SIGUSR2 Terminate "For the application.";
    PIPE SIGPIPE Terminate "Write to a pipe that nobody reads.";
    ALRM SIGALRM Terminate "A timer expired.";
    TERM SIGTERM Terminate "A request to end.";
    CHLD SIGCHLD Ignore "A child ended, stopped or continued.";
    CONT SIGCONT Continue "Continue if stopped.";
    STOP SIGSTOP Stop "Stop; cannot be ignored or caught.";
    TSTP SIGTSTP Stop "Stop from the terminal.";
    TTIN SIGTTIN Stop "Background read from the terminal.";
    TTOU SIGTTOU Stop "Background write to the terminal.";
    URG SIGURG Ignore "Urgent data on a socket.";
    XCPU SIGXCPU Core "CPU time limit exceeded.";
    XFSZ SIGXFSZ Core "File size limit exceeded.";
    VTALRM SIGVTALRM Terminate "Virtual timer expired.";
    PROF SIGPROF Terminate "Profiling timer expired.";
    WINCH SIGWINCH Ignore "The terminal's window changed.";
    IO SIGIO Terminate "Input or output is possible.";
    SYS SIGSYS Core "A call that was refused.";
}

/// Two before it are the C library's own.
const FIRST_REAL_TIME: i32 = 34;

/// The highest signal number, the last real-time signal of the host.
const LAST: i32 = 64;

impl Signal {
    /// Makes a signal of the host's number; `None` outside 1 to 64.
    pub const fn from_raw(number: i32) -> Option<Signal> {
        if number >= 1 && number <= LAST { Some(Signal(number as u8)) } else { None }
    }

    /// The real-time signal of this place, 0 to 30, counted from the host's `SIGRTMIN` as programs see it.
    #[doc(alias = "SIGRTMIN")]
    pub const fn real_time(place: u8) -> Option<Signal> {
        if place as i32 + FIRST_REAL_TIME <= LAST {
            Signal::from_raw(place as i32 + FIRST_REAL_TIME)
        } else {
            None
        }
    }

    /// Whether it queues instead of coalescing.
    pub const fn is_real_time(self) -> bool {
        self.as_raw() > 31
    }

    /// Whether its default action is to stop the process.
    pub const fn is_stop(self) -> bool {
        matches!(self.default_action(), DefaultAction::Stop)
    }

    /// The host's number.
    pub const fn as_raw(self) -> i32 {
        self.0 as i32
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a process wants done about its children's ends: what its action for SIGCHLD comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Children stay zombies until they are waited for.
    #[default]
    Default,
    /// Children leave no zombie, and no signal is sent.
    Ignore,
    /// Children leave no zombie; the signal is sent.
    NoChildWait,
}

/// The text names no signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signal is called {0:?}: use a name such as TERM or SIGKILL, or a number from 1 to 64")]
pub struct UnknownSignal(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_the_hosts() {
        for &(signal, number) in Signal::NAMED {
            assert_eq!(signal.as_raw(), number);
            assert_eq!(Signal::from_raw(number), Some(signal));
            let name = signal.name().expect("a named signal");
            assert_eq!(name.parse(), Ok(signal));
            assert_eq!(name.strip_prefix("SIG").expect("a SIG prefix").to_lowercase().parse(), Ok(signal));
            assert_eq!(number.to_string().parse(), Ok(signal));
        }
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for number in [0, -1, 65, i32::MIN, i32::MAX] {
            assert_eq!(Signal::from_raw(number), None);
            assert!(number.to_string().parse::<Signal>().is_err());
        }
        assert!("SIGNOTHING".parse::<Signal>().is_err());
        assert!("".parse::<Signal>().is_err());
    }

    #[test]
    fn real_time_signals_terminate_and_have_no_name() {
        let signal = Signal::from_raw(40).expect("a real-time signal");
        assert_eq!(signal.default_action(), DefaultAction::Terminate);
        assert_eq!(signal.to_string(), "signal 40");
    }
}
