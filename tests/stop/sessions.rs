//! Sessions: decision 14, POSIX `setsid`, `getsid`, `setpgid`.

use crossbeam_channel::unbounded;
use greenproc::{Command, ExitStatus, Pid, Process, ProcessGroup, Signal, sys};
use greenproc_tests::{Fixture, dead, errno, hold, living, new_group, same, soon, succeeded};

fn new_session(command: Command) -> Command {
    command.new_session()
}

/// POSIX `setsid`: the caller leads a session and a group of its number; decision 14: not if it leads a group already.
#[test]
fn setsid_makes_a_session_unless_the_caller_leads_a_group() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!((p.sid(), p.pgid()), (Pid::INIT, Pid::INIT));
        let child = p.spawn(new_group(Command::new("leads", |p: &Process| {
            assert_eq!(errno(p.setsid()), libc::EPERM);
            assert_eq!((p.sid(), p.pgid()), (Pid::INIT, p.pid()), "nothing of that moved it");
        })));
        succeeded(&child.expect("room").wait().expect("my child"));
        assert_eq!(p.setsid().expect("it leads no group"), p.pid());
        assert_eq!((p.sid(), p.pgid()), (p.pid(), p.pid()));
        assert_eq!(p.getsid(None).expect("itself"), p.pid());
        assert_eq!(errno(p.setsid()), libc::EPERM, "it leads one now");
        // Children are born into it.
        let (child, _hold) = living(p, same);
        assert_eq!(p.getsid(Some(child.id())).expect("it lives"), p.pid());
        assert_eq!(p.getpgid(Some(child.id())).expect("it lives"), p.pid());
        assert_eq!(errno(p.getsid(Pid::new(4_000_000))), libc::ESRCH);
    });
}

/// Decision 14: the number of a group that the caller has led and left is in use as long as the group has a member.
#[test]
fn setsid_is_refused_while_the_former_group_lives_on() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = p.spawn(new_group(Command::new("led", |p: &Process| {
            let (member, hold) = living(p, same);
            assert_eq!(p.getpgid(Some(member.id())).expect("it lives"), p.pid());
            p.setpgid(None, Some(Pid::INIT)).expect("a group of the session");
            assert_eq!(errno(p.setsid()), libc::EPERM, "the group has a member");
            drop(hold);
            greenproc_tests::is_dead(p, member.id());
            assert_eq!(errno(p.setsid()), libc::EPERM, "a zombie is a member");
            succeeded(&member.wait().expect("my child"));
            assert_eq!(p.setsid().expect("the group is gone"), p.pid());
        })));
        succeeded(&child.expect("room").wait().expect("my child"));
    });
}

/// `Command::new_session`: the child is born as leader of its session, whatever group was asked for besides.
#[test]
fn a_child_is_born_into_a_session_of_its_own() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (other, _other_hold) = living(p, new_group);
        let asks: [fn(Command, Pid) -> Command; 3] = [
            |command, _| command,
            |command, _| command.process_group(ProcessGroup::New),
            |command, group| command.process_group(ProcessGroup::Join(group)),
        ];
        for ask in asks {
            let (child, hold) = living(p, |command| ask(command.new_session(), other.id()));
            let pid = child.id();
            assert_eq!(p.getsid(Some(pid)).expect("it lives"), pid);
            assert_eq!(p.getpgid(Some(pid)).expect("it lives"), pid);
            drop(hold);
            succeeded(&child.wait().expect("my child"));
            assert_eq!(errno(p.getsid(Some(pid))), libc::ESRCH);
        }
    });
}

/// POSIX `getsid`: of the living and of zombies.
#[test]
fn getsid_knows_the_session_of_the_dead() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let zombies = [(dead(p, 0, same), p.sid()), (dead(p, 0, new_group), p.sid())];
        let leader = dead(p, 0, new_session);
        let led = leader.id();
        for (zombie, sid) in zombies.into_iter().chain([(leader, led)]) {
            assert_eq!(p.getsid(Some(zombie.id())).expect("a zombie"), sid);
            succeeded(&zombie.wait().expect("my child"));
            assert_eq!(errno(p.getsid(Some(zombie.id()))), libc::ESRCH);
        }
    });
}

