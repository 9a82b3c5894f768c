//! Waiting and reaping: rows 39, 52 to 59, 61, 62, 64, 66 to 69 of the kernel map, decisions 4, 18, 23 and 27, mistakes h
//! and r.
//!
//! What depends on which of two LWPs comes first is only asserted as far as it holds for both orders; the race lab runs
//! through the orders.

mod handles;
mod patience;
mod reaping;
mod selectors;
mod waiters;

use greenproc::{Child, Command, Pid, Process, ProcessGroup, Waited};
use greenproc_tests::{dead, same, succeeded};

fn pid(raw: i32) -> Pid {
    Pid::new(raw).expect("a positive number")
}

fn pid_of(found: Option<Waited>) -> Option<Pid> {
    found.map(|waited| waited.pid)
}

/// A child that another wait than the handle's took.
fn dead_and_reaped(p: &Process) -> Child {
    let child = dead(p, 0, same);
    assert_eq!(p.wait().expect("a zombie").pid, child.id());
    child
}

/// Gives the other LWPs that are about to sleep the time to do so. Nothing depends on it but which way a test goes.
fn round_trip(p: &Process) {
    for _ in 0..3 {
        let command = Command::new("round trip", |_| {}).process_group(ProcessGroup::New);
        succeeded(&p.spawn(command.exit_signal(None)).expect("room").wait().expect("my child"));
    }
}
