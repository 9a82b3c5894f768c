//! Who the process is.

use std::sync::Arc;

use crate::call::{Call, args, pid_value};
use crate::error::{Error, Result};
use crate::pid::{LwpId, Pid};
use crate::process::Process;
use crate::table::Entry;
use crate::tree::RegroupError;
use crate::usage::Usage;

impl Process {
    /// Its pid.
    ///
    /// Source: POSIX `getpid`.
    #[doc(alias = "getpid")]
    #[inline]
    pub fn pid(&self) -> Pid {
        self.gate_sure(Call::Getpid, || args![], |&pid| pid_value(pid), || self.record.pid)
    }

    /// Its parent's pid, init's after the parent died; init's own parent is itself. Takes no lock.
    ///
    /// Source: POSIX `getppid`, row 74 of the kernel map.
    #[doc(alias = "getppid")]
    #[inline]
    pub fn ppid(&self) -> Pid {
        self.gate_sure(
            Call::Getppid,
            || args![],
            |&pid| pid_value(pid),
            || self.record.ppid().unwrap_or(Pid::INIT),
        )
    }

    /// The number of its process group. Takes no lock.
    ///
    /// Source: POSIX `getpgrp`.
    #[doc(alias = "getpgrp")]
    #[inline]
    pub fn pgid(&self) -> Pid {
        self.gate_sure(Call::Getpgrp, || args![], |&pid| pid_value(pid), || self.record.pgid())
    }

    /// The number of its session. Takes no lock.
    ///
    /// Source: POSIX `getsid`.
    #[doc(alias = "getsid")]
    #[inline]
    pub fn sid(&self) -> Pid {
        self.gate_sure(Call::Getsid, || args![0], |&pid| pid_value(pid), || self.record.sid())
    }

    /// Which of the process's LWPs the caller is.
    pub fn lwp_id(&self) -> LwpId {
        self.lwp
    }

    /// The name of its command, or of the last one that it has [executed](Process::exec).
    pub fn name(&self) -> &str {
        self.renamed.as_ref().map_or(&self.record.first_name, |name| name)
    }

    /// What the process has used so far, its running LWPs included.
    ///
    /// Source: POSIX `getrusage(RUSAGE_SELF)`.
    pub fn usage(&self) -> Usage {
        self.gate_sure(
            Call::Getrusage,
            || args!["RUSAGE_SELF"],
            |_| 0,
            || crate::inspect::usage_now(&self.record),
        )
    }

    /// What the children that were waited for have used, and those they had waited for. Ignored children count nowhere.
    ///
    /// Source: POSIX `getrusage(RUSAGE_CHILDREN)`, row 66 of the kernel map.
    pub fn children_usage(&self) -> Usage {
        self.gate_sure(
            Call::Getrusage,
            || args!["RUSAGE_CHILDREN"],
            |_| 0,
            || match self.live_node() {
                Ok(node) => self.worker.kernel.lock().tree.reaped_usage(node),
                Err(_) => Usage::default(),
            },
        )
    }

    /// The group of a process, or of the caller.
    ///
    /// # Errors
    /// - ESRCH: nobody has that pid.
    ///
    /// Source: POSIX `getpgid`.
    pub fn getpgid(&self, pid: Option<Pid>) -> Result<Pid> {
        self.gate_value(
            Call::Getpgid,
            || args![pid],
            |&pid| pid_value(pid),
            || match pid {
                None => Ok(self.record.pgid()),
                Some(pid) => match self.worker.kernel.find(pid)? {
                    Entry::Live(process) => Ok(process.pgid()),
                    Entry::Dead(node) => {
                        let group = self.worker.kernel.lock().tree.pgid(node);
                        group.ok_or(Error::NoProcess { pid: pid.as_raw() })
                    }
                },
            },
        )
    }

    /// Moves a process, by default the caller, into a group, by default one of the process's own number, which is made
    /// if it is not there.
    ///
    /// # Errors
    /// - ESRCH: the process is neither the caller nor one of its children, or has ended, or the caller is exiting.
    /// - EACCES: it is a child that has replaced its body by [`exec`](Process::exec).
    /// - EPERM: the group is not there or in another session; the process leads its session, or is in another one.
    ///
    /// Source: POSIX `setpgid`, decision 14 of the semantics page.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("leader", |p| {
    ///     p.setpgid(None, None)?;
    ///     assert_eq!(p.pgid(), p.pid());
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn setpgid(&self, pid: Option<Pid>, pgid: Option<Pid>) -> Result<()> {
        self.gate(
            Call::Setpgid,
            || args![pid, pgid],
            || {
                let caller = self.live_node()?;
                self.refuse_if_exiting()?;
                let kernel = &self.worker.kernel;
                let target = match pid {
                    None => Arc::clone(&self.record),
                    Some(pid) => kernel.find_live(pid)?,
                };
                let node = target.node().ok_or(Error::NoProcess { pid: target.pid.as_raw() })?;
                let pgid = pgid.unwrap_or(target.pid);
                let mut list = kernel.lock();
                #[cfg(feature = "racelab")]
                if planted!(kernel, GroupMadeTwice) {
                    let is_new = list.tree.group_members(pgid).is_none();
                    drop(list);
                    list = kernel.lock();
                    list.tree.lab.group_is_new = is_new;
                }
                let freed = list.tree.regroup(caller, node, pgid).map_err(|error| match error {
                    RegroupError::Executed => Error::AlreadyExecuted { pid: target.pid },
                    RegroupError::NotMine => Error::NoProcess { pid: target.pid.as_raw() },
                    RegroupError::SessionLeader => {
                        Error::NotPermitted { what: "a session leader keeps its group" }
                    }
                    RegroupError::OtherSession => {
                        Error::NotPermitted { what: "the process is in another session" }
                    }
                    RegroupError::NoSuchGroup => {
                        Error::NotPermitted { what: "there is no such group in this session" }
                    }
                })?;
                if pgid == target.pid {
                    kernel.pids.mark_group(pgid);
                }
                kernel.pids.free(freed);
                Ok(())
            },
        )
    }

    /// ESRCH once the process's end is decided (decision 20).
    pub(crate) fn refuse_if_exiting(&self) -> Result<()> {
        use greenproc_sync::atomic::Ordering;
        let asked = self.worker.seat.attention.load(Ordering::Relaxed);
        if (asked || !self.worker.in_body.get()) && self.record.state.lock().life.begin_exit().is_none() {
            return Err(Error::Exiting { pid: self.record.pid });
        }
        Ok(())
    }
}
