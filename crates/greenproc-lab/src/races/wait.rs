//! Waiting for children.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, WaitFlags, WaitFor};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "exit-wait",
        protocol: "wait",
        story: "A parent looks for a dead child, finds none and goes to sleep. The child dies between the look and the sleep: its wake-up finds nobody asleep, and the parent sleeps for ever beside a zombie.",
        invariant: "nobody sleeps in wait while a child that it waits for is dead",
        source: "NetBSD kern_exit.c 1.195, find_stopped_child and exit1; Go on NetBSD hung on missed wake-ups (golang/go#56180)",
        faults: &[Fault::CheckOutsideLock, Fault::DeafWaiter],
        core: true,
        pid_max: None,
        body: exit_wait,
    },
    Race {
        name: "two-waiters",
        protocol: "wait",
        story: "Two LWPs wait for the same child. One finds it dead, and takes it in a second hold of the lock: the other has taken it meanwhile, and the same zombie is reaped twice, or somebody else in its place.",
        invariant: "each exit is reported exactly once",
        source: "musl debbddf7, gVisor#13934: look-up and use in two critical sections",
        faults: &[Fault::ReapInTwoSteps],
        core: false,
        pid_max: None,
        body: two_waiters,
    },
];

fn exit_wait(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| 3)).expect("a child");
        let waited = p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty()).expect("it is there");
        assert_eq!(waited.and_then(|waited| waited.status.code()), Some(3));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn two_waiters(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        p.spawn(Command::new("child", |_| 3)).expect("a child");
        let other = p.spawn_lwp(|p| p.wait().is_ok()).expect("an LWP");
        let mine = p.wait().is_ok();
        let others = other.join(p).expect("it returns");
        assert!(mine != others, "one of the two has reaped the child: {mine} {others}");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
