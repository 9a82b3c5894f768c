//! The subtree below a child, and a child that goes with its handle.

use crate::child::Child;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::siginfo::SigCode;
use crate::signal::Signal;
use crate::subtree::{Killed, Root};
use crate::target;

impl Child {
    /// Kills it and everybody below it: SIGKILL. As [`signal_tree`](Child::signal_tree).
    ///
    /// # Errors
    /// As [`signal_tree`](Child::signal_tree).
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Process, Runtime, Signal};
    /// fn bomb(p: &Process) {
    ///     loop {
    ///         let _ = p.spawn(Command::new("bomb", bomb));
    ///         p.checkpoint();
    ///     }
    /// }
    /// let runtime = Runtime::builder().max_lwps(50).boot()?;
    /// let root = runtime.spawn(Command::new("bomb", bomb))?;
    /// let killed = root.kill_tree()?;
    /// assert!(killed.count >= 1);
    /// assert_eq!(root.wait()?.status.signal(), Some(Signal::KILL));
    /// # Ok(())
    /// # }
    /// ```
    pub fn kill_tree(&self) -> Result<Killed> {
        self.signal_tree(Signal::KILL)
    }

    /// Sends a signal to the process and everybody below it, each once, so that nobody escapes who is there when the call
    /// begins or is born there before it returns (see [`Process::reap_kill`](crate::Process::reap_kill)). From any thread.
    ///
    /// Orphans that were adopted before by somebody above the process are not below it: a process that is to answer for
    /// all that it has started calls [`set_child_subreaper`](crate::Process::set_child_subreaper).
    ///
    /// # Errors
    /// - ESRCH: it was reaped.
    /// - EPERM: a process made the handle, and its user may signal nobody of them.
    pub fn signal_tree(&self, signal: Signal) -> Result<Killed> {
        if !self.kernel().lock().tree.holds(self.node()) {
            return Err(Error::NoProcess { pid: self.id().as_raw() });
        }
        self.kernel().signal_subtree(self.maker(), self.node(), Root::Meant, signal)
    }

    /// Makes the process go with this handle, or not: when the handle is dropped and the process was not waited for, it is
    /// killed by SIGKILL and reaped as soon as it has ended, by the runtime: no wait of its parent finds it from the drop
    /// on. So a call that returns early, or is unwound, leaves nothing running.
    ///
    /// The drop does not wait for the end. Nothing is lost: events, watches and accounting tell of it as of any other, and
    /// its usage goes to its parent. If the handle's maker may not signal the process, the drop leaves it alone. Those
    /// below it are not killed: [`kill_tree`](Child::kill_tree) does that.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, NoteFlags, NoteKind, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// let watch = {
    ///     let child = runtime.spawn(Command::new("sleeper", |p| p.sleep(std::time::Duration::from_hours(1))))?;
    ///     child.kill_on_drop(true);
    ///     child.watch(NoteFlags::EXIT)?
    /// };
    /// let note = watch.recv().expect("it was killed");
    /// assert!(matches!(note.kind, NoteKind::Exit { status } if status.signal() == Some(Signal::KILL)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn kill_on_drop(&self, kill: bool) {
        self.set_kill_on_drop(kill);
    }

    /// The handle goes, and with it the process. Whether that could be done.
    pub(crate) fn abandon(&self) -> bool {
        let (kernel, record) = (self.kernel(), self.record());
        if !target::permits(self.maker(), record, Signal::KILL) {
            return false;
        }
        let mut list = kernel.lock();
        let reaped = list.tree.abandon(self.node());
        if let Some(reaped) = &reaped {
            list.note_reaped(&kernel.pids, reaped);
        } else if list.tree.holds(self.node()) {
            let info = target::info_from(self.maker(), Signal::KILL, SigCode::User);
            list.events.tell(record.pid, &record.name(), EventKind::Signalled { signal: Signal::KILL });
            // SIGKILL always finds room.
            let _ = kernel.send_locked(&mut list, record, None, info);
        }
        drop(list);
        if let Some(reaped) = reaped {
            kernel.dispose_one(reaped);
        }
        true
    }
}
