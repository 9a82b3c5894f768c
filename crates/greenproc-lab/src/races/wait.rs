//! Waiting for children.

use greenproc::racelab::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use greenproc::{Command, MaskHow, NoteFlags, Runtime, SigAction, SigSet, Signal, WaitFlags, WaitFor};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "exit-wait",
        protocol: "wait",
        story: "A parent looks for a dead child, finds none and goes to sleep. The child dies between the look and the sleep: its wake-up finds nobody asleep, and the parent sleeps for ever beside a zombie.",
        invariant: "nobody sleeps in wait while a child that it waits for is dead",
        source: "NetBSD kern_exit.c 1.195, find_stopped_child and exit1; Go on NetBSD hung on missed wake-ups (golang/go#56180)",
        faults: &[Fault::CheckOutsideLock, Fault::DeafWaiter],
        core: true,
        pid_max: None,
        shuts_down: false,
        body: exit_wait,
    },
    Race {
        name: "two-waiters",
        protocol: "wait",
        story: "Two LWPs wait for the same child. One finds it dead, and takes it in a second hold of the lock: the other has taken it meanwhile, and the same zombie is reaped twice, or somebody else in its place.",
        invariant: "each exit is reported exactly once",
        source: "musl debbddf7, gVisor#13934: look-up and use in two critical sections",
        faults: &[Fault::ReapInTwoSteps],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: two_waiters,
    },
    Race {
        name: "any-against-pid",
        protocol: "wait",
        story: "One LWP reaps whatever there is, another one waits for a certain child. The first takes that child too: the other one has nothing left to wait for, and has to be told so.",
        invariant: "each exit is reported exactly once, and nobody waits for one that was",
        source: "gomods/athens#2049, ramr/go-reaper#22: two that reap in one process",
        faults: &[Fault::ReapTellsNobody],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: any_against_pid,
    },
    Race {
        name: "one-handle-two-waiters",
        protocol: "wait",
        story: "Two LWPs wait through one handle. One reaps the child; the other finds it gone and asks the handle, which has to know the status by then.",
        invariant: "whoever waits through a handle is told what was reaped through it",
        source: "mvm#2041: the status went to another wait, and all exit codes were 255",
        faults: &[Fault::NoteInNextHold],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: one_handle,
    },
    Race {
        name: "wait-signal",
        protocol: "wait",
        story: "A wait has reaped a child when a signal comes. If it looks for signals once more and returns EINTR, the status is lost for ever: the next wait finds no child.",
        invariant: "each exit is reported exactly once",
        source: "dash 3800d493: a signal after wait3 had returned lost the status; mistake r",
        faults: &[Fault::LookAfterReap],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: wait_signal,
    },
    Race {
        name: "two-children-one-signal",
        protocol: "signals",
        story: "Two children end at the same time. A parent whose handler waits for the child that the signal names misses one if the two signals become one.",
        invariant: "SIGCHLD keeps what it says of each child",
        source: "foot c9abab0, FreeBSD ebceaf6: one SIGCHLD for each child; decision 11",
        faults: &[Fault::ChildSignalsCoalesce],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: two_children,
    },
    Race {
        name: "watch-exit",
        protocol: "watching",
        story: "Somebody watches a process that is about to end. If the look whether it lives and the beginning of the watch are two holds of the lock, the end comes in between and is never told.",
        invariant: "a watch that began is told of the end",
        source: "mistake o of the original: between NOTE_EXIT and the zombie nobody is told",
        faults: &[Fault::WatchInTwoHolds],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: watch_exit,
    },
    Race {
        name: "marks-at-once",
        protocol: "watching",
        story: "What others may know of a process without its lock is in one word. The process changes what is said there of its signals, under its own lock; somebody who begins to watch it marks it, under another one. Written back as a whole, the word of the one wipes out the mark of the other.",
        invariant: "a mark that was set stays until it is taken away",
        source: "NetBSD kern_exit.c 1.195, lines 472 to 474: p's lock is taken while q's flags change (mistake p)",
        faults: &[Fault::MarksInTwoSteps],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: marks_at_once,
    },
];

