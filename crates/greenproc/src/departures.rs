//! Ends on their way into the tree.
//!
//! What costs most of a short life is the lock and the cache lines that its end shares with the spawner and the waiter.
//! So a process that leaves nothing behind but its status does not take `proclist_lock` to end: it leaves its end here,
//! and whoever takes the lock next enters all of them into the tree before anything else ([`Kernel::lock`]). Nobody
//! reads a tree in which an end is missing, and each end still is one hold of the lock (row 46). A waiter takes the end of
//! its child from here as it is, if nobody could tell that it was not in the tree ([`Kernel::take_departed`]).
//!
//! Who has to be told of an end without taking the lock says so first and enters what is here afterwards; a process
//! leaves its end first and looks afterwards whether somebody has to be told ([`Kernel::depart`]). One of them sees the
//! other, so no end stays here while somebody sleeps for it. What makes sure of that is the mark that the line is filled, which is set with the first end and
//! read by who has said that it is to be told, both in the one order that all such operations have (`SeqCst`). Whoever reads
//! that the line is not filled was before the first end in that order; so were its words, and who left that end, or
//! one behind it in the same line, sees them, as it looks afterwards. Whoever reads that it is filled takes the lock of the line, and enters
//! those before it; who comes to the line later sees what was said before that lock was taken.

use std::collections::VecDeque;
use std::sync::Arc;

use greenproc_sync::Mutex;
use greenproc_sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};

use crate::kernel::{Kernel, Phase, ProcList, ProcListGuard};
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::proc::{Proc, ProcState};
use crate::records::Records;
use crate::report::ExitReport;
use crate::selector::Waited;
use crate::status::ExitStatus;
#[cfg(any(debug_assertions, feature = "racelab"))]
use crate::tree::Audited;
use crate::tree::{Death, NodeRef, WaitSlot, Wanted};
use crate::usage::Usage;

/// So many may wait here before they are entered, in one hold of `proclist_lock` that takes some hundred microseconds.
const MOST: usize = 2_048;

/// The end of one process. Small, as it goes from one CPU to another.
pub(crate) struct Departure {
    pub(crate) node: NodeRef,
    status: ExitStatus,
    report: Option<Arc<ExitReport>>,
    user_ns: u64,
    /// How many native threads it gives back.
    threads: u32,
}

impl Departure {
    /// The death is given back if the process used more than a short one does.
    pub(crate) fn of(node: NodeRef, death: Death, threads: usize) -> Result<Departure, Death> {
        let Some(user_ns) = death.usage.only_user_ns() else { return Err(death) };
        let Death { status, report, .. } = death;
        Ok(Departure { node, status, report, user_ns, threads: threads as u32 })
    }

    fn death(self) -> Death {
        Death { status: self.status, usage: Usage::from_user_ns(self.user_ns), report: self.report }
    }
}

/// A process that ended and was reaped in one step. Its pid is to be given back, and its record dropped after unlocking.
#[must_use]
pub(crate) struct Departed {
    pub(crate) node: NodeRef,
    pub(crate) record: Arc<Proc>,
    pub(crate) death: Death,
}

#[derive(Default)]
pub(crate) struct Departures {
    line: Line,
    /// Who has to be told at once.
    ears: Arc<Ears>,
    /// A reason for which everybody has to be told at once: the runtime closes.
    closing: AtomicBool,
    /// Another: somebody stands still, whom the end of a process may leave without anybody to continue it.
    standing: AtomicBool,
}

/// In the order in which they ended. Aligned, so that it shares no cache line with what the tree's users touch.
#[derive(Default)]
#[repr(align(128))]
struct Line {
    ends: Mutex<Leaf, VecDeque<Departure>>,
    /// There are some: a hint that saves taking the lock.
    filled: AtomicBool,
}

/// How many sleep for the end of a child, by the parent's pid. Two parents may share a place: then both are told at once.
struct Ears([Ear; 64]);

#[derive(Default)]
#[repr(align(64))]
struct Ear(AtomicU32);

impl Default for Ears {
    fn default() -> Ears {
        Ears(std::array::from_fn(|_| Ear::default()))
    }
}

