//! The queue of records, and the thread that writes them.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_sync::atomic::{AtomicU64, Ordering};
use greenproc_sync::{Condvar, Mutex, thread};

use super::{Record, Sink};
use crate::crash;
use crate::error::{Error, Result};
use crate::locks::Leaf;

/// How many records may wait to be written.
const PLACES: usize = 65_536;

/// What became of the records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records that the sink took.
    pub written: u64,
    /// Records that found the queue full, or came after the shutdown had ended from an LWP that could not be stopped.
    pub dropped: u64,
    /// Records that the sink did not take.
    pub failed: u64,
    /// What the sink said last when it failed.
    pub last_error: Option<String>,
}

/// The accounting of a runtime.
pub(crate) struct Accounting {
    shared: Arc<Shared>,
    thread: Mutex<Leaf, Option<thread::Thread>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Leaf, Queue>,
    /// A record came, or it is time to stop. Interlock: the queue's leaf lock.
    changed: Condvar<Leaf>,
    written: AtomicU64,
    failed: AtomicU64,
}

#[derive(Default)]
struct Queue {
    records: Vec<Record>,
    dropped: u64,
    last_error: Option<String>,
    /// The writer sleeps until it is notified.
    asleep: bool,
    stop: bool,
    /// Nobody writes any more.
    ended: bool,
}

impl Accounting {
    /// Starts the thread that gives records to the sink.
    pub(crate) fn start(sink: Box<dyn Sink>, stack_size: usize, kick: Kick) -> Result<Accounting> {
        let host = |source| Error::Host { what: "the thread that writes accounting records", source };
        let stack = Stack::map(stack_size).map_err(host)?;
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let entry = Box::new(move || own.write_all(sink));
        let thread = thread::spawn(stack, &kick, entry).map_err(|refused| host(refused.error))?;
        Ok(Accounting { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a record, also under other locks; whether the writer is to be woken after unlocking.
    #[must_use = "the writer may have to be woken"]
    pub(crate) fn push(&self, record: Record) -> bool {
        let mut queue = self.shared.queue.lock();
        if queue.ended || queue.records.len() >= PLACES {
            queue.dropped += 1;
            return false;
        }
        queue.records.push(record);
        std::mem::replace(&mut queue.asleep, false)
    }

    pub(crate) fn wake(&self) {
        self.shared.changed.notify_one();
    }

    /// Writes what is queued and ends the thread. It is waited for as long as it gets on; whether it has ended.
    pub(crate) fn stop(&self, patience: Duration) -> bool {
        self.shared.queue.lock().stop = true;
        self.shared.changed.notify_one();
        let thread = self.thread.lock().take();
        let Some(mut thread) = thread else { return true };
        loop {
            let before = self.shared.handled();
            match thread::join_timeout(thread, patience) {
                Ok(_) => return true,
                Err(unfinished) if self.shared.handled() == before => {
                    *self.thread.lock() = Some(unfinished);
                    return false;
                }
                Err(unfinished) => thread = unfinished,
            }
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let shared = &self.shared;
        let queue = shared.queue.lock();
        Stats {
            written: shared.written.load(Ordering::Relaxed),
            dropped: queue.dropped,
            failed: shared.failed.load(Ordering::Relaxed),
            last_error: queue.last_error.clone(),
        }
    }
}

impl Drop for Accounting {
    /// Only a runtime that could not be shut down comes here with its writer running.
    fn drop(&mut self) {
        self.stop(Duration::from_secs(1));
    }
}

impl Shared {
    /// How many records the sink was given.
    fn handled(&self) -> u64 {
        self.written.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed)
    }

    /// What the writer's thread does.
    fn write_all(&self, sink: Box<dyn Sink>) {
        let mut sink = Some(sink);
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            for record in batch.drain(..) {
                self.note(isolated(&mut sink, |sink| sink.write(&record)), &self.written);
            }
        }
        if sink.is_some() {
            let finished = AtomicU64::new(0);
            self.note(isolated(&mut sink, |sink| sink.finish()), &finished);
        }
        drop_isolated(sink);
    }

    /// Takes what is queued, once there is something; `false` at the end.
    fn take(&self, batch: &mut Vec<Record>) -> bool {
        let mut queue = self.queue.lock();
        while queue.records.is_empty() && !queue.stop {
            queue.asleep = true;
            self.changed.wait(&mut queue);
        }
        queue.asleep = false;
        std::mem::swap(batch, &mut queue.records);
        // Found empty in this hold: whoever comes later is told so.
        queue.ended = batch.is_empty();
        !queue.ended
    }

    fn note(&self, result: io::Result<()>, done: &AtomicU64) {
        match result {
            Ok(()) => done.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                self.queue.lock().last_error = Some(error.to_string());
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// Lets the sink do something; one that panics is not asked again.
fn isolated(
    sink: &mut Option<Box<dyn Sink>>,
    act: impl FnOnce(&mut Box<dyn Sink>) -> io::Result<()>,
) -> io::Result<()> {
    let Some(present) = sink else { return Err(io::Error::other("the sink has panicked")) };
    match catch_unwind(AssertUnwindSafe(|| act(present))) {
        Ok(result) => result,
        Err(payload) => {
            let message = crash::message(&*payload);
            // Its destructor and that of the payload are the user's too.
            drop_isolated(sink.take());
            drop_isolated(payload);
            Err(io::Error::other(format!("the sink has panicked: {message}")))
        }
    }
}

fn drop_isolated<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // One more panic is contained by leaking its payload.
        std::mem::forget(payload);
    }
}
