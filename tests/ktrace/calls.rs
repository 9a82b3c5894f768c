//! What is recorded of calls.

use greenproc::ktrace::{Fact, Facts, Recorder};
use greenproc::{Call, Command, LwpId, Policy, Process, SigAction, Signal, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, errno, living};

use crate::{ROOM, calls_of, facts_of, recorded};

#[test]
fn a_call_is_recorded_with_its_arguments_and_what_came_of_it() {
    let (records, (me, child)) = recorded(Facts::CALLS, |p| {
        let child = p.spawn(Command::new("child", |_| 3)).expect("room");
        p.wait4(WaitFor::Child(&child), WaitFlags::empty()).expect("mine");
        assert_eq!(errno(p.setpgid(Some(child.id()), None)), libc::ESRCH);
        (p.pid(), child.id())
    });
    let expected = [
        "posix_spawn(\"child\")".to_owned(),
        format!("posix_spawn = {child}"),
        format!("wait4({child}, 0)"),
        format!("wait4 = {child}"),
        format!("setpgid({child}, 0)"),
        "setpgid = -1 ESRCH".to_owned(),
    ];
    // Its pid is asked for at the end, which is a call too.
    assert_eq!(calls_of(&records, me)[..6], expected);
    assert!(records.iter().all(|record| record.lwp == Some(LwpId::MAIN)), "{records:?}");
    assert_eq!(facts_of(&records, child), []);
}

#[test]
fn a_call_that_is_unwound_does_not_return() {
    let (records, child) = recorded(Facts::CALLS, |p| {
        let (child, _hold) = living(p, |command| command);
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
        let child = p.spawn(Command::new("exits", |p: &Process| p.exit(4))).expect("room");
        assert_eq!(child.wait().expect("mine").status.code(), Some(4));
        child.id()
    });
    let exit = Fact::Called { call: Call::Exit, args: made(&facts_of(&records, child)[0]) };
    assert_eq!(facts_of(&records, child), [exit]);
}

/// The arguments of a recorded call.
fn made(fact: &Fact) -> greenproc::Args {
    match fact {
        Fact::Called { args, .. } => args.clone(),
        other => panic!("not a call: {other}"),
    }
}

#[test]
fn calls_inside_calls_lie_inside_them() {
    let (records, me) = recorded(Facts::CALLS, |p| {
        let action = SigAction::handler(|p, _| {
            let _same_user = p.uid();
        });
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        p.raise(Signal::USR1).expect("it lives");
        p.kill(p.ppid(), Signal::CONT).expect("init lives");
        p.pid()
    });
    let lines = calls_of(&records, me);
    let of = |call: &str| lines.iter().position(|line| line.starts_with(call)).expect("it was called");
    assert!(of("tgkill(") < of("tgkill =") && of("getuid(") < of("getuid ="), "{lines:?}");
}

#[test]
fn a_refused_call_is_recorded_with_its_refusal() {
    let recorder = Recorder::new(ROOM).only(Facts::CALLS);
    let fixture = Fixture::boot();
    let policy = Policy::new().deny(Call::Setsid, 11).expect("it may fail").kill(Call::Setpgid);
    let command = Command::new("restricted", |p| {
        assert_eq!(errno(p.setsid()), 11);
        p.setpgid(None, None).expect("it does not come back");
    });
    let child = fixture.spawn(command.policy(policy).ktrace(&recorder)).expect("room");
    assert_eq!(child.wait().expect("its handle owns it").status.signal(), Some(Signal::SYS));
    let lines: Vec<String> = recorder.records().iter().map(|record| record.fact.to_string()).collect();
    assert_eq!(lines, ["setsid()", "setsid = -1 EAGAIN", "setpgid(0, 0)"]);
}
