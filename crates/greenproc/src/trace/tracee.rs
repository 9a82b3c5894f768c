//! The tracer's handle of a process that it traces.

use std::fmt;
use std::sync::Arc;

use greenproc_sync::time;

use crate::call::{Call, args, pid_value};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::kernel::{Kernel, ProcListGuard};
use crate::ktrace::Fact;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::selector::{WaitFlags, Waited};
use crate::siginfo::{SigCode, SigInfo};
use crate::signal::Signal;
use crate::target;
use crate::trace::{TraceOptions, TraceStop};
use crate::tree::{NodeRef, Wanted, Who};
use crate::wait::Patience;
use crate::worker;

/// A process that the caller's traces: from [`Process::trace`], or [`Process::tracee`].
///
/// Any LWP of the tracer may use it. What needs the tracee to stand says ESRCH while it runs: [`wait`](Tracee::wait) for its
/// stop first. Once the tracer has waited for its end, or has detached, everything says ESRCH. Dropping the handle changes
/// nothing: the process is traced until it is [detached](Tracee::detach), or until one of the two ends.
///
/// Source: NetBSD and Linux `ptrace`.
pub struct Tracee {
    pub(super) kernel: Arc<Kernel>,
    tracer: Arc<Proc>,
    tracer_node: NodeRef,
    pub(super) record: Arc<Proc>,
    node: NodeRef,
}

impl Tracee {
    pub(crate) fn new(
        kernel: &Arc<Kernel>,
        tracer: &Arc<Proc>,
        tracer_node: NodeRef,
        record: Arc<Proc>,
        node: NodeRef,
    ) -> Tracee {
        Tracee { kernel: Arc::clone(kernel), tracer: Arc::clone(tracer), tracer_node, record, node }
    }

    /// Its pid.
    pub fn id(&self) -> Pid {
        self.record.pid
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record.first_name
    }

    /// Waits until it stands, or has ended; each is reported once. `Process::wait4` reports the same.
    ///
    /// The end of somebody else's child is only seen this way: the zombie goes back to its parent, which is told then, and
    /// reaps it.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// - ECHILD: it is not traced by this process any more, or `process` is not an LWP of the tracer.
    /// - EINTR: SIGTERM came first, and the tracer is polite about it, or a handler ran.
    ///
    /// Source: row 63 of the kernel map.
    #[track_caller]
    pub fn wait(&self, process: &Process) -> Result<Waited> {
        process.enter();
        process.gate_value(
            Call::Wait4,
            || args![self.record.pid],
            |waited: &Waited| pid_value(waited.pid),
            || {
                if !Arc::ptr_eq(&process.record, &self.tracer) {
                    return Err(Error::NoChild);
                }
                self.check_traced(&self.kernel.lock()).map_err(|_| Error::NoChild)?;
                let flags = WaitFlags::EXITED | WaitFlags::TRAPPED | WaitFlags::ALLSIG;
                let wanted = Wanted::new(Who::Child(self.node), flags);
                let waited = process.wait_wanted(self.tracer_node, wanted, flags, Patience::Forever, None)?;
                waited.ok_or(Error::NoChild)
            },
        )
    }

    /// Why it stands.
    ///
    /// # Errors
    /// - ESRCH: it does not stand, or is not traced by this process any more.
    pub fn stop(&self) -> Result<TraceStop> {
        self.check_traced(&self.kernel.lock())?;
        self.record.state.lock().why_halted().ok_or(self.not_stopped())
    }

    /// The signal for which it stands and about which nothing was done yet; `None` if it stands for another reason.
    ///
    /// # Errors
    /// As [`stop`](Tracee::stop).
    ///
    /// Source: Linux `PTRACE_GETSIGINFO`.
    pub fn pending(&self) -> Result<Option<SigInfo>> {
        Ok(match self.stop()? {
            TraceStop::Signal(info) => Some(info),
            _ => None,
        })
    }

    /// Changes the signal for which it stands, or what it carries: it is as if this one had come. [`cont`](Tracee::cont) with
    /// its number passes it on as it is now.
    ///
    /// # Errors
    /// - EINVAL: it does not stand for a signal.
    /// - ESRCH: as [`stop`](Tracee::stop).
    ///
    /// Source: Linux `PTRACE_SETSIGINFO`.
    pub fn set_pending(&self, info: SigInfo) -> Result<()> {
        self.gate("set pending", || {
            self.stop()?;
            if self.record.state.lock().change_signal(info) {
                Ok(())
            } else {
                Err(Error::Invalid { what: "the tracee does not stand for a signal" })
            }
        })
    }

