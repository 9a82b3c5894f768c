//! Process groups.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, WaitFlags, WaitFor};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[Race {
    name: "setpgid-twice",
    protocol: "groups",
    story: "A parent puts its child into a group of its own, and so does the child itself, as shells do. If each finds no such group and makes one, there are two of one number.",
    invariant: "there is one group of a number",
    source: "rcore-os/tgoskits#1942; Asterinas#2051",
    faults: &[Fault::GroupMadeTwice, Fault::GroupNumberStays],
    core: false,
    pid_max: None,
    shuts_down: false,
    body: setpgid_twice,
}];

use crate::check::settles;

fn setpgid_twice(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |p| {
            let pid = p.pid();
            p.setpgid(None, None).expect("it can lead a group");
            p.spawn(Command::new("grandchild", |_| 4)).expect("a child");
            let waited = p.wait4(WaitFor::Group(pid), WaitFlags::empty());
            assert_eq!(waited.expect("it is there").and_then(|waited| waited.status.code()), Some(4));
        }));
        let child = child.expect("a child");
        // It may have ended.
        drop(p.setpgid(Some(child.id()), None));
        assert_eq!(child.wait().expect("it is there").status.code(), Some(0));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
    // That of init, which is that of its group and of its session too.
    assert!(settles(|| runtime.stats().pids_in_use == 1), "no number is left over");
}
