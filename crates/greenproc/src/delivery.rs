//! Signals: what becomes of one that comes, and what an LWP has to meet.
//!
//! What ends or stops a process does so when it is posted, unless it is blocked; what is handled waits, pending, for an
//! LWP that does not block it to come to a checkpoint or a sleep. All of it is guarded by `p_smutex` (`signal_state.rs`,
//! `standstill.rs`); what changes the tree besides (a stop, a continuation) is returned, and told under `proclist_lock` in the hold in which it was posted
//! (`stop.rs`).

use std::time::Instant;

use greenproc_sync::atomic::Ordering;

use crate::DefaultAction;
use crate::action::{Handler, How, SaFlags, SigAction};
use crate::action_table::Kind;
use crate::error::Exhausted;
use crate::ktrace::Fate;
use crate::lwp::{Finality, Leaving, Lwp};
use crate::pid::LwpId;
use crate::proc::{Nudges, ProcState, Request};
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::sigset::SigSet;
use crate::standstill::{Change, Stop};
use crate::status::ExitStatus;

/// The signals that stop by default.
pub(crate) const STOPS: SigSet =
    SigSet::of(Signal::STOP).with(Signal::TSTP).with(Signal::TTIN).with(Signal::TTOU);

/// What a signal means to a process.
enum Verdict {
    Ignored,
    End(ExitStatus),
    /// SIGTERM, and the process asks for it or has a function for it.
    Polite,
    Stop,
    Handle,
}

/// What posting a signal came to.
#[derive(Default)]
#[must_use]
pub(crate) struct Posted {
    pub(crate) nudges: Nudges,
    /// Told under `proclist_lock`, in the same hold.
    pub(crate) change: Option<Change>,
    /// What became of the signal, for who records it.
    pub(crate) fate: Fate,
}

/// What an LWP does about a signal that it took.
pub(crate) enum Delivery {
    /// Nothing is left.
    None,
    /// Ignored, as it turned out.
    Dropped,
    /// Done, but for these.
    Done(Nudges),
    /// The process has to stop, for a signal that is pending for the LWP: to be taken and posted again in one hold of
    /// `proclist_lock`, so that a SIGCONT that comes in between still discards it.
    Stop,
    Handle {
        handler: Handler,
        info: SigInfo,
        restart: bool,
        /// What the LWP blocks in the handler, and what it blocked before.
        former: SigSet,
    },
}

impl Signal {
    /// Whether posting it may change what the parent is told, so that it is posted under `proclist_lock`.
    pub(crate) fn is_job_control(self) -> bool {
        self == Signal::CONT || self.is_stop()
    }
}

