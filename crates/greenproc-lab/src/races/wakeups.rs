//! Passing a wake-up on.

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, SigAction, Signal, WaitFlags, WaitFor};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[
    Race {
        name: "peek-reap",
        protocol: "wake-ups",
        story: "One event wakes one waiter. The one that was woken only looks (WNOWAIT) and leaves the child to others; unless it wakes the next one, that one sleeps for ever.",
        invariant: "nobody sleeps in wait while a child that it waits for is dead",
        source: "decision 27 of the semantics: whoever leaves without consuming passes the wake-up on",
        faults: &[Fault::PeekKeepsWakeup],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: peek_reap,
    },
    Race {
        name: "timeout-reap",
        protocol: "wake-ups",
        story: "A waiter with a time-out is woken for a child at the moment at which its time is over. If it leaves with nothing in its hands and wakes nobody, the other waiter sleeps beside the zombie.",
        invariant: "nobody sleeps in wait while a child that it waits for is dead",
        source: "decision 27; the time-out against the notification, as in every timed wait",
        faults: &[Fault::TimeoutKeepsWakeup],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: timeout_reap,
    },
    Race {
        name: "kill-reap",
        protocol: "wake-ups",
        story: "A waiter is woken for a child, and a signal comes for it before it has looked. If it leaves for that signal with nothing in its hands and wakes nobody, the other waiter sleeps beside the zombie.",
        invariant: "nobody sleeps in wait while a child that it waits for is dead",
        source: "decision 27; a ready child beats a signal",
        faults: &[Fault::KilledKeepsWakeup],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: kill_reap,
    },
    Race {
        name: "one-pid-two-waiters",
        protocol: "wake-ups",
        story: "Two LWPs wait for one pid. One of them reaps it; the other has nothing left to wait for and has to be told so.",
        invariant: "who has lost its last candidate is woken and gets ECHILD",
        source: "decision 27; mistake e of the original in another form",
        faults: &[Fault::ReapTellsNobody],
        core: false,
        pid_max: None,
        shuts_down: false,
        body: one_pid,
    },
];

use std::time::Duration;

fn peek_reap(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let child = Command::new("child", |p| p.sleep(Duration::from_millis(10)));
        drop(p.spawn(child).expect("a child"));
        let peeker = p.spawn_lwp(|p| {
            // The child may be gone already.
            p.waitid(WaitFor::Any, WaitFlags::EXITED | WaitFlags::NOWAIT).is_ok()
        });
        assert_eq!(p.wait().expect("it is there").status.code(), Some(0));
        peeker.expect("an LWP").join(p).expect("it returns");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn timeout_reap(runtime: &Runtime) {
    let a_while = Duration::from_millis(10);
    let status = runtime.run(Command::new("parent", move |p| {
        let child = p.spawn(Command::new("child", move |p| p.sleep(a_while).expect("nobody disturbs it")));
        let pid = child.expect("a child").id();
        let hasty = p.spawn_lwp(move |p| {
            let waited = p.wait_timeout(WaitFor::Pid(pid), WaitFlags::empty(), a_while);
            matches!(waited, Ok(Some(_)))
        });
        let mine = p.wait4(WaitFor::Any, WaitFlags::empty()).is_ok();
        let others = hasty.expect("an LWP").join(p).expect("it returns");
        assert!(mine != others, "one of the two has reaped the child: {mine} {others}");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn kill_reap(runtime: &Runtime) {
    let a_while = Duration::from_millis(10);
    let status = runtime.run(Command::new("parent", move |p| {
        p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be caught");
        drop(p.spawn(Command::new("child", move |p| p.sleep(a_while))).expect("a child"));
        let told = p.spawn_lwp(|p| p.wait().is_ok()).expect("an LWP");
        let whom = told.id();
        let killer = p.spawn_lwp(move |p| {
            p.sleep(a_while).expect("the signal is not for this one");
            // It may have left.
            drop(p.tgkill(whom, Signal::USR1));
        });
        // The other one is there first, and the first to be told.
        p.sleep(a_while / 2).expect("the signal is not for this one");
        let mine = p.wait().is_ok();
        let others = told.join(p).expect("it returns");
        killer.expect("an LWP").join(p).expect("it returns");
        assert!(mine != others, "one of the two has reaped the child: {mine} {others}");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}

fn one_pid(runtime: &Runtime) {
    let status = runtime.run(Command::new("parent", |p| {
        let pid = p.spawn(Command::new("child", |_| 3)).expect("a child").id();
        let other = p.spawn_lwp(move |p| p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).is_ok());
        let mine = p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).is_ok();
        let others = other.expect("an LWP").join(p).expect("it returns");
        assert!(mine != others, "one of the two has reaped the child: {mine} {others}");
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
