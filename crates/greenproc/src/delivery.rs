//! Signals: what becomes of one that comes, and what an LWP has to meet.
//!
//! What ends or stops a process does so when it is posted, unless it is blocked; what is handled waits, pending, for an
//! LWP that does not block it to come to a checkpoint or a sleep. All of it is guarded by `p_smutex`; what changes the
//! tree besides (a stop, a continuation) is returned, and told under `proclist_lock` in the hold in which it was posted
//! (`stop.rs`).

use std::sync::Arc;
use std::time::Instant;

use greenproc_sync::atomic::Ordering;

use crate::DefaultAction;
use crate::action::{Handler, How, SaFlags, SigAction};
use crate::action_table::{ActionTable, Kind, SharedActions};
use crate::error::Exhausted;
use crate::lwp::{Finality, Leaving, Lwp, Place};
use crate::pending::Pending;
use crate::pid::LwpId;
use crate::proc::{Nudges, ProcState, Request};
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::sigset::SigSet;
use crate::status::ExitStatus;
use crate::trace::Traced;

/// Neither can be blocked, caught or ignored.
pub(crate) const UNSTOPPABLE: SigSet = SigSet::of(Signal::KILL).with(Signal::STOP);

/// The signals that stop by default.
pub(crate) const STOPS: SigSet =
    SigSet::of(Signal::STOP).with(Signal::TSTP).with(Signal::TTIN).with(Signal::TTOU);

/// What a process has of signals, once it has anything.
#[derive(Default)]
pub(crate) struct Signals {
    actions: Option<ActionTable>,
    /// Pending for the process as a whole.
    pending: Pending,
    /// What its tracer sees to, if it has one.
    pub(crate) traced: Option<Box<Traced>>,
}

impl Signals {
    pub(crate) fn pending_mut(&mut self) -> &mut Pending {
        &mut self.pending
    }
}

/// What an LWP has of signals, once it has anything.
#[derive(Default)]
pub(crate) struct LwpSignals {
    pub(crate) mask: SigSet,
    pending: Pending,
    /// What it takes by `sigtimedwait`, blocked or not.
    awaits: SigSet,
}

/// How a process is being stopped, or stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Which signal stops it; none if it is only frozen.
    pub(crate) signal: Option<Signal>,
    /// Its last LWP has stopped after that signal, and the parent was told.
    pub(crate) complete: bool,
    /// It is frozen, which is nobody's business: no parent is told, and no SIGCONT ends it.
    pub(crate) frozen: Option<Frozen>,
}

/// How far a freeze has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frozen {
    /// An LWP has not come to where it stands still.
    Moving,
    Still,
}

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
}

/// What a parent is told of a child that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Stopped(Signal),
    Continued,
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

impl Lwp {
    pub(crate) fn mask(&self) -> SigSet {
        self.signals.as_ref().map_or(SigSet::EMPTY, |signals| signals.mask)
    }

    fn awaits(&self, signal: Signal) -> bool {
        self.signals.as_ref().is_some_and(|signals| signals.awaits.contains(signal))
    }

    /// Whether it lets the signal through.
    fn is_open_to(&self, signal: Signal) -> bool {
        self.place != Place::Leaving && !self.mask().contains(signal)
    }

    pub(crate) fn pending_mut(&mut self) -> &mut Pending {
        &mut self.signals().pending
    }

    fn signals(&mut self) -> &mut LwpSignals {
        self.signals.get_or_insert_default()
    }
}

impl ProcState {
    fn signals_mut(&mut self) -> &mut Signals {
        self.signals.get_or_insert_default()
    }

    pub(crate) fn actions(&self) -> Option<&ActionTable> {
        self.signals.as_ref().and_then(|signals| signals.actions.as_ref())
    }

    pub(crate) fn action(&self, signal: Signal) -> SigAction {
        self.actions().map(|actions| actions.get(signal)).unwrap_or_default()
    }

    pub(crate) fn action_flags(&self, signal: Signal) -> SaFlags {
        self.actions().map_or(SaFlags::empty(), |actions| actions.flags(signal))
    }

    /// The table that the process shares with others, made now; for a child that shares it.
    pub(crate) fn share_actions(&mut self) -> Arc<SharedActions> {
        self.signals_mut().actions.get_or_insert_default().share()
    }

