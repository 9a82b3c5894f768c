//! Events as counters and gauges.

use std::sync::Arc;

use ::metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::event::{Event, EventKind};

/// Counts an event. The label `child` is the path of the child, `supervisor` that of the supervisor.
///
/// | name | kind | labels |
/// |---|---|---|
/// | `greenproc_child_starts_total` | counter | `child` |
/// | `greenproc_child_restarts_total` | counter | `child` |
/// | `greenproc_child_start_failures_total` | counter | `child` |
/// | `greenproc_child_exits_total` | counter | `child`, `cause`: `exit`, `signal` |
/// | `greenproc_child_stuck_total` | counter | `child` |
/// | `greenproc_child_silent_total` | counter | `child` |
/// | `greenproc_child_up` | gauge | `child` |
/// | `greenproc_child_ready_seconds` | histogram | `child` |
/// | `greenproc_supervisor_gave_up_total` | counter | `supervisor` |
pub fn count(event: &Event) {
    let path = || Arc::clone(&event.path);
    let once_more = |name: &'static str| counter!(name, "child" => path()).increment(1);
    match &event.kind {
        EventKind::Started { .. } => once_more("greenproc_child_starts_total"),
        EventKind::Ready { took, .. } => {
            gauge!("greenproc_child_up", "child" => path()).set(1.0);
            histogram!("greenproc_child_ready_seconds", "child" => path()).record(*took);
        }
        EventKind::StartFailed { .. } => once_more("greenproc_child_start_failures_total"),
        EventKind::Exited { status, .. } => {
            let cause = if status.signal().is_some() { "signal" } else { "exit" };
            counter!("greenproc_child_exits_total", "child" => path(), "cause" => cause).increment(1);
            gauge!("greenproc_child_up", "child" => path()).set(0.0);
        }
        EventKind::Restarting { .. } => once_more("greenproc_child_restarts_total"),
        EventKind::Stuck { .. } => once_more("greenproc_child_stuck_total"),
        EventKind::Silent { .. } => once_more("greenproc_child_silent_total"),
        EventKind::GaveUp { .. } => {
            counter!("greenproc_supervisor_gave_up_total", "supervisor" => path()).increment(1);
        }
        EventKind::Stopping { .. } | EventKind::AutoShutdown { .. } | EventKind::Up | EventKind::Down => {}
    }
}

/// Tells the recorder what each name means, once it is installed.
pub fn describe() {
    describe_counter!("greenproc_child_starts_total", "Lives of the child that began");
    describe_counter!("greenproc_child_restarts_total", "How often the child was to be started again");
    describe_counter!(
        "greenproc_child_start_failures_total",
        "Starts that failed, or were not ready in time"
    );
    describe_counter!("greenproc_child_exits_total", "Lives of the child that ended");
    describe_counter!("greenproc_child_stuck_total", "How often the child did not end when it was asked to");
    describe_counter!("greenproc_child_silent_total", "How often the child did not beat for its watchdog");
    describe_gauge!("greenproc_child_up", "1 while the child is ready");
    describe_histogram!("greenproc_child_ready_seconds", "How long the child took to be ready");
    describe_counter!("greenproc_supervisor_gave_up_total", "How often the supervisor gave up");
}
