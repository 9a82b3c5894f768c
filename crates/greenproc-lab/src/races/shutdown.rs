//! The end of a runtime.

use std::time::Duration;

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, TraceOptions};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "spawn-shutdown",
        protocol: "shutdown",
        story: "A runtime is shut down while one of its processes makes another one. Those who are there are told to end; who comes after that is told nothing, and the shutdown waits for it until its patience is over.",
        invariant: "who is admitted is told to end",
        source: "Linux c1c366c9, zap_pid_ns_processes: no fork succeeds once the namespace goes down; decision 25",
        faults: &[Fault::AdmitsWhileClosing],
        core: false,
        pid_max: None,
        shuts_down: true,
        body: spawn_shutdown,
    },
    Race {
        name: "shutdown-traced",
        protocol: "shutdown",
        story: "A runtime is shut down in which a process is traced by a stranger, and both belong to handles outside. Init is to outlive every zombie, whoever else may reap it, and the handles are to know how it ended.",
        invariant: "when init has gone, all below it has",
        source: "Linux c1c366c9: init waits until all are reaped, and not just dead",
        faults: &[Fault::HeldOutliveInit],
        core: false,
        pid_max: None,
        shuts_down: true,
        body: shutdown_traced,
    },
];

fn nothing_is_left(runtime: &Runtime) {
    let report = runtime.shutdown(Duration::from_secs(1)).expect("it runs");
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.killed, 0, "all have ended when they were asked to");
    let stats = runtime.stats();
    assert_eq!((stats.processes, stats.pids_in_use), (0, 0), "processes and numbers that are left");
}

fn spawn_shutdown(runtime: &Runtime) {
    let parent = runtime.spawn(Command::new("parent", |p| {
        // It may be too late for that.
        drop(p.spawn(Command::new("child", |p| p.pause())));
        p.pause()
    }));
    let parent = parent.expect("it runs");
    nothing_is_left(runtime);
    drop(parent.wait().expect("the handle knows how it ended"));
}

fn shutdown_traced(runtime: &Runtime) {
    let tracee = runtime.spawn(Command::new("tracee", |p| p.pause())).expect("it runs");
    let pid = tracee.id();
    let tracer = runtime.spawn(Command::new("tracer", move |p| {
        let _tracee = p.trace(pid, TraceOptions::empty());
        p.pause()
    }));
    nothing_is_left(runtime);
    for child in [tracee, tracer.expect("it runs")] {
        let status = child.wait().expect("the handle knows how it ended").status;
        assert!(status.signal().is_some(), "{status}");
    }
}
