//! The session of the process.

use crate::call::{Call, args, pid_value};
use crate::error::{Error, Result};
use crate::pid::Pid;
use crate::process::Process;
use crate::table::Entry;
use crate::tree::SetsidError;

impl Process {
    /// Makes the process the leader of a new session, and of its first group; both get its pid as number. It has no
    /// controlling terminal then.
    ///
    /// # Errors
    /// - EPERM: it leads a group, or there is still a group of its number that it has led.
    /// - ESRCH: it is exiting, or this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `setsid`, decision 14 of the semantics page.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("daemon", |p| {
    ///     let sid = p.setsid()?;
    ///     assert_eq!((sid, p.sid(), p.pgid()), (p.pid(), p.pid(), p.pid()));
    ///     assert_eq!(p.setsid().expect_err("it leads a group").errno(), 1); // EPERM
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn setsid(&self) -> Result<Pid> {
        self.gate_value(
            Call::Setsid,
            || args![],
            |&pid| pid_value(pid),
            || {
                let node = self.live_node()?;
                self.refuse_if_exiting()?;
                let kernel = &self.worker.kernel;
                let mut list = kernel.lock();
                let freed = list.tree.setsid(node).map_err(|error| match error {
                    SetsidError::Gone => Error::NotAProcess,
                    SetsidError::GroupLeader => {
                        Error::NotPermitted { what: "there is a process group of the caller's number" }
                    }
                })?;
                let pid = self.record.pid;
                kernel.pids.mark_group(pid);
                kernel.pids.mark_session(pid);
                kernel.pids.free(freed);
                Ok(pid)
            },
        )
    }

    /// The session of a process, or of the caller.
    ///
    /// # Errors
    /// - ESRCH: nobody has that pid.
    ///
    /// Source: POSIX `getsid`.
    pub fn getsid(&self, pid: Option<Pid>) -> Result<Pid> {
        self.gate_value(
            Call::Getsid,
            || args![pid],
            |&pid| pid_value(pid),
            || match pid {
                None => Ok(self.record.sid()),
                Some(pid) => match self.worker.kernel.find(pid)? {
                    Entry::Live(process) => Ok(process.sid()),
                    Entry::Dead(node) => {
                        let session = self.worker.kernel.lock().tree.sid(node);
                        session.ok_or(Error::NoProcess { pid: pid.as_raw() })
                    }
                },
            },
        )
    }
}