impl Ears {
    fn of(&self, parent: Pid) -> &AtomicU32 {
        &self.0[parent.as_raw() as usize % self.0.len()].0
    }
}

/// Stands for somebody who has to be told of the ends of a process's children at once.
#[must_use]
pub(crate) struct Listening {
    ears: Arc<Ears>,
    parent: Pid,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.ears.of(self.parent).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Departures {
    /// Whether there are ends that are not in the tree yet. Somebody who looks for a while before it sleeps takes it as a
    /// hint.
    pub(crate) fn waiting(&self) -> bool {
        self.line.filled.load(Ordering::SeqCst)
    }

    /// From here on the ends of the process's children are entered as they come. What is here already is still to be
    /// entered.
    pub(crate) fn listen(&self, parent: Pid) -> Listening {
        self.open_ear(parent);
        Listening { ears: Arc::clone(&self.ears), parent }
    }

    /// The same, until `close_ear`.
    pub(crate) fn open_ear(&self, parent: Pid) {
        lab_point!("the opening of an ear");
        self.ears.of(parent).fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn close_ear(&self, parent: Pid) {
        self.ears.of(parent).fetch_sub(1, Ordering::Relaxed);
    }

    /// From here on all ends are entered as they come.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Whether somebody stands still; true if that is new. Under `proclist_lock`.
    pub(crate) fn note_standing(&self, standing: bool) -> bool {
        if self.standing.load(Ordering::Relaxed) == standing {
            return false;
        }
        self.standing.store(standing, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        standing
    }

    /// Leaves an end here; whether there are so many that they are to be entered.
    pub(crate) fn push(&self, departure: Departure) -> bool {
        let mut ends = self.line.ends.lock();
        ends.push_back(departure);
        if ends.len() == 1 {
            self.line.filled.store(true, Ordering::SeqCst);
        }
        ends.len() >= MOST
    }

    /// Looks at those that are here, in their order; at none while somebody changes that.
    #[cfg(any(debug_assertions, feature = "racelab"))]
    pub(crate) fn audit_each(&self, look: impl FnMut(&Departure) -> Audited) -> Audited {
        self.line.ends.try_lock().map_or(Ok(()), |ends| ends.iter().try_for_each(look))
    }

    /// Puts those that are here behind those that somebody is about to enter.
    pub(crate) fn take(&self, departing: &mut VecDeque<Departure>) {
        let mut ends = self.line.ends.lock();
        self.line.filled.store(false, Ordering::Relaxed);
        if departing.is_empty() {
            std::mem::swap(&mut *ends, departing);
        } else {
            departing.append(&mut ends);
        }
    }
}

impl Departed {
    /// What a wait says of it.
    pub(crate) fn waited(&self) -> Waited {
        let Death { status, usage, report } = &self.death;
        Waited {
            pid: self.record.pid,
            status: *status,
            usage: *usage,
            children_usage: Usage::default(),
            report: report.clone(),
        }
    }

    /// Gives back what it still had; the record is for the next child if a parent takes it. Called without a lock.
    pub(crate) fn dispose(self, kernel: &Kernel, records: Option<&Records>) {
        drop(kernel.pids.release(self.record.pid));
        if let Some(records) = records {
            records.keep(self.record);
        }
    }
}

impl Kernel {
    /// Whether there are ends that are still to be entered.
    pub(crate) fn has_departures(&self, list: &ProcList) -> bool {
        !list.departing.is_empty() || self.departures.waiting()
    }

    /// Ends a process that leaves nothing behind but its status. Called without a lock.
    pub(crate) fn depart(&self, process: &Proc, departure: Departure) {
        let heard = planted!(self, LookBeforeLeaving).then(|| self.is_heard(process, process.ppid()));
        let former = planted!(self, StaleParent).then(|| process.ppid());
        let many = self.departures.push(departure);
        let is_heard = || self.is_heard(process, former.unwrap_or_else(|| process.ppid()));
        if many || heard.unwrap_or_else(is_heard) {
            drop(self.lock());
        }
    }

    /// Whether somebody has to be told of this end at once.
    fn is_heard(&self, process: &Proc, parent: Option<Pid>) -> bool {
        let departures = &self.departures;
        let ear = parent.map(|parent| departures.ears.of(parent));
        self.interest.load(Ordering::SeqCst) != 0
            || self.accounting.is_some()
            || process.ends_in_full()
            || departures.closing.load(Ordering::SeqCst)
            || departures.standing.load(Ordering::SeqCst)
            || ear.is_some_and(|ear| ear.load(Ordering::SeqCst) != 0)
    }

    /// Whether an end waits to be entered that somebody has to be told of: nobody may be at rest then.
    #[cfg(feature = "racelab")]
    pub(crate) fn overlooked(&self, list: &ProcList) -> Option<Pid> {
        let ends = self.departures.line.ends.try_lock()?;
        let heard = |departure: &&Departure| {
            let parent = list.tree.parent(departure.node).map(|parent| parent.pid);
            list.tree.record(departure.node).is_some_and(|record| self.is_heard(record, parent))
        };
        let overlooked = list.departing.iter().chain(ends.iter()).find(heard)?;
        list.tree.record(overlooked.node).map(|record| record.pid)
    }

    /// Enters the ends that wait for it into the tree; whether there were any.
    pub(crate) fn enter_departures(&self, list: &mut ProcListGuard<'_>) -> bool {
        if self.departures.waiting() {
            self.departures.take(&mut list.departing);
        }
        let any = !list.departing.is_empty();
        while let Some(departure) = list.departing.pop_front() {
            self.enter_departure(list, departure);
        }
        any
    }

    fn enter_departure(&self, list: &mut ProcListGuard<'_>, departure: Departure) {
        let (node, threads) = (departure.node, departure.threads as usize);
        let ties = list.tree.ties_of(node);
        self.bury(list, node, departure.death(), threads, &ties).dispose_locked(self);
    }

    /// Takes the end of the first child that is `wanted` and has departed, as if it had been entered and reaped at once,
    /// and enters those before it. For a waiter of `parent` that found nothing in the tree.
    pub(crate) fn take_departed(
        &self,
        list: &mut ProcListGuard<'_>,
        parent: NodeRef,
        wanted: &Wanted,
        waiter: &Arc<WaitSlot>,
    ) -> Option<Departed> {
        if self.departures.waiting() {
            self.departures.take(&mut list.departing);
        }
        // Whoever is to be told of each step sees each.
        let unseen = self.accounting.is_none() && list.events.is_empty() && list.phase == Phase::Running;
        while let Some(departure) = list.departing.pop_front() {
            let node = departure.node;
            if unseen && list.tree.is_plainly_wanted(parent, node, wanted, waiter) {
                return Some(self.pass_by(list, departure));
            }
            self.enter_departure(list, departure);
        }
        None
    }

    /// A death and its reaping in one step: what [`bury`](Kernel::bury) and a wait do, but for what nobody can see of it.
    fn pass_by(&self, list: &mut ProcList, departure: Departure) -> Departed {
        let (node, threads) = (departure.node, departure.threads as usize);
        let death = departure.death();
        let (record, freed) = list.tree.pass_by(node, death.usage);
        lab_note!("pid {}: Exiting -> reaped", record.pid);
        list.reaped += 1;
        list.admission.release(threads);
        self.pids.free(freed);
        Departed { node, record, death }
    }

    /// Notes what SIGCHLD means to the process, after that has changed. Under its `p_smutex`. True if it has to be told
    /// of deaths from now on: then the ends that have departed are to be entered, once that is unlocked.
    #[must_use]
    pub(crate) fn note_hearing(&self, process: &Proc, state: &ProcState) -> bool {
        let before = process.replace_hearing(state);
        let now = process.hears_of_deaths();
        match (before, now) {
            (false, true) => self.departures.open_ear(process.pid),
            (true, false) => self.departures.close_ear(process.pid),
            _ => {}
        }
        now && !before
    }

    /// The process ends, or was never there.
    pub(crate) fn stop_hearing(&self, process: &Proc) {
        if process.stop_hearing() {
            self.departures.close_ear(process.pid);
        }
    }
}