fn exit_wait(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| 3)).expect("a child");
        let waited = p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty()).expect("it is there");
        assert_eq!(waited.and_then(|waited| waited.status.code()), Some(3));
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn two_waiters(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        p.spawn(Command::new("child", |_| 3)).expect("a child");
        let other = p.spawn_lwp(|p| p.wait().is_ok()).expect("an LWP");
        let mine = p.wait().is_ok();
        let others = other.join(p).expect("it returns");
        assert!(mine != others, "one of the two has reaped the child: {mine} {others}");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn any_against_pid(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let pid = p.spawn(Command::new("child", |_| 3)).expect("a child").id();
        let reaper = p.spawn_lwp(|p| p.wait().is_ok()).expect("an LWP");
        let mine = match p.wait4(WaitFor::Pid(pid), WaitFlags::empty()) {
            Ok(waited) => waited.is_some_and(|waited| waited.status.code() == Some(3)),
            Err(error) => {
                assert_eq!(error.errno(), 10);
                false
            }
        };
        let stolen = reaper.join(p).expect("it returns");
        assert!(mine != stolen, "one of the two has reaped the child: {mine} {stolen}");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn one_handle(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = Arc::new(p.spawn(Command::new("child", |_| 3)).expect("a child"));
        let other = Arc::clone(&child);
        let code = |child: &greenproc::Child| child.wait().map(|waited| waited.status.code());
        let other = p.spawn_lwp(move |_| code(&other).ok()).expect("an LWP");
        assert_eq!(code(&child).expect("the handle knows it"), Some(3));
        assert_eq!(other.join(p).expect("it returns"), Some(Some(3)), "the handle knows it");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn wait_signal(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be caught");
        let (child, parent) = (p.spawn(Command::new("child", |_| 3)).expect("a child"), p.pid());
        let signaller = p.spawn(Command::new("signaller", move |p| p.kill(parent, Signal::USR1)));
        let waited = loop {
            match p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty()) {
                Ok(waited) => break waited,
                Err(error) => assert_eq!(error.errno(), 4, "nobody else has reaped it"),
            }
        };
        assert_eq!(waited.and_then(|waited| waited.status.code()), Some(3));
        // The signal may come while this waits.
        while let Err(error) = signaller.as_ref().expect("a child").wait() {
            assert_eq!(error.errno(), 4);
        }
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn two_children(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let reaped = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&reaped);
        let reap = SigAction::handler(move |p, info| {
            if let Ok(Some(_)) = p.wait4(WaitFor::Pid(info.pid), WaitFlags::NOHANG) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        p.sigaction(Signal::CHLD, reap).expect("it can be caught");
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it can be blocked");
        for _ in 0..2 {
            drop(p.spawn(Command::new("child", |_| ())).expect("a child"));
        }
        while reaped.load(Ordering::Relaxed) < 2 {
            // It returns when handlers have run.
            drop(p.sigsuspend(SigSet::EMPTY));
        }
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn watch_exit(runtime: &Runtime) {
    let child = runtime.spawn(Command::new("child", |_| ())).expect("a child");
    let watch = child.watch(NoteFlags::EXIT).expect("it was not reaped");
    assert!(child.wait().expect("it is there").status.success());
    assert!(watch.try_recv().is_ok(), "its end was told");
}

fn marks_at_once(runtime: &Runtime) {
    let child =
        runtime.spawn(Command::new("child", |p| p.sigaction(Signal::USR1, SigAction::IGNORE).map(drop)));
    let child = child.expect("a child");
    let watch = child.watch(NoteFlags::EXIT).expect("it was not reaped");
    assert!(child.wait().expect("it is there").status.success());
    assert!(watch.try_recv().is_ok(), "its end was told");
}
