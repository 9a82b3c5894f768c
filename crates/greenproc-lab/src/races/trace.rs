//! Tracing.

use greenproc::racelab::Fault;
use greenproc::{Command, Pid, Runtime, Signal, TraceOptions, WaitFlags, WaitFor};

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use crate::check::{settle, settles};

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
        shuts_down: false,
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
        shuts_down: false,
        body: parent_of_traced,
    },
    Race {
        name: "attach-exit",
        protocol: "tracing",
        story: "A tracer takes a process that is about to end. The end was left where nobody had to be told of it, just before \
                the tracer said that it has to be: unless the tracer looks there once more, nobody hears of the end.",
        invariant: "every end is known to who has asked for it",
        source: "an early version of this runtime: an attach, and a freeze, overlooked ends that were on their way",
        faults: &[Fault::AttachOverlooksDeparted],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: attach_exit,
    },
    Race {
        name: "tracer-outlives-parent",
        protocol: "tracing",
        story: "A tracer holds a dead child whose real parent ends meanwhile. The zombie goes back to who is its parent by then: to one that was remembered it would go in vain, and its new parent sleeps beside it.",
        invariant: "a zombie that comes back is announced to who is its parent now",
        source: "mistake c of the original: p_opptr of a traced zombie can outlive the real parent",
        faults: &[Fault::HandBackToFormer],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: tracer_outlives_parent,
    },
];

fn tracer_dies(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |p| p.pause())).expect("a child");
        let pid = child.id();
        let tracer = p.spawn(Command::new("tracer", move |p| {
            let tracee = p.trace(pid, TraceOptions::empty()).expect("it lives");
            tracee.kill().expect("it lives");
            // It is dead when this goes on.
            settle();
        }));
        drop(child.wait().expect("it comes back"));
        drop(tracer.expect("a tracer").wait().expect("it is there"));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn parent_of_traced(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |p| p.sleep(Duration::from_millis(10)))).expect("a child");
        let pid = child.id();
        let tracer = p.spawn(Command::new("tracer", move |p| {
            // It may have ended, if time flies.
            let Ok(tracee) = p.trace(pid, TraceOptions::empty()) else { return };
            // It stops to be traced, and then ends.
            while tracee.wait(p).expect("it is there").status.stopped_signal().is_some() {
                tracee.cont(None).expect("it stands still");
            }
        }));
        let waited = p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).expect("it comes back");
        assert_eq!(waited.and_then(|waited| waited.status.code()), Some(0));
        drop(tracer.expect("a tracer").wait().expect("it is there"));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn attach_exit(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| ())).expect("a child");
        if let Ok(tracee) = p.trace(child.id(), TraceOptions::empty()) {
            settle();
            // It may have ended.
            drop(tracee.kill());
        }
        drop(child.wait().expect("it is there"));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn tracer_outlives_parent(runtime: &Runtime) {
    let status = runtime.run(Command::new("shell", |p| {
        let number = Arc::new(AtomicI32::new(0));
        let note = Arc::clone(&number);
        let parent = p.spawn(Command::new("parent", move |p| {
            let child = p.spawn(Command::new("child", |p| p.pause())).expect("a child");
            note.store(child.id().as_raw(), Ordering::Relaxed);
            p.raise(Signal::STOP)
        }));
        let parent = parent.expect("a child");
        drop(p.wait4(WaitFor::Child(&parent), WaitFlags::UNTRACED).expect("it stops"));
        let child = Pid::new(number.load(Ordering::Relaxed)).expect("it has noted that");
        let tracer = p.spawn(Command::new("tracer", move |p| {
            let tracee = p.trace(child, TraceOptions::empty()).expect("it lives");
            tracee.kill().expect("it lives");
            p.pause()
        }));
        let tracer = tracer.expect("a child");
        parent.kill().expect("it lives");
        drop(parent.wait().expect("it is there"));
        tracer.kill().expect("it lives");
        drop(tracer.wait().expect("it is there"));
        // The tracer may not have come to that.
        drop(p.kill(child, Signal::KILL));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
    assert!(settles(|| runtime.stats().processes == 1), "init has reaped all others");
}
