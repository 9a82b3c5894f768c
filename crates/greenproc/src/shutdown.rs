//! The end of a runtime: everybody is asked, then killed, then reaped; then init ends, then the threads.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenproc_sync::time;

use crate::accounting::{Accounting, Record};
use crate::error::{Error, Result};
use crate::event::{EventKind, Stuck};
use crate::host;
use crate::kernel::{BATCH, Kernel, Leftovers, Phase, ProcList};
use crate::ktrace::Fact;
use crate::lwp::{Lwp, Place};
use crate::pid::Pid;
use crate::proc::{End, Proc};
use crate::process::Process;
use crate::selector::Waited;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::timekeeper::STUCK_AFTER;
use crate::tree::SeenBody;
use crate::usage::Usage;
use crate::wait_queue::Wakeups;

/// How long those that were killed are waited for, as long as one of them may still be on its way.
const SETTLE: Duration = Duration::from_secs(1);

/// How a shutdown went.
#[derive(Clone, Debug)]
#[must_use = "it names who did not stop"]
pub struct ShutdownReport {
    /// Processes that had not ended when it began, init not counted.
    pub asked: usize,
    /// How many of them were still there when the grace was over, and were killed.
    pub killed: usize,
    /// LWPs that could not be stopped. Their threads and whatever they use live on until they come to a checkpoint or
    /// return; then they end harmlessly.
    pub stuck: Vec<Stuck>,
    /// Native threads that had not ended when the report was made.
    pub threads_left: usize,
    /// How init ended.
    pub init: ExitStatus,
}

impl ShutdownReport {
    /// Whether nothing is left of the runtime.
    pub fn is_clean(&self) -> bool {
        self.stuck.is_empty() && self.threads_left == 0
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} processes asked to end, {} killed", self.asked, self.killed)?;
        if self.is_clean() {
            return f.write_str(", nothing left");
        }
        write!(f, ", {} threads left", self.threads_left)?;
        for stuck in &self.stuck {
            write!(f, "\nstuck: {stuck}")?;
        }
        Ok(())
    }
}

/// Shuts a runtime down. Called from a thread that is not one of its own.
pub(crate) fn run(kernel: &Arc<Kernel>, grace: Duration) -> Result<ShutdownReport> {
    let asked = begin(&mut kernel.lock())?;
    Ok(finish(kernel, asked, grace))
}

/// Nobody is admitted from here on; says how many there are to be ended.
pub(crate) fn begin(list: &mut ProcList) -> Result<usize> {
    list.admits()?;
    if !planted!(list.tree, AdmitsWhileClosing) {
        list.phase = Phase::Closing;
    }
    Ok(list.live().saturating_sub(1))
}

/// Ends the grace of a shutdown that is under way.
pub(crate) fn hasten(kernel: &Kernel, list: &mut ProcList) {
    list.hastened = true;
    kernel.quiet_cv.notify_all();
}

/// Shuts a runtime down for which this was begun.
pub(crate) fn finish(kernel: &Arc<Kernel>, asked: usize, grace: Duration) -> ShutdownReport {
    let deadline = time::now() + grace;
    kernel.departures.close();
    kernel.thaw_all();
    signal_all(kernel, Signal::TERM);
    #[cfg(feature = "racelab")]
    if planted!(kernel, AdmitsWhileClosing) {
        kernel.lock().phase = Phase::Closing;
    }
    let killed = {
        let mut list = kernel.lock();
        kernel.wait_quiet(&mut list, Some(deadline), |list| list.live() <= 1 || list.hastened);
        list.live().saturating_sub(1)
    };
    if killed > 0 {
        kill_and_settle(kernel);
    }
    reap_all(kernel);
    let init = end_init(kernel, deadline);
    let stuck = stuck_everywhere(kernel);
    let threads_left = stop_threads(kernel, stuck.len());
    ShutdownReport { asked, killed, stuck, threads_left, init }
}

