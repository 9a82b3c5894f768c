//! The arguments of a call, taken down only when somebody looks.

use std::fmt;
use std::time::Duration;

use smallvec::SmallVec;

use crate::pid::{LwpId, Pid};
use crate::process::MaskHow;
use crate::selector::{WaitFlags, WaitFor};
use crate::signal::Signal;
use crate::sigset::SigSet;
use crate::target::Target;

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arg {
    /// A number: a count of bytes, a user, an exit value.
    Number(i64),
    /// A process, or a group as a negative number, as `wait4` and `kill` take them.
    Pid(i32),
    /// An LWP.
    Lwp(LwpId),
    /// A signal.
    Signal(Signal),
    /// A set of signals.
    Signals(SigSet),
    /// What a wait is to report.
    Flags(WaitFlags),
    /// A time.
    Time(Duration),
    /// A name.
    Text(String),
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Number(number) => write!(f, "{number}"),
            Arg::Pid(pid) => write!(f, "{pid}"),
            Arg::Lwp(lwp) => write!(f, "{lwp}"),
            Arg::Signal(signal) => write!(f, "{signal}"),
            Arg::Signals(signals) => {
                f.write_str("[")?;
                for (place, signal) in signals.iter().enumerate() {
                    write!(f, "{}{signal}", if place == 0 { "" } else { " " })?;
                }
                f.write_str("]")
            }
            Arg::Flags(flags) if flags.is_empty() => f.write_str("0"),
            Arg::Flags(flags) => {
                for (place, (name, _)) in flags.iter_names().enumerate() {
                    write!(f, "{}W{name}", if place == 0 { "" } else { "|" })?;
                }
                Ok(())
            }
            Arg::Time(time) => write!(f, "{time:?}"),
            Arg::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// The arguments of a call. What it is hard to show (a closure, a buffer) is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args(pub(crate) SmallVec<[Arg; 2]>);

impl std::ops::Deref for Args {
    type Target = [Arg];

    fn deref(&self) -> &[Arg] {
        &self.0
    }
}

impl fmt::Display for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, arg) in self.iter().enumerate() {
            write!(f, "{}{arg}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// `args![pid, signal]`: how the closures of the gate say what they were called with.
macro_rules! args {
    ($($arg:expr),* $(,)?) => {
        $crate::call::Args(smallvec::smallvec![$($crate::call::Arg::from($arg)),*])
    };
}
pub(crate) use args;

macro_rules! number {
    ($($number:ty),+) => {
        $(impl From<$number> for Arg {
            fn from(number: $number) -> Arg {
                Arg::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        })+
    };
}

number!(i32, u32, i64, usize);

impl From<bool> for Arg {
    fn from(is: bool) -> Arg {
        Arg::Number(i64::from(is))
    }
}

impl From<Pid> for Arg {
    fn from(pid: Pid) -> Arg {
        Arg::Pid(pid.as_raw())
    }
}

impl From<Option<Pid>> for Arg {
    fn from(pid: Option<Pid>) -> Arg {
        Arg::Pid(pid.map_or(0, Pid::as_raw))
    }
}

impl From<LwpId> for Arg {
    fn from(lwp: LwpId) -> Arg {
        Arg::Lwp(lwp)
    }
}

impl From<Signal> for Arg {
    fn from(signal: Signal) -> Arg {
        Arg::Signal(signal)
    }
}

impl From<Option<Signal>> for Arg {
    fn from(signal: Option<Signal>) -> Arg {
        signal.map_or(Arg::Number(0), Arg::Signal)
    }
}

impl From<SigSet> for Arg {
    fn from(signals: SigSet) -> Arg {
        Arg::Signals(signals)
    }
}

impl From<WaitFlags> for Arg {
    fn from(flags: WaitFlags) -> Arg {
        Arg::Flags(flags)
    }
}

impl From<Duration> for Arg {
    fn from(time: Duration) -> Arg {
        Arg::Time(time)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Arg {
        Arg::Text(text.to_owned())
    }
}

impl From<MaskHow> for Arg {
    fn from(how: MaskHow) -> Arg {
        Arg::from(match how {
            MaskHow::Block => "SIG_BLOCK",
            MaskHow::Unblock => "SIG_UNBLOCK",
            MaskHow::Set => "SIG_SETMASK",
        })
    }
}

impl From<Target> for Arg {
    fn from(target: Target) -> Arg {
        Arg::Pid(match target {
            Target::Pid(pid) => pid.as_raw(),
            Target::Group(group) => -group.as_raw(),
            Target::MyGroup => 0,
            Target::All => -1,
        })
    }
}

impl From<&WaitFor<'_>> for Arg {
    fn from(who: &WaitFor<'_>) -> Arg {
        Arg::Pid(match who {
            WaitFor::Any => -1,
            WaitFor::MyGroup => 0,
            WaitFor::Pid(pid) => pid.as_raw(),
            WaitFor::Group(group) => -group.as_raw(),
            WaitFor::Child(child) => child.id().as_raw(),
        })
    }
}

/// A process as what a call returns.
pub(crate) fn pid_value(pid: Pid) -> i64 {
    i64::from(pid.as_raw())
}

/// A count as what a call returns.
pub(crate) fn count_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
