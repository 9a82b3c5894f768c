//! What one runtime consists of.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use greenproc_os::kick::Kick;
use greenproc_sync::atomic::{AtomicBool, AtomicU32, Ordering};
use greenproc_sync::{Condvar, Mutex, MutexGuard, time};
#[cfg(feature = "hold-times")]
use greenproc_sync::{RawMutex, hold_times::Holds};

use crate::accounting::Accounting;
use crate::admission::Admission;
use crate::builder::OnInitExit;
use crate::departures::{Departure, Departures};
use crate::error::{Error, Exhausted, Result};
use crate::event::{EventKind, Subscribers};
use crate::host::HostEnd;
use crate::ktrace::Fact;
use crate::life::Life;
use crate::locks::{Proclist, StartQueue};
use crate::lwp::Nudge;
use crate::pace::Pace;
use crate::pid::Pid;
use crate::proc::{Nudges, Proc};
use crate::programs::Programs;
use crate::spin::Spinning;
use crate::starts::Starts;
use crate::status::ExitStatus;
use crate::subtree::{Freezes, Sweeping};
use crate::table::{Entry, PidTable};
use crate::threads::{Start, Threads};
use crate::timekeeper::Timekeeper;
use crate::tree::{NodeRef, ProcTree, Reaped};
use crate::watch::Watches;

/// How many nodes one hold of `proclist_lock` works on when there are many (adoption, group kills, snapshots).
pub(crate) const BATCH: usize = 256;

/// How many batches one may do before others come first.
const TURN: u32 = 16;

/// Aligned, so that the count of its `Arc`, which every handle changes, shares no cache line with it.
#[repr(align(128))]
pub(crate) struct Kernel {
    pub(crate) config: Config,
    pub(crate) kick: Kick,
    /// `proclist_lock`, with all it guards inside. Taken by [`lock`](Kernel::lock).
    pub(crate) proclist: ProclistLock,
    /// Ends that are still to be entered under it.
    pub(crate) departures: Departures,
    /// A process died, or init ended: for shutdown and `Runtime::wait`. Interlock: `proclist_lock`.
    pub(crate) quiet_cv: Condvar<Proclist>,
    /// Which LWPs wait for a thread, under a lock of its own: a thread between two short lives takes no other.
    pub(crate) starts: CachePadded<Mutex<StartQueue, Starts<Start>>>,
    pub(crate) pids: PidTable,
    pub(crate) programs: Programs,
    pub(crate) threads: Threads,
    pub(crate) timekeeper: Timekeeper,
    /// Takes the records of those that end, if somebody asked for them.
    pub(crate) accounting: Option<Accounting>,
    /// How many threads of the default class are at work.
    pub(crate) pace: Arc<Pace>,
    /// A start was queued while a thread spins. Set by whoever queued it, cleared by the spinner.
    pub(crate) start_is_there: CachePadded<AtomicBool>,
    /// The kinds of events that somebody wants, as a hint that saves taking `proclist_lock`.
    pub(crate) interest: AtomicU32,
    /// Mistakes that the race lab has planted.
    #[cfg(feature = "racelab")]
    pub(crate) faults: Arc<crate::racelab::Faults>,
}

/// What the builder decided. Immutable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// How to look before sleeping.
    pub(crate) spinning: Spinning,
    /// How long a native thread that has nothing to do is kept.
    pub(crate) keep_threads: Duration,
    pub(crate) on_init_exit: OnInitExit,
    /// Init runs the runtime's own reaper.
    pub(crate) built_in_init: bool,
    pub(crate) stack_size: usize,
}

/// What `proclist_lock` guards.
#[derive(Default)]
pub(crate) struct ProcList {
    pub(crate) tree: ProcTree,
    pub(crate) admission: Admission,
    pub(crate) events: Subscribers,
    /// What is being done to whole subtrees.
    pub(crate) sweeping: Vec<Sweeping>,
    /// Which subtrees are frozen.
    pub(crate) freezes: Freezes,
    /// Who watches whom.
    pub(crate) watches: Watches,
    pub(crate) phase: Phase,
    /// The grace of the shutdown is over, however much of it was left.
    pub(crate) hastened: bool,
    pub(crate) host_end: HostEnd,
    pub(crate) init: Option<NodeRef>,
    pub(crate) spawned: u64,
    pub(crate) reaped: u64,
    /// Ends that are entered next.
    pub(crate) departing: VecDeque<Departure>,
}

