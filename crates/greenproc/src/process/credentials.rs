//! For whom the process acts.

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::process::Process;

const DOWNWARDS: Error = Error::NotPermitted { what: "only root changes to another user or group" };

impl Process {
    /// The user it acts for; a child begins with its parent's.
    ///
    /// Source: POSIX `getuid`.
    pub fn uid(&self) -> u32 {
        self.gate_sure(Call::Getuid, || args![], |&uid| i64::from(uid), || self.record.uid())
    }

    /// The group of users it acts for.
    ///
    /// Source: POSIX `getgid`.
    pub fn gid(&self) -> u32 {
        self.gate_sure(Call::Getgid, || args![], |&gid| i64::from(gid), || self.record.gid())
    }

    /// Acts for this user from now on, with all its LWPs; the process counts among that user's. Root may become anybody, and
    /// nobody comes back.
    ///
    /// This is the runtime's own idea of a user: it decides who may signal whom, and changes nothing for the host.
    ///
    /// # Errors
    /// - EPERM: the process is not root's and it is another user.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `setuid`, decision 22 of the semantics page.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("drops", |p| {
    ///     if p.uid() == 0 {
    ///         p.setuid(1000)?;
    ///         assert_eq!(p.setuid(0).expect_err("no way back").errno(), 1); // EPERM
    ///     }
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn setuid(&self, uid: u32) -> Result<()> {
        self.gate(
            Call::Setuid,
            || args![uid],
            || {
                let node = self.live_node()?;
                // The count of a user's processes changes in the same hold.
                let mut list = self.worker.kernel.lock();
                if uid != self.record.uid() && !self.record.as_root() {
                    return Err(DOWNWARDS);
                }
                list.tree.change_user(node, uid);
                Ok(())
            },
        )
    }

    /// Acts for this group of users from now on.
    ///
    /// # Errors
    /// - EPERM: the process is not root's and it is another group.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `setgid`.
    pub fn setgid(&self, gid: u32) -> Result<()> {
        self.gate(
            Call::Setgid,
            || args![gid],
            || {
                self.check_live()?;
                let _list = self.worker.kernel.lock();
                if gid != self.record.gid() && !self.record.as_root() {
                    return Err(DOWNWARDS);
                }
                self.record.set_gid(gid);
                Ok(())
            },
        )
    }
}
