//! The timekeeper: one thread per runtime that does what is due later.
//!
//! It repeats kicks until a host call has ended, says which LWPs come to no checkpoint, and tries again to get threads
//! that the host refused. It is made at boot, so that none of this can fail at the host's limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use greenproc_os::stack::Stack;
use greenproc_sync::{Condvar, Mutex, thread, time};

use crate::error::{Error, Result};
use crate::event::{EventKind, Stuck};
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::lwp::Place;
use crate::pace::LOOK_AFTER;
use crate::pid::LwpId;
use crate::proc::{Proc, Request};
use crate::signal::Signal;
use crate::starts::ClassId;
use crate::threads::{LwpStart, Start};
use crate::ticker::{self, Ticker};
use crate::timers;
use crate::watch::Wakers;
use crate::worker::Worker;

const FIRST_KICK: Duration = Duration::from_micros(50);
const SLOWEST_KICK: Duration = Duration::from_millis(10);
/// An LWP that was asked to end and is still in user code after this is stuck: state D.
pub(crate) const STUCK_AFTER: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_millis(10);
/// A start that got no thread in this time is undone.
pub(crate) const START_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Timekeeper {
    agenda: Mutex<Leaf, Agenda>,
    /// Something earlier is due, or it is time to stop. Interlock: the agenda's leaf lock.
    changed: Condvar<Leaf>,
    thread: Mutex<Leaf, Option<thread::Thread>>,
    /// What is looked at again and again.
    pub(crate) ticker: Ticker,
}

#[derive(Default)]
struct Agenda {
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
    retrying: bool,
    looking_after: bool,
    stop: bool,
}

struct Due {
    at: Instant,
    order: u64,
    task: Task,
}

