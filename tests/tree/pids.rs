//! Which pid comes next, and when there is none: rows 68 and 70, decision 18.

use greenproc::{Command, Error, Exhausted, Limits, Pid, Process, ProcessGroup};
use greenproc_tests::{Fixture, dead, errno, is_dead, living, new_group, same, succeeded};

/// Row 68, decision 18: pids go up, and begin again with the lowest that is free.
#[test]
fn pids_go_round_in_a_circle() {
    let fixture = Fixture::with(|builder| builder.pid_max(6));
    fixture.inside(|p| {
        assert_eq!(p.pid().as_raw(), 2);
        let (kept, hold) = living(p, same);
        assert_eq!(kept.id().as_raw(), 3);
        let next = || {
            let child = p.spawn(Command::new("next", |_| {})).expect("room");
            succeeded(&child.wait().expect("my child"));
            child.id().as_raw()
        };
        // 1 is init, 2 this process and 3 the one that is kept; a number that was just freed comes last.
        assert_eq!([(); 8].map(|()| next()), [4, 5, 6, 4, 5, 6, 4, 5]);
        drop(hold);
        succeeded(&kept.wait().expect("my child"));
        assert_eq!([(); 4].map(|()| next()), [6, 3, 4, 5]);
    });
}

/// Row 68: when all pids are taken a spawn says EAGAIN, and works again after a reaping, not after a death.
#[test]
fn a_spawn_without_a_free_pid_is_eagain() {
    let fixture = Fixture::with(|builder| builder.pid_max(5));
    fixture.inside(|p| {
        let family: Vec<_> = (0..3).map(|_| living(p, same)).collect();
        let spawn = || p.spawn(Command::new("one more", |_| {}));
        for _ in 0..3 {
            let error = spawn().expect_err("all five are taken");
            assert!(matches!(error, Error::Exhausted(Exhausted::Pids { max: 5 })), "{error}");
            assert_eq!(error.errno(), libc::EAGAIN);
        }
        let (children, holds): (Vec<_>, Vec<_>) = family.into_iter().unzip();
        drop(holds);
        for child in &children {
            is_dead(p, child.id());
        }
        assert_eq!(errno(spawn()), libc::EAGAIN, "a zombie keeps its pid");
        succeeded(&children[1].wait().expect("my child"));
        let again = spawn().expect("one is free");
        assert_eq!(again.id(), children[1].id());
        for child in [&children[0], &children[2], &again] {
            succeeded(&child.wait().expect("my child"));
        }
    });
}

/// Row 68: a number is not given out again while a group carries it.
#[test]
fn a_pid_is_not_used_again_while_a_group_carries_it() {
    let fixture = Fixture::with(|builder| builder.pid_max(6));
    fixture.inside(|p| {
        let (leader, hold) = living(p, new_group);
        let number = leader.id();
        let (member, member_hold) = living(p, |command| command.process_group(ProcessGroup::Join(number)));
        drop(hold);
        succeeded(&leader.wait().expect("my child"));
        let next = || {
            let child = p.spawn(Command::new("next", |_| {})).expect("room");
            succeeded(&child.wait().expect("my child"));
            child.id()
        };
        let while_it_lasts: Vec<Pid> = (0..10).map(|_| next()).collect();
        assert!(!while_it_lasts.contains(&number), "{number} is a group: {while_it_lasts:?}");
        drop(member_hold);
        succeeded(&member.wait().expect("my child"));
        let afterwards: Vec<Pid> = (0..5).map(|_| next()).collect();
        assert!(afterwards.contains(&number), "{number} is free: {afterwards:?}");
    });
}

/// Row 70: processes are counted per user, zombies until they are reaped; a limit is inherited.
#[test]
fn a_user_has_at_most_its_limit_of_processes() {
    let fixture = Fixture::boot();
    let limits = Limits { processes: Some(4), ..Limits::default() };
    let limited = Command::new("limited", |p: &Process| {
        // Init, this one, and two more.
        let (first, hold) = living(p, same);
        let second = dead(p, 0, same);
        let spawn = |p: &Process| p.spawn(Command::new("one more", |_| {})).map(|child| child.wait());
        let error = spawn(p).expect_err("a zombie counts");
        assert!(matches!(error, Error::Exhausted(Exhausted::UserProcesses { limit: 4 })), "{error}");
        assert_eq!(error.errno(), libc::EAGAIN);
        succeeded(&second.wait().expect("my child"));
        succeeded(&spawn(p).expect("there is room again").expect("my child"));
        let inherits = p.spawn(Command::new("inherits", move |p| errno(spawn(p)))).expect("room");
        assert_eq!(inherits.wait().expect("my child").status.code(), Some(libc::EAGAIN));
        // A child that root gives other limits may go beyond.
        let free = Command::new("free", move |p: &Process| {
            succeeded(&spawn(p).expect("no limit").expect("my child"));
        });
        let free = p.spawn(free.limits(Limits::default()));
        if p.uid() == 0 {
            succeeded(&free.expect("room").wait().expect("my child"));
        } else {
            assert_eq!(errno(free), libc::EPERM);
        }
        drop(hold);
        succeeded(&first.wait().expect("my child"));
    });
    let limited = fixture.spawn(limited.limits(limits)).expect("room");
    succeeded(&limited.wait().expect("its handle owns it"));
}
