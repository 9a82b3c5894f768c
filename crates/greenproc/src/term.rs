//! The polite end: what a process wants done about SIGTERM.

use std::sync::Arc;

use crate::process::Process;

/// A function that runs on an LWP of the process when SIGTERM came.
pub(crate) type OnTerm = Arc<dyn Fn(&Process) + Send + Sync>;

/// What SIGTERM does to a process. Guarded by `p_smutex`.
#[derive(Default)]
pub(crate) struct Term {
    wish: Wish,
    /// SIGTERM has come, since the process became polite about it.
    requested: bool,
    /// The handler is still to be run for it.
    pending: bool,
}

#[derive(Default)]
enum Wish {
    /// It is a kill.
    #[default]
    Kill,
    /// The process asks `stop_requested` now and then.
    Poll,
    /// This runs.
    Handle(OnTerm),
}

impl Term {
    pub(crate) fn is_polite(&self) -> bool {
        !matches!(self.wish, Wish::Kill)
    }

    pub(crate) fn poll(&mut self) -> bool {
        if !self.is_polite() {
            self.wish = Wish::Poll;
        }
        self.requested
    }

    /// Sets the handler; the former one is to be dropped by the caller, after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn handle(&mut self, handler: OnTerm) -> Option<OnTerm> {
        match std::mem::replace(&mut self.wish, Wish::Handle(handler)) {
            Wish::Handle(former) => Some(former),
            Wish::Kill | Wish::Poll => None,
        }
    }

    pub(crate) fn post(&mut self) {
        self.requested = true;
        self.pending = matches!(self.wish, Wish::Handle(_));
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.pending
    }

    /// The handler, if it has to be run now.
    pub(crate) fn deliver(&mut self) -> Option<OnTerm> {
        match &self.wish {
            Wish::Handle(handler) if std::mem::take(&mut self.pending) => Some(Arc::clone(handler)),
            Wish::Handle(_) | Wish::Kill | Wish::Poll => None,
        }
    }

    /// Takes the handler away for good: the process is dying.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn has_handler(&self) -> bool {
        matches!(self.wish, Wish::Handle(_))
    }

    pub(crate) fn clear(&mut self) -> Option<OnTerm> {
        match std::mem::take(self).wish {
            Wish::Handle(handler) => Some(handler),
            Wish::Kill | Wish::Poll => None,
        }
    }
}
