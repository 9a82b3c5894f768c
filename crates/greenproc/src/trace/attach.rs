//! How a process comes to be traced.

use std::sync::Arc;

use greenproc_sync::atomic::{Ordering, fence};
use greenproc_sync::time;

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::kernel::{Kernel, ProcListGuard};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::signal::Signal;
use crate::target;
use crate::trace::{TraceOptions, TraceStop, Tracee};
use crate::tree::{AttachError, NodeRef};

impl Process {
    /// Traces another process from now on. It stops as soon as its LWPs come to a checkpoint or sleep, which a
    /// [`wait`](Tracee::wait) reports as a stop by SIGSTOP.
    ///
    /// The other keeps its parent: its `getppid` does not change, and its parent's waits sleep until it gets the child back,
    /// dead or alive. When this process ends, those it traces are killed, unless
    /// [`DETACH_ON_EXIT`](TraceOptions::DETACH_ON_EXIT) lets them run.
    ///
    /// # Errors
    /// - ESRCH: nobody has that pid, or its process has begun to exit; or this one has.
    /// - EPERM: it is this process itself, init, or traced already; it acts for another user and this one not for root;
    ///   or it traces this process, or one that does.
    ///
    /// Source: NetBSD `ptrace(PT_ATTACH)`, Linux `PTRACE_ATTACH`; decisions 8 and 9 of the semantics page.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal, TraceOptions, TraceStop};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("tracer", |p| {
    ///     let child = p.spawn(Command::new("worker", |p| loop { p.checkpoint(); }))?;
    ///     let tracee = p.trace(child.id(), TraceOptions::empty())?;
    ///     tracee.wait(p)?;
    ///     assert_eq!(tracee.stop()?, TraceStop::Attached);
    ///     tracee.cont(None)?;
    ///     p.kill(child.id(), Signal::TERM)?;
    ///     tracee.wait(p)?; // before anything is done about the signal
    ///     tracee.cont(Some(Signal::TERM))?;
    ///     assert_eq!(tracee.wait(p)?.status.signal(), Some(Signal::TERM));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "PT_ATTACH")]
    pub fn trace(&self, pid: Pid, options: TraceOptions) -> Result<Tracee> {
        self.gate(
            Call::Ptrace,
            || args!["PT_ATTACH", pid],
            || {
                let node = self.live_node()?;
                self.refuse_if_exiting()?;
                let kernel = &self.worker.kernel;
                let target = kernel.find_live(pid)?;
                if !target::permits(Some(&self.record), &target, Signal::KILL) {
                    return Err(Error::NotPermitted { what: "the process belongs to another user" });
                }
                let tracee = target.node().ok_or(Error::NoProcess { pid: pid.as_raw() })?;
                let mut list = kernel.lock();
                kernel.begin_tracing(&mut list, node, &target, tracee, options, Some(TraceStop::Attached))?;
                drop(list);
                Ok(Tracee::new(kernel, &self.record, node, target, tracee))
            },
        )
    }

    /// Has the parent trace this process from now on: from the next signal on it stops before anything is done about it.
    /// It does not stop now; [`raise`](Process::raise) a signal for that. The parent gets its handle by
    /// [`tracee`](Process::tracee).
    ///
    /// # Errors
    /// - EPERM: the process is traced already, is init, or has the built-in init as its parent, which traces nobody; or it
    ///   traces its parent.
    /// - ESRCH: the process, or its parent, has begun to exit, or this was kept beyond its LWP's end.
    ///
    /// Source: NetBSD `ptrace(PT_TRACE_ME)`, Linux `PTRACE_TRACEME`.
    #[doc(alias = "PT_TRACE_ME")]
    pub fn trace_me(&self) -> Result<()> {
        self.gate(
            Call::Ptrace,
            || args!["PT_TRACE_ME"],
            || {
                let node = self.live_node()?;
                self.refuse_if_exiting()?;
                let kernel = &self.worker.kernel;
                let mut list = kernel.lock();
                let parent =
                    list.tree.parent_node(node).ok_or_else(|| refusal(AttachError::Init, self.record.pid))?;
                if kernel.config.built_in_init && Some(parent) == list.init {
                    return Err(Error::NotPermitted { what: "the built-in init traces nobody" });
                }
                kernel.begin_tracing(&mut list, parent, &self.record, node, TraceOptions::empty(), None)
            },
        )
    }

