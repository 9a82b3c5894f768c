//! Orphans.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "exit-reparent",
        protocol: "reparent",
        story: "A child ends while its parent does. It looks up who its parent is, the parent gives it to init, and the child tells the dead parent: init sleeps beside a zombie.",
        invariant: "every zombie is known to who is its parent now",
        source: "Linux 5dd6a6e5 (do not reparent children to zombie tasks); NetBSD kern_exit.c 1.195, exit1 reloads the parent pointer",
        faults: &[Fault::StaleParent],
        core: true,
        pid_max: None,
        body: exit_reparent,
    },
    Race {
        name: "inherited-zombie",
        protocol: "reparent",
        story: "A parent ends without having waited for its dead child. The new parent is to be told of the zombie that it inherits, or it will never reap it.",
        invariant: "every zombie is known to who is its parent now",
        source: "decision 7; mistake q: init is woken for inherited zombies, not told",
        faults: &[Fault::InheritedUnannounced],
        core: false,
        pid_max: None,
        body: inherited_zombie,
    },
    Race {
        name: "spawn-exit",
        protocol: "reparent",
        story: "One LWP makes a child while another one ends the process. A child that comes after the children were given away has a dead parent.",
        invariant: "a dead parent has no children",
        source: "NetBSD kern_exit.c 1.195, fork1 against exit1; the rcore and Asterinas reports on fork against exit",
        faults: &[Fault::BornAfterGiving],
        core: false,
        pid_max: None,
        body: spawn_exit,
    },
];

use crate::check::settle;

fn only_init_is_left(runtime: &Runtime) {
    settle();
    assert_eq!(runtime.stats().processes, 1, "init has reaped all others");
}

fn exit_reparent(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        p.spawn(Command::new("child", |_| ())).expect("a child");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
    only_init_is_left(runtime);
}

fn inherited_zombie(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| ())).expect("a child");
        let peeked = p.waitid(
            greenproc::WaitFor::Child(&child),
            greenproc::WaitFlags::EXITED | greenproc::WaitFlags::NOWAIT,
        );
        assert!(peeked.is_ok());
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
    only_init_is_left(runtime);
}

fn spawn_exit(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        p.spawn_lwp(|p| drop(p.spawn(Command::new("late", |_| ())))).expect("an LWP").detach();
        p.exit(0)
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
    only_init_is_left(runtime);
}
