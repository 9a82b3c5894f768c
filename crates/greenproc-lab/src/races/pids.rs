//! Numbers that are used again.

use greenproc::racelab::Fault;
use greenproc::{Command, Pid, Runtime};

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
        shuts_down: false,
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
        shuts_down: false,
        body: wait_reuse,
    },
    Race {
        name: "embryo-looked-up",
        protocol: "pid reuse",
        story: "A new process takes its number before it has a place in the tree. Whoever looks that number up in between must find nobody: what the process says of itself then is not so yet.",
        invariant: "who can be looked up has its group, its session and its parent",
        source: "Linux ee0a4582: a fork records who it is late, and another one has that identity",
        faults: &[Fault::EmbryoAnswers],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: embryo,
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

fn embryo(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let group = p.setsid().expect("it leads no group");
        let next = Pid::new(group.as_raw() + 1).expect("a pid");
        let looker = p.spawn_lwp(move |p| match (p.getpgid(Some(next)), p.getsid(Some(next))) {
            (Ok(of), Ok(session)) => assert_eq!((of, session), (group, group), "it is its parent's"),
            (Ok(of), Err(error)) | (Err(error), Ok(of)) => {
                assert_eq!(error.errno(), 3);
                assert_eq!(of, group, "it is its parent's");
            }
            (Err(one), Err(two)) => assert_eq!((one.errno(), two.errno()), (3, 3)),
        });
        let child = p.spawn(Command::new("child", |_| ())).expect("a child");
        assert_eq!(child.id(), next, "numbers go up");
        looker.expect("an LWP").join(p).expect("it returns");
        drop(child.wait().expect("it is there"));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
