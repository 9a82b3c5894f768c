//! What a traced process has of its own: why it stands, and which signals its tracer has passed on. Guarded by `p_smutex`.

use std::time::Instant;

use crate::life::Life;
use crate::pid::LwpId;
use crate::proc::{Nudges, ProcState};
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::sigset::SigSet;
use crate::standstill::Change;
use crate::status::ExitStatus;
use crate::trace::{TraceOptions, TraceStop};

/// The part of a traced process's signals that is its tracer's.
#[derive(Default)]
pub(crate) struct Traced {
    pub(crate) options: TraceOptions,
    /// Why it stands, if for the tracer.
    halt: Option<Halt>,
    /// Pending signals that the tracer has seen: they are acted on without another stop.
    passed: SigSet,
}

/// A stop for the tracer.
struct Halt {
    why: TraceStop,
    /// The LWP that the signal was for; else it was for the process.
    to: Option<LwpId>,
}

/// What is told and done when a process goes on.
#[derive(Default)]
#[must_use]
pub(crate) struct Gone {
    pub(crate) nudges: Nudges,
    /// It stands again, for the next reason.
    pub(crate) change: Option<Change>,
}

impl ProcState {
    pub(crate) fn traced(&self) -> Option<&Traced> {
        self.signals.as_ref().and_then(|signals| signals.traced.as_deref())
    }

    fn traced_mut(&mut self) -> Option<&mut Traced> {
        self.signals.as_mut().and_then(|signals| signals.traced.as_deref_mut())
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.traced().is_some()
    }

    /// Whether it stands, or comes to stand, for its tracer: SIGCONT does not continue it then.
    pub(crate) fn is_halted(&self) -> bool {
        self.is_stopped() && self.traced().is_some_and(|traced| traced.halt.is_some())
    }

    /// Which of these the LWP acts on without a stop; all of them if nobody traces the process.
    pub(crate) fn passed(&self, due: SigSet) -> SigSet {
        self.traced().map_or(due, |traced| due & traced.passed)
    }

    /// The signal was taken to be acted on.
    pub(crate) fn forget_passed(&mut self, signal: Signal) {
        if let Some(traced) = self.traced_mut() {
            traced.passed = traced.passed.without(signal);
        }
    }

    /// The process is traced from here on; if it is to halt, it comes to stand as soon as its LWPs do. One that was stopped
    /// already stands for its tracer now.
    pub(crate) fn begin_traced(
        &mut self,
        options: TraceOptions,
        halt: Option<TraceStop>,
        now: Instant,
    ) -> Option<Change> {
        let traced = Box::new(Traced { options, ..Traced::default() });
        self.signals.get_or_insert_default().traced = Some(traced);
        let why = halt?;
        if !self.is_stopped() {
            return self.halt(why, None, now);
        }
        self.traced_mut()?.halt = Some(Halt { why, to: None });
        self.stands_for().map(Change::Stopped)
    }

    pub(crate) fn set_trace_options(&mut self, options: TraceOptions) {
        if let Some(traced) = self.traced_mut() {
            traced.options = options;
        }
    }

    /// The process has to stand for its tracer, unless it stands already or is dying.
    pub(crate) fn halt(&mut self, why: TraceStop, to: Option<LwpId>, now: Instant) -> Option<Change> {
        if self.is_stopped() || self.life.begin_exit().is_none() {
            return None;
        }
        let signal = why.signal();
        self.traced_mut()?.halt = Some(Halt { why, to });
        self.begin_stop(signal, now)
    }

    /// Halts the process for the next signal that the LWP does not block and its tracer has not seen.
    pub(crate) fn halt_for_signal(&mut self, id: LwpId, now: Instant) -> Option<Change> {
        if self.is_stopped() {
            return None;
        }
        let due = self.pending_for(id) - self.mask_of(id);
        let unseen = due - self.passed(due);
        let (info, to) = self.take_pending_of(id, unseen)?;
        self.halt(TraceStop::Signal(info), to, now)
    }

    /// The same, of any LWP.
    fn halt_for_any(&mut self, now: Instant) -> Option<Change> {
        let ids: Vec<LwpId> = self.lwps.iter().map(|lwp| lwp.id).collect();
        ids.into_iter().find_map(|id| {
            let change = self.halt_for_signal(id, now);
            // It may have to stop without standing yet.
            self.is_stopped().then_some(change)
        })?
    }

