//! One life of a child, as the child sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenproc::Mailbox;

use crate::driver::Message;
use crate::machine::Key;
use crate::watchdog::Heart;

/// What a child has of its supervisor in one of its lives: here it says that it is ready, and that it is well.
///
/// Can be lent to other LWPs of the child. Dropped before [`ready`](Life::ready), it is a failed start: the child is stopped.
#[derive(Debug)]
#[must_use = "a child that drops it before it is ready has failed to start"]
pub struct Life {
    id: Arc<str>,
    pub(crate) key: Key,
    incarnation: u64,
    supervisor: Mailbox<Message>,
    pub(crate) heart: Arc<Heart>,
    told: AtomicBool,
}

impl Life {
    pub(crate) fn new(
        id: Arc<str>,
        key: Key,
        incarnation: u64,
        supervisor: Mailbox<Message>,
        heart: Arc<Heart>,
        ready: bool,
    ) -> Life {
        Life { id, key, incarnation, supervisor, heart, told: AtomicBool::new(ready) }
    }

    /// The child is ready: whoever waits for its start goes on. Once is enough. No checkpoint.
    pub fn ready(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            // The watchdog counts from here.
            self.heart.beat();
            // A supervisor that is gone takes its children along.
            let _ = self.supervisor.post(Message::Ready { key: self.key, incarnation: self.incarnation });
        }
    }

    /// The child is well ([`Watchdog`](crate::Watchdog)). Costs a look at the clock; no checkpoint.
    pub fn beat(&self) {
        self.heart.beat();
    }

    /// The child's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which of its lives this is: the first is 1.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let _ = self.supervisor.post(Message::NotReady { key: self.key, incarnation: self.incarnation });
        }
    }
}
