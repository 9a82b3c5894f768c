//! `p_waitcv`, the wait channel of a parent: who waits, for what, and who was told.
//!
//! One event wakes one waiter that it fits (decision 27). The waker notes what it told the waiter of; a waiter that
//! leaves, or sleeps again, without having taken that very event passes the wake-up on before it lets go of
//! `proclist_lock`. The
//! interlock of every sleep here is `proclist_lock` (mistake k), which the condition variable's type says.

use std::sync::Arc;

use greenproc_sync::Condvar;
use greenproc_sync::atomic::{AtomicBool, Ordering};

use crate::departures::Listening;
use crate::locks::Proclist;
use crate::spin::Luck;
use crate::tree::arena::NodeRef;
use crate::tree::wanted::Wanted;

/// What a waiter sleeps on. Its owner is one thread, which waits in one place at a time.
#[derive(Default)]
pub(crate) struct WaitSlot {
    /// Signalled under `proclist_lock`, after `granted` was set or when a request came for the waiting LWP.
    pub(crate) cv: Condvar<Proclist>,
    /// Set under `proclist_lock` by whoever has something for the waiter; the waiter may look without the lock
    /// while it spins, and believes only what it then finds under the lock.
    granted: AtomicBool,
    /// Whether it pays that the owner looks for a moment before it sleeps.
    pub(crate) luck: Luck,
}

impl WaitSlot {
    pub(crate) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Acquire)
    }

    /// Wakes the owner to look again. Called under `proclist_lock`.
    pub(crate) fn grant(&self) {
        self.granted.store(true, Ordering::Release);
        self.cv.notify_one();
    }
}

pub(super) struct Waiter {
    pub(super) slot: Arc<WaitSlot>,
    pub(super) wanted: Wanted,
    pub(super) told: Told,
    /// Ends of children are entered as they come for as long as it was not told of anything.
    pub(super) ear: Option<Listening>,
}

impl Waiter {
    fn tell(&mut self, told: Told) {
        self.told = told;
        self.ear = None;
        self.slot.grant();
    }
}

/// What a waiter was woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// It may have lost its last candidate.
    Lost,
    /// This child has an event for it.
    Of(NodeRef),
}

#[derive(Default)]
pub(crate) struct WaitChannel {
    /// In the order of arrival.
    pub(super) waiters: Vec<Waiter>,
}

/// Whether a wake-up has to be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Owes {
    Nothing,
    /// The waiter was told of an event and did not take that one.
    Wakeup,
}

impl WaitChannel {
    pub(crate) fn enter(&mut self, slot: &Arc<WaitSlot>, wanted: Wanted) {
        slot.granted.store(false, Ordering::Relaxed);
        self.waiters.push(Waiter { slot: Arc::clone(slot), wanted, told: Told::Nothing, ear: None });
    }

    /// Takes a waiter out, which took the event of this child, if any.
    pub(crate) fn leave(&mut self, slot: &Arc<WaitSlot>, took: Option<NodeRef>) -> Owes {
        let Some(place) = self.place(slot) else { return Owes::Nothing };
        let waiter = self.waiters.remove(place);
        owes(waiter.told, took)
    }

    /// A waiter looked again and found nothing: it can be told anew.
    pub(crate) fn rearm(&mut self, slot: &Arc<WaitSlot>) -> Owes {
        let Some(place) = self.place(slot) else { return Owes::Nothing };
        slot.granted.store(false, Ordering::Relaxed);
        owes(std::mem::replace(&mut self.waiters[place].told, Told::Nothing), None)
    }

    /// The waiter is about to sleep, and listens meanwhile; false if it does already.
    pub(crate) fn listen(&mut self, slot: &Arc<WaitSlot>, listen: impl FnOnce() -> Listening) -> bool {
        let Some(place) = self.place(slot) else { return false };
        let ear = &mut self.waiters[place].ear;
        let deaf = ear.is_none();
        if deaf {
            *ear = Some(listen());
        }
        deaf
    }

    /// Tells the first waiter that `fits` and was not told of anything yet.
    pub(crate) fn tell_one(&mut self, child: NodeRef, fits: impl Fn(&Wanted) -> bool) {
        let mut waiting = self.waiters.iter_mut().filter(|waiter| waiter.told == Told::Nothing);
        if let Some(waiter) = waiting.find(|waiter| fits(&waiter.wanted)) {
            waiter.tell(Told::Of(child));
        }
    }

    /// Tells every waiter that is `lost`: it has nothing left to wait for.
    pub(crate) fn tell_all(&mut self, lost: impl Fn(&Wanted) -> bool) {
        for waiter in self.waiters.iter_mut().filter(|waiter| lost(&waiter.wanted)) {
            // One that was told of an event keeps it: should it not take that, it still has to pass it on.
            waiter.tell(if waiter.told == Told::Nothing { Told::Lost } else { waiter.told });
        }
    }

    /// Tells the first waiter for which `ready` finds a child with an event, if it was not told of anything yet.
    pub(crate) fn tell_first(&mut self, ready: impl Fn(&Wanted) -> Option<NodeRef>) {
        let mut waiting = self.waiters.iter_mut().filter(|waiter| waiter.told == Told::Nothing);
        let found = waiting.find_map(|waiter| ready(&waiter.wanted).map(|child| (waiter, child)));
        if let Some((waiter, child)) = found {
            waiter.tell(Told::Of(child));
        }
    }

    /// Whether somebody waits but this one.
    pub(crate) fn has_others(&self, waiter: &Arc<WaitSlot>) -> bool {
        self.waiters.iter().any(|other| !Arc::ptr_eq(&other.slot, waiter))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Whether somebody waits who was not told of anything yet.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiters.iter().any(|waiter| waiter.told == Told::Nothing)
    }

    fn place(&self, slot: &Arc<WaitSlot>) -> Option<usize> {
        self.waiters.iter().position(|waiter| Arc::ptr_eq(&waiter.slot, slot))
    }
}

fn owes(told: Told, took: Option<NodeRef>) -> Owes {
    match told {
        Told::Of(child) if took != Some(child) => Owes::Wakeup,
        Told::Nothing | Told::Lost | Told::Of(_) => Owes::Nothing,
    }
}
