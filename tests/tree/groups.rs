//! Process groups: row 64, decision 14.

use crossbeam_channel::unbounded;
use greenproc::{Child, Command, ExitStatus, Pid, Process, ProcessGroup, Signal, Target, sys};
use greenproc_tests::{
    AN_HOUR, Fixture, dead, errno, hold, is_dead, living, new_group, same, soon, succeeded,
};

use crate::pid;

/// Row 64, decision 14.
#[test]
fn processes_begin_in_the_group_they_were_told() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (inherits, _a) = living(p, same);
        let (leads, _b) = living(p, new_group);
        let (joins, _c) = living(p, |command| command.process_group(ProcessGroup::Join(leads.id())));
        let group = |child: &Child| p.getpgid(Some(child.id())).expect("it lives");
        assert_eq!(group(&inherits), p.pgid());
        assert_eq!((group(&leads), group(&joins)), (leads.id(), leads.id()));
        assert_eq!(p.getpgid(None).expect("itself"), p.pgid());
        assert_eq!(sys::getpgid(0), Ok(p.pgid().as_raw()));
        assert_eq!(sys::getpgid(joins.id().as_raw()), Ok(leads.id().as_raw()));
        // All are in init's session.
        assert_eq!(p.sid(), Pid::INIT);
        for nobody in [pid(4_000_000), joins.id()] {
            let refused = p.spawn(Command::new("lost", |_| {}).process_group(ProcessGroup::Join(nobody)));
            assert_eq!(errno(refused), libc::EPERM, "{nobody} is no group");
        }
    });
}

/// Decision 14: moving oneself and one's children, and all the ways in which it is refused.
#[test]
fn setpgid_moves_the_caller_and_its_children_and_nobody_else() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let stranger = fixture.child("stranger", held);
    let strange = stranger.id();
    fixture.inside(move |p| {
        let (made, is_made) = unbounded();
        let (child_hold, child_held) = greenproc_tests::hold();
        let child = p.spawn(Command::new("child", move |p| {
            let (grandchild, hold) = living(p, same);
            made.send(grandchild.id()).expect("the test listens");
            child_held(p);
            drop(hold);
            succeeded(&grandchild.wait().expect("my child"));
        }));
        let child = child.expect("room");
        let grandchild = soon(&is_made);
        let zombie = dead(p, 0, same);
        let never = pid(4_000_000);

        let refusals = [
            ("a stranger", Some(strange), None, libc::ESRCH),
            ("a grandchild", Some(grandchild), None, libc::ESRCH),
            ("the parent", Some(Pid::INIT), None, libc::ESRCH),
            ("nobody", Some(never), None, libc::ESRCH),
            ("a zombie", Some(zombie.id()), None, libc::ESRCH),
            ("into no group", None, Some(never), libc::EPERM),
            ("into a group that its number does not lead", None, Some(child.id()), libc::EPERM),
            ("a child into no group", Some(child.id()), Some(never), libc::EPERM),
            ("a child into a group of the caller's number", Some(child.id()), Some(p.pid()), libc::EPERM),
        ];
        for (what, who, group, expected) in refusals {
            assert_eq!(errno(p.setpgid(who, group)), expected, "{what}");
            let raw = |pid: Option<Pid>| pid.map_or(0, Pid::as_raw);
            assert_eq!(sys::setpgid(raw(who), raw(group)), Err(expected), "{what}");
        }
        assert_eq!(sys::setpgid(0, -1), Err(libc::EINVAL));
        assert_eq!(sys::setpgid(-1, 0), Err(libc::ESRCH));
        assert_eq!(sys::getpgid(-1), Err(libc::ESRCH));
        assert_eq!(errno(p.getpgid(Some(never))), libc::ESRCH);
        assert_eq!(p.pgid(), Pid::INIT, "nothing of that moved it");

        p.setpgid(None, None).expect("its own group");
        assert_eq!(p.pgid(), p.pid());
        p.setpgid(Some(child.id()), Some(p.pid())).expect("a child, into the caller's group");
        assert_eq!(p.getpgid(Some(child.id())).expect("it lives"), p.pid());
        p.setpgid(Some(child.id()), None).expect("a child, into its own");
        assert_eq!(p.getpgid(Some(child.id())).expect("it lives"), child.id());
        p.setpgid(None, Some(child.id())).expect("the caller, into its child's");
        assert_eq!(p.pgid(), child.id());
        p.setpgid(None, Some(Pid::INIT)).expect("back");
        drop(child_hold);
        succeeded(&child.wait().expect("my child"));
    });
    drop(hold);
    succeeded(&stranger.wait().expect("its handle owns it"));
}

/// Decision 14: init leads its session and keeps its group; init is its own parent.
#[test]
fn a_session_leader_keeps_its_group() {
    let (told, is_told) = unbounded();
    let fixture = Fixture::with(|builder| {
        builder.init(move |p: &Process| {
            assert!(!p.stop_requested());
            let seen = (errno(p.setpgid(None, None)), p.pid(), p.ppid(), p.pgid(), p.sid());
            told.send(seen).expect("the test listens");
            assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        })
    });
    assert_eq!(soon(&is_told), (libc::EPERM, Pid::INIT, Pid::INIT, Pid::INIT, Pid::INIT));
    let report = fixture.shut_down();
    assert_eq!(report.init, ExitStatus::exited(0));
}

/// Row 64: a group lasts as long as it has a member, dead or alive, and no longer.
#[test]
fn a_group_goes_with_its_last_member() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (leader, hold) = living(p, new_group);
        let group = leader.id();
        let (member, _member_hold) = living(p, |command| command.process_group(ProcessGroup::Join(group)));
        drop(hold);
        succeeded(&leader.wait().expect("my child"));
        let join = |group| p.spawn(Command::new("joins", |_| {}).process_group(ProcessGroup::Join(group)));
        succeeded(&join(group).expect("the group outlives its leader").wait().expect("my child"));
        p.kill(Target::Group(group), Signal::KILL).expect("it has a member");
        is_dead(p, member.id());
        p.kill(Target::Group(group), Signal::KILL).expect("a zombie is a member");
        assert_eq!(member.wait().expect("my child").status, ExitStatus::killed(Signal::KILL));
        assert_eq!(errno(p.kill(Target::Group(group), Signal::KILL)), libc::ESRCH);
        assert_eq!(sys::kill(-group.as_raw(), 0), Err(libc::ESRCH));
        assert_eq!(errno(join(group)), libc::EPERM);
    });
}

/// Row 64: a signal to a group reaches its members and nobody else.
#[test]
fn a_signal_to_a_group_reaches_all_its_members_only() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (leader, _hold) = living(p, new_group);
        let join = |command: Command| command.process_group(ProcessGroup::Join(leader.id()));
        let members: Vec<_> = (0..300).map(|_| living(p, join)).collect();
        let (outsider, outsider_hold) = living(p, same);
        p.kill(Target::Group(leader.id()), Signal::USR2).expect("it has members");
        for child in members.iter().map(|(child, _)| child).chain([&leader]) {
            assert_eq!(child.wait().expect("my child").status, ExitStatus::killed(Signal::USR2));
        }
        drop(outsider_hold);
        succeeded(&outsider.wait().expect("my child"));
    });
}