/// Decision 14: groups and processes of another session, and session leaders, cannot be moved.
#[test]
fn setpgid_moves_nobody_across_sessions() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (leader, leader_hold) = living(p, new_session);
        // A child of this one in the other session, which leads no group: it moved there itself.
        let (moved, has_moved) = unbounded();
        let (hold, held) = hold();
        let session = p.spawn(Command::new("session", move |p: &Process| {
            p.setsid().expect("it leads no group");
            let (made, is_made) = unbounded();
            let (inner_hold, inner_held) = greenproc_tests::hold();
            let inner = p.spawn(Command::new("inner", move |p: &Process| {
                made.send(p.pid()).expect("the parent listens");
                inner_held(p);
            }));
            let inner = inner.expect("room");
            soon(&is_made);
            assert_eq!(errno(p.setpgid(None, None)), libc::EPERM, "a session leader");
            assert_eq!(errno(p.setpgid(None, Some(inner.id()))), libc::EPERM, "no such group, and a leader");
            p.setpgid(Some(inner.id()), None).expect("its child, in its session");
            assert_eq!(errno(p.setpgid(None, Some(inner.id()))), libc::EPERM, "a session leader");
            moved.send((p.pid(), inner.id())).expect("the test listens");
            held(p);
            drop(inner_hold);
            succeeded(&inner.wait().expect("my child"));
        }));
        let session = session.expect("room");
        let (sid, group) = soon(&has_moved);
        assert_eq!(p.getsid(Some(group)).expect("it lives"), sid);
        for (what, who, to) in [
            ("a leader of another session", Some(leader.id()), None),
            ("a leader into this session", Some(leader.id()), Some(p.pgid())),
            ("itself into another session", None, Some(leader.id())),
            ("itself into a second group there", None, Some(group)),
            ("a child that has made its session", Some(sid), Some(p.pgid())),
        ] {
            assert_eq!(errno(p.setpgid(who, to)), libc::EPERM, "{what}");
        }
        let (own, own_hold) = living(p, same);
        for group in [leader.id(), sid, group] {
            assert_eq!(errno(p.setpgid(Some(own.id()), Some(group))), libc::EPERM, "another session");
            let command = Command::new("lost", |_| {}).process_group(ProcessGroup::Join(group));
            assert_eq!(errno(p.spawn(command)), libc::EPERM, "another session");
        }
        assert_eq!((p.pgid(), p.sid()), (Pid::INIT, Pid::INIT), "nothing of that moved it");
        drop((hold, leader_hold, own_hold));
        for child in [leader, session, own] {
            succeeded(&child.wait().expect("my child"));
        }
    });
}

/// Row 68: the number of a session is not used again while the session has a member, although its leader was reaped.
#[test]
fn a_pid_is_not_used_again_while_a_session_carries_it() {
    let fixture = Fixture::with(|builder| builder.pid_max(7));
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("itself");
        let (made, is_made) = unbounded();
        let leader = p.spawn(new_session(Command::new("leader", move |p: &Process| {
            made.send(living(p, new_group)).expect("the test listens");
        })));
        let leader = leader.expect("room");
        let number = leader.id();
        succeeded(&leader.wait().expect("my child"));
        let (member, member_hold) = soon(&is_made);
        assert_eq!(p.getsid(Some(member.id())).expect("it lives"), number);
        assert_eq!(errno(p.getpgid(Some(number))), libc::ESRCH, "its leader is gone");
        assert_eq!(sys::kill(-number.as_raw(), 0), Err(libc::ESRCH), "and so is its first group");
        let next = || {
            let child = p.spawn(Command::new("next", |_| {})).expect("room");
            succeeded(&child.wait().expect("my child"));
            child.id()
        };
        let while_it_lasts: Vec<Pid> = (0..15).map(|_| next()).collect();
        assert!(!while_it_lasts.contains(&number), "{number} is a session: {while_it_lasts:?}");
        drop(member_hold);
        succeeded(&p.wait().expect("mine now"));
        let afterwards: Vec<Pid> = (0..7).map(|_| next()).collect();
        assert!(afterwards.contains(&number), "{number} is free: {afterwards:?}");
    });
}

/// A signal to a group of another session reaches it: sessions are no border for the root user.
#[test]
fn a_group_of_another_session_can_be_stopped() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, _hold) = living(p, new_session);
        p.kill(greenproc::Target::Group(child.id()), Signal::STOP).expect("it has a member");
        assert_eq!(crate::change(p, child.id()), ExitStatus::stopped(Signal::STOP));
        crate::end(p, &child);
    });
}
