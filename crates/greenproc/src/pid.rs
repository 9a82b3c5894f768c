//! Process and LWP numbers.

use std::fmt;
use std::num::NonZeroI32;

/// Numbers a process, and the group or session that it leads.
///
/// Always positive; pid 1 is init. A `Pid` is a plain number: it may be in use again by the time it is looked up.
/// A [`Child`](crate::Child) is the handle that is safe against that.
///
/// Source: POSIX `sys/types.h`, `pid_t`; decision 18 of the semantics page.
///
/// ```
/// use greenproc::Pid;
/// assert_eq!(Pid::new(7).map(|pid| pid.to_string()), Some("7".to_owned()));
/// assert_eq!(Pid::new(0), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// The pid of init, the root of every process tree.
    pub const INIT: Pid = Pid(NonZeroI32::new(1).unwrap());

    /// Makes a pid of a positive number; anything else names no process.
    pub const fn new(raw: i32) -> Option<Pid> {
        match NonZeroI32::new(raw) {
            Some(number) if raw > 0 => Some(Pid(number)),
            _ => None,
        }
    }

    /// The number itself.
    pub const fn as_raw(self) -> i32 {
        self.0.get()
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pid({})", self.0)
    }
}

/// Numbers an LWP within its process: 1 is the one that runs the command's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LwpId(pub(crate) u32);

impl LwpId {
    /// The LWP that runs the command's body.
    pub const MAIN: LwpId = LwpId(1);

    /// The number itself.
    pub const fn as_raw(self) -> u32 {
        self.0
    }
}

impl fmt::Display for LwpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_positive() {
        assert_eq!(Pid::new(0), None);
        assert_eq!(Pid::new(-3), None);
        assert_eq!(Pid::new(i32::MIN), None);
        assert_eq!(Pid::new(3).map(Pid::as_raw), Some(3));
        assert_eq!(Pid::INIT.as_raw(), 1);
    }
}
