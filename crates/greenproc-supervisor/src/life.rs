//! One life of a child, as the child sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenproc::Mailbox;

use crate::driver::Message;
use crate::machine::Key;
use crate::watchdog::Heart;

/// What a child has of its supervisor in one of its lives: here it says that it is ready, and that it is well.
///
/// Its other LWPs get clones of it.
#[derive(Clone, Debug)]
pub struct Life {
    id: Arc<str>,
    key: Key,
    incarnation: u64,
    supervisor: Mailbox<Message>,
    heart: Arc<Heart>,
    told: Arc<AtomicBool>,
}

impl Life {
    pub(crate) fn new(
        id: Arc<str>,
        key: Key,
        incarnation: u64,
        supervisor: Mailbox<Message>,
        heart: Arc<Heart>,
    ) -> Life {
        Life { id, key, incarnation, supervisor, heart, told: Arc::default() }
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
