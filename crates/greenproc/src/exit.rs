//! The end of an LWP, and of a process: the steps of `exit1`, in order.
//!
//! What runs when (rows of the kernel map in brackets):
//!
//! 1. `begin_exit` sets the exiting mark and makes the other LWPs look [4, 7, 50]. It is done where the end is decided:
//!    in `exit`, by a fatal signal, when the body returned or panicked.
//! 2. `take_exit` makes one LWP the exit's owner, refuses inspectors [12] and takes the signal functions away [13]. The
//!    body's stack is unwound by then.
//! 3. `others_leave` waits until this is the only LWP [7, 51]; one that is so marked stops once here [8].
//! 4. `drop_isolated` and `Extras::tear_down` run user code for the last time, as this process [17, 19, 24, 26, 32], and let a
//!    parent's LWP go that waits in `vfork` [29].
//! 5. `publish`: a session leader's terminal is hung up [30]; the children go to another parent [36, 74], as a dead parent has none; usage is final [42]; the zombie
//!    is recorded [21, 22] and there [37, 46], who watches is told [33], and the parent [41, 47], in one hold of `proclist_lock`; or it is reaped at once [40].
//! 6. The thread goes on to the next LWP, or leaves [49]. Nothing of the record is touched after 5 but by dropping it.
//!
//! A process that has nothing to take leave of goes from 1 to 5 in one hold of its `p_smutex` (`exit/plain.rs`).

mod plain;

use std::sync::Arc;

use greenproc_sync::atomic::{Ordering, fence};
use greenproc_sync::{assert_no_locks_held, time};

use crate::accounting::{Accounting, Record};
use crate::event::{EventFilter, EventKind};
use crate::kernel::{BATCH, Kernel, Leftovers, Phase, ProcListGuard, Turns};
use crate::ktrace::Fact;
use crate::life::Life;
use crate::lwp::{Leaving, Place};
use crate::pid::{LwpId, Pid};
use crate::proc::{End, Nudges, Proc, ProcState};
use crate::process::Process;
use crate::shutdown;
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::signal_state::Signals;
use crate::starts::ClassId;
use crate::status::ExitStatus;
use crate::table::Entry;
use crate::term::OnTerm;
use crate::threads::Start;
use crate::tree::{Buried, Death, Moved, NodeRef, Reaped};
use crate::usage::Usage;
use crate::wait_queue::Wakeups;
use crate::watch::Wakers;
use crate::worker::{Began, Ended, Worker, drop_isolated};
use plain::{end_plainly, leave_behind};

/// What runs user code when it is dropped: the SIGTERM function, and the actions.
type Handlers = (Option<OnTerm>, Option<Box<Signals>>);

/// What an LWP has to do about its process when its body is over.
enum Role {
    /// It runs the exit.
    Owner {
        /// Other LWPs are still there.
        accompanied: bool,
        /// Functions for signals, to be dropped.
        handlers: Handlers,
        /// Its tracer wants it to stop once on its way (row 8).
        stops: bool,
    },
    /// It only leaves.
    Leaver,
}

/// Ends the calling LWP, and its process if that falls to it. Returns what the thread does next.
///
/// Its frame is not to be on the stack while the body runs.
#[inline(never)]
pub(crate) fn lwp_end(process: &Process, ended: Ended, began: Began) -> Option<Start> {
    let ended = match end_plainly(process, ended, began) {
        Ok(next) => return next,
        Err(ended) => ended,
    };
    let worker = &process.worker;
    // Its hooks and handlers run, or are dropped.
    worker.doubt_mask();
    let (role, nudges) = decide(process, ended);
    worker.kernel.nudge(&process.record, nudges);
    match role {
        Role::Owner { accompanied, handlers, stops } => {
            if accompanied && !planted!(worker.kernel, OthersNotAwaited) {
                others_leave(process);
            }
            if stops || process.record.extras().is_some_and(|extras| extras.exit_stop.is_wanted()) {
                process.stand_on_exit();
            }
            worker.kernel.tell(&process.record, EventKind::Exiting);
            process.record.ktrace(Some(process.lwp), || Fact::Exiting { status: process.end_so_far() });
            if let Some(term) = handlers.0 {
                drop_isolated(process, term);
            }
            if let Some(signals) = handlers.1 {
                drop_isolated(process, signals);
            }
            if let Some(extras) = process.record.extras() {
                extras.tear_down(process);
            }
            // Those that what ran last has made.
            worker.drop_values(process);
            if let Some(extras) = process.record.extras().filter(|_| process.record.is_watched()) {
                // 23. None of its code runs any more.
                extras.calls.detach(process);
            }
            exit_process(process, began)
        }
        Role::Leaver => {
            if let Some(extras) = process.record.extras() {
                extras.leave(process);
                process.record.ktrace(Some(process.lwp), || Fact::Left);
            }
            let usage = worker.usage(began);
            // Row 48.
            assert_no_locks_held();
            leave(process, usage);
            if worker.own_thread() {
                return None;
            }
            worker.kernel.lock().admission.release(1);
            worker.take_next()
        }
    }
}

