//! LWPs that leave.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "exit-sleeper",
        protocol: "LWP exit",
        story: "A process ends while one of its LWPs is about to sleep. The LWP looks whether it has to leave, finds that it has not, and is told so before it sleeps: it sleeps for ever, and the exit waits for it.",
        invariant: "an exit misses no LWP",
        source: "NetBSD kern_exit.c 1.195, exit_lwps: LWPs can get suspended behind us; Asterinas#1647",
        faults: &[Fault::SleepWithoutLooking],
        core: false,
        pid_max: None,
        body: exit_sleeper,
    },
    Race {
        name: "leave-join",
        protocol: "LWP exit",
        story: "An exit waits until the other LWPs have left. One that says so before it has left is still there when the exit looks, and nobody says it again.",
        invariant: "an exit misses no LWP",
        source: "musl debbddf7: the state is published before the list lock",
        faults: &[Fault::NotifyBeforeLeaving],
        core: false,
        pid_max: None,
        body: leave_join,
    },
];

fn exit_sleeper(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        p.spawn_lwp(|p| drop(p.pause())).expect("an LWP").detach();
        p.exit(5)
    }));
    assert_eq!(status.expect("it runs").code(), Some(5));
}

fn leave_join(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        p.spawn_lwp(|p| p.checkpoint()).expect("an LWP").detach();
        p.exit(5)
    }));
    assert_eq!(status.expect("it runs").code(), Some(5));
}
