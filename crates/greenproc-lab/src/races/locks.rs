//! The order of locks.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, Signal};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[Race {
    name: "signal-spawn",
    protocol: "locks",
    story: "A signal is posted with the lock of the process first and that of the tree inside it, while everybody else takes them the other way round: two such threads wait for each other.",
    invariant: "locks are taken in the declared order",
    source: "NetBSD kern_exit.c 1.195, the order proclist_lock, then p_smutex",
    faults: &[Fault::LockOrder],
    core: false,
    pid_max: None,
    shuts_down: false,
    body: signal_spawn,
}];

fn signal_spawn(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |p| p.pause())).expect("a child");
        p.kill(child.id(), Signal::TERM).expect("it lives");
        assert_eq!(child.wait().expect("it is there").status.signal(), Some(Signal::TERM));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
