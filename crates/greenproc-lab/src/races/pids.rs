//! Numbers that are used again.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "kill-against-reuse",
        protocol: "pid reuse",
        story: "A child is to be killed through its handle. It ends, is reaped, and its pid is given to another one; a kill by number hits the stranger.",
        invariant: "a handle reaches the process that it was made for, or nobody",
        source: "golang/go#13987; the rationale of pidfd_send_signal",
        faults: &[Fault::HandleByNumber],
        core: false,
        pid_max: Some(3),
        body: kill_reuse,
    },
    Race {
        name: "wait-against-reuse",
        protocol: "pid reuse",
        story: "One LWP waits for a child through its handle, another one reaps that child and makes a new one, which gets the same place in the tree. A handle that does not know generations waits for the wrong one.",
        invariant: "a handle reaches the process that it was made for, or nobody",
        source: "Linux ee0a4582 (pid and start time); musl 7779dbd",
        faults: &[Fault::StaleNode],
        core: false,
        pid_max: None,
        body: wait_reuse,
    },
];

fn kill_reuse(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let first = p.spawn(Command::new("first", |_| ())).expect("a child");
        let pid = first.id();
        let killer = p.spawn_lwp(move |_| drop(first.kill())).expect("an LWP");
        drop(p.wait().expect("the first"));
        if let Ok(second) = p.spawn(Command::new("second", |_| 7)) {
            assert_eq!(second.id(), pid, "there is no other number");
            assert_eq!(second.wait().expect("it is there").status.code(), Some(7), "nobody was to kill it");
        }
        killer.join(p).expect("it returns");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn wait_reuse(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let first = p.spawn(Command::new("first", |_| 1)).expect("a child");
        let waiter = p.spawn_lwp(move |_| match first.wait() {
            Ok(waited) => assert_eq!(waited.status.code(), Some(1), "this is another child"),
            Err(error) => assert_eq!(error.errno(), 10),
        });
        if p.wait().is_ok() {
            let second = p.spawn(Command::new("second", |_| 2)).expect("a child");
            assert_eq!(second.wait().expect("it is there").status.code(), Some(2));
        }
        waiter.expect("an LWP").join(p).expect("it returns");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
