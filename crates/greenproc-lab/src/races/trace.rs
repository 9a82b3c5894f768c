//! Tracing.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, TraceOptions};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "tracer-dies",
        protocol: "tracing",
        story: "A process traces a child of somebody else, and ends together with it. The dead child goes back to its real parent, which has to be told, or it sleeps for ever.",
        invariant: "a zombie that comes back is announced as if it had died now",
        source: "mistake d of the original; Linux pidns c1c366c9",
        faults: &[Fault::TracerLeavesQuietly],
        core: false,
        pid_max: None,
        body: tracer_dies,
    },
    Race {
        name: "parent-of-traced",
        protocol: "tracing",
        story: "A debugger takes a child from a parent that waits for it. The child still is the parent's: the wait has to go on until the child comes back, not end with ECHILD.",
        invariant: "the real parent of a traced child blocks in wait",
        source: "mistake i of the original, decision 8",
        faults: &[Fault::TracedIsNoChild],
        core: false,
        pid_max: None,
        body: tracer_dies,
    },
];

fn tracer_dies(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |p| p.checkpoint())).expect("a child");
        let pid = child.id();
        let tracer = p.spawn(Command::new("tracer", move |p| {
            // The child may have ended; and it is killed if it has not.
            let tracee = p.trace(pid, TraceOptions::empty());
            p.checkpoint();
            drop(tracee);
        }));
        drop(child.wait().expect("it comes back"));
        drop(tracer.expect("a tracer").wait().expect("it is there"));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
