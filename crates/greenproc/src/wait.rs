//! Waiting for children: look, sleep if nothing is there yet, look again.
//!
//! The look and the sleep are one hold of `proclist_lock`, which is also what a death is published under, so a child
//! that dies in between cannot be missed. A ready child beats a signal, a time-out and NOHANG (row 62).

use std::sync::Arc;
use std::time::Instant;

use greenproc_sync::atomic::Ordering;
use greenproc_sync::{Mutex, time};

use crate::departures::Departed;
use crate::kernel::{Kernel, Leftovers, ProcListGuard};
use crate::locks::Leaf;
use crate::lwp::Place;
use crate::pace::Doze;
use crate::pid::Pid;
use crate::proc::Request;
use crate::process::Process;
use crate::records::Records;
use crate::selector::Waited;
use crate::starts::{Call, ClassId};
use crate::tree::{Found, NodeRef, Poll, ProcTree, WaitSlot, Wanted, Zombie};

/// Who waits.
pub(crate) enum Caller<'a> {
    /// An LWP: requests to it end its sleep.
    Lwp(&'a Process),
    /// A thread outside the runtime, with a handle.
    Outside(Arc<WaitSlot>),
}

/// How long a wait may last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Not at all: NOHANG.
    None,
    Until(Instant),
    Forever,
}

/// Whether what was found is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    Reap,
    /// NOWAIT: it stays for a later wait.
    Peek,
}

/// Why a wait found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmet {
    NoChild,
    /// Its patience ended.
    NotYet,
    Interrupted(Request),
}

/// A wait among the children of one process.
pub(crate) struct Wait<'a> {
    pub(crate) caller: Caller<'a>,
    pub(crate) parent: NodeRef,
    pub(crate) wanted: Wanted,
    pub(crate) take: Take,
    pub(crate) patience: Patience,
    /// Where a handle keeps what it reaped; filled in the hold that reaps, so that nobody finds the child gone and the
    /// note not there.
    pub(crate) note: Note<'a>,
}

/// Waits for an event. Only looks at requests instead of sleeping.
pub(crate) fn wait(kernel: &Arc<Kernel>, wait: &Wait<'_>) -> Result<Waited, Unmet> {
    let Wait { ref caller, parent, ref wanted, take, patience, note } = *wait;
    // What is in the tree already ended before what has departed since.
    let mut list = kernel.lock_as_it_is();
    let look = wait.look(kernel, &mut list);
    if matches!(look, Look::Tree(Poll::Ready(..))) && planted!(kernel, ReapInTwoSteps) {
        drop(list);
        list = kernel.lock_as_it_is();
    }
    match look {
        Look::Departed(departed) => return Ok(wait.receive(kernel, list, departed)),
        Look::Tree(Poll::Ready(child, _)) => return Ok(consume(kernel, list, child, take, note)),
        Look::Tree(Poll::NoChild) => return Err(Unmet::NoChild),
        Look::Tree(Poll::Nothing) if matches!(patience, Patience::None) => return Err(Unmet::NotYet),
        Look::Tree(Poll::Nothing) => {}
    }
    list.tree.enter_channel(parent, caller.slot(), *wanted);
    if caller.looks_first(kernel) {
        drop(list);
        caller.spin(kernel);
        list = kernel.lock_as_it_is();
    }
    let mut dozing = None;
    loop {
        let poll = match wait.look(kernel, &mut list) {
            Look::Tree(poll) => poll,
            Look::Departed(departed) => {
                list.tree.leave_channel(parent, caller.slot(), Some(departed.node));
                return Ok(wait.receive(kernel, list, departed));
            }
        };
        match poll {
            Poll::Ready(child, _) if take == Take::Reap => {
                // The reaping tells those who waited for this child; the caller is still among the waiters then.
                let found = take_out(kernel, &mut list, child, take, note);
                list.tree.leave_channel(parent, caller.slot(), Some(child));
                drop(list);
                return Ok(found.into_waited(kernel));
            }
            #[cfg(feature = "racelab")]
            Poll::Ready(child, _) if planted!(kernel, PeekKeepsWakeup) => {
                list.tree.leave_silently(parent, caller.slot());
                return Ok(consume(kernel, list, child, take, note));
            }
            Poll::Ready(child, _) => {
                list.tree.leave_channel(parent, caller.slot(), None);
                return Ok(consume(kernel, list, child, take, note));
            }
            Poll::NoChild => {
                list.tree.leave_channel(parent, caller.slot(), None);
                return Err(Unmet::NoChild);
            }
            Poll::Nothing => list.tree.rearm(parent, caller.slot()),
        }
        if dozing.is_none() {
            let doze = caller.doze(kernel);
            let call = doze.call(&kernel.starts, ClassId::DEFAULT);
            dozing = Some(doze);
            let kept = caller.records().is_some_and(|records| !records.is_empty());
            if kept || !matches!(call, Call::Nobody) {
                drop(list);
                kernel.answer(ClassId::DEFAULT, call);
                // Who sleeps keeps none.
                caller.records().inspect(|records| records.clear());
                list = kernel.lock_as_it_is();
                continue;
            }
        }
        if caller.listen(kernel, &mut list.tree, parent)
            && !planted!(kernel, DeafWaiter)
            && kernel.has_departures(&list)
        {
            continue;
        }
        let unmet = match patience {
            Patience::Until(deadline) if time::now() >= deadline => Some(Unmet::NotYet),
            _ => caller.fall_asleep().map(Unmet::Interrupted),
        };
        if let Some(unmet) = unmet {
            list.tree.leave_channel(parent, caller.slot(), None);
            return Err(unmet);
        }
        if planted!(kernel, CheckOutsideLock) {
            drop(list);
            list = kernel.lock_as_it_is();
        }
        match patience {
            Patience::Until(deadline) => {
                let _ = caller.slot().cv.wait_until(&mut list, deadline);
            }
            Patience::Forever | Patience::None => caller.slot().cv.wait(&mut list),
        }
        #[cfg(feature = "racelab")]
        if let Some(unmet) = caller.leave_carelessly(kernel, &mut list, parent, patience) {
            drop(list);
            caller.wake_up();
            return Err(unmet);
        }
        caller.wake_up();
    }
}

