//! Whom a wait is for, and what it reports: rows 39, 52 to 59 and 61, decision 4, mistake h.

use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, Pid, Process, ProcessGroup, Signal, Usage, WaitFlags, WaitFor, sys};
use greenproc_tests::{
    Fixture, OnDrop, PATIENCE, barrier, burn, dead, errno, hold, is_dead, living, same, soon, succeeded,
};

use crate::{dead_and_reaped, pid, pid_of};

/// Rows 52 and 53.
#[test]
fn a_wait_returns_pid_status_and_usage_as_one_value_and_reaps() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = p.spawn(Command::new("child", |_| burn_and(9))).expect("room");
        let waited = p.wait().expect("a child");
        assert_eq!((waited.pid, waited.status.code()), (child.id(), Some(9)));
        assert!(waited.usage.total() >= Duration::from_millis(2), "{:?}", waited.usage);
        assert_eq!(waited.children_usage, Usage::default());
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}

fn burn_and(code: i32) -> i32 {
    burn(Duration::from_millis(2));
    code
}

/// Row 52: what NOWAIT shows stays, and is the same again, whichever way it is looked at.
#[test]
fn a_look_with_nowait_leaves_the_zombie_and_can_be_repeated() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child =
            p.spawn(Command::new("child", |_| Err::<(), _>(format!("no {}", burn_and(3))))).expect("room");
        let flags = WaitFlags::EXITED | WaitFlags::NOWAIT;
        let first = p.waitid(WaitFor::Any, flags).expect("a child").expect("no NOHANG");
        let whole = format!("{first:?}");
        assert_eq!(first.report.as_ref().map(ToString::to_string), Some("no 3".to_owned()));
        let again = [
            p.waitid(WaitFor::Pid(child.id()), flags),
            p.wait4(WaitFor::MyGroup, WaitFlags::NOWAIT),
            p.wait4(WaitFor::Any, WaitFlags::NOWAIT | WaitFlags::NOHANG),
            p.wait_timeout(WaitFor::Child(&child), WaitFlags::NOWAIT, Duration::ZERO),
            p.wait4(WaitFor::Any, WaitFlags::empty()),
        ];
        for found in again {
            assert_eq!(format!("{:?}", found.expect("it is still there").expect("it is ready")), whole);
        }
        assert_eq!(errno(p.wait()), libc::ECHILD, "the last of them reaped");
    });
}

/// Row 39: the order of death, not of birth, and the same within a group.
#[test]
fn children_are_found_in_the_order_in_which_they_died() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let leader = living(p, |command| command.process_group(ProcessGroup::New));
        let group = leader.0.id();
        let mut children = vec![Some(leader)];
        for number in 1..8 {
            let change = |command: Command| match number % 2 {
                0 => command.process_group(ProcessGroup::Join(group)),
                _ => command,
            };
            children.push(Some(living(p, change)));
        }
        let order = [5, 2, 7, 0, 1, 6, 3, 4];
        let mut died = Vec::new();
        for number in order {
            let (child, hold) = children[number].take().expect("each dies once");
            drop(hold);
            is_dead(p, child.id());
            died.push((child.id(), number));
        }
        let reap = |who: WaitFor<'_>| pid_of(p.wait4(who, WaitFlags::empty()).expect("a child"));
        for place in [0, 1] {
            // 2 and 0 of the group, before any other of it.
            let in_group: Vec<_> = died.iter().filter(|(_, number)| number % 2 == 0).collect();
            assert_eq!(reap(WaitFor::Group(group)), Some(in_group[place].0));
        }
        let rest = died.iter().filter(|(_, number)| ![2, 0].contains(number));
        for &(pid, number) in rest {
            assert_eq!(reap(WaitFor::Any), Some(pid), "child {number}");
        }
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}

