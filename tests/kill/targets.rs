//! Whom a signal reaches, and what each does by default.

use std::io::{self, ErrorKind, Read, Write};

use crossbeam_channel::{bounded, unbounded};
use greenproc::{Child, Command, ExitStatus, Pid, Process, ProcessGroup, Signal, Target, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, succeeded};

use crate::{FOR_EVER, errno};

/// Spawns a child that lives until it is killed.
pub(crate) fn held(p: &Process, group: Option<ProcessGroup>) -> Child {
    let command = Command::new("held", |p| p.sleep(FOR_EVER));
    let command = match group {
        Some(group) => command.process_group(group),
        None => command,
    };
    p.spawn(command).expect("room")
}

/// Row 55, POSIX kill: a signal to a group reaches its members, no other, and ESRCH says that the group is gone.
#[test]
fn a_group_is_killed_and_nobody_else() {
    Fixture::boot().inside(|p| {
        let outsider = held(p, None);
        let leader = held(p, Some(ProcessGroup::New));
        let group = leader.id();
        let members = [(); 5].map(|()| held(p, Some(ProcessGroup::Join(group))));
        p.kill(Target::Group(group), Signal::HUP).expect("it has members");
        for child in members.iter().chain([&leader]) {
            assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::HUP));
        }
        assert!(outsider.try_wait().expect("mine").is_none(), "it is in another group");
        assert_eq!(errno(p.kill(Target::Group(group), Signal::KILL)), libc::ESRCH);
        outsider.kill().expect("it lives");
        assert_eq!(outsider.wait().expect("mine").status.signal(), Some(Signal::KILL));
    });
}

/// POSIX kill(0, ..): the caller's own group, the caller among it; it meets the signal at its next checkpoint.
#[test]
fn my_group_is_me_too() {
    Fixture::boot().inside(|p| {
        let (report, reported) = unbounded();
        let leader = Command::new("leader", move |p| {
            let child = held(p, None);
            p.kill(Target::MyGroup, Signal::USR1).expect("it has members");
            report.send(child.id()).expect("the test listens");
            p.checkpoint();
            report.send(Pid::INIT).expect("the test listens");
        });
        let leader = p.spawn(leader.process_group(ProcessGroup::New)).expect("room");
        assert_eq!(leader.wait().expect("mine").status, ExitStatus::killed(Signal::USR1));
        assert_eq!(reported.len(), 1, "it goes no further than its checkpoint");
        assert_eq!(p.pgid(), Pid::INIT, "the test is in another group, and lives");
    });
}

/// POSIX kill(-1, ..): all but init and the caller; from outside all but init.
#[test]
fn all_are_killed_but_init_and_the_caller() {
    let fixture = Fixture::boot();
    let stranger = fixture.child("stranger", |p| p.sleep(FOR_EVER));
    fixture.inside(|p| {
        let children = [(); 3].map(|()| held(p, None));
        p.kill(Target::All, Signal::KILL).expect("always");
        for child in &children {
            assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
        }
        p.checkpoint();
    });
    assert_eq!(stranger.wait().expect("mine").status.signal(), Some(Signal::KILL));
    let last = fixture.child("last", |p| p.sleep(FOR_EVER));
    fixture.kill(Target::All, Signal::TERM).expect("always");
    assert_eq!(last.wait().expect("mine").status.signal(), Some(Signal::TERM));
    assert!(fixture.run(Command::new("next", |_| {})).expect("init lives").success());
}

/// Decision 3: a zombie can be signalled, and stays what it is.
#[test]
fn a_zombie_takes_a_signal_and_nothing_happens() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = p.spawn(Command::new("short", |_| 4)).expect("room");
        let zombie = p.waitid(WaitFor::Child(&child), WaitFlags::EXITED | WaitFlags::NOWAIT);
        assert_eq!(zombie.expect("mine").map(|zombie| zombie.status.code()), Some(Some(4)));
        for signal in [Signal::KILL, Signal::TERM, Signal::CHLD] {
            p.kill(child.id(), signal).expect("it is a zombie");
            child.signal(signal).expect("it is a zombie");
        }
        p.kill(Target::Group(p.pgid()), Signal::CHLD).expect("it has members");
        assert_eq!(child.wait().expect("mine").status, ExitStatus::exited(4));
    });
}

