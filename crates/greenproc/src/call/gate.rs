//! The gate itself.

use std::sync::Arc;

use greenproc_sync::{Mutex, time};

use crate::call::{Args, Call, CallResult};
use crate::counters::Count;
use crate::error::{Error, Result};
use crate::ktrace::Fact;
use crate::locks::Leaf;
use crate::policy::{Policy, Rule};
use crate::proc::Proc;
use crate::process::{JoinError, Process, RecvError};
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::trace::TracedCall;

/// Who looks at the calls of a process. A part of its extras; the marks of the record say whether there is anybody.
#[derive(Default)]
pub(crate) struct CallWatch {
    policy: Mutex<Leaf, Option<Arc<Policy>>>,
}

impl CallWatch {
    /// A child has its parent's policy, before anybody can see it.
    pub(crate) fn hand_down(&self, child: &Proc) {
        let policy = self.policy.lock().clone();
        if let Some(policy) = policy {
            child.restrict(&policy);
        }
    }

    fn narrow(&self, policy: &Arc<Policy>) {
        let mut own = self.policy.lock();
        let narrowed = match &*own {
            Some(former) => Arc::new(former.and(policy)),
            None => Arc::clone(policy),
        };
        *own = Some(narrowed);
    }

    fn rule(&self, call: Call) -> Rule {
        self.policy.lock().as_ref().map_or(Rule::Allow, |policy| policy.rule(call))
    }

    /// Row 23, when the process has run the last of its code.
    pub(crate) fn detach(&self, process: &Process) {
        let policy = self.policy.lock().take();
        process.record.mark_restricted(false);
        drop(policy);
    }
}

impl Proc {
    /// Puts the process under a policy, besides what it is under already.
    pub(crate) fn restrict(&self, policy: &Arc<Policy>) {
        self.need_extras().calls.narrow(policy);
        self.mark_restricted(true);
    }
}

/// An error of a call, with its number for whoever watches.
pub(crate) trait Failure {
    fn errno(&self) -> i32;
}

impl Failure for Error {
    fn errno(&self) -> i32 {
        Error::errno(self)
    }
}

impl Failure for std::io::Error {
    fn errno(&self) -> i32 {
        let own = self.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map(Error::errno);
        own.or(self.raw_os_error()).unwrap_or(libc::EIO)
    }
}

impl Failure for RecvError {
    fn errno(&self) -> i32 {
        match self {
            RecvError::Disconnected => libc::EPIPE,
            RecvError::Timeout => libc::EAGAIN,
            RecvError::Interrupted(error) => error.errno(),
        }
    }
}

impl Failure for JoinError {
    fn errno(&self) -> i32 {
        match self {
            JoinError::Left => libc::ESRCH,
            JoinError::Failed(error) => error.errno(),
        }
    }
}

/// A call that somebody looks at, between its entry and its exit. One that is unwound has none.
#[must_use = "whoever looks is told how the call came back"]
pub(crate) struct Visit<'a> {
    process: &'a Process,
    call: Call,
    /// What its tracer was told of it on entry, if that stopped it.
    stepped: Option<Box<TracedCall>>,
}

impl Visit<'_> {
    /// The call comes back with this.
    #[inline]
    pub(crate) fn leave<T, E: Failure>(
        visit: Option<Visit<'_>>,
        result: std::result::Result<T, E>,
        value: impl FnOnce(&T) -> i64,
    ) -> std::result::Result<T, E> {
        if let Some(visit) = visit {
            visit.finish(match &result {
                Ok(done) => CallResult::Done(value(done)),
                Err(error) => CallResult::Failed(error.errno()),
            });
        }
        result
    }

    #[cold]
    pub(crate) fn finish(self, result: CallResult) {
        let Visit { process, call, stepped } = self;
        process.record.ktrace(Some(process.lwp), || Fact::Returned { call, result });
        if let Some(call) = stepped {
            process.stop_on_return(*call, result);
        }
    }
}