/// Stops what is left of a runtime whose init has ended.
pub(crate) fn stop_threads(kernel: &Arc<Kernel>, stuck: usize) -> usize {
    dismiss(kernel);
    let left = kernel.threads.join_all(SETTLE, stuck);
    let keeper = kernel.timekeeper.stop(SETTLE);
    // All that ended has queued its record by now.
    let writer = kernel.accounting.as_ref().is_none_or(|accounting| accounting.stop(SETTLE));
    left + usize::from(!keeper) + usize::from(!writer)
}

/// Tells every process to end, without waiting for it.
pub(crate) fn tell_to_end(kernel: &Kernel) {
    kernel.departures.close();
    kernel.lock().phase = Phase::Closing;
    host::leave(kernel);
    signal_all(kernel, Signal::KILL);
    dismiss(kernel);
}

/// Sends idle threads home, and those that become idle from now on.
fn dismiss(kernel: &Kernel) {
    let resting = kernel.starts.lock().dismiss_all();
    for seat in resting {
        seat.idle_cv.notify_one();
    }
}

/// Posts a signal to every process but init, a page at a time.
fn signal_all(kernel: &Kernel, signal: Signal) {
    for_each_live(kernel, |process| kernel.post(process, signal));
}

fn for_each_live(kernel: &Kernel, mut act: impl FnMut(&Arc<Proc>)) {
    let mut from = Some(0);
    while let Some(start) = from {
        let (page, next) = kernel
            .lock()
            .tree
            .page(start, BATCH, |seen| seen.live().filter(|record| record.pid != Pid::INIT).map(Arc::clone));
        page.iter().flatten().for_each(&mut act);
        from = next;
    }
}

/// Kills everybody but init, and waits until they are gone or only such are left as run code without a checkpoint.
fn kill_and_settle(kernel: &Kernel) {
    signal_all(kernel, Signal::KILL);
    let end = time::now() + SETTLE;
    let mut deadline = time::now() + STUCK_AFTER + STUCK_AFTER / 2;
    loop {
        let gone = {
            let mut list = kernel.lock();
            kernel.wait_quiet(&mut list, Some(deadline.min(end)), |list| list.live() <= 1)
        };
        if gone || time::now() >= end || only_stuck_left(kernel) {
            return;
        }
        deadline += STUCK_AFTER;
    }
}

/// Whether each process that is left has an LWP that was asked long ago and runs on. One that still lies where it slept
/// only waits for a CPU.
fn only_stuck_left(kernel: &Kernel) -> bool {
    let long_ago = time::now().checked_sub(STUCK_AFTER);
    let stuck = |lwp: &Lwp| {
        let overdue = lwp.asked_at().zip(long_ago).is_some_and(|(at, long_ago)| at <= long_ago);
        overdue && matches!(lwp.place, Place::Running | Place::Blocking)
    };
    let mut all = true;
    for_each_live(kernel, |process| all &= process.state.lock().lwps.iter().any(stuck));
    all
}

fn stuck_everywhere(kernel: &Kernel) -> Vec<Stuck> {
    let mut stuck = Vec::new();
    if let Ok(init) = kernel.find_live(Pid::INIT) {
        stuck.extend(Stuck::of(&init));
    }
    for_each_live(kernel, |process| stuck.extend(Stuck::of(process)));
    stuck
}

/// Reaps every zombie. The status of one whose handle still lives is kept for the handle.
fn reap_all(kernel: &Kernel) {
    let mut from = Some(0);
    while let Some(start) = from {
        let mut leftovers = Leftovers::default();
        let mut list = kernel.lock();
        let (page, next) = list.tree.page(start, BATCH, |seen| match seen.body {
            SeenBody::Dead(zombie) if zombie.record.is_some() && planted!(kernel, HeldOutliveInit) => None,
            SeenBody::Dead(_) => Some(seen.node),
            SeenBody::Live(_) => None,
        });
        for node in page.into_iter().flatten() {
            let reaped = list.tree.reap(node);
            list.note_reaped(&kernel.pids, &reaped);
            if let Some(record) = &reaped.zombie.record {
                record.state.lock().need_past().last_word =
                    Some(Box::new(Waited::of(reaped.pid, &reaped.zombie)));
            }
            leftovers.push(reaped);
        }
        drop(list);
        kernel.dispose(leftovers);
        from = next;
    }
}