/// `proclist_lock`, which nobody takes but by way of the kernel.
pub(crate) struct ProclistLock(Mutex<Proclist, ProcList>, #[cfg(feature = "hold-times")] Arc<Holds>);

impl ProclistLock {
    #[cfg(not(feature = "hold-times"))]
    pub(crate) fn new(list: ProcList) -> ProclistLock {
        ProclistLock(Mutex::new(list))
    }

    #[cfg(feature = "hold-times")]
    pub(crate) fn new(list: ProcList) -> ProclistLock {
        let holds = Arc::new(Holds::new());
        ProclistLock(Mutex::from_raw(RawMutex::recorded(Arc::clone(&holds)), list), holds)
    }

    /// Where its holds are recorded.
    #[cfg(feature = "hold-times")]
    pub(crate) fn holds(&self) -> &Holds {
        &self.1
    }
}

/// `proclist_lock`, held.
pub(crate) type ProcListGuard<'a> = MutexGuard<'a, Proclist, ProcList>;

/// Work that takes `proclist_lock` for one batch after another: whoever takes a lock again at once is faster than those who
/// have to wake up for it, and would keep them waiting until all is done. To let them go first after each batch would make
/// all sleep and wake up for each.
#[derive(Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// Lets the lock go after a batch.
    pub(crate) fn unlock(&mut self, list: ProcListGuard<'_>) {
        self.0 = self.0.wrapping_add(1);
        if self.0.is_multiple_of(TURN) { MutexGuard::unlock_fair(list) } else { drop(list) }
    }
}

/// Where the runtime is in its own life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Running,
    /// Nobody is admitted any more.
    Closing,
    /// Init has ended.
    Down(ExitStatus),
}

/// What becomes free when `proclist_lock` has been released.
#[derive(Default)]
#[must_use = "records are dropped and pids given back after unlocking"]
pub(crate) struct Leftovers(Vec<Reaped>);

impl Leftovers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, reaped: Reaped) {
        self.0.push(reaped);
    }
}

impl ProcList {
    /// Notes that a process left the tree. The numbers of its group and session are free from here on.
    pub(crate) fn note_reaped(&mut self, pids: &PidTable, reaped: &Reaped) {
        lab_note!("pid {}: Zombie -> reaped", reaped.pid);
        self.reaped += 1;
        if !planted!(self.tree, GroupNumberStays) {
            pids.free(reaped.freed);
        }
        if matches!(self.phase, Phase::Down(_)) {
            // It may have been the last of those that outlived init.
            self.bury_init(pids);
        }
        if let Some(recording) = &reaped.zombie.recording {
            recording.note(None, Fact::Reaped);
        }
        self.events.tell(reaped.pid, &reaped.zombie.name, EventKind::Reaped);
    }

    /// Init has ended: once it is the last, its numbers are free too.
    pub(crate) fn bury_init(&mut self, pids: &PidTable) {
        let freed = self.init.and_then(|init| self.tree.bury_init(init));
        if let Some(freed) = freed {
            self.init = None;
            pids.free(freed);
            // Its record owns nothing of the user's any more, so it may go under the lock.
            drop(pids.release(Pid::INIT));
        }
    }

    /// Processes that have not ended, init among them.
    pub(crate) fn live(&self) -> usize {
        self.tree.len() - self.tree.zombies()
    }

    pub(crate) fn admits(&self) -> Result<()> {
        match self.phase {
            Phase::Running => Ok(()),
            Phase::Closing => Err(Exhausted::ShuttingDown.into()),
            Phase::Down(status) => Err(Error::InitEnded { status }),
        }
    }
}

