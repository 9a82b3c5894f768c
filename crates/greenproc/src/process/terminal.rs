//! The controlling terminal of the process's session, and which of its groups is in the foreground.

use std::sync::Arc;

use crate::call::{Call, args, pid_value};
use crate::error::{Error, Result};
use crate::pid::Pid;
use crate::process::Process;
use crate::signal::Signal;
use crate::tree::{Controlling, ProcTree};
use crate::tty::{self, Tty};

impl Process {
    /// Makes a terminal the controlling one of the session that the caller leads; the caller's group is in the foreground.
    ///
    /// # Errors
    /// - EPERM: the caller leads no session, its session has a controlling terminal, or the terminal is another session's.
    /// - EIO: the terminal is hung up.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX, General Terminal Interface 11.1.3; BSD `ioctl(TIOCSCTTY)`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Tty};
    /// let runtime = Runtime::boot()?;
    /// let (_master, tty) = Tty::open();
    /// let status = runtime.run(Command::new("shell", move |p| {
    ///     assert_eq!(p.set_controlling_tty(&tty).expect_err("it leads no session").errno(), 1); // EPERM
    ///     p.setsid()?;
    ///     p.set_controlling_tty(&tty)?;
    ///     assert_eq!(p.tcgetpgrp(&tty)?, Some(p.pgid()));
    ///     greenproc::Result::Ok(assert!(p.controlling_tty().is_some()))
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_controlling_tty(&self, tty: &Tty) -> Result<()> {
        self.gate(
            Call::Ioctl,
            || args!["TIOCSCTTY"],
            || {
                self.check_live()?;
                let kernel = &self.worker.kernel;
                let mut list = kernel.lock();
                let session = self.session_that_it_leads()?;
                if list.tree.controlling(session).is_some() {
                    return Err(Error::NotPermitted { what: "the session has a controlling terminal" });
                }
                tty.terminal.take_possession(kernel, session)?;
                let terminal = Arc::clone(&tty.terminal);
                list.tree
                    .set_terminal(session, Controlling { terminal, foreground: Some(self.record.pgid()) });
                Ok(())
            },
        )
    }

    /// The controlling terminal of the session; `None` if it has none.
    ///
    /// Source: POSIX `/dev/tty`.
    pub fn controlling_tty(&self) -> Option<Tty> {
        let list = self.worker.kernel.lock();
        list.tree.controlling(self.record.sid()).map(|own| Tty::of(Arc::clone(&own.terminal)))
    }

    /// Takes its controlling terminal from the session that the caller leads. The foreground group gets SIGHUP and
    /// SIGCONT; the terminal can be used on, by any session.
    ///
    /// # Errors
    /// - ENOTTY: the session has none.
    /// - EPERM: the caller does not lead its session.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: Linux `ioctl(TIOCNOTTY)`.
    pub fn disconnect_tty(&self) -> Result<()> {
        self.gate(
            Call::Ioctl,
            || args!["TIOCNOTTY"],
            || {
                self.check_live()?;
                let kernel = &self.worker.kernel;
                let mut list = kernel.lock();
                if list.tree.controlling(self.record.sid()).is_none() {
                    return Err(Error::NotMyTerminal);
                }
                let session = self.session_that_it_leads()?;
                let terminal = kernel.take_terminal(&mut list, session);
                let woken = terminal.map(|terminal| terminal.give_up());
                drop(list);
                if let Some(woken) = woken {
                    woken.wake();
                }
                Ok(())
            },
        )
    }

    /// The foreground group of the session; `None` once that group has no members.
    ///
    /// # Errors
    /// - ENOTTY: the terminal is not the controlling one of the caller's session.
    ///
    /// Source: POSIX `tcgetpgrp`, which has a number that no group has instead of `None`.
    pub fn tcgetpgrp(&self, tty: &Tty) -> Result<Option<Pid>> {
        self.gate_value(
            Call::Ioctl,
            || args!["TIOCGPGRP"],
            |group: &Option<Pid>| group.map_or(0, pid_value),
            || {
                let mut list = self.worker.kernel.lock();
                Ok(self.own(&mut list.tree, tty)?.foreground)
            },
        )
    }

    /// Puts a group of the caller's session into the foreground.
    ///
    /// From the background, unless SIGTTOU is blocked or ignored, the caller's group gets SIGTTOU, and the call goes on
    /// when the caller is continued. Readers that are now in the background are stopped, or are refused. A checkpoint.
    ///
    /// # Errors
    /// - ENOTTY: the terminal is not the controlling one of the caller's session.
    /// - EPERM: there is no such group in the session.
    /// - EIO: SIGTTOU is due, and the caller's group is orphaned.
    /// - EINTR: the handler of a signal ran instead.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `tcsetpgrp`.
    #[track_caller]
    pub fn tcsetpgrp(&self, tty: &Tty, pgid: Pid) -> Result<()> {
        self.enter();
        self.gate(
            Call::Ioctl,
            || args!["TIOCSPGRP", pgid],
            || {
                self.check_live()?;
                let changed = tty::in_turn(self, &tty.terminal, Some(Signal::TTOU), None, |list| {
                    self.own(&mut list.tree, tty)?;
                    if !list.tree.is_group_of(pgid, self.record.sid()) {
                        return Err(Error::NotPermitted { what: "there is no such group in this session" });
                    }
                    self.own(&mut list.tree, tty)?.foreground = Some(pgid);
                    Ok(tty.terminal.readers_look())
                });
                changed.flatten().map(crate::wait_queue::Wakeups::wake)
            },
        )
    }

    /// The entry of a terminal that is the controlling one of the caller's session.
    fn own<'a>(&self, tree: &'a mut ProcTree, tty: &Tty) -> Result<&'a mut Controlling> {
        let own = tree.controlling_mut(self.record.sid());
        own.filter(|own| Arc::ptr_eq(&own.terminal, &tty.terminal)).ok_or(Error::NotMyTerminal)
    }

    fn session_that_it_leads(&self) -> Result<Pid> {
        let session = self.record.sid();
        if session == self.record.pid {
            Ok(session)
        } else {
            Err(Error::NotPermitted { what: "the caller leads no session" })
        }
    }
}
