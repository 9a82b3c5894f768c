//! What a body may return, and what becomes of it.

use std::convert::Infallible;
use std::fmt::Display;

use crate::report::ExitReport;
use crate::status::ExitStatus;

/// What the body of a [`Command`](crate::Command) may return.
///
/// `()` is success, an `i32` is the exit value, an [`ExitStatus`] is itself, and an `Err` is exit value 1 whose text
/// is kept in [`Waited::report`](crate::Waited::report).
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Runtime};
/// let runtime = Runtime::boot()?;
/// assert!(runtime.run(Command::new("quiet", |_| {}))?.success());
/// assert_eq!(runtime.run(Command::new("three", |_| 3))?.code(), Some(3));
/// let waited = runtime.spawn(Command::new("parse", |_| "x".parse::<i32>().map(|_| ())))?.wait()?;
/// assert_eq!(waited.status.code(), Some(1));
/// assert_eq!(waited.report.map(|report| report.to_string()), Some("invalid digit found in string".into()));
/// # Ok(())
/// # }
/// ```
pub trait Termination {
    /// The status the process ends with, and what is known of a failure.
    fn report(self) -> Outcome;
}

/// How a body ended by itself.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) report: Option<ExitReport>,
}

impl From<ExitStatus> for Outcome {
    fn from(status: ExitStatus) -> Outcome {
        Outcome { status, report: None }
    }
}

impl Termination for Outcome {
    fn report(self) -> Outcome {
        self
    }
}

impl Termination for () {
    fn report(self) -> Outcome {
        ExitStatus::exited(0).into()
    }
}

impl Termination for i32 {
    fn report(self) -> Outcome {
        ExitStatus::exited(self).into()
    }
}

impl Termination for ExitStatus {
    /// A status that is not an end (stopped or continued) counts as success.
    fn report(self) -> Outcome {
        if self.code().is_some() || self.signal().is_some() {
            self.into()
        } else {
            ExitStatus::exited(0).into()
        }
    }
}

impl Termination for Infallible {
    fn report(self) -> Outcome {
        match self {}
    }
}

/// The type `!`, which cannot be named yet outside a return type: bodies that loop for ever have it.
type Never = <fn() -> ! as Returns>::Value;

trait Returns {
    type Value;
}

impl<T> Returns for fn() -> T {
    type Value = T;
}

#[expect(private_interfaces, reason = "`Returns` only spells the type `!`, which is public")]
impl Termination for Never {
    fn report(self) -> Outcome {
        match self {}
    }
}

impl<T: Termination, E: Display> Termination for Result<T, E> {
    fn report(self) -> Outcome {
        match self {
            Ok(value) => value.report(),
            Err(error) => {
                Outcome { status: ExitStatus::exited(1), report: Some(ExitReport::Error(error.to_string())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;

    #[test]
    fn a_body_may_return_what_it_has() {
        assert_eq!(().report().status, ExitStatus::exited(0));
        assert_eq!(300.report().status.code(), Some(300));
        assert_eq!(ExitStatus::killed(Signal::HUP).report().status.signal(), Some(Signal::HUP));
        assert_eq!(ExitStatus::stopped(Signal::STOP).report().status, ExitStatus::exited(0));
        assert_eq!(Ok::<i32, String>(4).report().status, ExitStatus::exited(4));
        let failed = Err::<(), _>("no luck").report();
        assert_eq!(failed.status, ExitStatus::exited(1));
        assert_eq!(failed.report.map(|report| report.to_string()), Some("no luck".to_owned()));
    }
}