/// Decides whether the process ends with this LWP, and whether this LWP is the one to end it.
fn decide(process: &Process, ended: Ended) -> (Role, Nudges) {
    let mut state = process.record.state.lock();
    let me = process.lwp;
    let end = match ended {
        Ended::Returned(outcome) if me == LwpId::MAIN && !state.is_replaced(me) => {
            Some(End { status: outcome.status, report: outcome.report.map(Arc::new) })
        }
        Ended::Panicked(report) => {
            Some(End { status: ExitStatus::dumped(Signal::ABRT), report: Some(Arc::new(report)) })
        }
        Ended::Unwound if me == LwpId::MAIN && planted!(process.worker.kernel, LeaderEndsProcess) => {
            Some(ExitStatus::exited(0).into())
        }
        // The last LWP takes the process with it. One that has decided to leave does not count, although it is in the
        // list still: two that leave together would each find the other.
        Ended::Returned(_) | Ended::Unwound => state.is_alone(me).then(|| ExitStatus::exited(0).into()),
    };
    let nudges = end.map(|end| state.begin_exit(end, Some(me), time::now)).unwrap_or_default();
    // Who has other work to do only runs an exit that it need not wait in.
    if process.worker.lends_itself() && !state.is_alone(me) {
        return (Role::Leaver, nudges);
    }
    if planted!(process.worker.kernel, ExitOwnerTwice) {
        let free = state.exit_owner.is_none();
        drop(state);
        state = process.record.state.lock();
        if free {
            state.exit_owner = None;
        }
    }
    (state.take_exit(me), nudges)
}

impl ProcState {
    /// Whether no other LWP is there but such as are about to leave.
    fn is_alone(&self, me: LwpId) -> bool {
        self.lwps.iter().all(|lwp| lwp.id == me || lwp.place == Place::Leaving)
    }

    /// Whether an exec makes the LWP leave.
    fn is_replaced(&mut self, me: LwpId) -> bool {
        self.lwp(me).is_some_and(|lwp| lwp.leaving == Leaving::Replaced)
    }

    /// Wakes those LWPs that join this one.
    fn tell_joiners(&self, leaving: LwpId) {
        let joiners =
            self.lwps.iter().filter(|lwp| lwp.extras().is_some_and(|extras| extras.joining == Some(leaving)));
        for seat in joiners.filter_map(|joiner| joiner.seat.as_ref()) {
            seat.sleep_cv.notify_one();
        }
    }

    /// Makes the first LWP that comes to its end, once the process's is decided, the owner of the exit.
    fn take_exit(&mut self, me: LwpId) -> Role {
        if let Some(lwp) = self.lwp(me) {
            lwp.place = Place::Leaving;
            if let Some(extras) = lwp.extras_mut() {
                extras.asked_at = None;
                // Nobody listens to it any more.
                extras.interrupts = None;
            }
        }
        if self.life != Life::Exiting || self.exit_owner.is_some() {
            return Role::Leaver;
        }
        self.exit_owner = Some(me);
        let accompanied = self.lwps.len() > 1;
        let handlers = (self.term.clear(), self.take_signals());
        Role::Owner { accompanied, handlers, stops: self.is_traced() }
    }