/// Ends init: the built-in one at once, a body of the user's by SIGTERM and, when the grace is over, SIGKILL.
fn end_init(kernel: &Arc<Kernel>, deadline: Instant) -> ExitStatus {
    if let Ok(init) = kernel.find_live(Pid::INIT) {
        if kernel.config.built_in_init {
            let end = End::from(ExitStatus::exited(0));
            let nudges = init.state.lock().begin_exit(end, None, time::now);
            kernel.nudge(&init, nudges);
        } else {
            kernel.post(&init, Signal::TERM);
            if !is_down_by(kernel, deadline, |list| list.hastened) {
                kernel.post(&init, Signal::KILL);
            }
        }
    }
    is_down_by(kernel, time::now() + SETTLE, |_| false);
    let mut list = kernel.lock();
    if let Phase::Down(status) = list.phase {
        return status;
    }
    // Init itself is stuck: the runtime is declared down, and init is in the report.
    let status = ExitStatus::killed(Signal::KILL);
    list.phase = Phase::Down(status);
    list.events.close();
    kernel.quiet_cv.notify_all();
    drop(list);
    host::leave(kernel);
    status
}

/// Waits until init has ended, or until the deadline, or until somebody has enough; whether init has ended.
fn is_down_by(kernel: &Kernel, deadline: Instant, enough: impl Fn(&ProcList) -> bool) -> bool {
    let down = |list: &ProcList| matches!(list.phase, Phase::Down(_));
    let mut list = kernel.lock();
    kernel.wait_quiet(&mut list, Some(deadline), |list| down(list) || enough(list));
    down(&list)
}

/// Init is exiting (row 6): nobody is admitted, every process is killed, waited for and reaped.
pub(crate) fn end_of_init(init: &Process) {
    let kernel = &init.worker.kernel;
    kernel.departures.close();
    let others = {
        let mut list = kernel.lock();
        if list.phase == Phase::Running {
            list.phase = Phase::Closing;
        }
        list.live() > 1
    };
    if others {
        kill_and_settle(kernel);
    }
    reap_all(kernel);
}

/// Publishes the end of init, and with it that the runtime is down. Those who could not be stopped are reaped when they
/// come to their end: init, although dead, stays their parent and ignores them.
pub(crate) fn publish_init(init: &Process, usage: Usage) {
    let kernel = &init.worker.kernel;
    let record = &init.record;
    init.worker.finish();
    let mut list = kernel.lock();
    list.admission.release(1);
    let hung_up = kernel.hang_up(&mut list, record.pid);
    let death = record.state.lock().die(Some(usage));
    let status = death.status;
    if let Some(extras) = record.extras() {
        extras.settle(kernel, record, death.usage, None);
    }
    let wakes = kernel.accounting.as_ref().filter(|sink| sink.push(Record::of(record, status, death.usage)));
    list.events.tell(record.pid, &record.name(), EventKind::Exited { status });
    let _nobody_reaps_init = record.end_ktrace(|| Fact::Exited { status, parent: None });
    let observers = list.watches.ended(record.pid, status);
    let node = record.node().expect("init is linked");
    let thawed = list.note_frozen_gone(record, node);
    list.bury_init(&kernel.pids);
    list.events.close();
    if !matches!(list.phase, Phase::Down(_)) {
        list.phase = Phase::Down(status);
    }
    kernel.quiet_cv.notify_all();
    drop(list);
    wakes.into_iter().for_each(Accounting::wake);
    observers.wake();
    thawed.wake();
    hung_up.into_iter().for_each(Wakeups::wake);
    host::leave(kernel);
}

/// Why a call fails on a runtime that is down.
pub(crate) fn down(kernel: &Kernel, status: ExitStatus) -> Error {
    let error = Error::InitEnded { status };
    match kernel.config.on_init_exit {
        crate::OnInitExit::Shutdown => error,
        crate::OnInitExit::Panic => panic!("{error}"),
    }
}