impl Process {
    /// The one way into a call: `body` does it, `args` says with what it was called. Called in a public function, where
    /// no lock is held and the LWP may be stopped or unwound; a call made of another uses the private half of that one.
    ///
    /// What meets requests on entry and notes where it stands ([`enter`](Process::enter)) comes before it.
    #[inline]
    pub(crate) fn gate<T>(
        &self,
        call: Call,
        args: impl FnOnce() -> Args,
        body: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.gate_as(call, args, |_| 0, body)
    }

    /// The same for a call whose `value` is of interest to whoever looks.
    #[inline]
    pub(crate) fn gate_value<T>(
        &self,
        call: Call,
        args: impl FnOnce() -> Args,
        value: impl FnOnce(&T) -> i64,
        body: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.gate_as(call, args, value, body)
    }

    /// The same for a call with errors of another type.
    #[inline]
    pub(crate) fn gate_as<T, E: Failure + From<Error>>(
        &self,
        call: Call,
        args: impl FnOnce() -> Args,
        value: impl FnOnce(&T) -> i64,
        body: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let visit = if self.record.is_watched() { self.go_in(call, &args())? } else { None };
        Visit::leave(visit, body(), value)
    }

    /// The same for a call that cannot fail.
    #[inline]
    pub(crate) fn gate_sure<T>(
        &self,
        call: Call,
        args: impl FnOnce() -> Args,
        value: impl FnOnce(&T) -> i64,
        body: impl FnOnce() -> T,
    ) -> T {
        let visit = if self.record.is_watched() {
            // No policy refuses it, but by ending the process.
            self.go_in(call, &args()).unwrap_or_default()
        } else {
            None
        };
        let result = body();
        if let Some(visit) = visit {
            visit.finish(CallResult::Done(value(&result)));
        }
        result
    }

    /// The same for a call that is not made of closures: its body follows, and then [`Visit::leave`].
    #[inline]
    pub(crate) fn pass(&self, call: Call, args: impl FnOnce() -> Args) -> Result<Option<Visit<'_>>> {
        if self.record.is_watched() { self.go_in(call, &args()) } else { Ok(None) }
    }

    /// Somebody looks at the calls of this process.
    #[cold]
    #[inline(never)]
    fn go_in(&self, call: Call, args: &Args) -> Result<Option<Visit<'_>>> {
        if self.check_live().is_err() {
            return Ok(None);
        }
        self.record.count(Count::Call);
        self.record.ktrace(Some(self.lwp), || Fact::Called { call, args: args.clone() });
        let visit = self.admit(call, args);
        if let Err(error) = &visit {
            let result = CallResult::Failed(error.errno());
            self.record.ktrace(Some(self.lwp), || Fact::Returned { call, result });
        }
        visit
    }

    /// What the policy and the tracer say about a call.
    fn admit(&self, call: Call, args: &Args) -> Result<Option<Visit<'_>>> {
        let restricted = self.record.extras().filter(|_| self.record.is_restricted());
        match restricted.map_or(Rule::Allow, |extras| extras.calls.rule(call)) {
            Rule::Allow => {}
            Rule::Deny(errno) => return Err(Error::Refused { call, errno }),
            Rule::Kill => {
                self.die_of(call);
                return if call.can_fail() {
                    Err(Error::Refused { call, errno: libc::EPERM })
                } else {
                    Ok(None)
                };
            }
        }
        let stepped = self.stop_on_call(call, args)?;
        Ok(Some(Visit { process: self, call, stepped }))
    }

    /// Ends the process of SIGSYS, which it can neither block nor catch here. Comes back where unwinding is not allowed.
    fn die_of(&self, _call: Call) {
        let end = ExitStatus::dumped(Signal::SYS);
        let nudges = self.record.state.lock().begin_exit(end, Some(self.lwp), time::now);
        self.worker.kernel.nudge(&self.record, nudges);
        if self.may_unwind() {
            Process::unwind();
        }
    }
}
