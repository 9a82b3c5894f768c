//! LWPs that leave.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, SigAction, Signal};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "exit-sleeper",
        protocol: "LWP exit",
        story: "A process ends while one of its LWPs is about to sleep. The LWP looks whether it has to leave, finds that it has not, and is told so before it sleeps: it sleeps for ever, and the exit waits for it.",
        invariant: "an exit misses no LWP",
        source: "NetBSD kern_exit.c 1.195, exit_lwps: LWPs can get suspended behind us; Asterinas#1647",
        faults: &[Fault::SleepWithoutLooking],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: exit_sleeper,
    },
    Race {
        name: "leave-join",
        protocol: "LWP exit",
        story: "An exit waits until the other LWPs have left. One that says so before it has left is still there when the exit looks, and nobody says it again.",
        invariant: "an exit misses no LWP",
        source: "musl debbddf7: the state is published before the list lock",
        faults: &[Fault::NotifyBeforeLeaving],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: leave_join,
    },
    Race {
        name: "lwp-join",
        protocol: "LWP exit",
        story: "An LWP joins another one. The other one says that it has left before it is gone: the joiner looks, finds it there, and sleeps again; nobody says it a second time.",
        invariant: "a join ends when the LWP has left, and not before",
        source: "musl debbddf7: a thread says that it has exited before it has taken the list's lock, and its joiner frees its stack",
        faults: &[Fault::JoinerToldFirst],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: lwp_join,
    },
    Race {
        name: "leader-leaves",
        protocol: "LWP exit",
        story: "The first LWP of a process leaves, another one runs on. The process lives as long as it has an LWP, and its parent is told when the last has gone, with the status that that one gave.",
        invariant: "a parent is told of an end when all LWPs are gone",
        source: "Linux 0fb48272: a pidfd was readable when the leader had exited, whoever else was left",
        faults: &[Fault::LeaderEndsProcess],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: leader_leaves,
    },
    Race {
        name: "exit-accompanied",
        protocol: "LWP exit",
        story: "A process ends while another one of its LWPs is in the middle of something that is not to be interrupted. Who ends the process waits for it: its parent is not to find a dead process whose code still runs.",
        invariant: "a parent is told of an end when all LWPs are gone",
        source: "Linux 0fb48272; NetBSD kern_exit.c 1.195, exit_lwps comes before the zombie",
        faults: &[Fault::OthersNotAwaited],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: exit_accompanied,
    },
    Race {
        name: "tgkill-leaving",
        protocol: "signals",
        story: "A signal is sent to one LWP of a process, which leaves at that moment. That it is there is seen in one hold of the lock; if the signal is posted in the next, it finds nobody, is kept for the process, and interrupts an LWP that it was never meant for.",
        invariant: "a signal for an LWP reaches that one, or nobody",
        source: "this runtime, until its lab found it; POSIX pthread_kill, musl 7779dbd",
        faults: &[Fault::SignalOutlivesLwp],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: tgkill_leaving,
    },
    Race {
        name: "lwp-after-exit",
        protocol: "LWP exit",
        story: "A process ends, and tells all its LWPs to leave. One of them makes another one just then, which was told nothing: it stays, and the exit waits for it.",
        invariant: "no LWP comes when the end of its process is decided",
        source: "mistake m of the original: a sibling makes an LWP after the scan that told all to leave",
        faults: &[Fault::LatecomerStays],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: lwp_after_exit,
    },
];

fn exit_sleeper(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        p.spawn_lwp(|p| drop(p.pause())).expect("an LWP").detach();
        p.exit(5)
    }));
    assert_eq!(status.expect("it runs").code(), Some(5));
}

fn leave_join(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        p.spawn_lwp(|p| p.checkpoint()).expect("an LWP").detach();
        p.exit(5)
    }));
    assert_eq!(status.expect("it runs").code(), Some(5));
}

fn lwp_join(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        let other = p.spawn_lwp(|_| 5).expect("an LWP");
        other.join(p).expect("it returns")
    }));
    assert_eq!(status.expect("it runs").code(), Some(5));
}

fn leader_leaves(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        p.spawn_lwp(|p| p.exit(7)).expect("an LWP").detach();
        p.exit_lwp()
    }));
    assert_eq!(status.expect("it runs").code(), Some(7), "the last LWP says how the process ends");
}

fn exit_accompanied(runtime: &Runtime) {
    let [began, through] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (begins, ends) = (Arc::clone(&began), Arc::clone(&through));
    let status = runtime.run(Command::new("two", move |p| {
        let other = p.spawn_lwp(move |p| {
            p.critical(|| {
                begins.store(true, Ordering::SeqCst);
                // Asked to leave, it does not sleep on, but neither does it leave here.
                drop(p.sleep(Duration::from_millis(10)));
                ends.store(true, Ordering::SeqCst);
            });
        });
        other.expect("an LWP").detach();
        p.sleep(Duration::from_millis(5)).expect("nobody disturbs it");
        p.exit(5)
    }));
    assert_eq!(status.expect("it runs").code(), Some(5));
    assert_eq!(
        began.load(Ordering::SeqCst),
        through.load(Ordering::SeqCst),
        "none of its code runs any more"
    );
}

fn lwp_after_exit(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        let maker = p.spawn_lwp(|p| {
            if let Ok(latecomer) = p.spawn_lwp(|p| drop(p.pause())) {
                latecomer.detach();
            }
        });
        maker.expect("an LWP").detach();
        p.exit(5)
    }));
    assert_eq!(status.expect("it runs").code(), Some(5));
}

fn tgkill_leaving(runtime: &Runtime) {
    let status = runtime.run(Command::new("two", |p| {
        let main = p.lwp_id();
        let handler =
            SigAction::handler(move |p, _| assert_ne!(p.lwp_id(), main, "it was for the other one"));
        p.sigaction(Signal::USR1, handler).expect("it can be caught");
        let other = p.spawn_lwp(|_| ()).expect("an LWP");
        // It may have left.
        drop(p.tgkill(other.id(), Signal::USR1));
        other.join(p).expect("nothing interrupts this");
        p.sleep(Duration::from_millis(1)).expect("nor this");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