impl ProcState {
    /// Sets an action; a signal that is now ignored is pending no more. The former one is to be dropped after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn set_action(&mut self, signal: Signal, action: SigAction) -> SigAction {
        let actions = self.signals_mut().actions.get_or_insert_default();
        let former = actions.set(signal, action);
        if matches!(self.verdict(signal), Verdict::Ignored) {
            self.discard(signal.into());
        }
        former
    }

    /// Whether SIGCHLD means anything to the process.
    pub(crate) fn hears_of_children(&self) -> bool {
        self.is_traced()
            || matches!(self.verdict(Signal::CHLD), Verdict::Handle)
            || self.lwps.iter().any(|lwp| lwp.mask().contains(Signal::CHLD) || lwp.awaits(Signal::CHLD))
    }

    fn verdict(&self, signal: Signal) -> Verdict {
        match self.actions().map_or(Kind::Default, |actions| actions.kind(signal)) {
            Kind::Ignore => Verdict::Ignored,
            Kind::Handle => Verdict::Handle,
            Kind::Default if signal == Signal::TERM && self.term.is_polite() => Verdict::Polite,
            Kind::Default => match signal.default_action() {
                DefaultAction::Terminate => Verdict::End(ExitStatus::killed(signal)),
                DefaultAction::Core => Verdict::End(ExitStatus::dumped(signal)),
                DefaultAction::Stop => Verdict::Stop,
                DefaultAction::Continue | DefaultAction::Ignore => Verdict::Ignored,
            },
        }
    }

    /// Posts a signal to the process, or to one of its LWPs (rows 13 and 52: a dying process takes it and does nothing).
    ///
    /// # Errors
    /// As many signals are queued as may be.
    pub(crate) fn post(
        &mut self,
        info: SigInfo,
        to: Option<LwpId>,
        group_is_orphaned: impl FnOnce() -> bool,
        now: impl Fn() -> Instant,
    ) -> Result<Posted, Exhausted> {
        let signal = info.signal;
        if self.life.begin_exit().is_none() {
            let change = self.post_to_dying(signal);
            let fate = if change.is_some() { Fate::Continues } else { Fate::Ignored };
            return Ok(Posted { change, fate, ..Posted::default() });
        }
        if signal == Signal::KILL {
            let nudges = self.begin_exit(ExitStatus::killed(signal), None, now);
            return Ok(Posted { nudges, fate: Fate::Ends, ..Posted::default() });
        }
        let mut posted = Posted::default();
        if signal == Signal::CONT {
            self.discard(STOPS);
            if !self.is_halted() {
                posted = self.resume(now());
            }
            if self.life.begin_exit().is_none() {
                return Ok(posted);
            }
        } else if signal.is_stop() {
            self.discard(SigSet::of(Signal::CONT));
        }
        let meant = |lwp: &&Lwp| to.is_none_or(|id| id == lwp.id);
        let is_open =
            signal == Signal::STOP || self.lwps.iter().filter(meant).any(|lwp| lwp.is_open_to(signal));
        let is_awaited = self.lwps.iter().filter(meant).any(|lwp| lwp.awaits(signal));
        match self.verdict(signal) {
            // A tracer sees it before anything is done about it.
            _ if is_awaited || self.is_traced() => {}
            Verdict::Ignored if is_open => return Ok(posted),
            Verdict::End(status) if is_open && self.stop.is_none() => {
                let nudges = self.begin_exit(status, None, now);
                return Ok(Posted { nudges, fate: Fate::Ends, ..Posted::default() });
            }
            Verdict::Polite if is_open => {
                posted.nudges.extend(self.post_polite(now()));
                posted.fate = Fate::Polite;
                return Ok(posted);
            }
            Verdict::Stop if is_open => {
                if signal == Signal::STOP || !group_is_orphaned() {
                    posted.change = self.begin_stop(signal, now());
                    posted.fate = Fate::Stops;
                }
                return Ok(posted);
            }
            _ => {}
        }
        posted.fate = if self.queue(info, to)? { Fate::Pending } else { Fate::Merged };
        let stopped = self.stop.is_some();
        let woken = self.lwps.iter_mut().filter(|lwp| to.is_none_or(|id| id == lwp.id));
        let woken = woken.filter(|lwp| lwp.awaits(signal) || (!stopped && lwp.is_open_to(signal)));
        posted.nudges.extend(woken.map(|lwp| lwp.interrupt(Finality::Passing, now())));
        Ok(posted)
    }

    /// Does about a signal what is to be done, now that the tracer has passed it on.
    pub(crate) fn act(
        &mut self,
        info: SigInfo,
        to: Option<LwpId>,
        group_is_orphaned: impl FnOnce() -> bool,
        now: Instant,
    ) -> Posted {
        let signal = info.signal;
        if signal == Signal::KILL {
            return self.begin_exit(ExitStatus::killed(signal), None, || now).into();
        }
        match self.verdict(signal) {
            Verdict::Ignored => Posted::default(),
            Verdict::End(status) => self.begin_exit(status, None, || now).into(),
            Verdict::Polite => self.post_polite(now).into(),
            Verdict::Stop => {
                let stops = signal == Signal::STOP || !group_is_orphaned();
                Posted { change: stops.then(|| self.begin_stop(signal, now)).flatten(), ..Posted::default() }
            }
            Verdict::Handle => {
                self.note_passed(info, to);
                Posted::default()
            }
        }
    }

    fn post_polite(&mut self, now: Instant) -> Nudges {
        self.term.post();
        let handled = self.term.is_pending();
        let lwps = self.lwps.iter_mut();
        lwps.map(|lwp| {
            // A function runs on the first LWP that looks; those who poll are all woken to do so.
            lwp.nudged = !handled;
            lwp.interrupt(Finality::Passing, now)
        })
        .collect()
    }

    /// A stopped process goes on, and looks at what came in the meantime.
    fn resume(&mut self, now: Instant) -> Posted {
        let Some(stop) = self.stop.take() else { return Posted::default() };
        let change = stop.complete.then_some(Change::Continued);
        if stop.frozen.is_some() {
            self.stop = Some(Stop { signal: None, complete: false, ..stop });
            return Posted { change, fate: Fate::Continues, ..Posted::default() };
        }
        Posted { nudges: self.go_on(now), change, fate: Fate::Continues }
    }

    /// Looks at what came while the process stood, or while somebody else saw to it.
    pub(crate) fn look_again(&mut self, now: Instant) -> Nudges {
        if self.is_traced() {
            return self.look_at_due(now);
        }
        // What would have ended it while it stood ends it now.
        let ids: Vec<LwpId> = self.lwps.iter().map(|lwp| lwp.id).collect();
        for id in ids {
            let due = self.pending_for(id) - self.mask_of(id);
            let fatal = due.iter().find_map(|signal| match self.verdict(signal) {
                Verdict::End(status) => Some(status),
                _ => None,
            });
            if let Some(status) = fatal {
                return self.begin_exit(status, None, || now);
            }
        }
        self.look_at_due(now)
    }

    /// Makes those LWPs look that have something pending which they do not block.
    pub(crate) fn look_at_due(&mut self, now: Instant) -> Nudges {
        let ids: Vec<LwpId> = self.lwps.iter().map(|lwp| lwp.id).collect();
        let mut nudges = Nudges::new();
        for id in ids {
            if !(self.pending_for(id) - self.mask_of(id)).is_empty()
                && let Some(lwp) = self.lwp(id)
            {
                nudges.push(lwp.interrupt(Finality::Passing, now));
            }
        }
        nudges
    }

    /// The verdict on a signal that was taken, and the handler to call. Others that share the actions may change them between
    /// two looks.
    fn settle(&mut self, signal: Signal) -> (Verdict, Option<SigAction>) {
        loop {
            let verdict = self.verdict(signal);
            if !matches!(verdict, Verdict::Handle) {
                return (verdict, None);
            }
            let actions = self.signals.as_mut().and_then(|signals| signals.actions.as_mut());
            if let Some(handler) = actions.and_then(|actions| actions.take_handler(signal)) {
                return (verdict, Some(handler));
            }
        }
    }

    /// Takes the LWP's next signal and says what it does about it; a handler's mask is in force from here on.
    pub(crate) fn deliver(&mut self, id: LwpId, now: impl FnOnce() -> Instant) -> Delivery {
        if self.stop.is_some() {
            // While it is stopped no handler runs, also not the next one of several.
            return Delivery::None;
        }
        let former = self.mask_of(id);
        let mut open = !former;
        if self.is_traced() {
            // What the tracer has passed on comes before the next stop.
            let due = self.pending_for(id) - former;
            open = self.passed(due);
            if open.is_empty() && !due.is_empty() {
                return Delivery::Stop;
            }
        }
        let Some(info) = self.take_pending(id, open) else { return Delivery::None };
        let signal = info.signal;
        self.forget_passed(signal);
        let (verdict, handler) = self.settle(signal);
        match verdict {
            Verdict::Ignored => Delivery::Dropped,
            Verdict::End(status) => Delivery::Done(self.begin_exit(status, Some(id), now)),
            Verdict::Stop => {
                if let Some(lwp) = self.lwp(id) {
                    lwp.pending_mut().push(info);
                }
                Delivery::Stop
            }
            Verdict::Polite => Delivery::Done(self.post_polite(now())),
            Verdict::Handle => {
                let Some(SigAction { how: How::Handle(handler), flags, mask }) = handler else {
                    return Delivery::Dropped;
                };
                if flags.contains(SaFlags::RESETHAND) && matches!(self.verdict(signal), Verdict::Ignored) {
                    self.discard(signal.into());
                }
                let own = if flags.contains(SaFlags::NODEFER) { SigSet::EMPTY } else { signal.into() };
                self.set_mask(id, former | mask | own);
                let restart = flags.contains(SaFlags::RESTART);
                Delivery::Handle { handler, info, restart, former }
            }
        }
    }

    /// What the LWP has to meet before it goes on, the most final first. Clears its attention mark if nothing.
    pub(crate) fn request(&mut self, id: LwpId) -> Option<Request> {
        let lwp = self.lwps.iter().find(|lwp| lwp.id == id)?;
        if self.life.begin_exit().is_none() {
            return Some(Request::Die);
        }
        if lwp.leaving != Leaving::No {
            return Some(Request::Leave);
        }
        if self.stop.is_some() {
            return Some(Request::Stop);
        }
        let may_be_due = self.signals.is_some() || lwp.signals.is_some();
        if may_be_due && !(self.pending_for(id) - self.mask_of(id)).is_empty() {
            return Some(Request::Signal);
        }
        if self.term.is_pending() || lwp.nudged {
            return Some(Request::Term);
        }
        let lwp = self.lwp(id)?;
        lwp.forget_asking();
        if let Some(seat) = &lwp.seat {
            seat.attention.store(false, Ordering::Relaxed);
        }
        None
    }
}

impl From<Nudges> for Posted {
    fn from(nudges: Nudges) -> Posted {
        Posted { nudges, ..Posted::default() }
    }
}
