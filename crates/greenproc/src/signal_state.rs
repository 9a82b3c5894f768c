//! What a process and its LWPs have of signals: actions, masks, and what is pending. Guarded by `p_smutex`.
//!
//! Only what is there and how it is changed; what a signal that comes does is in `delivery.rs`.

use std::sync::Arc;

use greenproc_sync::atomic::Ordering;

use crate::action::{SaFlags, SigAction};
use crate::action_table::{ActionTable, SharedActions};
use crate::error::Exhausted;
use crate::lwp::{Lwp, Place};
use crate::pending::Pending;
use crate::pid::LwpId;
use crate::proc::ProcState;
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::sigset::SigSet;
use crate::trace::Traced;

/// Neither can be blocked, caught or ignored.
pub(crate) const UNSTOPPABLE: SigSet = SigSet::of(Signal::KILL).with(Signal::STOP);

/// What a process has of signals, once it has anything.
#[derive(Default)]
pub(crate) struct Signals {
    pub(crate) actions: Option<ActionTable>,
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

impl Lwp {
    pub(crate) fn mask(&self) -> SigSet {
        self.signals.as_ref().map_or(SigSet::EMPTY, |signals| signals.mask)
    }

    pub(crate) fn awaits(&self, signal: Signal) -> bool {
        self.signals.as_ref().is_some_and(|signals| signals.awaits.contains(signal))
    }

    /// Whether it lets the signal through.
    pub(crate) fn is_open_to(&self, signal: Signal) -> bool {
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
    pub(crate) fn signals_mut(&mut self) -> &mut Signals {
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

    /// Adds to what is pending for the process, or for one of its LWPs; whether it is one more.
    ///
    /// # Errors
    /// As many signals are queued as may be.
    pub(crate) fn queue(&mut self, info: SigInfo, to: Option<LwpId>) -> Result<bool, Exhausted> {
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
        Ok(pending.push(info))
    }

    /// Forgets what is pending of these.
    pub(crate) fn discard(&mut self, signals: SigSet) {
        if let Some(own) = &mut self.signals {
            own.pending.discard(signals);
        }
        for lwp in &mut self.lwps {
            if let Some(own) = &mut lwp.signals {
                own.pending.discard(signals);
            }
        }
    }
}
