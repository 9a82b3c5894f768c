//! Children that are ignored.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, SigAction, Signal, WaitFlags, WaitFor};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "ignored-wait",
        protocol: "ignored children",
        story: "A parent ignores SIGCHLD, so that its children leave no zombies, and waits. When the last child has gone there is nothing to wait for, and the parent has to be told so.",
        invariant: "who has lost its last candidate is woken and gets ECHILD",
        source: "NetBSD kern_exit.c 1.195, exit1: the child reparents itself to init and has to wake the parent (mistake e)",
        faults: &[Fault::IgnoredTellsNobody],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: ignored_wait,
    },
    Race {
        name: "ignored-pid",
        protocol: "ignored children",
        story: "A parent ignores its children and waits for one of them by pid while another one lives on. The end of the one is the end of the wait, whoever else is left.",
        invariant: "who has lost its last candidate is woken and gets ECHILD",
        source: "mistake e of the original: told only when the last child goes",
        faults: &[Fault::IgnoredTellsLast, Fault::IgnoredTellsNobody],
        core: true,
        pid_max: None,
        shuts_down: false,
        body: ignored_pid,
    },
];

fn ignored_wait(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        p.spawn(Command::new("child", |_| ())).expect("a child");
        assert_eq!(p.wait().expect_err("no child is left").errno(), 10);
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn ignored_pid(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        let stays = p.spawn(Command::new("stays", |p| p.pause()));
        let goes = p.spawn(Command::new("goes", |_| ())).expect("a child").id();
        assert_eq!(p.wait4(WaitFor::Pid(goes), WaitFlags::empty()).expect_err("it left nothing").errno(), 10);
        stays.expect("a child").kill().expect("it lives");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