/// What a wait sees when it looks.
enum Look {
    Tree(Poll),
    /// It has taken the end of a child that had departed.
    Departed(Departed),
}

impl Wait<'_> {
    /// Looks in the tree, and then among those that have departed since.
    fn look(&self, kernel: &Kernel, list: &mut ProcListGuard<'_>) -> Look {
        let poll = list.tree.poll(self.parent, &self.wanted);
        if matches!(poll, Poll::Ready(..)) || !kernel.has_departures(list) {
            return Look::Tree(poll);
        }
        let slot = self.caller.slot();
        if self.take == Take::Reap
            && let Some(departed) = kernel.take_departed(list, self.parent, &self.wanted, slot)
        {
            return Look::Departed(departed);
        }
        kernel.enter_departures(list);
        Look::Tree(list.tree.poll(self.parent, &self.wanted))
    }

    /// Finishes what the look has taken.
    fn receive(&self, kernel: &Kernel, list: ProcListGuard<'_>, departed: Departed) -> Waited {
        let waited = departed.waited();
        keep(self.note, || waited.clone());
        drop(list);
        departed.dispose(kernel, self.caller.records());
        waited
    }
}

/// Looks for an event, and takes it. If it may still come, `not_yet` is called in the same hold: what it notes down is seen
/// by whoever publishes the event.
#[cfg(feature = "async")]
pub(crate) fn look(
    kernel: &Kernel,
    parent: NodeRef,
    wanted: &Wanted,
    note: Note<'_>,
    not_yet: impl FnOnce(&mut crate::kernel::ProcList),
) -> Result<Waited, Unmet> {
    let mut list = kernel.lock();
    match list.tree.poll(parent, wanted) {
        Poll::Ready(child, _) => Ok(consume(kernel, list, child, Take::Reap, note)),
        Poll::NoChild => Err(Unmet::NoChild),
        Poll::Nothing => {
            not_yet(&mut list);
            kernel.enter_departures(&mut list);
            Err(Unmet::NotYet)
        }
    }
}

/// What was taken while the lock was held, to be finished without it.
enum Taken {
    Here(Found),
    HandedBack(Waited, Leftovers),
}

/// Where a handle keeps what it reaped.
pub(crate) type Note<'a> = Option<&'a Mutex<Leaf, Option<Box<Waited>>>>;

fn take_out(
    kernel: &Kernel,
    list: &mut ProcListGuard<'_>,
    child: NodeRef,
    take: Take,
    note: Note<'_>,
) -> Taken {
    let found = list.tree.consume(child, take == Take::Peek);
    if let Found::HandedBack(waited, reaped) = found {
        let mut leftovers = Leftovers::default();
        kernel.announce_return(list, child, reaped, &mut leftovers);
        return Taken::HandedBack(waited, leftovers);
    }
    if let Found::Reaped(reaped) = &found {
        list.note_reaped(&kernel.pids, reaped);
        #[cfg(feature = "racelab")]
        if planted!(kernel, NoteInNextHold) {
            greenproc_sync::MutexGuard::unlocked(list, || {});
        }
        keep(note, || Waited::of(reaped.pid, &reaped.zombie));
    }
    Taken::Here(found)
}

/// Writes down for a handle what it reaped.
fn keep(note: Note<'_>, waited: impl FnOnce() -> Waited) {
    if let Some(note) = note {
        *note.lock() = Some(Box::new(waited()));
    }
}