/// Row 55, mistake h.
#[test]
fn each_selector_finds_the_children_it_means() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(p.pgid(), Pid::INIT, "this process began in init's group");
        p.setpgid(None, None).expect("it leads no session");
        let mine = dead(p, 1, same);
        let leader = dead(p, 2, |command| command.process_group(ProcessGroup::New));
        let member = dead(p, 3, |command| command.process_group(ProcessGroup::Join(leader.id())));
        let inits = dead(p, 4, |command| command.process_group(ProcessGroup::Join(Pid::INIT)));
        let never = pid(4_000_000);
        let cases = [
            ("any", WaitFor::Any, Some(1)),
            ("my group", WaitFor::MyGroup, Some(1)),
            ("my group by number", WaitFor::Group(p.pid()), Some(1)),
            ("the leader", WaitFor::Pid(leader.id()), Some(2)),
            ("the leader's group", WaitFor::Group(leader.id()), Some(2)),
            ("a member", WaitFor::Pid(member.id()), Some(3)),
            ("a member that leads no group", WaitFor::Group(member.id()), None),
            ("a child", WaitFor::Child(&inits), Some(4)),
            ("group 1", WaitFor::Group(Pid::INIT), Some(4)),
            ("process 1", WaitFor::Pid(Pid::INIT), None),
            ("nobody", WaitFor::Pid(never), None),
            ("no group", WaitFor::Group(never), None),
        ];
        for (what, who, expected) in cases {
            let found =
                p.wait4(who, WaitFlags::NOWAIT).map(|found| found.and_then(|waited| waited.status.code()));
            match expected {
                Some(code) => assert_eq!(found.expect(what), Some(code), "{what}"),
                None => assert_eq!(errno(found), libc::ECHILD, "{what}"),
            }
        }
        // The raw encoding: each takes what it means, in an order in which a mix-up would show.
        let raw = |number: i32| sys::wait4(number, 0).map(|(pid, word, _)| (pid, word >> 8));
        assert_eq!(raw(-leader.id().as_raw()), Ok((leader.id().as_raw(), 2)));
        assert_eq!(raw(member.id().as_raw()), Ok((member.id().as_raw(), 3)));
        assert_eq!(raw(0), Ok((mine.id().as_raw(), 1)));
        assert_eq!(raw(0), Err(libc::ECHILD));
        assert_eq!(raw(-1), Ok((inits.id().as_raw(), 4)));
        assert_eq!(raw(-1), Err(libc::ECHILD));
    });
}

/// Mistake h: a wait for group 1 is not a wait for any child, also when there is no child in group 1.
#[test]
fn a_wait_for_group_1_finds_no_child_of_another_group() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.setpgid(None, None).expect("it leads no session");
        let child = dead(p, 6, same);
        assert_eq!(errno(p.wait4(WaitFor::Group(Pid::INIT), WaitFlags::empty())), libc::ECHILD);
        assert_eq!(pid_of(p.wait4(WaitFor::Any, WaitFlags::empty()).expect("a child")), Some(child.id()));
    });
}

/// Row 55: "my group" is the group that the caller has when it calls.
#[test]
fn my_group_is_the_group_as_of_the_call() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        let look = || p.wait4(WaitFor::MyGroup, WaitFlags::NOHANG).map(pid_of);
        assert_eq!(look().expect("it is in the group of both"), None);
        p.setpgid(None, None).expect("it leads no session");
        assert_eq!(errno(look()), libc::ECHILD, "the child stayed in the old group");
        p.setpgid(Some(child.id()), Some(p.pid())).expect("my child");
        assert_eq!(look().expect("it was moved along"), None);
        drop(hold);
        is_dead(p, child.id());
        assert_eq!(look().expect("a zombie"), Some(child.id()));
    });
}

