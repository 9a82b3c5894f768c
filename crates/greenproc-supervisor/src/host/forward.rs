//! Passing signals on to a group of the host.
//!
//! A process that is stopped runs nothing, and one that is killed runs only destructors; neither could pass its own signal
//! on. So it blocks all signals and watches itself: a note tells of each signal that is posted, whatever comes of it, in
//! order. The notes are read by a task that runs on whichever thread wakes it, which for a signal is the runtime's
//! timekeeper. That takes no thread, and works while the process stands still.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use greenproc::{NoteKind, Signal, Watch};
use parking_lot::Mutex;

use super::child::HostGroup;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// As long as it lives, what is posted to the process that `watch` is of goes to the group as well.
pub(super) struct Forwarding(Arc<Forwarder>);

struct Forwarder {
    /// The lock is held while the task is polled; what it does does not block.
    task: Mutex<Option<Task>>,
}

impl Forwarding {
    /// Begins with what the watch has seen already.
    pub(super) fn start(mut watch: Watch, group: Arc<HostGroup>, stop_signal: Signal) -> Forwarding {
        let task = Box::pin(async move {
            while let Some(note) = watch.next_note().await {
                match note.kind {
                    NoteKind::Signal { signal: Signal::TERM } => group.signal(stop_signal),
                    // It is the runtime's news of the process's own children.
                    NoteKind::Signal { signal: Signal::CHLD } => {}
                    NoteKind::Signal { signal } => group.signal(signal),
                    _ => {}
                }
            }
        });
        let forwarder = Arc::new(Forwarder { task: Mutex::new(Some(task)) });
        Arc::clone(&forwarder).wake();
        Forwarding(forwarder)
    }
}

impl Wake for Forwarder {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut task = self.task.lock();
        if let Some(running) = task.as_mut()
            && running.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            *task = None;
        }
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let task = self.0.task.lock().take();
        drop(task);
    }
}