/// Decisions 3, 18 and 23: after the reaping the pid names nobody, and a stale handle never means the next one who has it.
#[test]
fn a_stale_handle_never_hits_the_next_process_with_the_pid() {
    let fixture = Fixture::with(|builder| builder.pid_max(3));
    fixture.inside(|p| {
        let first = p.spawn(Command::new("first", |_| {})).expect("room");
        let pid = first.id();
        succeeded(&first.wait().expect("mine"));
        assert_eq!(errno(p.kill(pid, Signal::KILL)), libc::ESRCH);
        assert_eq!(errno(first.kill()), libc::ESRCH);
        let second = held(p, None);
        assert_eq!(second.id(), pid, "it is the only one that is free");
        assert_eq!(errno(first.kill()), libc::ESRCH);
        assert_eq!(errno(first.signal(Signal::TERM)), libc::ESRCH);
        assert!(first.wait().expect("kept").status.success(), "what it reaped is not the second's");
        assert!(second.try_wait().expect("mine").is_none());
        p.kill(pid, Signal::KILL).expect("the second has it");
        assert_eq!(second.wait().expect("mine").status.signal(), Some(Signal::KILL));
    });
}

/// What the host's signal.h says of each signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Default {
    Ends,
    Dumps,
    Stops,
    Nothing,
}

fn default_of(number: i32) -> Default {
    match number {
        libc::SIGQUIT
        | libc::SIGILL
        | libc::SIGTRAP
        | libc::SIGABRT
        | libc::SIGBUS
        | libc::SIGFPE
        | libc::SIGSEGV
        | libc::SIGXCPU
        | libc::SIGXFSZ
        | libc::SIGSYS => Default::Dumps,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => Default::Stops,
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT => Default::Nothing,
        _ => Default::Ends,
    }
}

fn signals(of: Default) -> impl Iterator<Item = Signal> {
    let numbers = (1..=64).filter(move |&number| default_of(number) == of);
    numbers.map(|number| Signal::from_raw(number).expect("in range"))
}

/// Decision 1 and row 2: every signal that ends a process shows in its status as the host would pack it.
#[test]
fn each_terminating_signal_shows_in_the_status() {
    let fixture = Fixture::boot();
    let end_by = |signal: Signal| {
        let victim = fixture.child("victim", |p| p.sleep(FOR_EVER));
        victim.signal(signal).expect("it lives");
        victim.wait().expect("mine").status
    };
    for signal in signals(Default::Ends) {
        let status = end_by(signal);
        assert_eq!((status, status.into_raw()), (ExitStatus::killed(signal), signal.as_raw()));
        assert!(!status.core_dumped());
    }
    for signal in signals(Default::Dumps) {
        let status = end_by(signal);
        assert_eq!((status, status.into_raw()), (ExitStatus::dumped(signal), signal.as_raw() | 0x80));
        assert!(status.core_dumped());
    }
}

/// POSIX signal.h: what is ignored by default interrupts nothing, not even a host call.
#[test]
fn signals_that_are_ignored_do_nothing() {
    let fixture = Fixture::boot();
    let (sender, receiver) = bounded(0);
    let (mut quiet, mut end) = io::pipe().expect("a pipe");
    let (child, interruptions) = fixture
        .spawn_returning("unmoved", move |p| {
            let mut interruptions = 0;
            let note = |result: io::Result<usize>| {
                interruptions +=
                    u32::from(result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted));
                result
            };
            let mut note = note;
            p.blocking(|| note(quiet.read(&mut [0]))).expect("a byte comes");
            p.recv(&receiver).expect("a message comes");
            interruptions
        })
        .expect("room");
    for signal in signals(Default::Nothing) {
        child.signal(signal).expect("it lives");
        fixture.kill(child.id(), signal).expect("it lives");
    }
    end.write_all(&[0]).expect("it reads");
    for signal in signals(Default::Nothing) {
        child.signal(signal).expect("it lives");
    }
    sender.send(()).expect("it receives");
    succeeded(&child.wait().expect("mine"));
    assert_eq!(interruptions.take(), Some(0));
}
