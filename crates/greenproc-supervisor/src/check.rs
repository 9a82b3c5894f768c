//! What cannot work is said before anything starts.

use std::collections::HashSet;
use std::time::Duration;

use crate::error::SpecError;
use crate::spec::{Body, ChildSpec, Restart};
use crate::supervisor::{AutoShutdown, Supervisor};

/// The longest name of a child: it is that of its processes too.
const LONGEST_ID: usize = 255;

impl Supervisor {
    /// Looks over the whole tree; [`start`](Supervisor::start) does so too.
    ///
    /// # Errors
    /// The first thing that cannot work, with the path to it.
    ///
    /// ```
    /// use greenproc_supervisor::{ChildSpec, Supervisor};
    /// let twins = Supervisor::new("root").child(ChildSpec::supervisor(
    ///     Supervisor::new("web").child(ChildSpec::new("worker", |_| {})).child(ChildSpec::new("worker", |_| {})),
    /// ));
    /// let error = twins.check().expect_err("two have the same name");
    /// assert_eq!(error.to_string(), "root/web/worker: its supervisor has another child of this name");
    /// ```
    pub fn check(&self) -> Result<(), SpecError> {
        name_fault(&self.name).map_or(Ok(()), |fault| wrong(&self.name, fault))?;
        self.check_at(&self.name)
    }

    fn check_at(&self, path: &str) -> Result<(), SpecError> {
        if let Some(fault) = self.settings.backoff.fault() {
            return wrong(path, fault);
        }
        if self.children.len() > self.settings.max_children {
            let (has, max) = (self.children.len(), self.settings.max_children);
            return wrong(path, format!("it has {has} children, and may have {max}"));
        }
        let mut ids = HashSet::new();
        for child in &self.children {
            let path = format!("{path}/{}", child.id);
            if !ids.insert(&child.id) {
                return wrong(&path, "its supervisor has another child of this name");
            }
            child.check(&path, self.settings.auto_shutdown)?;
        }
        Ok(())
    }
}

impl ChildSpec {
    /// Looks over one child, of a supervisor that ends like this.
    pub(crate) fn check(&self, path: &str, auto_shutdown: AutoShutdown) -> Result<(), SpecError> {
        if let Some(fault) = name_fault(&self.id) {
            return wrong(path, fault);
        }
        if let Some(fault) = self.backoff.as_ref().and_then(crate::Backoff::fault) {
            return wrong(path, fault);
        }
        if self.significant && self.restart == Restart::Permanent {
            return wrong(path, "a permanent child never ends for good, so it cannot be significant");
        }
        if self.significant && auto_shutdown == AutoShutdown::Never {
            return wrong(path, "it is significant, but its supervisor has no auto-shutdown");
        }
        if let Some(watchdog) = &self.watchdog {
            if watchdog.interval == Duration::ZERO {
                return wrong(path, "the interval of a watchdog is longer than nothing");
            }
            if !matches!(self.body, Body::WithLife(_)) {
                return wrong(path, "a watchdog needs a child that beats: use ChildSpec::with_life");
            }
        }
        if self.ready_within.is_some() && matches!(self.body, Body::Plain(_)) {
            return wrong(path, "it is ready at once: use ChildSpec::with_life for one that says when it is");
        }
        match &self.body {
            Body::Supervisor(supervisor) => supervisor.check_at(path),
            Body::Plain(_) | Body::WithLife(_) => Ok(()),
        }
    }
}

fn name_fault(id: &str) -> Option<&'static str> {
    if id.is_empty() {
        Some("a name is not empty")
    } else if id.contains('/') {
        Some("a name has no slash, which stands between the names of a path")
    } else if id.contains('\0') {
        Some("a name has no NUL")
    } else if id.len() > LONGEST_ID {
        Some("a name has at most 255 bytes")
    } else {
        None
    }
}

fn wrong(path: &str, fault: impl Into<String>) -> Result<(), SpecError> {
    Err(SpecError { path: path.to_owned(), fault: fault.into() })
}
