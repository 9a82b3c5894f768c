//! LWPs: what a process knows of each of its own, and the seat that a native thread lends to the LWP on it.

use std::num::NonZeroI32;
use std::panic::Location;
use std::sync::Arc;

use crossbeam_channel::Sender;
use greenproc_os::kick::Kick;
use greenproc_os::thread::Tid;
use greenproc_sync::atomic::{AtomicBool, AtomicU8, Ordering};
use greenproc_sync::{AtomicStatic, Condvar, OnceLock};
use std::time::Instant;

use crate::locks::{PSmutex, StartQueue};
use crate::pid::LwpId;
use crate::signal_state::LwpSignals;
use crate::tree::WaitSlot;

/// What a native thread lends to whichever LWP runs on it. Made once per thread.
///
/// An `Arc` of it may outlive the LWP in somebody's hands; a wake-up that reaches the next LWP on the seat is one it
/// looks at and finds unfounded. Requests are only ever set under the `p_smutex` of the process whose LWP sits here.
#[derive(Default)]
pub(crate) struct Seat {
    /// How to interrupt the thread in a host call; a seat without a thread has none.
    kick: Option<Kick>,
    /// A request waits for the LWP. Set and cleared under `p_smutex`; the LWP itself looks without it.
    pub(crate) attention: AtomicBool,
    /// Where the LWP last came to a checkpoint. Written by its own thread.
    pub(crate) checkpoint: AtomicStatic<Location<'static>>,
    /// Sleeps of wait, with `proclist_lock` as interlock.
    pub(crate) slot: Arc<WaitSlot>,
    /// All other sleeps, with `p_smutex` as interlock.
    pub(crate) sleep_cv: Condvar<PSmutex>,
    /// Sleeps of the thread while it has no LWP.
    pub(crate) idle_cv: Condvar<StartQueue>,
    /// What the idle thread is wanted for. Written under the lock of the start queue.
    summons: AtomicU8,
    tid: OnceLock<Tid>,
}

impl Seat {
    pub(crate) fn new(kick: Kick) -> Seat {
        Seat { kick: Some(kick), ..Seat::default() }
    }

    /// Interrupts a host call of the LWP on this seat. Called under its `p_smutex` while its place is `Blocking`, so that
    /// it cannot hit the next process on the thread.
    pub(crate) fn kick(&self) {
        if let (Some(kick), Some(tid)) = (&self.kick, self.tid()) {
            // The thread exists: its LWP is in the list. A full queue of real-time signals is made up for by the next kick.
            let _ = kick.send(tid);
        }
    }

    /// Summons the idle thread, which looks for this under the lock of the start queue before it sleeps. Under that lock; whoever
    /// summons then notifies `idle_cv`, with or without it.
    pub(crate) fn summon(&self, summons: Summons) {
        self.summons.store(summons as u8, Ordering::Relaxed);
    }

    /// What the thread is wanted for. Under the lock of the start queue.
    pub(crate) fn summons(&self) -> Summons {
        match self.summons.load(Ordering::Relaxed) {
            1 => Summons::Work,
            2 => Summons::Home,
            _ => Summons::None,
        }
    }

    pub(crate) fn sit_down(&self) {
        self.tid.get_or_init(greenproc_os::thread::tid);
    }

    /// The host's number of the thread; `None` until it has begun to run.
    pub(crate) fn tid(&self) -> Option<Tid> {
        self.tid.get().copied()
    }
}

/// What an idle thread is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Summons {
    None = 0,
    /// A start waits for it.
    Work = 1,
    /// It is to end.
    Home = 2,
}

/// Where an LWP is, as others may need to know to interrupt it. Guarded by `p_smutex`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the start queue.
    Queued,
    /// In user code, or in a part of the runtime that does not sleep.
    Running,
    /// In wait, on its slot, with `proclist_lock` as interlock.
    Waiting,
    /// In another sleep of the runtime, with `p_smutex` as interlock.
    Sleeping,
    /// In a crossbeam channel, listening to its interrupt channel too.
    Channel,
    /// In a host call inside `Process::blocking`.
    Blocking,
    /// At a checkpoint, while the process is stopped.
    Stopped,
    /// Through with the process; only its last steps are left.
    Leaving,
}

/// Whether an LWP has to leave a process that lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    No,
    /// It has called `exit_lwp`.
    ByItself,
    /// Another body takes the place of what it runs.
    Replaced,
}