    /// The last edge: the process has no LWP any more, and its end is final. Under `proclist_lock` and `p_smutex`.
    pub(crate) fn die(&mut self, usage: Option<Usage>) -> Death {
        let mut used = usage.unwrap_or_default();
        if let Some(past) = &self.past {
            used += past.usage;
        }
        self.lwps.clear();
        self.life = self.life.zombify();
        let end = self.end.take().unwrap_or_else(|| ExitStatus::exited(0).into());
        Death { status: end.status, usage: used, report: end.report }
    }
}

impl Process {
    /// How the process ends, unless that is changed.
    fn end_so_far(&self) -> ExitStatus {
        self.record.state.lock().end.as_ref().map_or(ExitStatus::exited(0), |end| end.status)
    }

    /// The owner of the exit is about to run code of the user's, which may stay where no request reaches it: then it is to be
    /// named (state D, decision 20).
    pub(crate) fn begin_last_code(&self) {
        self.mark_last_code(Place::Running);
        self.worker.kernel.timekeeper.watch(&self.record, self.lwp);
    }

    /// It has come back from there.
    pub(crate) fn end_last_code(&self) {
        self.mark_last_code(Place::Leaving);
    }

    fn mark_last_code(&self, place: Place) {
        if let Some(lwp) = self.record.state.lock().lwp(self.lwp) {
            lwp.place = place;
            lwp.need_extras().asked_at = (place == Place::Running).then(time::now);
        }
    }
}

/// Takes the LWP out of its process and tells those who wait for that.
fn leave(process: &Process, usage: Usage) {
    let worker = &process.worker;
    if worker.own_thread() {
        join_those_before(process);
    }
    let mut state = process.record.state.lock();
    if planted!(worker.kernel, NotifyBeforeLeaving) {
        process.record.lwp_cv.notify_all();
        drop(state);
        state = process.record.state.lock();
    }
    let me = process.lwp;
    if planted!(worker.kernel, JoinerToldFirst) {
        state.tell_joiners(me);
        drop(state);
        state = process.record.state.lock();
    }
    state.need_past().usage += usage;
    state.lwps.retain(|lwp| lwp.id != me);
    let stopping = state.stop.is_some();
    if worker.own_thread() {
        state.need_past().own_threads.push(worker.id);
    }
    if !planted!(worker.kernel, JoinerToldFirst) {
        state.tell_joiners(me);
    }
    if state.exit_owner.is_some() && !planted!(worker.kernel, NotifyBeforeLeaving) {
        process.record.lwp_cv.notify_all();
    }
    drop(state);
    if stopping {
        worker.kernel.complete_stop(&process.record);
    }
}

/// Joins the threads of an `own_thread` process that its former LWPs have left, and gives their places back, so that only
/// the last few are left to be joined before the zombie is seen.
fn join_those_before(process: &Process) {
    let kernel = &process.worker.kernel;
    let before = process.record.state.lock().take_own_threads();
    for &thread in &before {
        kernel.threads.join(thread);
    }
    if !before.is_empty() {
        kernel.lock().admission.release(before.len());
    }
}

fn exit_process(process: &Process, began: Began) -> Option<Start> {
    let worker = &process.worker;
    let kernel = &worker.kernel;
    let record = &process.record;
    if record.pid == Pid::INIT {
        shutdown::end_of_init(process);
    }
    let usage = worker.usage(began);
    // Row 48: the dying LWP holds no lock of the runtime.
    assert_no_locks_held();
    if record.pid == Pid::INIT {
        shutdown::publish_init(process, usage);
        return None;
    }
    if worker.own_thread() {
        // The zombie must not be seen before the thread has ended: somebody else buries it.
        leave(process, usage);
        let class = ClassId::DEFAULT;
        let call = kernel.starts.lock().push(class, Start::Bury(Arc::clone(record)));
        kernel.answer(class, call);
        return None;
    }
    publish(worker, record, Some(usage), 1)
}