    /// Why the process stands, if its tracer may look: when the last LWP has stopped.
    pub(crate) fn why_halted(&self) -> Option<TraceStop> {
        let traced = self.traced()?;
        if self.life == Life::ExitStop {
            let status = self.end.as_ref().map_or(ExitStatus::exited(0), |end| end.status);
            return Some(TraceStop::Exiting(status));
        }
        let signal = self.stands_for()?;
        Some(traced.halt.as_ref().map_or(TraceStop::JobControl(signal), |halt| halt.why.clone()))
    }

    /// Changes the signal for which the process stands; whether it stands for one.
    pub(crate) fn change_signal(&mut self, info: SigInfo) -> bool {
        if self.stands_for().is_none() {
            return false;
        }
        match self.traced_mut().and_then(|traced| traced.halt.as_mut()) {
            Some(Halt { why: TraceStop::Signal(old), .. }) => {
                *old = info;
                true
            }
            _ => false,
        }
    }

    /// A process that stands goes on, with this signal if with any: the one for which it stands as it is, another as
    /// `fresh`. `None` if it does not stand.
    pub(crate) fn resume_traced(
        &mut self,
        fresh: Option<SigInfo>,
        group_is_orphaned: impl FnOnce() -> bool,
        now: Instant,
    ) -> Option<Gone> {
        if self.life == Life::ExitStop {
            self.leave_exit_stop();
            return Some(Gone::default());
        }
        let _stands = self.stands_for()?;
        let mut gone = self.leave_halt(fresh, group_is_orphaned, now);
        if !self.is_stopped() && self.life.begin_exit().is_some() {
            gone.change = self.halt_for_any(now);
        }
        if !self.is_stopped() && self.life.begin_exit().is_some() {
            gone.nudges.extend(self.look_at_due(now));
        }
        Some(gone)
    }

    /// Whatever stops it does so no more; the signal is acted on.
    fn leave_halt(
        &mut self,
        fresh: Option<SigInfo>,
        group_is_orphaned: impl FnOnce() -> bool,
        now: Instant,
    ) -> Gone {
        let halt = self.traced_mut().and_then(|traced| traced.halt.take());
        self.lift_stop();
        let Some(fresh) = fresh else { return Gone::default() };
        let (info, to) = match halt {
            Some(Halt { why: TraceStop::Signal(info), to }) if info.signal == fresh.signal => (info, to),
            halt => (fresh, halt.and_then(|halt| halt.to)),
        };
        let posted = self.act(info, to, group_is_orphaned, now);
        Gone { nudges: posted.nudges, change: posted.change }
    }

    /// The process is traced no more. It goes on, with this signal if with any, unless job control stops it and that is to
    /// stay. Signals that its tracer has not seen are acted on like any.
    pub(crate) fn detach(
        &mut self,
        fresh: Option<SigInfo>,
        job_control_stays: bool,
        group_is_orphaned: impl FnOnce() -> bool,
        now: Instant,
    ) -> Gone {
        let mut gone = Gone::default();
        if self.life == Life::ExitStop {
            self.leave_exit_stop();
        } else if self.is_stopped() && (self.is_halted() || !job_control_stays) {
            gone = self.leave_halt(fresh, group_is_orphaned, now);
        }
        self.forget_tracer();
        if !self.is_stopped() && self.life.begin_exit().is_some() {
            gone.nudges.extend(self.look_again(now));
        }
        gone
    }

    /// Nobody traces it any more; what stops it does so still.
    pub(crate) fn forget_tracer(&mut self) {
        if let Some(signals) = &mut self.signals {
            signals.traced = None;
        }
    }

    /// The signal for which the process stands, if it is to be acted on when the tracer is gone.
    pub(crate) fn unanswered(&self) -> Option<SigInfo> {
        match self.traced()?.halt.as_ref()?.why {
            TraceStop::Signal(info) => Some(info),
            _ => None,
        }
    }

    /// A signal is to be acted on for which no stop comes any more.
    pub(crate) fn note_passed(&mut self, info: SigInfo, to: Option<LwpId>) {
        let lwp = to.and_then(|id| self.lwps.iter_mut().find(|lwp| lwp.id == id));
        let signals = self.signals.get_or_insert_default();
        if let Some(traced) = &mut signals.traced {
            traced.passed = traced.passed.with(info.signal);
        }
        match lwp {
            Some(lwp) => lwp.pending_mut().push_first(info),
            None => signals.pending_mut().push_first(info),
        }
    }
}