    /// The table that the process shares with others, if it does.
    pub(crate) fn shared_actions(&self) -> Option<&Arc<SharedActions>> {
        self.actions().and_then(ActionTable::shared)
    }

    pub(crate) fn has_signals(&self) -> bool {
        self.signals.is_some() || self.lwps.iter().any(|lwp| lwp.signals.is_some())
    }

    /// A new process's: its parent's actions and the mask of the LWP that made it, nothing pending (decision 15).
    pub(crate) fn inherit_signals(&mut self, actions: Option<ActionTable>, mask: SigSet) {
        if let Some(actions) = actions {
            self.signals_mut().actions = Some(actions);
        }
        if !mask.is_empty()
            && let Some(lwp) = self.lwps.first_mut()
        {
            lwp.signals().mask = mask;
        }
    }

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

    /// Another body replaces the process's own: what was caught has its default action, what was ignored stays ignored. The
    /// former actions are to be dropped after unlocking.
    #[must_use = "drop them after unlocking"]
    pub(crate) fn forget_handlers(&mut self) -> Option<ActionTable> {
        let signals = self.signals.as_mut()?;
        let former = signals.actions.take()?;
        signals.actions = former.ignored();
        Some(former)
    }

    /// No LWP is in `sigtimedwait`.
    pub(crate) fn forget_awaited(&mut self) {
        for signals in self.lwps.iter_mut().filter_map(|lwp| lwp.signals.as_mut()) {
            signals.awaits = SigSet::EMPTY;
        }
    }

    /// Whether SIGCHLD means anything to the process.
    pub(crate) fn hears_of_children(&self) -> bool {
        self.is_traced()
            || matches!(self.verdict(Signal::CHLD), Verdict::Handle)
            || self.lwps.iter().any(|lwp| lwp.mask().contains(Signal::CHLD) || lwp.awaits(Signal::CHLD))
    }

    pub(crate) fn pending_for(&self, id: LwpId) -> SigSet {
        let of_process = self.signals.as_ref().map_or(SigSet::EMPTY, |signals| signals.pending.set());
        let lwp = self.lwps.iter().find(|lwp| lwp.id == id);
        let own = lwp.and_then(|lwp| lwp.signals.as_ref()).map_or(SigSet::EMPTY, |own| own.pending.set());
        of_process | own
    }

    pub(crate) fn mask_of(&self, id: LwpId) -> SigSet {
        self.lwps.iter().find(|lwp| lwp.id == id).map_or(SigSet::EMPTY, Lwp::mask)
    }

    /// Changes what the LWP blocks; returns what it blocked before. It has to look at what is pending now.
    pub(crate) fn set_mask(&mut self, id: LwpId, mask: SigSet) -> SigSet {
        let mask = mask - UNSTOPPABLE;
        let Some(lwp) = self.lwp(id) else { return SigSet::EMPTY };
        if lwp.signals.is_none() && mask.is_empty() {
            return SigSet::EMPTY;
        }
        let former = std::mem::replace(&mut lwp.signals().mask, mask);
        if let Some(seat) = &lwp.seat {
            seat.attention.store(true, Ordering::Relaxed);
        }
        former
    }

    /// From here on, these signals wake the LWP and are left for it.
    pub(crate) fn set_awaits(&mut self, id: LwpId, awaits: SigSet) {
        if let Some(lwp) = self.lwp(id) {
            lwp.signals().awaits = awaits;
        }
    }

    /// Takes a pending signal out of `wanted`, the LWP's own first.
    pub(crate) fn take_pending(&mut self, id: LwpId, wanted: SigSet) -> Option<SigInfo> {
        self.take_pending_of(id, wanted).map(|(info, _)| info)
    }

    /// The same, with the LWP that it was for, if it was for one.
    pub(crate) fn take_pending_of(&mut self, id: LwpId, wanted: SigSet) -> Option<(SigInfo, Option<LwpId>)> {
        let own = self.lwp(id).and_then(|lwp| lwp.signals.as_mut()).and_then(|own| own.pending.take(wanted));
        if let Some(own) = own {
            return Some((own, Some(id)));
        }
        let of_process = self.signals.as_mut().and_then(|signals| signals.pending.take(wanted));
        of_process.map(|info| (info, None))
    }

