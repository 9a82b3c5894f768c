//! Ends on their way into the tree.
//!
//! What costs most of a short life is the lock and the cache lines that its end shares with the spawner and the waiter.
//! So a process that leaves nothing behind but its status does not take `proclist_lock` to end: it leaves its end here,
//! and whoever takes the lock next enters all of them into the tree before anything else ([`Kernel::lock`]). Nobody
//! reads a tree in which an end is missing, and each end still is one hold of the lock (row 46).
//!
//! Who has to be told of an end without taking the lock says so first and enters what is here afterwards; a process
//! leaves its end first and looks afterwards whether somebody has to be told ([`Kernel::depart`]). With a fence between
//! the two on either side, one of them sees the other, so no end stays here while somebody sleeps for it.

use greenproc_sync::Mutex;
use greenproc_sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};

use crate::kernel::{Kernel, ProcListGuard};
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::proc::{Proc, ProcState};
#[cfg(any(debug_assertions, feature = "racelab"))]
use crate::tree::Audited;
use crate::tree::{Death, NodeRef};

/// So many may wait here before they are entered, in one hold of `proclist_lock` that takes some hundred microseconds.
const MOST: usize = 2_048;

/// The same where only one CPU is usable: there an end disturbs nobody's cache, and is best entered while that still has
/// what it left.
const MOST_ON_ONE_CPU: usize = 64;

/// The end of one process.
pub(crate) struct Departure {
    pub(crate) node: NodeRef,
    pub(crate) death: Death,
    /// How many native threads it gives back.
    pub(crate) threads: usize,
}

pub(crate) struct Departures {
    line: Line,
    /// So many are entered by whoever leaves the last of them.
    most: usize,
    /// Who has to be told at once.
    ears: Ears,
    /// A reason for which everybody has to be told at once: the runtime closes.
    closing: AtomicBool,
    /// Another: somebody stands still, whom the end of a process may leave without anybody to continue it.
    standing: AtomicBool,
}

/// In the order in which they ended. Aligned, so that it shares no cache line with what the tree's users touch.
#[derive(Default)]
#[repr(align(128))]
struct Line {
    ends: Mutex<Leaf, Vec<Departure>>,
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
pub(crate) struct Listening<'a>(&'a AtomicU32);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Departures {
    pub(crate) fn new(usable_cpus: usize) -> Departures {
        Departures {
            line: Line::default(),
            most: if usable_cpus > 1 { MOST } else { MOST_ON_ONE_CPU },
            ears: Ears::default(),
            closing: AtomicBool::new(false),
            standing: AtomicBool::new(false),
        }
    }

    /// Whether there are ends that are not in the tree yet. Somebody who looks for a while before it sleeps takes it as a
    /// hint.
    pub(crate) fn waiting(&self) -> bool {
        self.line.filled.load(Ordering::Acquire)
    }

    /// From here on the ends of the process's children are entered as they come. What is here already is still to be
    /// entered.
    pub(crate) fn listen(&self, parent: Pid) -> Listening<'_> {
        self.open_ear(parent);
        Listening(self.ears.of(parent))
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
        ends.push(departure);
        if ends.len() == 1 {
            self.line.filled.store(true, Ordering::Release);
        }
        ends.len() >= self.most
    }

    /// Looks at those that are here, in their order; at none while somebody changes that.
    #[cfg(any(debug_assertions, feature = "racelab"))]
    pub(crate) fn audit_each(&self, look: impl FnMut(&Departure) -> Audited) -> Audited {
        self.line.ends.try_lock().map_or(Ok(()), |ends| ends.iter().try_for_each(look))
    }

    /// Takes those that are here, and leaves room for others.
    pub(crate) fn take(&self, spare: Vec<Departure>) -> Vec<Departure> {
        let mut ends = self.line.ends.lock();
        self.line.filled.store(false, Ordering::Relaxed);
        std::mem::replace(&mut ends, spare)
    }
}

impl Kernel {
    /// Ends a process that leaves nothing behind but its status. Called without a lock.
    pub(crate) fn depart(&self, process: &Proc, departure: Departure) {
        let heard = planted!(self, LookBeforeLeaving).then(|| self.is_heard(process, process.ppid()));
        let former = planted!(self, StaleParent).then(|| process.ppid());
        let many = self.departures.push(departure);
        fence(Ordering::SeqCst);
        let is_heard = || self.is_heard(process, former.unwrap_or_else(|| process.ppid()));
        if many || heard.unwrap_or_else(is_heard) {
            drop(self.lock());
        }
    }

    /// Whether somebody has to be told of this end at once.
    fn is_heard(&self, process: &Proc, parent: Option<Pid>) -> bool {
        let departures = &self.departures;
        let ear = parent.map(|parent| departures.ears.of(parent));
        self.interest.load(Ordering::Relaxed) != 0
            || self.accounting.is_some()
            || process.ends_in_full()
            || departures.closing.load(Ordering::Relaxed)
            || departures.standing.load(Ordering::Relaxed)
            || ear.is_some_and(|ear| ear.load(Ordering::Relaxed) != 0)
    }

    /// Whether an end waits to be entered that somebody has to be told of: nobody may be at rest then.
    #[cfg(feature = "racelab")]
    pub(crate) fn overlooked(&self, tree: &crate::tree::ProcTree) -> Option<Pid> {
        let ends = self.departures.line.ends.try_lock()?;
        let heard = |departure: &&Departure| {
            let parent = tree.parent(departure.node).map(|parent| parent.pid);
            tree.record(departure.node).is_some_and(|record| self.is_heard(record, parent))
        };
        let overlooked = ends.iter().find(heard)?;
        tree.record(overlooked.node).map(|record| record.pid)
    }

    /// Enters the ends that wait for it into the tree; whether there were any.
    pub(crate) fn enter_departures(&self, list: &mut ProcListGuard<'_>) -> bool {
        if !self.departures.waiting() {
            return false;
        }
        let spare = std::mem::take(&mut list.spare);
        let mut ends = self.departures.take(spare);
        for Departure { node, death, threads } in ends.drain(..) {
            let ties = list.tree.ties_of(node);
            self.bury(list, node, death, threads, &ties).dispose_locked(self);
        }
        list.spare = ends;
        true
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
