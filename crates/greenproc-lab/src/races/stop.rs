//! Stopping and continuing.

use greenproc::racelab::Fault;
use greenproc::{Command, MaskHow, ProcessGroup, Runtime, Signal, WaitFlags, WaitFor};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "stop-continue-kill",
        protocol: "stop and continue",
        story: "A process stops, and is continued and killed by another one at the same time. What its parent is told of has to have been so, and it has to die in the end.",
        invariant: "a reported stop is a stop that existed; SIGKILL always ends a stopped process",
        source: "Linux ee7c82da and e4420551; mistake j of the original",
        faults: &[Fault::StopInTwoHolds, Fault::StopStaysCounted],
        core: true,
        pid_max: None,
        shuts_down: false,
        body: stop_continue_kill,
    },
    Race {
        name: "stop-against-continue",
        protocol: "stop and continue",
        story: "A stop signal is pending, blocked; it is unblocked at the moment at which SIGCONT comes. SIGCONT discards pending stops: if the stop was taken already and is done afterwards, the process stands still for ever.",
        invariant: "SIGCONT leaves no stop behind that came before it",
        source: "decision 5; POSIX: SIGCONT discards pending stop signals",
        faults: &[Fault::StopTakenFirst],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: stop_against_continue,
    },
    Race {
        name: "stop-on-exit",
        protocol: "stop and continue",
        story: "A process is to stop once on its way out, so that its parent can look at it. Unless the parent is told of that stop it waits for the child, and the child for it.",
        invariant: "every stop is told to who waits for it",
        source: "NetBSD kern_exit.c 1.195, exit1 with PS_STOPEXIT: the parent is neither woken nor told (mistake b)",
        faults: &[Fault::ExitStopUntold],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: stop_on_exit,
    },
];

use crate::check::settle;

fn stop_continue_kill(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |p| {
            p.raise(Signal::STOP)?;
            p.pause()
        }));
        let child = child.expect("a child");
        let pid = child.id();
        p.kill(pid, Signal::CONT).expect("it lives");
        settle();
        child.kill().expect("it lives");
        let flags = WaitFlags::UNTRACED | WaitFlags::CONTINUED;
        let last = loop {
            let waited = p.wait4(WaitFor::Pid(pid), flags).expect("it is there").expect("it was waited for");
            if waited.status.code().is_some() || waited.status.signal().is_some() {
                break waited.status;
            }
        };
        assert_eq!(last.signal(), Some(Signal::KILL));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn stop_against_continue(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(
            Command::new("child", |p| {
                p.sigmask(MaskHow::Unblock, Signal::TSTP).expect("it can be unblocked");
                p.checkpoint();
            })
            .signal_mask(Signal::TSTP)
            // It has a parent in another group of its session, who could continue it.
            .process_group(ProcessGroup::New),
        );
        let child = child.expect("a child");
        drop(p.kill(child.id(), Signal::TSTP));
        drop(p.kill(child.id(), Signal::CONT));
        assert_eq!(child.wait().expect("it goes on and ends").status.code(), Some(0));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn stop_on_exit(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| 7).stop_on_exit()).expect("a child");
        // It goes on from a stop, and is not to be held up by one that comes before it.
        child.signal(Signal::CONT).expect("it was not reaped");
        loop {
            let waited = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("it is there");
            let status = waited.expect("it was waited for").status;
            if status.stopped_signal().is_none() {
                break assert_eq!(status.code(), Some(7));
            }
            child.signal(Signal::CONT).expect("it was not reaped");
        }
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