/// An entry of the LWP list.
pub(crate) struct Lwp {
    pub(crate) id: LwpId,
    pub(crate) seat: Option<Arc<Seat>>,
    pub(crate) place: Place,
    /// A sleep of the LWP was answered: the token of killable locks.
    pub(crate) woken: bool,
    /// Sticky until its stack is gone.
    pub(crate) leaving: Leaving,
    /// A polite SIGTERM has to interrupt its next sleep, or the one it is in.
    pub(crate) nudged: bool,
    /// The thread's CPU clock when the LWP began.
    pub(crate) cpu_begin_ns: u64,
    /// Its mask and what is pending for it, once there is anything.
    pub(crate) signals: Option<Box<LwpSignals>>,
    /// What most never have.
    extras: Option<Box<LwpExtras>>,
}

/// What an LWP has only while something unusual happens to it.
#[derive(Default)]
pub(crate) struct LwpExtras {
    /// The LWP it is about to join.
    pub(crate) joining: Option<LwpId>,
    /// The errno with which the call is to fail at whose entry it stands: its tracer said so.
    pub(crate) refusal: Option<NonZeroI32>,
    /// Wakes `select!` when a request comes.
    pub(crate) interrupts: Option<Sender<Interrupt>>,
    /// Ends the host call that the LWP is in, where a kick does not.
    pub(crate) cancel: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Since when a request to end is pending that the LWP has not met.
    pub(crate) asked_at: Option<Instant>,
}

impl Lwp {
    pub(crate) fn queued(id: LwpId) -> Lwp {
        Lwp {
            id,
            seat: None,
            place: Place::Queued,
            woken: false,
            leaving: Leaving::No,
            nudged: false,
            cpu_begin_ns: 0,
            signals: None,
            extras: None,
        }
    }

    /// Another body takes its place, on the same seat, and it becomes the main one. What was pending for it still is.
    pub(crate) fn begin_anew(&mut self) {
        let (seat, signals) = (self.seat.take(), self.signals.take());
        let cpu_begin_ns = self.cpu_begin_ns;
        *self = Lwp { seat, signals, cpu_begin_ns, place: Place::Running, ..Lwp::queued(LwpId::MAIN) };
    }

    pub(crate) fn extras(&self) -> Option<&LwpExtras> {
        self.extras.as_deref()
    }

    /// Those that it has, if any, to be changed or taken.
    pub(crate) fn extras_mut(&mut self) -> Option<&mut LwpExtras> {
        self.extras.as_deref_mut()
    }

    /// They are made now if nothing was there yet.
    pub(crate) fn need_extras(&mut self) -> &mut LwpExtras {
        self.extras.get_or_insert_default()
    }

    /// Since when a request to end is pending that it has not met.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        self.extras()?.asked_at
    }

    /// It has met what it was asked, or nobody waits for that any more.
    pub(crate) fn forget_asking(&mut self) {
        if let Some(extras) = self.extras_mut() {
            extras.asked_at = None;
        }
    }

    /// Makes the LWP look: sets its attention mark and wakes it from whatever sleep has `p_smutex` as interlock. What
    /// is left to do is returned: a kick under this lock was sent already, a waiter needs `proclist_lock`.
    pub(crate) fn interrupt(&mut self, finality: Finality, now: Instant) -> Nudge {
        let Some(seat) = &self.seat else { return Nudge::Done };
        seat.attention.store(true, Ordering::Relaxed);
        if let Some(interrupts) = self.extras.as_ref().and_then(|extras| extras.interrupts.as_ref()) {
            lab_touch!();
            // Full means that the LWP has not looked at the last one yet: it will look.
            let _ = interrupts.try_send(Interrupt(()));
        }
        if finality == Finality::Final {
            let extras = self.extras.get_or_insert_default();
            extras.asked_at.get_or_insert(now);
            // Without a sender the channel is ready for ever, whoever took the message.
            extras.interrupts = None;
        }
        match self.place {
            Place::Waiting => Nudge::Waiter(Arc::clone(&seat.slot)),
            Place::Sleeping | Place::Stopped => {
                seat.sleep_cv.notify_one();
                Nudge::Done
            }
            Place::Blocking => {
                seat.kick();
                Nudge::Kick(self.id)
            }
            Place::Running if finality == Finality::Final => Nudge::Watch(self.id),
            Place::Running | Place::Channel | Place::Queued | Place::Leaving => Nudge::Done,
        }
    }
}

/// Whether a request stays until it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finality {
    /// The LWP has to look, and goes on.
    Passing,
    /// It has to end.
    Final,
}

/// What is left to do about an LWP that was interrupted.
#[must_use]
pub(crate) enum Nudge {
    Done,
    /// Notify it under `proclist_lock`.
    Waiter(Arc<WaitSlot>),
    /// Kick its thread until it has left its host call.
    Kick(LwpId),
    /// It runs user code: see whether it comes to a checkpoint.
    Watch(LwpId),
}

/// A request came for this LWP: the message of [`Process::interrupts`](crate::Process::interrupts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt(pub(crate) ());
