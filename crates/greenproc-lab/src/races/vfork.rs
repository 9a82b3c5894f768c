//! vfork.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "vfork-exit",
        protocol: "vfork",
        story: "A parent waits in vfork until its child ends. The child lets it go without taking its lock: between the parent's look and its sleep nobody hears that.",
        invariant: "who waits in vfork is let go when the child executes or ends",
        source: "FreeBSD 8638fe7be; NetBSD kern_exit.c 1.195, exit1 wakes the parent early",
        faults: &[Fault::LatchWithoutLock],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: vfork_exit,
    },
    Race {
        name: "vfork-killed",
        protocol: "vfork",
        story: "A parent waits in vfork for a child that never ends, and is killed. The wait has to end, or nobody can ever get rid of the two.",
        invariant: "who waits in vfork can be killed",
        source: "Linux d68b46fe (vfork: make it killable); mistake l",
        faults: &[Fault::VforkUnkillable],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: vfork_killed,
    },
];

fn vfork_exit(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.vfork(Command::new("child", |_| 3)).expect("a child");
        assert_eq!(child.wait().expect("it is there").status.code(), Some(3));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn vfork_killed(runtime: &Runtime) {
    let parent = runtime.spawn(Command::new("parent", |p| {
        let child = Command::new("child", |p| p.pause());
        drop(p.vfork(child));
    }));
    let parent = parent.expect("it runs");
    parent.kill().expect("it lives");
    drop(parent.wait().expect("it is there"));
}
