//! The exit status of a command as a shell counts it: eight bits.

use greenproc::ExitStatus;

/// What `$?` may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status(u8);

/// What is added to the number of the signal that ended or stopped a process.
const SIGNALLED: i32 = 128;

impl Status {
    /// All went well.
    pub(crate) const SUCCESS: Status = Status(0);
    /// Something did not.
    pub(crate) const FAILURE: Status = Status(1);
    /// A command was used wrongly, or cannot be read.
    pub(crate) const MISUSE: Status = Status(2);
    /// The runtime could not start the command.
    pub(crate) const NOT_STARTED: Status = Status(126);
    /// There is no such command, or nobody to wait for.
    pub(crate) const NOT_FOUND: Status = Status(127);

    /// Of an exit value, the low eight bits.
    pub(crate) const fn exited(value: i32) -> Status {
        Status((value & 0xff) as u8)
    }

    /// Of a process: its exit value, or 128 and the number of the signal.
    pub(crate) fn of(status: ExitStatus) -> Status {
        match (status.code(), status.signal().or(status.stopped_signal())) {
            (Some(value), _) => Status::exited(value),
            (None, Some(signal)) => Status::exited(SIGNALLED + signal.as_raw()),
            (None, None) => Status::SUCCESS,
        }
    }

    /// The number itself.
    pub(crate) const fn code(self) -> u8 {
        self.0
    }

    /// Whether it is 0.
    pub(crate) const fn success(self) -> bool {
        self.0 == 0
    }

    /// What `!` makes of it.
    pub(crate) const fn negated(self) -> Status {
        if self.success() { Status::FAILURE } else { Status::SUCCESS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenproc::Signal;

    #[test]
    fn a_signal_counts_from_128() {
        assert_eq!(Status::of(ExitStatus::killed(Signal::KILL)).code(), 137);
        assert_eq!(Status::of(ExitStatus::stopped(Signal::TSTP)).code(), 148);
        assert_eq!(Status::of(ExitStatus::exited(259)).code(), 3);
        assert_eq!(Status::of(ExitStatus::exited(-1)).code(), 255);
        assert_eq!(Status::of(ExitStatus::resumed()), Status::SUCCESS);
    }
}
