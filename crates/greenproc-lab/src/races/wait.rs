//! Waiting for children.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, WaitFlags, WaitFor};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[Race {
    name: "exit-wait",
    protocol: "wait",
    story: "A parent looks for a dead child, finds none and goes to sleep. The child dies between the look and the sleep: \
            its wake-up finds nobody asleep, and the parent sleeps for ever beside a zombie.",
    invariant: "nobody sleeps in wait while a child that it waits for is dead",
    source: "NetBSD kern_exit.c 1.195, find_stopped_child and exit1; Go on NetBSD hung on missed wake-ups (golang/go#56180)",
    faults: &[Fault::CheckOutsideLock],
    core: true,
    early_timeouts: false,
    body: exit_wait,
}];

fn exit_wait(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| 3)).expect("a child");
        let waited = p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty()).expect("it is there");
        assert_eq!(waited.and_then(|waited| waited.status.code()), Some(3));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