    /// The handle of a process that this one traces: of a child that called [`trace_me`](Process::trace_me), was made
    /// [`traced`](crate::Command::traced), or is the child of a tracee under [`SPAWN`](TraceOptions::SPAWN).
    ///
    /// # Errors
    /// - ESRCH: nobody has that pid, or this process does not trace it.
    pub fn tracee(&self, pid: Pid) -> Result<Tracee> {
        self.gate(
            Call::Ptrace,
            || args![pid],
            || {
                let node = self.live_node()?;
                let kernel = &self.worker.kernel;
                let target = kernel.find_live(pid)?;
                let tracee = target.node().ok_or(Error::NoProcess { pid: pid.as_raw() })?;
                if kernel.lock().tree.tracer(tracee) != Some(node) {
                    return Err(Error::NotTraced { pid });
                }
                Ok(Tracee::new(kernel, &self.record, node, target, tracee))
            },
        )
    }
}

impl Kernel {
    /// Makes one process the tracer of another, which halts if it is to. In one hold, so that no event of the other's comes
    /// in between.
    pub(crate) fn begin_tracing(
        &self,
        list: &mut ProcListGuard<'_>,
        tracer: NodeRef,
        process: &Arc<Proc>,
        node: NodeRef,
        options: TraceOptions,
        halt: Option<TraceStop>,
    ) -> Result<()> {
        if process.state.lock().life.begin_exit().is_none() {
            return Err(refusal(AttachError::Gone, process.pid));
        }
        if let Err(error) = list.tree.attach(tracer, node) {
            let exiting = list.tree.see(tracer).filter(|_| error == AttachError::Exiting);
            return Err(refusal(error, exiting.map_or(process.pid, |tracer| tracer.pid)));
        }
        // Both ends concern the other.
        lab_point!("the mark of a tracee");
        process.end_in_full();
        if let Some(tracer) = list.tree.record(tracer) {
            tracer.end_in_full();
        }
        let change = {
            let mut state = process.state.lock();
            let change = state.begin_traced(options, halt, time::now());
            let _entered_below = self.note_hearing(process, &state);
            change
        };
        if let Some(change) = change {
            self.tell_change(list, process, change);
        }
        // It may have left its end before it was marked, or before this tracer was to be told.
        fence(Ordering::SeqCst);
        if !planted!(self, AttachOverlooksDeparted) {
            self.enter_departures(list);
        }
        Ok(())
    }

    /// A new process is traced from its birth: by its parent if the command says so, or by its parent's tracer if that
    /// follows those who are made. It stands before its first step.
    pub(crate) fn trace_from_birth(
        &self,
        list: &mut ProcListGuard<'_>,
        parent: &Proc,
        parent_node: NodeRef,
        child: &Arc<Proc>,
        node: NodeRef,
        asked: Option<TraceOptions>,
    ) {
        let followed = parent.state.lock().traced().map(|traced| traced.options);
        let followed = followed.filter(|options| options.contains(TraceOptions::SPAWN));
        let asked = asked.filter(|_| !self.config.built_in_init || Some(parent_node) != list.init);
        let by = match (asked, followed) {
            (Some(options), _) => Some((parent_node, options)),
            (None, Some(options)) => list.tree.tracer(parent_node).map(|tracer| (tracer, options)),
            (None, None) => None,
        };
        if let Some((tracer, options)) = by {
            // A tracer that is exiting traces nobody more; the child is made all the same.
            let _ = self.begin_tracing(list, tracer, child, node, options, Some(TraceStop::Attached));
        }
    }
}

fn refusal(error: AttachError, pid: Pid) -> Error {
    let what = match error {
        AttachError::Gone => return Error::NoProcess { pid: pid.as_raw() },
        AttachError::Exiting => return Error::Exiting { pid },
        AttachError::Oneself => "a process does not trace itself",
        AttachError::Init => "nobody traces init",
        AttachError::Traced => "the process is traced already",
        AttachError::Circle => "the process traces the one that would trace it",
    };
    Error::NotPermitted { what }
}
