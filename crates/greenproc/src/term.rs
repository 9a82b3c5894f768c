//! The polite end: what a process wants done about SIGTERM.

use std::sync::Arc;

use crate::process::Process;

/// A function that runs on an LWP of the process when SIGTERM came.
pub(crate) type OnTerm = Arc<dyn Fn(&Process) + Send + Sync>;

/// What SIGTERM does to a process. Guarded by `p_smutex`. Nothing unusual as long as it is a kill.
#[derive(Default)]
pub(crate) struct Term(Option<Box<Polite>>);

/// The process wants to end by itself.
#[derive(Default)]
struct Polite {
    /// What is to run; without it the process asks `stop_requested` now and then.
    handler: Option<OnTerm>,
    /// SIGTERM has come, since the process became polite about it.
    requested: bool,
    /// The handler is still to be run for it.
    pending: bool,
}

impl Term {
    pub(crate) fn is_polite(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn poll(&mut self) -> bool {
        self.0.get_or_insert_default().requested
    }

    /// Sets the handler; the former one is to be dropped by the caller, after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn handle(&mut self, handler: OnTerm) -> Option<OnTerm> {
        self.0.get_or_insert_default().handler.replace(handler)
    }

    /// SIGTERM has come to a process that is polite about it.
    pub(crate) fn post(&mut self) {
        if let Some(polite) = &mut self.0 {
            polite.requested = true;
            polite.pending = polite.handler.is_some();
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.0.as_ref().is_some_and(|polite| polite.pending)
    }

    /// The handler, if it has to be run now.
    pub(crate) fn deliver(&mut self) -> Option<OnTerm> {
        let polite = self.0.as_mut()?;
        polite.handler.clone().filter(|_| std::mem::take(&mut polite.pending))
    }

    pub(crate) fn has_handler(&self) -> bool {
        self.0.as_ref().is_some_and(|polite| polite.handler.is_some())
    }

    /// Takes the handler away for good: the process is dying.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn clear(&mut self) -> Option<OnTerm> {
        self.0.take()?.handler
    }
}
