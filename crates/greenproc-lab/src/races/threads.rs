//! The thread cache and the start queue.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, Signal};

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
        body: rest_summons,
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
