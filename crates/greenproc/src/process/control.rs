//! Ending, signalling and adopting.

use greenproc_sync::atomic::Ordering;
use greenproc_sync::time;

use crate::call::{Call, args};
use crate::error::Result;
use crate::lwp::Leaving;
use crate::process::Process;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::target::{self, Target};

impl Process {
    /// Ends the process with this value. The first LWP to call it decides; a later caller only ends itself.
    ///
    /// The LWP unwinds, so its destructors run; other LWPs are made to leave. The whole 32-bit value is kept; the wait
    /// word has its low eight bits.
    ///
    /// # Panics
    /// - This `Process` was kept beyond its LWP's end.
    /// - Called from a destructor while the thread unwinds already, it takes the host process down: Rust has no way out
    ///   of there. See `docs/uncontainable.md`.
    ///
    /// Source: POSIX `_exit`, rows 4 and 5 of the kernel map.
    pub fn exit(&self, code: i32) -> ! {
        self.end_with(ExitStatus::exited(code))
    }

    /// [`exit`](Process::exit) with a status made elsewhere, a signal's for instance. A status that is not an end (stopped
    /// or continued) counts as success.
    ///
    /// # Panics
    /// As [`exit`](Process::exit).
    pub fn exit_with(&self, status: ExitStatus) -> ! {
        let end = crate::termination::Termination::report(status).status;
        self.end_with(end)
    }

    fn end_with(&self, end: ExitStatus) -> ! {
        self.insist_on_life();
        // Where nobody is let out of, it unwinds all the same.
        let _visit = self.pass(Call::Exit, || args![end.code().unwrap_or_else(|| end.into_raw())]);
        let nudges = self.record.state.lock().begin_exit(end, Some(self.lwp), time::now);
        self.worker.kernel.nudge(&self.record, nudges);
        Self::unwind()
    }

    /// Ends the calling LWP. The process goes on as long as it has another one; the last takes it along, with exit value
    /// 0.
    ///
    /// # Panics
    /// As [`exit`](Process::exit).
    ///
    /// Source: NetBSD `_lwp_exit`, POSIX `pthread_exit`.
    pub fn exit_lwp(&self) -> ! {
        self.insist_on_life();
        let _visit = self.pass(Call::LwpExit, || args![]);
        if let Some(lwp) = self.record.state.lock().lwp(self.lwp) {
            // Sticky: should the body swallow the unwinding, the next checkpoint meets it again.
            lwp.leaving = Leaving::ByItself;
            if let Some(seat) = &lwp.seat {
                seat.attention.store(true, Ordering::Relaxed);
            }
        }
        Self::unwind()
    }

    fn insist_on_life(&self) {
        assert!(
            self.check_live().is_ok(),
            "this Process was kept beyond the end of its LWP and cannot be ended again"
        );
    }

    /// Sends a signal to a process, a group, or all but init and the caller.
    ///
    /// A zombie can be signalled: that says Ok and does nothing. A signal to the caller itself is met at its next
    /// checkpoint.
    ///
    /// # Errors
    /// - ESRCH: there is no such process, or no process in the group.
    /// - EPERM: the process acts for another user, and is not root; for a group: that holds for every member. SIGCONT
    ///   may be sent within a session.
    ///
    /// Source: POSIX `kill`, decision 3 of the semantics page.
    pub fn kill(&self, target: impl Into<Target>, signal: Signal) -> Result<()> {
        let target = target.into();
        self.gate(
            Call::Kill,
            || args![target, signal],
            || {
                self.check_live()?;
                target::kill(&self.worker.kernel, Some(&self.record), target, signal)
            },
        )
    }

    /// Makes the process adopt the orphans below it, instead of init, or stop doing so. Not inherited.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: Linux `prctl(PR_SET_CHILD_SUBREAPER)`, row 36 of the kernel map.
    pub fn set_child_subreaper(&self, subreaper: bool) -> Result<()> {
        self.gate(
            Call::Prctl,
            || args!["PR_SET_CHILD_SUBREAPER", subreaper],
            || {
                let node = self.live_node()?;
                self.worker.kernel.lock().tree.set_subreaper(node, subreaper);
                Ok(())
            },
        )
    }

    /// Sees to it that the native thread is not used again after this LWP: for code that left something on it that the
    /// next LWP must not find (its niceness, its affinity, values in thread-locals).
    pub fn retire_thread(&self) {
        if self.check_live().is_ok() {
            self.worker.retire.set(true);
        }
    }
}
