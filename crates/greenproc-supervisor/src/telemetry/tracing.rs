//! Events as events of `tracing`.

use ::tracing::{debug, error, info, warn};

use crate::event::{Event, EventKind};

/// Passes an event on, with the fields `path` and, where there is one, `pid`, `incarnation` and `status`. What needs
/// somebody is an error (a supervisor gave up, a child is stuck), what went wrong is a warning, lives that begin, are ready
/// and end are infos, and the rest is for debugging. The target is `greenproc_supervisor`.
pub fn trace(event: &Event) {
    let Event { path, kind, .. } = event;
    match kind {
        EventKind::Started { pid, incarnation } | EventKind::Ready { pid, incarnation, .. } => {
            info!(target: "greenproc_supervisor", %path, pid = pid.as_raw(), incarnation, "{kind}");
        }
        EventKind::Exited { pid, incarnation, status, asked, .. } if *asked || status.success() => {
            info!(target: "greenproc_supervisor", %path, pid = pid.as_raw(), incarnation, %status, "{kind}");
        }
        EventKind::Exited { pid, incarnation, status, .. } => {
            warn!(target: "greenproc_supervisor", %path, pid = pid.as_raw(), incarnation, %status, "{kind}");
        }
        EventKind::Silent { pid, .. } => {
            warn!(target: "greenproc_supervisor", %path, pid = pid.as_raw(), "{kind}");
        }
        EventKind::StartFailed { .. } | EventKind::Restarting { .. } => {
            warn!(target: "greenproc_supervisor", %path, "{kind}");
        }
        EventKind::Stuck { pid, .. } => {
            error!(target: "greenproc_supervisor", %path, pid = pid.as_raw(), "{kind}");
        }
        EventKind::GaveUp { .. } => error!(target: "greenproc_supervisor", %path, "{kind}"),
        EventKind::Stopping { .. } | EventKind::AutoShutdown { .. } | EventKind::Up | EventKind::Down => {
            debug!(target: "greenproc_supervisor", %path, "{kind}");
        }
    }
}