/// Waits until every other LWP has left. The request to them is sticky, so none can be missed: sleepers were woken,
/// those in host calls are kicked until they come, those still queued leave before they begin, and new ones are
/// refused (mistake m).
fn others_leave(process: &Process) {
    let _doze = process.doze();
    let mut state = process.record.state.lock();
    while state.lwps.len() > 1 {
        process.record.lwp_cv.wait(&mut state);
    }
}

/// Moves the children to the nearest subreaper or init, in batches between which the lock is free, and takes no new
/// ones from the first on.
fn give_children_away<'k>(
    kernel: &'k Kernel,
    mut list: ProcListGuard<'k>,
    record: &Proc,
    node: NodeRef,
) -> ProcListGuard<'k> {
    let mut turns = Turns::default();
    while list.tree.has_children(node) {
        let log = list.events.want(EventFilter::REPARENTED | EventFilter::EXIT_SIGNAL)
            || list.tree.reaper(node).is_some_and(|reaper| reaper.hears_of_deaths());
        let adopted = list.tree.give_away(node, BATCH, log);
        for Moved { pid, name, to, info } in adopted.moved {
            list.events.tell(pid, &name, EventKind::Reparented { to });
            if let Some(info) = info {
                list.events.tell(pid, &name, EventKind::ExitSignal { to, info });
                if let Some(reaper) = adopted.reaper.as_ref().filter(|reaper| reaper.hears_of_deaths()) {
                    let _ = kernel.send_locked(&mut list, reaper, None, info);
                }
            }
        }
        kernel.tell_mourning(&mut list, record, &adopted.mourning);
        kernel.reach_given(&mut list, &adopted.given);
        let mut leftovers = Leftovers::default();
        for reaped in adopted.reaped {
            list.note_reaped(&kernel.pids, &reaped);
            leftovers.push(reaped);
        }
        turns.unlock(list);
        drop((adopted.reaper, adopted.mourning, adopted.given));
        kernel.dispose(leftovers);
        // Those of them that are about to depart see their new parent, or are entered here.
        fence(Ordering::SeqCst);
        list = kernel.lock();
    }
    list
}

/// How many zombies there may be before their records go.
const RECORDS_KEPT: usize = 4_096;

/// Makes the zombie visible, or buries it at once if the parent ignores its children. The `threads` that the process had
/// may be others' from here on. Returns what the calling thread does next.
pub(crate) fn publish(worker: &Worker, record: &Proc, usage: Option<Usage>, threads: usize) -> Option<Start> {
    let kernel = &worker.kernel;
    let node = record.node().expect("a process that has not died is linked");
    kernel.stop_hearing(record);
    if record.ends_in_full() || record.extras().is_some() {
        let mut list = kernel.lock();
        let hung_up = kernel.hang_up(&mut list, record.pid);
        let ties = list.tree.ties_of(node);
        // The dead among those it traces go back to their parents, which may be itself: before its children go.
        let list = kernel.release_tracees(list, node, record.pid);
        let mut list = give_children_away(kernel, list, record, node);
        let death = record.state.lock().die(usage);
        let remains = kernel.bury(&mut list, node, death, threads, &ties);
        drop(list);
        hung_up.into_iter().for_each(Wakeups::wake);
        remains.dispose(kernel);
    } else {
        let death = record.state.lock().die(usage);
        leave_behind(kernel, record, node, death, threads);
    }
    #[cfg(feature = "racelab")]
    if planted!(kernel, TouchAfterZombie) {
        assert!(kernel.lock().tree.holds(node), "the process was reaped while its thread still looked at it");
    }
    worker.take_next()
}

/// What is left to drop of a process that ended.
#[must_use = "it is dropped after unlocking"]
pub(crate) struct Remains {
    in_tree: Arc<Proc>,
    in_table: Option<Entry>,
    /// Its parent ignores its children.
    reaped: Option<Box<Reaped>>,
    /// Tasks that wait for this end.
    observers: Wakers,
    /// Who waited for it to stand still.
    thawed: Wakeups,
}

