//! The native threads of a runtime: made when a start calls for one, kept while they may be of use, joined when they left.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use greenproc_os::clock::Moment;
use greenproc_os::stack::Stack;
use greenproc_sync::atomic::Ordering;
use greenproc_sync::{Condvar, Mutex, thread};

use crate::command::Body;
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::lwp::Seat;
use crate::niceness;
use crate::pid::LwpId;
use crate::proc::Proc;
use crate::starts::{Call, ClassId};
use crate::worker::{self, Worker};

/// Something a thread is to do.
pub(crate) enum Start {
    /// Run an LWP.
    Lwp(LwpStart),
    /// Bury a process that had threads of its own, once those have ended.
    Bury(Arc<Proc>),
}

pub(crate) struct LwpStart {
    pub(crate) process: Arc<Proc>,
    pub(crate) lwp: LwpId,
    pub(crate) body: Body,
    pub(crate) queued: Moment,
}

/// Numbers the threads of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ThreadId(u64);

impl ThreadId {
    /// A thread that is in no registry.
    pub(crate) const NONE: ThreadId = ThreadId(u64::MAX);
}

#[derive(Default)]
pub(crate) struct Threads {
    registry: Mutex<Leaf, Registry>,
    /// A thread's handle was stored, or a thread left.
    changed: Condvar<Leaf>,
}

#[derive(Default)]
struct Registry {
    next: u64,
    threads: HashMap<ThreadId, Entry>,
    /// The one that left last. Whoever leaves next joins it, so that at most one ended thread is not joined.
    last_left: Option<thread::Thread>,
}

enum Entry {
    /// Being created; it may be running already.
    Creating,
    Running(thread::Thread),
    /// It left before its creator had stored the handle.
    Left,
}

impl Threads {
    /// How many threads there are, being created included.
    pub(crate) fn count(&self) -> usize {
        self.registry.lock().threads.len()
    }

    fn begin(&self) -> ThreadId {
        let mut registry = self.registry.lock();
        let id = ThreadId(registry.next);
        registry.next += 1;
        registry.threads.insert(id, Entry::Creating);
        id
    }

    fn abandon(&self, id: ThreadId) {
        self.registry.lock().threads.remove(&id);
    }

    fn store(&self, id: ThreadId, handle: thread::Thread) {
        let mut registry = self.registry.lock();
        let before = if let Some(Entry::Left) = registry.threads.remove(&id) {
            registry.last_left.replace(handle)
        } else {
            registry.threads.insert(id, Entry::Running(handle));
            None
        };
        drop(registry);
        self.changed.notify_all();
        drop(before.map(thread::join));
    }

    /// Stores a thread's handle, whatever has become of the thread: a mistake.
    #[cfg(feature = "racelab")]
    fn store_blindly(&self, id: ThreadId, handle: thread::Thread) {
        self.registry.lock().threads.insert(id, Entry::Running(handle));
        self.changed.notify_all();
    }

    /// The calling thread is about to end: it joins the one that left before it, and takes its place to be joined. So the
    /// count of threads goes down as they really end.
    pub(crate) fn leave(&self, id: ThreadId) {
        let mut registry = self.registry.lock();
        while let Some(before) = registry.last_left.take() {
            drop(registry);
            drop(thread::join(before));
            registry = self.registry.lock();
        }
        if let Some(Entry::Running(own)) = registry.threads.remove(&id) {
            registry.last_left = Some(own);
        } else {
            registry.threads.insert(id, Entry::Left);
        }
        drop(registry);
        self.changed.notify_all();
    }

    /// Joins a thread that has said that it will end, all its thread-local destructors included.
    pub(crate) fn join(&self, id: ThreadId) {
        let mut registry = self.registry.lock();
        let handle = loop {
            match registry.threads.remove(&id) {
                Some(Entry::Running(handle)) => break Some(handle),
                Some(entry @ Entry::Creating) => {
                    registry.threads.insert(id, entry);
                    self.changed.wait(&mut registry);
                }
                Some(Entry::Left) | None => break None,
            }
        };
        drop(registry);
        drop(handle.map(thread::join));
    }

    /// Waits until all threads but `but` have left, for as long as one after another does, and joins the last; how many
    /// are left.
    pub(crate) fn join_all(&self, patience: Duration, but: usize) -> usize {
        let mut registry = self.registry.lock();
        while registry.threads.len() > but {
            let before = registry.threads.len();
            let timed_out = self.changed.wait_for(&mut registry, patience).timed_out();
            if timed_out && registry.threads.len() >= before {
                break;
            }
        }
        let last = registry.last_left.take();
        let left_over = registry.threads.len();
        drop(registry);
        match last.map(|last| thread::join_timeout(last, patience)) {
            Some(Err(unfinished)) => {
                self.registry.lock().last_left = Some(unfinished);
                left_over + 1
            }
            Some(Ok(_)) | None => left_over,
        }
    }
}

impl Kernel {
    /// Does what the start queue asked for. Called without a lock.
    pub(crate) fn answer(self: &Arc<Kernel>, class: ClassId, call: Call) {
        match call {
            Call::Nobody => {}
            Call::Spinner => self.start_is_there.store(true, Ordering::Release),
            Call::Wake(seat) => {
                seat.idle_cv.notify_one();
            }
            Call::Create if niceness::caller_is_nice() => self.timekeeper.create_thread(class),
            Call::Create => self.create_thread(class),
            Call::HeldBack => self.timekeeper.look_after_starts(),
        }
    }

    /// Makes one more thread for a class. If the host refuses, the capacity shrinks to what there is, and the start stays
    /// in the queue: whoever ends an LWP takes it, and the timekeeper tries again.
    pub(crate) fn create_thread(self: &Arc<Kernel>, class: ClassId) {
        let (stack_size, keep, id) = {
            let capacity = self.lock().admission.capacity();
            let mut starts = self.starts.lock();
            if starts.is_dismissed() && starts.queued() == 0 {
                // It would come in vain, and perhaps after the last was waited for.
                starts.refused(class);
                return;
            }
            if self.threads.count() >= capacity {
                // An idle thread of another class takes the room of the one that is needed.
                if let Some(seat) = starts.dismiss_one() {
                    seat.idle_cv.notify_one();
                }
            }
            // Counted in this hold: who sends the threads home waits for it afterwards.
            (starts.stack_size(class), starts.keeps(class), self.threads.begin())
        };
        let seat = Arc::new(Seat::new(self.kick));
        let made = Stack::map(stack_size).and_then(|stack| {
            let kernel = Arc::clone(self);
            let entry =
                Box::new(move || worker::thread_main(Worker::of_thread(kernel, seat, class, keep, id)));
            thread::spawn(stack, &self.kick, entry).map_err(|refused| refused.error)
        });
        if let Ok(handle) = made {
            #[cfg(feature = "racelab")]
            if planted!(self, LeftUnnoticed) {
                return self.threads.store_blindly(id, handle);
            }
            self.threads.store(id, handle);
        } else {
            self.threads.abandon(id);
            self.lock().admission.shrink(self.threads.count());
            self.starts.lock().refused(class);
            self.timekeeper.retry_starts();
        }
    }
}