/// Row 62: nothing that the call could ever report is ECHILD, in every form of the call, also while other children live.
#[test]
fn a_wait_that_means_nobody_is_echild() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let stranger = fixture.child("stranger", held);
    let strange = stranger.id();
    fixture.inside(move |p| {
        let own = p.pid();
        let everybody = [WaitFor::Any, WaitFor::MyGroup, WaitFor::Group(p.pgid())];
        let nobody = [
            WaitFor::Pid(own),
            WaitFor::Pid(p.ppid()),
            WaitFor::Pid(strange),
            WaitFor::Pid(pid(4_000_000)),
            WaitFor::Group(pid(4_000_000)),
            WaitFor::Group(own),
        ];
        let all_echild = |selectors: &[WaitFor<'_>]| {
            for &who in selectors {
                for flags in [WaitFlags::empty(), WaitFlags::NOHANG, WaitFlags::NOWAIT, WaitFlags::ALLSIG] {
                    assert_eq!(errno(p.wait4(who, flags)), libc::ECHILD, "{who:?} {flags:?}");
                    assert_eq!(
                        errno(p.waitid(who, flags | WaitFlags::EXITED)),
                        libc::ECHILD,
                        "{who:?} {flags:?}"
                    );
                    assert_eq!(
                        errno(p.wait_timeout(who, flags, PATIENCE)),
                        libc::ECHILD,
                        "{who:?} {flags:?}"
                    );
                }
            }
        };
        all_echild(&everybody);
        all_echild(&nobody);
        let (grandchild, of) = unbounded();
        let (child, hold) = {
            let (hold, held) = greenproc_tests::hold();
            let child = Command::new("child", move |p: &Process| {
                let below = living(p, same);
                grandchild.send(below.0.id()).expect("the test listens");
                held(p);
                drop(below.1);
                succeeded(&p.wait().expect("the grandchild"));
            });
            (p.spawn(child).expect("room"), hold)
        };
        all_echild(&nobody);
        all_echild(&[WaitFor::Pid(soon(&of))]);
        drop(hold);
        succeeded(&child.wait().expect("my child"));
        all_echild(&[WaitFor::Pid(child.id()), WaitFor::Child(&dead_and_reaped(p))]);
    });
    drop(hold);
    succeeded(&stranger.wait().expect("its handle owns it"));
}

/// Row 54, decision 4.
#[test]
fn unknown_options_and_selectors_are_refused() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = dead(p, 5, same);
        for unknown in [0x80, 0x200, 0x1000, 0x0080_0000, 0x1000_0000, libc::WNOHANG | 0x200, i32::MIN | 0x80]
        {
            assert_eq!(sys::wait4(-1, unknown).map(|_| ()), Err(libc::EINVAL), "{unknown:#x}");
        }
        assert_eq!(sys::wait4(i32::MIN, 0).map(|_| ()), Err(libc::ESRCH));
        let no_event = [
            WaitFlags::empty(),
            WaitFlags::NOHANG,
            WaitFlags::NOWAIT,
            WaitFlags::ALLSIG | WaitFlags::ALTSIG,
            WaitFlags::NOZOMBIE,
        ];
        for flags in no_event {
            assert_eq!(errno(p.waitid(WaitFor::Any, flags)), libc::EINVAL, "{flags:?}");
        }
        // Nothing of that touched the zombie.
        assert_eq!(sys::wait4(child.id().as_raw(), 0).map(|(_, word, _)| word), Ok(5 << 8));
    });
    assert_eq!(sys::wait4(-1, 0).map(|_| ()), Err(libc::ESRCH), "this thread is no process");
}