impl Kernel {
    /// Takes `proclist_lock`: with all ends in the tree that were left to be entered.
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    pub(crate) fn lock(&self) -> ProcListGuard<'_> {
        let mut list = self.proclist.0.lock();
        self.enter_departures(&mut list);
        list
    }

    /// Takes `proclist_lock` and leaves those ends where they are: for who is not concerned by the end of a process that
    /// leaves nothing behind.
    #[cfg_attr(any(debug_assertions, feature = "racelab"), track_caller)]
    pub(crate) fn lock_as_it_is(&self) -> ProcListGuard<'_> {
        self.proclist.0.lock()
    }

    /// The same, if nobody has it.
    #[cfg(feature = "racelab")]
    pub(crate) fn try_lock_as_it_is(&self) -> Option<ProcListGuard<'_>> {
        self.proclist.0.try_lock()
    }

    /// Gives back what a reaped process still had. Called without a lock.
    pub(crate) fn dispose(&self, leftovers: Leftovers) {
        for reaped in leftovers.0 {
            self.dispose_one(reaped);
        }
    }

    pub(crate) fn dispose_one(&self, reaped: Reaped) {
        let slot = self.pids.release(reaped.pid);
        drop((slot, reaped));
    }

    /// Who has this pid: a process that is linked and was not reaped. One that has ended is dead here, whether or not the
    /// table keeps its record still.
    pub(crate) fn find(&self, pid: Pid) -> Result<Entry> {
        match self.pids.find(pid) {
            Some(Entry::Live(process)) => match process.node() {
                None if planted!(self, EmbryoAnswers) => Ok(Entry::Live(process)),
                None => Err(Error::NoProcess { pid: pid.as_raw() }),
                Some(node) if process.state.lock().life == Life::Zombie => Ok(Entry::Dead(node)),
                Some(_) => Ok(Entry::Live(process)),
            },
            Some(entry) => Ok(entry),
            None => Err(Error::NoProcess { pid: pid.as_raw() }),
        }
    }

    /// The process with this pid, if it has not ended.
    pub(crate) fn find_live(&self, pid: Pid) -> Result<Arc<Proc>> {
        match self.find(pid)? {
            Entry::Live(process) => Ok(process),
            Entry::Dead(_) => Err(Error::NoProcess { pid: pid.as_raw() }),
        }
    }

    /// Does what is left to do about interrupted LWPs. Called without a lock.
    pub(crate) fn nudge(&self, process: &Arc<Proc>, nudges: Nudges) {
        for nudge in nudges {
            match nudge {
                Nudge::Done => {}
                Nudge::Waiter(slot) => {
                    // The waiter looked for requests under this lock before it slept.
                    let _interlock = self.lock();
                    slot.cv.notify_one();
                }
                Nudge::Kick(lwp) => self.timekeeper.kick(process, lwp),
                Nudge::Watch(lwp) => self.timekeeper.watch(process, lwp),
            }
        }
    }

    /// The same, for a caller that holds `proclist_lock`.
    pub(crate) fn nudge_locked(&self, _list: &ProcListGuard<'_>, process: &Arc<Proc>, nudges: Nudges) {
        for nudge in nudges {
            match nudge {
                Nudge::Done => {}
                Nudge::Waiter(slot) => {
                    slot.cv.notify_one();
                }
                Nudge::Kick(lwp) => self.timekeeper.kick(process, lwp),
                Nudge::Watch(lwp) => self.timekeeper.watch(process, lwp),
            }
        }
    }

    /// Tells an event that is not one of the tree.
    pub(crate) fn tell(&self, process: &Proc, kind: EventKind) {
        if self.interest.load(Ordering::Relaxed) & kind.filter().bits() == 0 {
            return;
        }
        self.lock().events.tell(process.pid, &process.name(), kind);
    }

    /// Waits until `done`, or until the deadline; whether it was done.
    pub(crate) fn wait_quiet(
        &self,
        list: &mut ProcListGuard<'_>,
        deadline: Option<Instant>,
        mut done: impl FnMut(&mut ProcList) -> bool,
    ) -> bool {
        loop {
            if done(list) {
                return true;
            }
            match deadline {
                None => self.quiet_cv.wait(list),
                Some(deadline) if time::now() >= deadline => return false,
                Some(deadline) => {
                    let _ = self.quiet_cv.wait_until(list, deadline);
                }
            }
        }
    }
}
