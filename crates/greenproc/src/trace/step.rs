//! Stepping: a tracee stops at the entry and at the exit of each of its calls.
//!
//! That a tracee is stepped is a mark of its record. It is written in the hold of `proclist_lock` in which the tracer lets the
//! tracee go on, or is its tracer no more, and counts in the hold in which an LWP of the tracee comes to stand. The gate
//! (`call/gate.rs`) looks at it, among its other reasons to look at a call.

use std::fmt;
use std::num::NonZeroI32;

use crate::call::{Args, Call, CallResult};
use crate::error::{Error, Result};
use crate::pid::LwpId;
use crate::process::Process;
use crate::signal::Signal;
use crate::trace::{TraceStop, Tracee};

/// A call at which a tracee stands: what a debugger of machine code reads from the registers.
///
/// Shown as `strace` does: `wait4(-1, 0)` on entry, `wait4(-1, 0) = 7` on exit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TracedCall {
    /// The LWP that makes it.
    pub lwp: LwpId,
    /// Which call it is.
    pub call: Call,
    /// What it is called with.
    pub args: Args,
    /// What came of it; `None` while it is about to be made.
    pub result: Option<CallResult>,
}

impl fmt::Display for TracedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.call, self.args)?;
        self.result.map_or(Ok(()), |result| write!(f, " = {result}"))
    }
}

impl Tracee {
    /// Lets it go on as [`cont`](Tracee::cont) does, until one of its LWPs makes a call or comes back from one, whichever is
    /// next: there it stands as [`TraceStop::Call`]. Whatever else stops it may come before.
    ///
    /// A call that is unwound has no exit: one that ends the process or the LWP, replaces its body, or is killed. Nor has one that
    /// it was in already when it was first stepped. Not stopped at are calls where an LWP may not unwind: inside
    /// [`critical`](Process::critical), in destructors while it unwinds, and once its body is over.
    ///
    /// # Errors
    /// - ESRCH: it does not stand, or is not traced by this process any more.
    ///
    /// Source: NetBSD `ptrace(PT_SYSCALL)`, Linux `PTRACE_SYSCALL`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, TraceOptions};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("tracer", |p| {
    ///     let child = p.spawn(Command::new("worker", |p| p.setsid().map(drop)).traced(TraceOptions::empty()))?;
    ///     let tracee = p.tracee(child.id())?;
    ///     let mut seen = Vec::new();
    ///     while tracee.wait(p)?.status.stopped_signal().is_some() {
    ///         seen.extend(tracee.call().ok().map(|call| call.to_string()));
    ///         tracee.step_call(None)?;
    ///     }
    ///     assert_eq!(seen, ["setsid()".to_owned(), format!("setsid() = {}", child.id())]);
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "PT_SYSCALL")]
    pub fn step_call(&self, signal: Option<Signal>) -> Result<()> {
        self.gate("PT_SYSCALL", || self.resume(signal, true))
    }

    /// The call at which it stands.
    ///
    /// # Errors
    /// - EINVAL: it stands for another reason.
    /// - ESRCH: it does not stand, or is not traced by this process any more.
    ///
    /// Source: Linux `PTRACE_GET_SYSCALL_INFO`.
    pub fn call(&self) -> Result<TracedCall> {
        match self.stop()? {
            TraceStop::Call(call) => Ok(call),
            _ => Err(Error::Invalid { what: "the tracee does not stand at a call" }),
        }
    }

    /// Has the call at whose entry it stands fail with this errno, without being made. For tests: how does the worker take
    /// it if its third `spawn` says EAGAIN?
    ///
    /// It goes on with the next [`step_call`](Tracee::step_call), which stops at the exit of this call, or
    /// [`cont`](Tracee::cont). The errno said last counts.
    ///
    /// # Errors
    /// - EINVAL: it does not stand at the entry of a call; the call never fails, see [`Call::can_fail`]; or the errno is not a
    ///   positive number below 4096.
    /// - ESRCH: it does not stand, or is not traced by this process any more.
    ///
    /// Source: Linux `PTRACE_SET_SYSCALL_INFO`, `strace -e inject`.
    pub fn skip_call(&self, errno: i32) -> Result<()> {
        self.gate("skip call", || {
            let refusal = NonZeroI32::new(errno).filter(|errno| (1..4096).contains(&errno.get()));
            let refusal = refusal.ok_or(Error::Invalid { what: "an errno is a number from 1 to 4095" })?;
            let list = self.kernel.lock();
            self.check_traced(&list)?;
            let mut state = self.record.state.lock();
            let Some(TraceStop::Call(TracedCall { lwp, call, result: None, .. })) = state.why_halted() else {
                return Err(state.why_halted().map_or(self.not_stopped(), |_| Error::Invalid {
                    what: "the tracee does not stand at the entry of a call",
                }));
            };
            if !call.can_fail() {
                return Err(Error::Invalid { what: "a call that never fails cannot be refused" });
            }
            if let Some(lwp) = state.lwp(lwp) {
                lwp.need_extras().refusal = Some(refusal);
            }
            Ok(())
        })
    }
}

impl Process {
    /// Stops before a call is made, if its tracer wants that; what it was told then. The policy allows the call, no lock is
    /// held, and the frame above is the public function that was called: the LWP may stand still, and be unwound if it has to
    /// end. Where it may not unwind, it does not stand either.
    ///
    /// # Errors
    /// The errno of the tracer, if that refuses the call.
    pub(crate) fn stop_on_call(&self, call: Call, args: &Args) -> Result<Option<Box<TracedCall>>> {
        if !self.record.is_stepped() || !self.may_unwind() {
            return Ok(None);
        }
        let made = TracedCall { lwp: self.lwp, call, args: args.clone(), result: None };
        if !self.halt(|_| self.record.is_stepped(), &TraceStop::Call(made.clone())) {
            return Ok(None);
        }
        self.meet_final();
        let refusal = self.record.state.lock().lwp(self.lwp).and_then(|lwp| lwp.extras_mut()?.refusal.take());
        let Some(errno) = refusal.map(NonZeroI32::get) else { return Ok(Some(Box::new(made))) };
        self.stop_on_return(made, CallResult::Failed(errno));
        Err(Error::Refused { call, errno })
    }

    /// Stops when that call has come back, if its tracer wants it still. The call took effect, so nothing unwinds here: a
    /// request to end is met at the next checkpoint.
    pub(crate) fn stop_on_return(&self, call: TracedCall, result: CallResult) {
        let returned = TracedCall { result: Some(result), ..call };
        self.halt(|_| self.record.is_stepped(), &TraceStop::Call(returned));
    }
}