    /// Takes actions and what is pending away from a process whose end is decided; what its tracer has of it stays.
    #[must_use = "drop them after unlocking"]
    pub(crate) fn take_signals(&mut self) -> Option<Box<Signals>> {
        let mut taken = self.signals.take()?;
        if let Some(traced) = taken.traced.take() {
            self.signals = Some(Box::new(Signals { traced: Some(traced), ..Signals::default() }));
        }
        Some(taken)
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
        now: Instant,
    ) -> Result<Posted, Exhausted> {
        let signal = info.signal;
        if self.life.begin_exit().is_none() {
            return Ok(Posted { change: self.post_to_dying(signal), ..Posted::default() });
        }
        if signal == Signal::KILL {
            return Ok(self.begin_exit(ExitStatus::killed(signal), None, || now).into());
        }
        let mut posted = Posted::default();
        if signal == Signal::CONT {
            self.discard(STOPS);
            if !self.is_halted() {
                posted = self.resume(now);
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
                return Ok(self.begin_exit(status, None, || now).into());
            }
            Verdict::Polite if is_open => {
                posted.nudges.extend(self.post_polite(now));
                return Ok(posted);
            }
            Verdict::Stop if is_open => {
                if signal == Signal::STOP || !group_is_orphaned() {
                    posted.change = self.begin_stop(signal, now);
                }
                return Ok(posted);
            }
            _ => {}
        }
        self.queue(info, to)?;
        let stopped = self.stop.is_some();
        let woken = self.lwps.iter_mut().filter(|lwp| to.is_none_or(|id| id == lwp.id));
        let woken = woken.filter(|lwp| lwp.awaits(signal) || (!stopped && lwp.is_open_to(signal)));
        posted.nudges.extend(woken.map(|lwp| lwp.interrupt(Finality::Passing, now)));
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

    fn queue(&mut self, info: SigInfo, to: Option<LwpId>) -> Result<(), Exhausted> {
        let limit = self.pending_limit;
        let signals = self.signals.get_or_insert_default();
        let own = to.and_then(|id| self.lwps.iter_mut().find(|lwp| lwp.id == id));
        let pending = match own {
            Some(lwp) => &mut lwp.signals().pending,
            None => &mut signals.pending,
        };
        if info.signal.is_real_time() && pending.len() >= limit as usize {
            return Err(Exhausted::Signals { limit });
        }
        pending.push(info);
        Ok(())
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

    /// Forgets what is pending of these.
    fn discard(&mut self, signals: SigSet) {
        if let Some(own) = &mut self.signals {
            own.pending.discard(signals);
        }
        for lwp in &mut self.lwps {
            if let Some(own) = &mut lwp.signals {
                own.pending.discard(signals);
            }
        }
    }

    /// The process has to stop: every LWP does at its next checkpoint or sleep; one that sleeps counts as stopped where it
    /// is (decision 16).
    pub(crate) fn begin_stop(&mut self, signal: Signal, now: Instant) -> Option<Change> {
        match &mut self.stop {
            Some(stop) if stop.signal.is_some() => return None,
            Some(frozen) => frozen.signal = Some(signal),
            None => self.stop = Some(Stop { signal: Some(signal), complete: false, frozen: None }),
        }
        self.make_stand(now);
        self.complete_stop()
    }

    /// Every LWP stands still, at its next checkpoint or where it sleeps.
    fn make_stand(&mut self, now: Instant) {
        for lwp in &mut self.lwps {
            match (lwp.place, &lwp.seat) {
                (Place::Running, _) => {
                    let _ = lwp.interrupt(Finality::Passing, now);
                }
                (_, Some(seat)) => seat.attention.store(true, Ordering::Relaxed),
                (_, None) => {}
            }
        }
    }

    /// Freezes the process; whether it stands still already, or is about to end.
    pub(crate) fn freeze(&mut self, now: Instant) -> bool {
        if self.life.begin_exit().is_none() {
            return true;
        }
        let stop = self.stop.get_or_insert(Stop { signal: None, complete: false, frozen: None });
        if stop.frozen.is_none() {
            stop.frozen = Some(Frozen::Moving);
            self.make_stand(now);
            self.note_still();
        }
        self.stop.is_none_or(|stop| stop.frozen == Some(Frozen::Still))
    }

    /// Notes that the last LWP of a frozen process stands still, if that is so; whether it is news.
    pub(crate) fn note_still(&mut self) -> bool {
        let running = self.is_running();
        let moving = self.stop.as_mut().filter(|stop| !running && stop.frozen == Some(Frozen::Moving));
        moving.map(|stop| stop.frozen = Some(Frozen::Still)).is_some()
    }

    /// A frozen process goes on, unless a signal has stopped it.
    pub(crate) fn thaw(&mut self, now: Instant) -> Nudges {
        match &mut self.stop {
            Some(stop) if stop.frozen.is_some() => stop.frozen = None,
            Some(_) | None => return Nudges::new(),
        }
        if self.stop.is_some_and(|stop| stop.signal.is_some()) {
            return Nudges::new();
        }
        self.stop = None;
        self.go_on(now)
    }

    fn is_running(&self) -> bool {
        self.lwps.iter().any(|lwp| lwp.place == Place::Running)
    }

    /// Notes that the last LWP has stopped, if that is so.
    pub(crate) fn complete_stop(&mut self) -> Option<Change> {
        let running = self.is_running();
        let stop = self.stop.as_mut().filter(|stop| !running && !stop.complete)?;
        let signal = stop.signal?;
        stop.complete = true;
        self.stopped_by = Some(signal);
        Some(Change::Stopped(signal))
    }

    /// A stopped process goes on, and looks at what came in the meantime.
    fn resume(&mut self, now: Instant) -> Posted {
        let Some(stop) = self.stop.take() else { return Posted::default() };
        let change = stop.complete.then_some(Change::Continued);
        if stop.frozen.is_some() {
            self.stop = Some(Stop { signal: None, complete: false, ..stop });
            return Posted { change, ..Posted::default() };
        }
        Posted { nudges: self.go_on(now), change }
    }

    /// Nothing makes the LWPs stand still any more.
    fn go_on(&mut self, now: Instant) -> Nudges {
        self.wake_stopped();
        self.look_again(now)
    }

    /// No signal stops it any more; one that is frozen stands still all the same.
    pub(crate) fn lift_stop(&mut self) {
        let frozen = self.stop.filter(|stop| stop.frozen.is_some());
        self.stop = frozen.map(|stop| Stop { signal: None, complete: false, ..stop });
        if self.stop.is_none() {
            self.wake_stopped();
        }
    }

    /// Whether a signal stops it, or is about to.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.signal.is_some())
    }

    /// Which signal stops it, once the last LWP stands.
    pub(crate) fn stands_for(&self) -> Option<Signal> {
        self.stop.filter(|stop| stop.complete).and_then(|stop| stop.signal)
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

    /// Lets those LWPs go that have stopped at a checkpoint.
    pub(crate) fn wake_stopped(&self) {
        for lwp in self.lwps.iter().filter(|lwp| lwp.place == Place::Stopped) {
            if let Some(seat) = &lwp.seat {
                seat.sleep_cv.notify_one();
            }
        }
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
                    lwp.signals().pending.push(info);
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
        let dying = self.life.begin_exit().is_none();
        let (stop, term) = (self.stop.is_some(), self.term.is_pending());
        let due = self.signals.is_some() || self.lwps.iter().any(|lwp| lwp.id == id && lwp.signals.is_some());
        let due = due && !(self.pending_for(id) - self.mask_of(id)).is_empty();
        let lwp = self.lwp(id)?;
        if dying {
            return Some(Request::Die);
        }
        if lwp.leaving != Leaving::No {
            return Some(Request::Leave);
        }
        if stop {
            return Some(Request::Stop);
        }
        if due {
            return Some(Request::Signal);
        }
        if term || lwp.nudged {
            return Some(Request::Term);
        }
        lwp.asked_at = None;
        if let Some(seat) = &lwp.seat {
            seat.attention.store(false, Ordering::Relaxed);
        }
        None
    }
}

impl From<Nudges> for Posted {
    fn from(nudges: Nudges) -> Posted {
        Posted { nudges, change: None }
    }
}
