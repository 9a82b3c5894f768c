//! The tree and those who look at it: rows 1 to 3, 12, 36, 40, 41, 43, 64, 68, 70, 72 to 74 of the kernel map, decisions
//! 2, 7, 14 and 18, mistakes e and q; snapshots and the event stream.

mod events;
mod exit_signal;
mod groups;
mod ignored;
mod looking;
mod orphans;
mod pids;

use greenproc::{EventKind, EventStream, Pid};
use greenproc_tests::next_event;

fn pid(raw: i32) -> Pid {
    Pid::new(raw).expect("a positive number")
}

fn is_reaped(kind: &EventKind) -> Option<()> {
    matches!(kind, EventKind::Reaped).then_some(())
}

/// Which of a process's exit signals were sent before it was reaped: to whom, and which.
fn exit_signals(events: &EventStream, of: Pid) -> Vec<(Pid, greenproc::SigInfo)> {
    let mut sent = Vec::new();
    next_event(events, of, |kind| {
        if let EventKind::ExitSignal { to, info } = kind {
            sent.push((*to, *info));
        }
        is_reaped(kind)
    });
    sent
}