fn consume(
    kernel: &Kernel,
    mut list: ProcListGuard<'_>,
    child: NodeRef,
    take: Take,
    note: Note<'_>,
) -> Waited {
    let taken = take_out(kernel, &mut list, child, take, note);
    drop(list);
    taken.into_waited(kernel)
}

impl Taken {
    fn into_waited(self, kernel: &Kernel) -> Waited {
        match self {
            Taken::Here(Found::Seen(waited) | Found::HandedBack(waited, _)) => waited,
            Taken::Here(Found::Reaped(reaped)) => {
                let waited = Waited::of(reaped.pid, &reaped.zombie);
                kernel.dispose_one(reaped);
                waited
            }
            Taken::HandedBack(waited, leftovers) => {
                kernel.dispose(leftovers);
                waited
            }
        }
    }
}

impl Waited {
    pub(crate) fn of(pid: Pid, zombie: &Zombie) -> Waited {
        Waited {
            pid,
            status: zombie.status,
            usage: zombie.usage,
            children_usage: zombie.children_usage.as_deref().copied().unwrap_or_default(),
            report: zombie.report.clone(),
        }
    }
}

impl Caller<'_> {
    fn slot(&self) -> &Arc<WaitSlot> {
        match self {
            Caller::Lwp(process) => &process.worker.seat.slot,
            Caller::Outside(slot) => slot,
        }
    }

    /// Where records are kept for the next children.
    fn records(&self) -> Option<&Records> {
        match self {
            Caller::Lwp(process) => Some(&process.worker.records),
            Caller::Outside(_) => None,
        }
    }

    /// Marks the LWP as waiting, unless a request came for it. Under `proclist_lock`, so that whoever posts a request
    /// after this finds the waiter asleep.
    fn fall_asleep(&self) -> Option<Request> {
        let Caller::Lwp(process) = self else { return None };
        process.fall_asleep(&mut process.record.state.lock(), Place::Waiting)
    }

    /// Leaves with the wake-up that it may have got, as its time is over or something else is asked of it: two mistakes.
    #[cfg(feature = "racelab")]
    fn leave_carelessly(
        &self,
        kernel: &Kernel,
        list: &mut ProcListGuard<'_>,
        parent: NodeRef,
        patience: Patience,
    ) -> Option<Unmet> {
        let late = matches!(patience, Patience::Until(deadline) if time::now() >= deadline);
        let unmet = match self {
            _ if late && planted!(kernel, TimeoutKeepsWakeup) => Unmet::NotYet,
            Caller::Lwp(process) if planted!(kernel, KilledKeepsWakeup) => {
                Unmet::Interrupted(process.record.state.lock().request(process.lwp)?)
            }
            _ => return None,
        };
        list.tree.leave_silently(parent, self.slot());
        Some(unmet)
    }

    /// Has the ends of its children entered as they come until it is told of one; true if that is new. What a handle owns is entered at once anyway.
    fn listen(&self, kernel: &Kernel, tree: &mut ProcTree, parent: NodeRef) -> bool {
        let Caller::Lwp(process) = self else { return false };
        tree.listen(parent, self.slot(), || kernel.departures.listen(process.record.pid))
    }

    /// Counts the LWP as sleeping.
    fn doze<'k>(&self, kernel: &'k Kernel) -> Doze<'k> {
        let counted = match self {
            Caller::Lwp(process) => process.worker.pace().is_some(),
            Caller::Outside(_) => false,
        };
        Doze::begin(counted.then_some(&*kernel.pace))
    }

    fn wake_up(&self) {
        if let Caller::Lwp(process) = self {
            process.wake_up(&mut process.record.state.lock());
        }
    }

    /// Whether there is something to do without the lock before the sleep.
    fn looks_first(&self, kernel: &Kernel) -> bool {
        let unnamed = match self {
            Caller::Lwp(process) => !process.worker.named.get(),
            Caller::Outside(_) => false,
        };
        let spins = self.spins(kernel);
        if !spins {
            self.slot().luck.note(false);
        }
        unnamed || spins
    }

    /// Looks for a moment without sleeping, if the last wait was answered that fast.
    fn spin(&self, kernel: &Kernel) {
        if let Caller::Lwp(process) = self {
            process.name_thread();
        }
        if self.spins(kernel) {
            let (slot, departures) = (self.slot(), &kernel.departures);
            let there = || slot.is_granted() || departures.waiting() || self.is_asked();
            slot.luck.note(kernel.config.spinning.until(there));
        }
    }

    fn spins(&self, kernel: &Kernel) -> bool {
        self.slot().luck.tries(kernel.config.spinning, 1)
    }

    fn is_asked(&self) -> bool {
        match self {
            Caller::Lwp(process) => process.worker.seat.attention.load(Ordering::Relaxed),
            Caller::Outside(_) => false,
        }
    }
}