enum Task {
    /// Kick the LWP again, if it is still in the same host call.
    Kick { process: Arc<Proc>, lwp: LwpId, pause: Duration },
    /// See whether the LWP came to a checkpoint.
    Watch { process: Arc<Proc>, lwp: LwpId },
    /// Try again to get threads for what waits in the start queue.
    RetryStarts,
    /// A process's timer expires, unless it was set anew. A process that has gone needs none.
    Alarm { process: Weak<Proc>, generation: u64 },
    /// See how much CPU time a process has used that has a timer for it.
    CpuAlarm { process: Weak<Proc>, generation: u64 },
    /// Make a thread in place of an LWP that would make it as nice as itself.
    CreateThread { class: ClassId },
    /// Look at what is watched.
    Tick { at: Instant },
    /// See whether the queue moves although calls are held back.
    LookAfterStarts,
    /// Wake tasks that whoever had something for them could not wake, as it held a lock.
    Wake(Wakers),
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl Timekeeper {
    /// Starts the thread.
    pub(crate) fn start(kernel: &Arc<Kernel>) -> Result<()> {
        let host = |source| Error::Host { what: "the timekeeper's thread", source };
        let stack = Stack::map(kernel.config.stack_size).map_err(host)?;
        let own = Arc::clone(kernel);
        let entry = Box::new(move || run(&own));
        let thread = thread::spawn(stack, &kernel.kick, entry).map_err(|refused| host(refused.error))?;
        *kernel.timekeeper.thread.lock() = Some(thread);
        Ok(())
    }

    /// Stops the thread, and waits for it unless it is the caller.
    pub(crate) fn stop(&self, patience: Duration) -> bool {
        self.agenda.lock().stop = true;
        self.changed.notify_one();
        let thread = self.thread.lock().take();
        match thread {
            Some(thread) if !thread.is_current() => match thread::join_timeout(thread, patience) {
                Ok(_) => true,
                Err(unfinished) => {
                    *self.thread.lock() = Some(unfinished);
                    false
                }
            },
            Some(own) => {
                *self.thread.lock() = Some(own);
                false
            }
            None => true,
        }
    }

    fn put(&self, at: Instant, task: Task) {
        let mut agenda = self.agenda.lock();
        let sooner = agenda.due.peek().is_none_or(|Reverse(first)| at < first.at);
        let order = agenda.order;
        agenda.order += 1;
        agenda.due.push(Reverse(Due { at, order, task }));
        drop(agenda);
        if sooner {
            self.changed.notify_one();
        }
    }

    /// Kicks an LWP until it has left its host call. The first kick was sent by the caller.
    pub(crate) fn kick(&self, process: &Arc<Proc>, lwp: LwpId) {
        let task = Task::Kick { process: Arc::clone(process), lwp, pause: FIRST_KICK };
        self.put(time::now() + FIRST_KICK, task);
    }

    /// Says so if an LWP does not come to a checkpoint.
    pub(crate) fn watch(&self, process: &Arc<Proc>, lwp: LwpId) {
        self.put(time::now() + STUCK_AFTER, Task::Watch { process: Arc::clone(process), lwp });
    }

    /// Lets a process's timer expire.
    pub(crate) fn alarm(&self, process: &Arc<Proc>, due: Instant, generation: u64) {
        self.put(due, Task::Alarm { process: Arc::downgrade(process), generation });
    }

    /// Looks at a process's CPU time after a tick.
    pub(crate) fn cpu_alarm(&self, process: &Arc<Proc>, generation: u64) {
        let task = Task::CpuAlarm { process: Arc::downgrade(process), generation };
        self.put(time::now() + timers::CPU_TICK, task);
    }

    /// Makes a thread, for a caller who is not to.
    pub(crate) fn create_thread(&self, class: ClassId) {
        self.put(time::now(), Task::CreateThread { class });
    }

    /// Has the ticker look at what is watched.
    pub(crate) fn tick_at(&self, at: Instant) {
        self.put(at, Task::Tick { at });
    }

    /// Sees to it that starts whose calls are held back do not wait for long.
    pub(crate) fn look_after_starts(&self) {
        if !std::mem::replace(&mut self.agenda.lock().looking_after, true) {
            self.put(time::now() + LOOK_AFTER, Task::LookAfterStarts);
        }
    }

    /// Wakes these tasks, for a caller that holds a lock.
    pub(crate) fn wake(&self, wakers: Wakers) {
        if !wakers.is_empty() {
            self.put(time::now(), Task::Wake(wakers));
        }
    }

    /// Tries again to get threads, until no start waits without one.
    pub(crate) fn retry_starts(&self) {
        if !std::mem::replace(&mut self.agenda.lock().retrying, true) {
            self.put(time::now() + RETRY, Task::RetryStarts);
        }
    }
}

fn run(kernel: &Arc<Kernel>) {
    let keeper = &kernel.timekeeper;
    lab_name!("the timekeeper");
    loop {
        let mut agenda = keeper.agenda.lock();
        if agenda.stop {
            return;
        }
        let Some(Reverse(first)) = agenda.due.peek() else {
            keeper.changed.wait(&mut agenda);
            continue;
        };
        let at = first.at;
        if time::now() < at {
            let _ = keeper.changed.wait_until(&mut agenda, at);
            continue;
        }
        let due = agenda.due.pop();
        drop(agenda);
        if let Some(Reverse(due)) = due {
            due.task.run(kernel);
        }
    }
}

impl Task {
    fn run(self, kernel: &Arc<Kernel>) {
        match self {
            Task::Kick { process, lwp, pause } => kick_again(kernel, process, lwp, pause),
            Task::Watch { process, lwp } => {
                if let Some(stuck) =
                    Stuck::of(&process).into_iter().find(|stuck| stuck.lwp == lwp && !stuck.in_host_call)
                {
                    kernel.tell(&process, EventKind::Stuck(stuck));
                }
            }
            Task::RetryStarts => retry_starts(kernel),
            Task::Wake(wakers) => wakers.wake(),
            Task::Alarm { process, generation } => {
                if let Some(process) = process.upgrade()
                    && let Some(due) = timers::expire(kernel, &process, generation)
                {
                    kernel.timekeeper.alarm(&process, due, generation);
                }
            }
            Task::CpuAlarm { process, generation } => {
                if let Some(process) = process.upgrade()
                    && timers::expire_cpu(kernel, &process, generation)
                {
                    kernel.timekeeper.cpu_alarm(&process, generation);
                }
            }
            Task::CreateThread { class } => kernel.create_thread(class),
            Task::Tick { at } => ticker::tick(kernel, at),
            Task::LookAfterStarts => {
                kernel.timekeeper.agenda.lock().looking_after = false;
                let class = ClassId::DEFAULT;
                let call = kernel.starts.lock().look_after(class);
                kernel.answer(class, call);
            }
        }
    }
}

fn kick_again(kernel: &Arc<Kernel>, process: Arc<Proc>, lwp: LwpId, pause: Duration) {
    let cancel = {
        let mut state = process.state.lock();
        let request = state.request(lwp);
        let ends = matches!(request, Some(Request::Die | Request::Leave | Request::Term));
        let asked = ends || request == Some(Request::Signal);
        let Some(entry) = state.lwp(lwp).filter(|entry| asked && entry.place == Place::Blocking) else {
            return;
        };
        if let Some(seat) = &entry.seat {
            seat.kick();
        }
        // Once per call, and not for a signal after which the call may go on: the closure is taken.
        if ends { entry.extras_mut().and_then(|extras| extras.cancel.take()) } else { None }
    };
    if let Some(cancel) = cancel {
        // User code, so without a lock; its panic is nobody's but its own.
        let _ = catch_unwind(AssertUnwindSafe(|| cancel()));
    }
    let pause = (pause * 2).min(SLOWEST_KICK);
    kernel.timekeeper.put(time::now() + pause, Task::Kick { process, lwp, pause });
}

fn retry_starts(kernel: &Arc<Kernel>) {
    let (given_up, calls) = {
        let mut starts = kernel.starts.lock();
        let given_up = starts.take_all_if(|start| match start {
            Start::Lwp(start) => start.queued.elapsed() >= START_PATIENCE,
            Start::Bury(_) => false,
        });
        (given_up, starts.retry())
    };
    for start in given_up {
        if let Start::Lwp(start) = start {
            undo(kernel, start);
        }
    }
    kernel.timekeeper.agenda.lock().retrying = false;
    for (class, call) in calls {
        kernel.answer(class, call);
    }
    if kernel.starts.lock().queued() > 0 {
        kernel.timekeeper.retry_starts();
    }
}

/// A start that got no thread is death by SIGKILL; this thread lends itself for that LWP's end. If the process has
/// others, one of those ends the process.
fn undo(kernel: &Arc<Kernel>, start: LwpStart) {
    kernel.tell(&start.process, EventKind::StartFailed);
    kernel.post(&start.process, Signal::KILL);
    let worker = Rc::new(Worker::of_timekeeper(Arc::clone(kernel)));
    worker.take_thread();
    let next = worker.work(Start::Lwp(start));
    Worker::leave_thread();
    debug_assert!(next.is_none(), "a thread that lends itself takes nothing from the queue");
}
