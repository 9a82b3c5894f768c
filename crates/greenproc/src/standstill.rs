//! How a process is stopped or frozen, and goes on. Guarded by `p_smutex`.
//!
//! Which signals stop it is decided in `delivery.rs`; what a parent is told of it, in `stop.rs`, and of a freeze nobody
//! (`subtree/freeze.rs`).

use std::time::Instant;

use greenproc_sync::atomic::Ordering;

use crate::lwp::{Finality, Place};
use crate::proc::{Nudges, ProcState};
use crate::signal::Signal;

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

/// What a parent is told of a child that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Stopped(Signal),
    Continued,
}

impl ProcState {
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

    /// Nothing makes the LWPs stand still any more.
    pub(crate) fn go_on(&mut self, now: Instant) -> Nudges {
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

    /// Lets those LWPs go that have stopped at a checkpoint.
    pub(crate) fn wake_stopped(&self) {
        for lwp in self.lwps.iter().filter(|lwp| lwp.place == Place::Stopped) {
            if let Some(seat) = &lwp.seat {
                seat.sleep_cv.notify_one();
            }
        }
    }
}
