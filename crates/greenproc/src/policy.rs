//! Policies: which calls a process may make.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::process::Process;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Allow,
    /// It fails with this errno.
    Deny(i32),
    /// It ends the process.
    Kill,
}

/// Which calls a process may make, and what becomes of the others: each either fails with an errno of the policy's choice, or
/// ends the process with SIGSYS, which cannot be caught there.
///
/// What it is good for: running code that is trusted less than the program around it, a plug-in or a job of a user, as a
/// process with less rights. It can neither signal others, nor leave its group, nor make processes, if it needs none of
/// that. Whatever it does make is under the same policy, and so is what replaces its body. A policy is about calls of this
/// runtime. It does not confine the code itself: what that does with memory, files and the host, no policy sees.
///
/// A process is put under a policy by its [command](crate::Command::policy), or by [itself](Process::restrict). It never
/// gets out again: a further policy only takes away. It ends with the process, after the last of its code has run.
///
/// Source: NetBSD `systrace`, OpenBSD `pledge`, Linux `seccomp`; row 23 of the kernel map.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Call, Command, Policy, Runtime, Signal};
/// let runtime = Runtime::boot()?;
/// let harmless = Policy::new().deny(Call::Spawn, 11)?.kill(Call::Kill);
/// let status = runtime.run(Command::new("plug-in", |p| {
///     let refused = p.spawn(Command::new("child", |_| {})).expect_err("not allowed");
///     assert_eq!(refused.errno(), 11); // EAGAIN
///     p.kill(p.ppid(), Signal::TERM)
/// }).policy(harmless))?;
/// assert_eq!(status.signal(), Some(Signal::SYS));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    denied: BTreeMap<Call, i32>,
    /// A set of calls.
    killed: u128,
}

impl Policy {
    /// One that allows everything.
    pub fn new() -> Policy {
        Policy::default()
    }

    /// One that allows these calls, and refuses all others that may fail with EPERM. Calls that never fail, like `getpid`,
    /// are allowed, and so is `exit`.
    pub fn only(calls: impl IntoIterator<Item = Call>) -> Policy {
        let allowed = calls.into_iter().fold(0, |set, call| set | call.bit());
        let refused = Call::ALL.iter().filter(|call| call.can_fail() && allowed & call.bit() == 0);
        Policy { denied: refused.map(|&call| (call, libc::EPERM)).collect(), killed: 0 }
    }

    /// Has this call fail with this errno, as the host has it.
    ///
    /// # Errors
    /// - EINVAL: the call never fails, so it cannot be refused with an error, or the errno is not a positive number below
    ///   4096.
    pub fn deny(mut self, call: Call, errno: i32) -> Result<Policy> {
        if !call.can_fail() {
            return Err(Error::Invalid { what: "a call that never fails cannot be denied; it can kill" });
        }
        if !(1..4096).contains(&errno) {
            return Err(Error::Invalid { what: "an errno is a number from 1 to 4095" });
        }
        self.denied.insert(call, errno);
        Ok(self)
    }

    /// Has this call end the process with SIGSYS.
    #[must_use]
    pub fn kill(mut self, call: Call) -> Policy {
        self.killed |= call.bit();
        self
    }

    pub(crate) fn rule(&self, call: Call) -> Rule {
        if self.killed & call.bit() != 0 {
            return Rule::Kill;
        }
        self.denied.get(&call).map_or(Rule::Allow, |&errno| Rule::Deny(errno))
    }

    /// What both allow. If both refuse a call, the harder one counts, and of two errnos that of the first.
    pub(crate) fn and(&self, other: &Policy) -> Policy {
        let mut denied = other.denied.clone();
        denied.extend(&self.denied);
        Policy { denied, killed: self.killed | other.killed }
    }
}

impl Process {
    /// Puts the process under a policy, for all its LWPs and those it makes from here on. If it is under one already, only
    /// what both allow is allowed.
    ///
    /// # Errors
    /// - the errno of the policy that it is under, if that refuses [`Call::Restrict`].
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: OpenBSD `pledge`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Call, Command, Policy, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("careful", |p| {
    ///     p.setpgid(None, None)?; // what it needs at the beginning only
    ///     p.restrict(Policy::only([Call::Read, Call::Write]))?;
    ///     assert_eq!(p.setsid().expect_err("not any more").errno(), 1); // EPERM
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn restrict(&self, policy: Policy) -> Result<()> {
        self.gate(
            Call::Restrict,
            || args![],
            || {
                self.check_live()?;
                self.record.restrict(&Arc::new(policy));
                Ok(())
            },
        )
    }
}
