//! The end of a process.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, Signal};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "exit-announced",
        protocol: "exit",
        story: "A process that ends tells its parent, and becomes a zombie. If it tells first, the parent looks, finds nothing and sleeps again, and nobody tells it a second time.",
        invariant: "nobody sleeps in wait while a child that it waits for is dead",
        source: "NetBSD kern_exit.c 1.195, exit1: the state is set before the parent is signalled",
        faults: &[Fault::NotifyBeforeState, Fault::LookBeforeLeaving],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: exit_announced,
    },
    Race {
        name: "double-exit",
        protocol: "exit",
        story: "Two LWPs of one process call exit at the same time. One of them owns the exit; were both to run it, the process would die twice.",
        invariant: "a process dies once, with one status",
        source: "NetBSD kern_exit.c 1.195, exit1: PS_WEXIT under p_smutex; Asterinas#1647",
        faults: &[Fault::ExitOwnerTwice],
        core: true,
        pid_max: None,
        shuts_down: false,
        body: double_exit,
    },
    Race {
        name: "zombie-reaped",
        protocol: "exit",
        story: "A zombie is there to be reaped as soon as it is published. If the thread that published it still looks at the process, it finds somebody else there, or nobody.",
        invariant: "nobody touches a process that was reaped",
        source: "FreeBSD r329542: PRS_ZOMBIE was visible while the exiting thread still held a lock of the process",
        faults: &[Fault::TouchAfterZombie],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: zombie_reaped,
    },
    Race {
        name: "exec-kill",
        protocol: "exit",
        story: "A process replaces its body and is killed at the same moment. The exec ends the former LWPs; if it also wipes away what was decided about the process, the kill is lost.",
        invariant: "SIGKILL always ends a process",
        source: "Linux ed5d2cac: exec: rework the group exit and fix the race with kill",
        faults: &[Fault::ExecForgetsDeath],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: exec_kill,
    },
];

use crate::check::settle;

fn exit_announced(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| 3)).expect("a child");
        assert_eq!(child.wait().expect("it is there").status.code(), Some(3));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
    settle();
}

fn double_exit(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        p.spawn_lwp(|p| p.exit(1)).expect("an LWP").detach();
        p.exit(2)
    }));
    let code = status.expect("it runs").code();
    assert!(code == Some(1) || code == Some(2), "{code:?}");
}

fn zombie_reaped(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| 3)).expect("a child");
        assert_eq!(child.wait().expect("it is there").status.code(), Some(3));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn exec_kill(runtime: &Runtime) {
    let child = runtime.spawn(Command::new("child", |p| p.exec(Command::new("successor", |p| p.pause()))));
    let child = child.expect("it runs");
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("it is there").status.signal(), Some(Signal::KILL));
}
