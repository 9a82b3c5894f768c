//! Stopping and continuing: the side of it that others see.
//!
//! A stop is complete when the last LWP has stopped; the event and the parent's SIGCHLD are posted in the hold of
//! `proclist_lock` in which that is found (mistake j: the state, the event and the parent cannot come apart).

use std::sync::Arc;

use greenproc_sync::time;

use crate::delivery::{Posted, STOPS};
use crate::error::{Error, Result};
use crate::event;
use crate::inspect::usage_now;
use crate::kernel::{Kernel, ProcListGuard};
use crate::ktrace::Fact;
use crate::lwp::Place;
use crate::pid::{LwpId, Pid};
use crate::proc::{Proc, ProcState};
use crate::process::Process;
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::standstill::Change;
use crate::status::ExitStatus;
use crate::tree::EventKind;

impl Change {
    pub(crate) fn status(self) -> ExitStatus {
        match self {
            Change::Stopped(signal) => ExitStatus::stopped(signal),
            Change::Continued => ExitStatus::resumed(),
        }
    }
}

/// Whether a signal has just come, or was pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    First,
    Again,
}

impl Proc {
    /// Posts a signal that has just come, and notes it in the same hold: what becomes of it is noted after that.
    ///
    /// # Errors
    /// - EAGAIN: as many real-time signals are queued as may be.
    /// - ESRCH: the LWP that it is for has left. That is looked at in this hold: kept for the process, the signal would reach
    ///   another LWP.
    pub(crate) fn post(
        &self,
        state: &mut ProcState,
        info: SigInfo,
        to: Option<LwpId>,
        group_is_orphaned: impl FnOnce() -> bool,
    ) -> Result<Posted> {
        if let Some(lwp) = to.filter(|&lwp| state.lwp(lwp).is_none())
            && !planted!(self.marks, SignalOutlivesLwp)
        {
            return Err(Error::NoLwp { lwp });
        }
        let posted = state.post(info, to, group_is_orphaned, time::now)?;
        self.ktrace(to, || Fact::Posted { signal: info.signal, from: info.sender(), fate: posted.fate });
        Ok(posted)
    }
}

/// SIGKILL ends whatever holds a process up (decision 9).
fn forbid_exit_stop(process: &Proc, signal: Signal) {
    if signal == Signal::KILL
        && let Some(extras) = process.extras()
    {
        extras.exit_stop.forbid();
    }
}

impl Kernel {
    /// Posts a signal to a process, or to one of its LWPs, and makes its target look.
    ///
    /// # Errors
    /// As [`Proc::post`].
    pub(crate) fn send(&self, process: &Arc<Proc>, to: Option<LwpId>, info: SigInfo) -> Result<()> {
        forbid_exit_stop(process, info.signal);
        if info.signal.is_job_control() || process.is_observed() {
            let mut list = self.lock();
            return self.send_locked(&mut list, process, to, info);
        }
        #[cfg(feature = "racelab")]
        if planted!(self, LockOrder) {
            let state = process.state.lock();
            drop(self.lock_as_it_is());
            drop(state);
        }
        let posted = process.post(&mut process.state.lock(), info, to, || false)?;
        debug_assert_eq!(posted.change, None, "only job control stops and continues");
        self.nudge(process, posted.nudges);
        Ok(())
    }

    /// The same, for a caller that holds `proclist_lock`.
    pub(crate) fn send_locked(
        &self,
        list: &mut ProcListGuard<'_>,
        process: &Arc<Proc>,
        to: Option<LwpId>,
        info: SigInfo,
    ) -> Result<()> {
        #[cfg(feature = "racelab")]
        if planted!(self, ChildSignalsCoalesce)
            && process.state.lock().pending_for(LwpId::MAIN).contains(info.signal)
        {
            return Ok(());
        }
        let takes_signals = !process.is_observed() || process.state.lock().life.begin_exit().is_some();
        self.post_locked(list, process, to, info, News::First)?;
        if takes_signals {
            self.note_signal(list, process, info.signal);
        }
        Ok(())
    }

    fn post_locked(
        &self,
        list: &mut ProcListGuard<'_>,
        process: &Arc<Proc>,
        to: Option<LwpId>,
        info: SigInfo,
        news: News,
    ) -> Result<()> {
        if info.signal.is_stop() && process.extras().is_some_and(|extras| extras.latch.is_held()) {
            // Its parent waits for it, and nobody may be there who would continue it (decision 10).
            if process.state.lock().action(info.signal).is_default() {
                return Ok(());
            }
        }
        forbid_exit_stop(process, info.signal);
        let tree = &list.tree;
        let orphaned = || process.node().is_some_and(|node| tree.is_orphaned(node));
        let posted = {
            let mut state = process.state.lock();
            match news {
                News::First => process.post(&mut state, info, to, orphaned)?,
                News::Again => state.post(info, to, orphaned, time::now)?,
            }
        };
        if let Some(change) = posted.change {
            self.tell_change(list, process, change);
        }
        self.nudge_locked(list, process, posted.nudges);
        Ok(())
    }

