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
        shuts_down: false,
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
        shuts_down: false,
        body: inherited_zombie,
    },
    Race {
        name: "adopted-exit",
        protocol: "reparent",
        story: "An orphan ends long after it was given to init. It leaves its end where whoever is its parent is told of it: \
                if it still sees the former parent there, nobody is.",
        invariant: "every zombie is known to who is its parent now",
        source: "the mirrors of the tree that are read without its lock (getppid, departures)",
        faults: &[Fault::MirrorForgotten],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: adopted_exit,
    },
    Race {
        name: "adopted-count",
        protocol: "reparent",
        story: "How many of its children have something to report is counted with their parent. A child ends just before it gets another one: if the count stays with the former, the new parent looks, finds nothing to take, and sleeps.",
        invariant: "what is counted as there to be waited for is there, with the parent that it has now",
        source: "NetBSD kern_exit.c 1.195, lines 503, 518 and 1028: p_nstopchild drifts; tested for in HEAD's proc_reparent (mistake a)",
        faults: &[Fault::CountStaysBehind, Fault::ParentEndsLightly],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: adopted_count,
    },
];

use std::time::Duration;

use crate::check::settles;

fn only_init_is_left(runtime: &Runtime) {
    assert!(settles(|| runtime.stats().processes == 1), "init has reaped all others");
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

fn adopted_exit(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        p.spawn(Command::new("child", |p| p.sleep(Duration::from_millis(10)))).expect("a child");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
    let witness = runtime.run(Command::new("witness", |p| p.sleep(Duration::from_millis(20))));
    assert_eq!(witness.expect("it runs").code(), Some(0));
    only_init_is_left(runtime);
}

fn adopted_count(runtime: &Runtime) {
    let status = runtime.run(Command::new("subreaper", |p| {
        p.set_child_subreaper(true).expect("it adopts");
        let parent =
            Command::new("parent", |p| drop(p.spawn(Command::new("child", |_| 3)).expect("a child")));
        drop(p.spawn(parent).expect("a child"));
        // The parent, and the child that it has left.
        let mut codes = [(); 2].map(|()| p.wait().expect("it is there").status.code());
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(3)]);
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
