//! The signal that a process gets when its parent ends.

use std::sync::Arc;

use greenproc_sync::atomic::Ordering;

use crate::call::{Call, args};
use crate::command::Command;
use crate::error::Result;
use crate::kernel::{Kernel, ProcListGuard};

use crate::proc::Proc;
use crate::process::Process;
use crate::siginfo::SigInfo;
use crate::signal::Signal;

impl Command {
    /// The signal that the process gets when its parent ends; none unless this is called. Set before anybody can see the
    /// process, so that no end of the parent is missed.
    ///
    /// A helper that must not outlive whom it helps has it with SIGKILL or SIGTERM. See
    /// [`Process::set_parent_death_signal`].
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, NoteFlags, NoteKind, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// let (child, helper) = runtime.spawn_returning("service", |p| {
    ///     let sleep = Command::new("helper", |p| p.sleep(std::time::Duration::from_hours(1)));
    ///     p.spawn(sleep.parent_death_signal(Signal::TERM)).map(|helper| helper.watch(NoteFlags::EXIT))
    /// })?;
    /// child.wait()?;
    /// let watch = helper.take().expect("the service ended with success")??;
    /// let note = watch.recv().expect("it ends with the service");
    /// assert!(matches!(note.kind, NoteKind::Exit { status } if status.signal() == Some(Signal::TERM)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn parent_death_signal(mut self, signal: Signal) -> Command {
        self.more().death_signal = Some(signal);
        self
    }
}

impl Process {
    /// The signal that the process gets when its parent ends, from now on; `None` for none.
    ///
    /// It is the parent *process* that counts: its end, not that of the LWP that made this one. The signal is posted in the
    /// hold of the lock in which the process changes parents, so a handler finds the new parent already; that one's end
    /// sends it again. Its `SigInfo` names the parent that ended. Children do not inherit it.
    ///
    /// A parent that ended before this call is not told of: compare [`ppid`](Process::ppid) with what it was, or use
    /// [`Command::parent_death_signal`].
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: Linux `prctl(PR_SET_PDEATHSIG)`.
    pub fn set_parent_death_signal(&self, signal: Option<Signal>) -> Result<()> {
        self.gate(
            Call::Prctl,
            || args!["PR_SET_PDEATHSIG", signal],
            || {
                self.check_live()?;
                let _list = self.worker.kernel.lock();
                self.record.set_death_signal(signal);
                Ok(())
            },
        )
    }

    /// The signal that the process gets when its parent ends.
    ///
    /// Source: Linux `prctl(PR_GET_PDEATHSIG)`.
    pub fn parent_death_signal(&self) -> Option<Signal> {
        self.record.death_signal()
    }
}

impl Proc {
    /// Under `proclist_lock`, or before anybody can see the process.
    pub(crate) fn set_death_signal(&self, signal: Option<Signal>) {
        if signal.is_some() || self.extras().is_some() {
            let number = signal.map_or(0, Signal::as_raw);
            self.need_extras().death_signal.store(number, Ordering::Relaxed);
        }
        self.mark_mourning(signal.is_some());
    }

    fn death_signal(&self) -> Option<Signal> {
        let number = self.extras()?.death_signal.load(Ordering::Relaxed);
        Signal::from_raw(number)
    }
}

impl Kernel {
    /// Posts their death signals to those who have just lost their parent.
    pub(crate) fn tell_mourning(&self, list: &mut ProcListGuard<'_>, parent: &Proc, mourning: &[Arc<Proc>]) {
        for child in mourning {
            if let Some(signal) = child.death_signal() {
                let info = SigInfo { pid: parent.pid, uid: parent.uid(), ..SigInfo::of_runtime(signal) };
                list.events.tell(child.pid, &child.name(), crate::EventKind::Signalled { signal });
                // Who has as many signals pending as may be takes no more.
                let _ = self.send_locked(list, child, None, info);
            }
        }
    }
}
