//! Whom a wait is for, and what of them.

use crate::child::Child;
use crate::error::Error;
use crate::pid::Pid;
use crate::status::ExitStatus;

/// Which children a wait is for.
///
/// Source: POSIX `waitpid`, row 55 of the kernel map. Typed, so that "any child" and "group 1" cannot be mixed up
/// as the original's negative pids could.
#[derive(Clone, Copy, Debug)]
pub enum WaitFor<'a> {
    /// Any child.
    Any,
    /// The child with this pid.
    Pid(Pid),
    /// Any child in this process group.
    Group(Pid),
    /// Any child in the caller's process group, as it is at the time of the call.
    MyGroup,
    /// This very child, even if its pid should be in use again.
    Child(&'a Child),
}

impl WaitFor<'_> {
    /// Reads the first argument of `wait4`: -1 any, 0 my group, positive a pid, negative a group.
    ///
    /// # Errors
    /// ESRCH for `i32::MIN`, which is the negative of no group.
    ///
    /// ```
    /// use greenproc::{Pid, WaitFor};
    /// assert!(matches!(WaitFor::from_raw(-1), Ok(WaitFor::Any)));
    /// assert!(matches!(WaitFor::from_raw(-7), Ok(WaitFor::Group(group)) if group.as_raw() == 7));
    /// assert!(WaitFor::from_raw(i32::MIN).is_err());
    /// ```
    pub fn from_raw(raw: i32) -> Result<WaitFor<'static>, Error> {
        match raw {
            -1 => Ok(WaitFor::Any),
            0 => Ok(WaitFor::MyGroup),
            _ => match (Pid::new(raw), raw.checked_neg().and_then(Pid::new)) {
                (Some(pid), _) => Ok(WaitFor::Pid(pid)),
                (None, Some(group)) => Ok(WaitFor::Group(group)),
                (None, None) => Err(Error::NoProcess { pid: raw }),
            },
        }
    }
}

bitflags::bitflags! {
    /// What a wait reports, and how.
    ///
    /// The numbers are the host's where it has the option; those of the BSDs use free bits.
    ///
    /// Source: POSIX `waitid`, Linux `wait4`, rows 52 to 60 of the kernel map.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct WaitFlags: i32 {
        /// Return at once if nothing is there.
        #[doc(alias = "WNOHANG")]
        const NOHANG = libc::WNOHANG;
        /// Also report stopped children.
        #[doc(alias = "WUNTRACED")]
        const UNTRACED = libc::WUNTRACED;
        /// The same as `UNTRACED`, under the name `waitid` has for it.
        #[doc(alias = "WSTOPPED")]
        const STOPPED = libc::WSTOPPED;
        /// Report ended children; `wait4` always does.
        #[doc(alias = "WEXITED")]
        const EXITED = libc::WEXITED;
        /// Also report children that were continued.
        #[doc(alias = "WCONTINUED")]
        const CONTINUED = libc::WCONTINUED;
        /// Report traced children that stopped.
        #[doc(alias = "WTRAPPED")]
        const TRAPPED = 0x20;
        /// Leave the child as it is: a later wait reports it again.
        #[doc(alias = "WNOWAIT")]
        const NOWAIT = libc::WNOWAIT;
        /// Wait only for children whose exit signal is not SIGCHLD.
        #[doc(alias = "WALTSIG")]
        #[doc(alias = "__WCLONE")]
        const ALTSIG = libc::__WCLONE;
        /// Wait for children whatever their exit signal is.
        #[doc(alias = "WALLSIG")]
        #[doc(alias = "__WALL")]
        const ALLSIG = libc::__WALL;
        /// Do not report ended children.
        #[doc(alias = "WNOZOMBIE")]
        const NOZOMBIE = 0x40;
    }
}

impl WaitFlags {
    /// Reads the options argument of `wait4`.
    ///
    /// # Errors
    /// EINVAL if a bit is set that is no option (row 54).
    pub fn from_raw(raw: i32) -> Result<WaitFlags, Error> {
        WaitFlags::from_bits(raw).ok_or(Error::InvalidWaitFlags { bits: raw })
    }
}

/// What a wait found: pid, status and usage together, as one value.
///
/// Row 53 of the kernel map.
#[derive(Clone, Debug)]
#[must_use = "the child may have been reaped: this is the only copy of its status"]
pub struct Waited {
    /// The child.
    pub pid: Pid,
    /// How it ended, or that it stopped or went on.
    pub status: ExitStatus,
    /// What the child itself used.
    pub usage: crate::Usage,
    /// What the children that it had waited for used.
    pub children_usage: crate::Usage,
    /// Why it failed, in words: the panic or the error its body returned.
    pub report: Option<std::sync::Arc<crate::ExitReport>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_selectors_never_collide() {
        // Mistake h: in the original, group 1 and "any child" are the same number.
        assert!(matches!(WaitFor::from_raw(-1), Ok(WaitFor::Any)));
        assert!(matches!(WaitFor::from_raw(0), Ok(WaitFor::MyGroup)));
        assert!(matches!(WaitFor::from_raw(5), Ok(WaitFor::Pid(pid)) if pid.as_raw() == 5));
        assert!(matches!(WaitFor::from_raw(-5), Ok(WaitFor::Group(group)) if group.as_raw() == 5));
        assert_eq!(WaitFor::from_raw(i32::MIN).expect_err("no group").errno(), libc::ESRCH);
    }

    #[test]
    fn unknown_wait_flags_are_invalid() {
        assert_eq!(WaitFlags::from_raw(0).expect("no flags"), WaitFlags::empty());
        assert_eq!(
            WaitFlags::from_raw(libc::WNOHANG | libc::WUNTRACED).expect("flags"),
            WaitFlags::NOHANG | WaitFlags::UNTRACED
        );
        for bits in [0x80, 0x200, 0x4000_0000 >> 4] {
            assert_eq!(WaitFlags::from_raw(bits).expect_err("unknown").errno(), libc::EINVAL);
        }
    }

    #[test]
    fn the_flags_share_no_bit_but_the_two_names_of_a_stop() {
        let distinct = WaitFlags::all().iter().fold(0_u32, |count, flag| count + flag.bits().count_ones());
        assert_eq!(distinct, WaitFlags::all().bits().count_ones());
        assert_eq!(WaitFlags::UNTRACED, WaitFlags::STOPPED);
    }
}