    /// Lets it go on, to its next signal or event: with this signal acted on, or with none. Whatever it stood for is forgotten; a signal that it stood
    /// for and that is not given here has not come.
    ///
    /// # Errors
    /// - ESRCH: it does not stand, or is not traced by this process any more.
    ///
    /// Source: NetBSD `ptrace(PT_CONTINUE)`, Linux `PTRACE_CONT`.
    #[doc(alias = "PT_CONTINUE")]
    pub fn cont(&self, signal: Option<Signal>) -> Result<()> {
        self.gate("PT_CONTINUE", || self.resume(signal, false))
    }

    /// Lets it go on; whether it is to stop at its next call.
    pub(super) fn resume(&self, signal: Option<Signal>, step: bool) -> Result<()> {
        let mut list = self.kernel.lock();
        self.check_traced(&list)?;
        let orphaned = list.tree.is_orphaned(self.node);
        let gone = {
            let mut state = self.record.state.lock();
            let gone = state.resume_traced(self.fresh(signal), || orphaned, time::now());
            let gone = gone.ok_or_else(|| self.not_stopped())?;
            self.record.mark_stepped(step);
            gone
        };
        self.record.ktrace(None, || Fact::Continued);
        list.events.tell(self.record.pid, &self.record.name(), EventKind::Continued);
        match gone.change {
            Some(change) => self.kernel.tell_change(&mut list, &self.record, change),
            None => list.tree.forget_stop(self.node),
        }
        self.kernel.nudge_locked(&list, &self.record, gone.nudges);
        Ok(())
    }

    /// Traces it no more, and lets it go on as [`cont`](Tracee::cont) does. Signals that have come meanwhile are acted on.
    ///
    /// # Errors
    /// - ESRCH: it does not stand, or is not traced by this process any more.
    ///
    /// Source: NetBSD `ptrace(PT_DETACH)`, Linux `PTRACE_DETACH`.
    #[doc(alias = "PT_DETACH")]
    pub fn detach(&self, signal: Option<Signal>) -> Result<()> {
        self.gate("PT_DETACH", || {
            let mut list = self.kernel.lock();
            self.check_traced(&list)?;
            if self.record.state.lock().why_halted().is_none() {
                return Err(self.not_stopped());
            }
            self.record.ktrace(None, || Fact::Continued);
            list.events.tell(self.record.pid, &self.record.name(), EventKind::Continued);
            self.kernel.detach_locked(&mut list, &self.record, self.node, self.fresh(signal), false);
            Ok(())
        })
    }

    /// Kills it, whatever it does: SIGKILL never stops for a tracer.
    ///
    /// # Errors
    /// - ESRCH: it is not traced by this process any more.
    ///
    /// Source: NetBSD `ptrace(PT_KILL)`.
    #[doc(alias = "PT_KILL")]
    pub fn kill(&self) -> Result<()> {
        self.gate("PT_KILL", || {
            self.check_traced(&self.kernel.lock())?;
            let info = target::info_from(Some(&self.tracer), Signal::KILL, SigCode::User);
            target::send_info(&self.kernel, None, &self.record, None, info)
        })
    }

    /// Says what else it stops for, and what becomes of it without its tracer.
    ///
    /// # Errors
    /// - ESRCH: it is not traced by this process any more.
    ///
    /// Source: Linux `PTRACE_SETOPTIONS`.
    pub fn set_options(&self, options: TraceOptions) -> Result<()> {
        self.gate("set options", || {
            let list = self.kernel.lock();
            self.check_traced(&list)?;
            self.record.state.lock().set_trace_options(options);
            Ok(())
        })
    }

    /// What the tracer asks is a call of whoever runs on this thread, if that is an LWP of the runtime.
    pub(super) fn gate<T>(&self, request: &'static str, body: impl FnOnce() -> Result<T>) -> Result<T> {
        match worker::current().filter(|process| Arc::ptr_eq(&process.worker.kernel, &self.kernel)) {
            Some(process) => process.gate(Call::Ptrace, || args![request, self.record.pid], body),
            None => body(),
        }
    }

    fn fresh(&self, signal: Option<Signal>) -> Option<SigInfo> {
        signal.map(|signal| target::info_from(Some(&self.tracer), signal, SigCode::User))
    }

    pub(super) fn check_traced(&self, list: &ProcListGuard<'_>) -> Result<()> {
        if list.tree.tracer(self.node) == Some(self.tracer_node) {
            Ok(())
        } else {
            Err(Error::NotTraced { pid: self.record.pid })
        }
    }

    pub(super) fn not_stopped(&self) -> Error {
        Error::NotStopped { pid: self.record.pid }
    }
}

impl fmt::Debug for Tracee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracee")
            .field("pid", &self.record.pid)
            .field("name", &self.record.first_name)
            .finish_non_exhaustive()
    }
}