    /// Does what a stop signal asks for that an LWP has pending and does not block, unless a SIGCONT has discarded it; a
    /// traced process stops for any.
    pub(crate) fn meet_stop(&self, process: &Arc<Proc>, lwp: LwpId) {
        if self.halt_for_signal(process, lwp) {
            return;
        }
        let mut list = self.lock();
        let taken = {
            let mut state = process.state.lock();
            let open = STOPS - state.mask_of(lwp);
            state.take_pending(lwp, open)
        };
        if planted!(self, StopTakenFirst) {
            drop(list);
            list = self.lock();
        }
        if let Some(info) = taken {
            // A standard signal always finds room, and those who watch were told when it was posted first.
            let _ = self.post_locked(&mut list, process, None, info, News::Again);
        }
    }

    /// Posts a signal of the runtime's own.
    pub(crate) fn post(&self, process: &Arc<Proc>, signal: Signal) {
        // A standard signal always finds room.
        let _ = self.send(process, None, SigInfo::of_runtime(signal));
    }

    /// Tells the parent, or the tracer, that a process stopped or went on.
    pub(crate) fn tell_change(&self, list: &mut ProcListGuard<'_>, process: &Arc<Proc>, change: Change) {
        let Some(node) = process.node() else { return };
        let (kind, told, fact) = match change {
            Change::Stopped(signal) => {
                (EventKind::Stopped, event::EventKind::Stopped { signal }, Fact::Stopped { signal })
            }
            Change::Continued => (EventKind::Continued, event::EventKind::Continued, Fact::Continued),
        };
        process.ktrace(None, || fact);
        list.events.tell(process.pid, &process.name(), told);
        list.tree.post_change(node, kind);
        if self.departures.note_standing(list.tree.has_stopped()) {
            self.enter_departures(list);
        }
        let parent = list.tree.parent_record(node).filter(|parent| parent.hears_of_stops()).map(Arc::clone);
        if let Some(parent) = parent {
            let usage = usage_now(process);
            let info = SigInfo::of_child(Signal::CHLD, process.pid, process.uid(), change.status(), &usage);
            let _ = self.send_locked(list, &parent, None, info);
        }
    }

    /// An LWP has stopped running: if it was the last, the process has stopped.
    pub(crate) fn complete_stop(&self, process: &Arc<Proc>) {
        let mut list = self.lock();
        let (change, settled) = {
            let mut state = process.state.lock();
            (state.complete_stop(), state.note_still())
        };
        if planted!(self, StopInTwoHolds) {
            drop(list);
            list = self.lock();
        }
        if let Some(change) = change {
            self.tell_change(&mut list, process, change);
        }
        let node = process.node().filter(|_| settled);
        let wakeups = node.map(|node| list.freezes.settled(node)).unwrap_or_default();
        drop(list);
        wakeups.wake();
    }

    /// Signals the members of a group that has lost its last tie to the rest of its session, if any of them stands still:
    /// nobody would ever continue them. Under `proclist_lock`.
    pub(crate) fn release_orphans(&self, list: &mut ProcListGuard<'_>, groups: &[Pid]) {
        for &group in groups {
            for signal in [Signal::HUP, Signal::CONT] {
                if signal == Signal::HUP && !list.tree.is_stranded(group) {
                    break;
                }
                self.signal_members(list, group, signal);
            }
        }
    }

    /// Sends a signal of the runtime's own to each member of a group but init, which it must not take with it. In one hold: no
    /// child of a member is missed.
    pub(crate) fn signal_members(&self, list: &mut ProcListGuard<'_>, group: Pid, signal: Signal) {
        let members = list.tree.group_members(group).unwrap_or_default();
        for member in members.iter().filter(|member| member.pid != Pid::INIT) {
            // A standard signal always finds room.
            let _ = self.send_locked(list, member, None, SigInfo::of_runtime(signal));
        }
    }
}

impl Process {
    /// Stays here while the process is stopped.
    pub(crate) fn stand_still(&self) {
        let doze = self.doze();
        if let Some(lwp) = self.record.state.lock().lwp(self.lwp) {
            lwp.place = Place::Stopped;
            self.switch(Place::Stopped);
        }
        self.worker.kernel.complete_stop(&self.record);
        let mut state = self.record.state.lock();
        while state.stop.is_some() {
            self.worker.seat.sleep_cv.wait(&mut state);
        }
        self.wake_up(&mut state);
        drop(state);
        drop(doze);
    }

    /// Whether the process is to stop, or has.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_asked() && self.record.state.lock().stop.is_some()
    }

    /// What a call that slept does before it returns to the user's code.
    pub(crate) fn come_back(&self) {
        if self.is_stopped() {
            self.stand_still();
        }
    }
}