impl Remains {
    /// The same under `proclist_lock`, of a process that left nothing of the user's behind: tasks are woken elsewhere.
    pub(crate) fn dispose_locked(mut self, kernel: &Kernel) {
        kernel.timekeeper.wake(std::mem::take(&mut self.observers));
        self.dispose(kernel);
    }

    pub(crate) fn dispose(self, kernel: &Kernel) {
        let Remains { in_tree, in_table, reaped, observers, thawed } = self;
        drop((in_tree, in_table));
        observers.wake();
        thawed.wake();
        if let Some(reaped) = reaped {
            kernel.dispose_one(*reaped);
        }
    }
}

impl Kernel {
    /// Publishes an end (row 46): state, event, exit signal and the choice of the waiter, against the parent as it is in this
    /// hold. The `ties` are the groups that it may leave to themselves.
    pub(crate) fn bury(
        &self,
        guard: &mut ProcListGuard<'_>,
        node: NodeRef,
        death: Death,
        threads: usize,
        ties: &[Pid],
    ) -> Remains {
        let list = &mut **guard;
        let (status, usage) = (death.status, death.usage);
        let record = list.tree.record(node).expect("it has not ended yet");
        if let Some(extras) = record.extras() {
            extras.settle(self, record, usage, list.tree.parent(node));
        }
        // Row 21: with the final status and times (mistake n), and before anybody can know of the end.
        let written = self.accounting.as_ref().filter(|sink| sink.push(Record::of(record, status, usage)));
        written.into_iter().for_each(Accounting::wake);
        let wants_info = list.events.want(EventFilter::EXIT_SIGNAL);
        // What SIGCHLD does here is the event slot; to be told of besides, somebody has to ask.
        let notice = list.tree.exit_notice(node);
        let notice = notice
            .filter(|(signal, parent)| wants_info || *signal != Signal::CHLD || parent.hears_of_deaths());
        if let Some((signal, parent)) = notice.map(|(signal, parent)| (signal, Arc::clone(parent))) {
            let record = list.tree.record(node).expect("it has not ended yet");
            let info = SigInfo::of_child(signal, record.pid, record.uid(), status, &usage);
            list.events.tell(record.pid, &record.name(), EventKind::ExitSignal { to: parent.pid, info });
            // A parent that has as many pending as it takes has a wait to see the child by.
            let _ = self.send_locked(guard, &parent, None, info);
        }
        let list = &mut **guard;
        let record = list.tree.record(node).expect("it has not ended yet");
        list.events.tell(record.pid, &record.name(), EventKind::Exited { status });
        let observers =
            if record.is_observed() { list.watches.ended(record.pid, status) } else { Wakers::default() };
        let thawed = if record.is_frozen() { list.freezes.gone(node) } else { Wakeups::default() };
        #[cfg(feature = "racelab")]
        if planted!(self, NotifyBeforeState) {
            list.tree.wake_early(node);
            greenproc_sync::MutexGuard::unlocked(guard, || {});
            guard.tree.lab.muted = true;
        }
        let list = &mut **guard;
        let Buried { record, reaped } = list.tree.zombify(node, death);
        #[cfg(feature = "racelab")]
        {
            list.tree.lab.muted = false;
        }
        lab_note!("pid {}: Exiting -> {}", record.pid, if reaped.is_some() { "reaped" } else { "Zombie" });
        if !ties.is_empty() {
            self.release_orphans(guard, ties);
        }
        self.departures.note_standing(guard.tree.has_stopped());
        let list = &mut **guard;
        // Few zombies keep their record until they are reaped: that saves the table's cache line, and whoever made it
        // frees it.
        let in_table =
            if list.tree.zombies() > RECORDS_KEPT { self.pids.entomb(record.pid, node) } else { None };
        let reaped = match reaped {
            // Its handle has killed it and is gone: nobody will wait for it.
            None if record.is_abandoned() => Some(Box::new(list.tree.reap(node))),
            reaped => reaped,
        };
        if let Some(reaped) = &reaped {
            list.note_reaped(&self.pids, reaped);
        }
        if list.phase != Phase::Running {
            self.quiet_cv.notify_all();
        }
        list.admission.release(threads);
        Remains { in_tree: record, in_table, reaped, observers, thawed }
    }
}