/// Row 57: the class of a child follows from its exit signal.
#[test]
fn altsig_and_allsig_choose_children_by_their_exit_signal() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        // SIGWINCH does nothing to the parent.
        let signals = [Some(Signal::CHLD), None, Some(Signal::WINCH), Some(Signal::CHLD)];
        let children = signals.map(|signal| living(p, |command| command.exit_signal(signal)));
        let [first, none, winch, last] = children.each_ref().map(|(child, _)| child.id());
        let cases = [
            (WaitFlags::empty(), vec![first, last]),
            (WaitFlags::ALTSIG, vec![none, winch]),
            (WaitFlags::ALLSIG, vec![first, none, winch, last]),
            (WaitFlags::ALLSIG | WaitFlags::ALTSIG, vec![first, none, winch, last]),
        ];
        for (flags, visible) in &cases {
            for pid in [first, none, winch, last] {
                let found = p.wait4(WaitFor::Pid(pid), *flags | WaitFlags::NOHANG).map(pid_of);
                if visible.contains(&pid) {
                    assert_eq!(found.expect("it is meant"), None, "{pid} {flags:?}");
                } else {
                    assert_eq!(errno(found), libc::ECHILD, "{pid} {flags:?}");
                }
            }
        }
        for (child, hold) in children {
            drop(hold);
            is_dead(p, child.id());
        }
        for (flags, visible) in &cases {
            let found = p.wait4(WaitFor::Any, *flags | WaitFlags::NOWAIT).expect("a zombie of that class");
            assert_eq!(pid_of(found), visible.first().copied(), "{flags:?}");
        }
        let reap = |flags| p.wait4(WaitFor::Any, flags).map(pid_of);
        assert_eq!(reap(WaitFlags::ALTSIG).expect("a zombie"), Some(none));
        assert_eq!(reap(WaitFlags::empty()).expect("a zombie"), Some(first));
        assert_eq!(reap(WaitFlags::empty()).expect("a zombie"), Some(last));
        assert_eq!(errno(reap(WaitFlags::empty())), libc::ECHILD, "SIGWINCH's is left");
        assert_eq!(reap(WaitFlags::ALLSIG).expect("a zombie"), Some(winch));
        assert_eq!(errno(reap(WaitFlags::ALLSIG)), libc::ECHILD);
    });
}

/// Row 58, and decision 4 for `waitid` without EXITED: a zombie does not count.
#[test]
fn a_wait_without_zombies_passes_them_over() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let zombie = dead(p, 7, same);
        let without = [WaitFlags::EXITED | WaitFlags::NOZOMBIE, WaitFlags::STOPPED, WaitFlags::CONTINUED];
        for flags in without {
            for who in [WaitFor::Any, WaitFor::MyGroup, WaitFor::Pid(zombie.id()), WaitFor::Child(&zombie)] {
                assert_eq!(errno(p.waitid(who, flags)), libc::ECHILD, "{who:?} {flags:?}");
            }
        }
        let (child, hold) = living(p, same);
        for flags in without {
            let found = p.waitid(WaitFor::Any, flags | WaitFlags::NOHANG).expect("the living one may stop");
            assert_eq!(pid_of(found), None, "{flags:?}");
        }
        drop(hold);
        is_dead(p, child.id());
        assert_eq!(
            pid_of(p.wait4(WaitFor::Any, WaitFlags::empty()).expect("still there")),
            Some(zombie.id())
        );
        assert_eq!(p.wait().expect("still there").pid, child.id());
    });
}

/// Row 59: no wait returns between the decision to exit and the zombie.
#[test]
fn a_child_on_its_way_out_is_not_there_to_be_waited_for() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (arrive, barrier) = barrier();
        let leaving = Command::new("leaving", move |p: &Process| {
            let _held = OnDrop(arrive);
            p.exit(8)
        });
        let child = p.spawn(leaving).expect("room");
        barrier.is_reached();
        let look = |who, flags| {
            p.wait4(who, flags | WaitFlags::NOHANG).map(pid_of).expect("a child that has not ended")
        };
        assert_eq!(look(WaitFor::Any, WaitFlags::empty()), None);
        assert_eq!(look(WaitFor::Pid(child.id()), WaitFlags::NOWAIT), None);
        assert!(child.try_wait().expect("mine").is_none());
        drop(barrier);
        assert_eq!(child.wait().expect("mine").status.code(), Some(8));
    });
}
