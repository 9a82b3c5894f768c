//! The thread cache and the start queue.

use greenproc::racelab::Fault;
use greenproc::{Command, Process, Runtime, Signal};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "starts-chain",
        protocol: "thread cache",
        story: "Two processes are started at once, and the first needs the second. The thread that takes the first start calls the next thread; if it does not, the second start waits for the first process to end, which waits for it.",
        invariant: "no LWP waits for another one to finish",
        source: "design: whoever takes a start while more are waiting first gets one more thread going",
        faults: &[Fault::TakerCallsNobody],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: starts_chain,
    },
    Race {
        name: "rest-summons",
        protocol: "thread cache",
        story: "A thread has nothing to do and goes to rest. A start summons it between its look and its rest; if it forgets that, the start waits for ever.",
        invariant: "a start always gets a thread",
        source: "the lost wake-up of every thread pool",
        faults: &[Fault::RestForgetsSummons],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: rest_summons,
    },
    Race {
        name: "made-and-gone",
        protocol: "thread cache",
        story: "A new thread has done all it was made for, and has left, before its maker has stored how to join it. The maker has to see that, or the thread counts for ever as one that runs.",
        invariant: "a thread that has left is joined once, and counted no more",
        source: "glibc f8bf15fe: a detached thread is gone before its maker has looked at it",
        faults: &[Fault::LeftUnnoticed],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: made_and_gone,
    },
    Race {
        name: "own-thread",
        protocol: "thread cache",
        story: "A process with a thread of its own has ended when that thread has, its destructors included. Whoever makes the zombie visible joins the thread first.",
        invariant: "what a thread had is gone before the end of its process can be seen",
        source: "musl debbddf7, glibc f8bf15fe: the memory of a thread goes after its join, and not before",
        faults: &[Fault::BuriedUnjoined],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: own_thread,
    },
];

fn starts_chain(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let first = p.spawn(Command::new("first", |p| p.pause())).expect("a child");
        let pid = first.id();
        let second = p.spawn(Command::new("second", move |p| p.kill(pid, Signal::KILL)));
        assert_eq!(first.wait().expect("it is there").status.signal(), Some(Signal::KILL));
        drop(second.expect("a child").wait().expect("it is there"));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn rest_summons(runtime: &Runtime) {
    for _ in 0..2 {
        assert_eq!(runtime.run(Command::new("short", |_| ())).expect("it runs").code(), Some(0));
    }
}

fn made_and_gone(runtime: &Runtime) {
    let status = runtime.run(Command::new("short", Process::retire_thread));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn own_thread(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| 3).own_thread()).expect("a child");
        assert_eq!(child.wait().expect("it is there").status.code(), Some(3));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
