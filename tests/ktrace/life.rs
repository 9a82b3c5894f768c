//! What is recorded of a life, from the spawn to the reaping.

use crossbeam_channel::bounded;
use greenproc::ktrace::{Fact, Facts};
use greenproc::{Call, CallResult, Command, LwpId, Pid, Process, SigAction, Signal, WaitFlags, WaitFor};
use greenproc_tests::{dead, errno, hold, is_dead, same, soon, stay, succeeded};

use crate::{asleep, exited, facts_of, recorded};

#[test]
fn a_life_is_recorded_from_its_spawn_to_its_reaping() {
    let (records, (me, child)) = recorded(Facts::LIFE, |p| {
        let child = p.spawn(Command::new("child", |_| 7)).expect("room");
        assert_eq!(child.wait().expect("mine").status.code(), Some(7));
        (p.pid(), child.id())
    });
    let its = [
        Fact::Spawned { parent: Some(me) },
        Fact::Began,
        Fact::Exiting { status: exited(7) },
        Fact::Exited { status: exited(7), parent: Some(me) },
        Fact::Reaped,
    ];
    assert_eq!(facts_of(&records, child), its);
    let own = [
        Fact::Spawned { parent: Some(Pid::INIT) },
        Fact::Began,
        Fact::Exiting { status: exited(0) },
        Fact::Exited { status: exited(0), parent: Some(Pid::INIT) },
        Fact::Reaped,
    ];
    assert_eq!(facts_of(&records, me), own);
    let names: Vec<&str> = records.iter().map(|record| &*record.name).collect();
    assert_eq!(names.iter().filter(|name| **name == "child").count(), 5);
    assert!(records.is_sorted_by(|one, next| one.time < next.time));
}

#[test]
fn each_lwp_is_recorded_to_begin_to_sleep_to_wake_and_to_leave() {
    let (records, (me, other)) = recorded(Facts::CONTEXT | Facts::LIFE, |p| {
        let (go, may_go) = bounded::<()>(0);
        let (say, said) = bounded(1);
        let me = p.lwpctl().expect("it lives");
        let other = p.spawn_lwp(move |p| {
            stay(p, &may_go);
            asleep(&me);
            say.send(()).expect("it is listened to");
        });
        let other = other.expect("room");
        asleep(&other.control());
        drop(go);
        p.recv(&said).expect("it says so");
        let id = other.id();
        other.join(p).expect("it returns");
        (p.pid(), id)
    });
    let of_lwp = |lwp| {
        let its = records.iter().filter(move |record| record.pid == me && record.lwp == Some(lwp));
        its.map(|record| record.fact.clone()).collect::<Vec<_>>()
    };
    let its = of_lwp(other);
    assert_eq!((its.first(), its.last()), (Some(&Fact::Began), Some(&Fact::Left)), "{its:?}");
    for facts in [&its[1..its.len() - 1], &of_lwp(LwpId::MAIN)[1..]] {
        let (switches, rest): (Vec<&Fact>, Vec<&Fact>) =
            facts.iter().partition(|fact| matches!(fact, Fact::Sleeps | Fact::Wakes));
        assert!(!switches.is_empty() && switches.len() % 2 == 0, "{facts:?}");
        assert!(switches.chunks(2).all(|pair| pair == [&Fact::Sleeps, &Fact::Wakes]), "{facts:?}");
        assert!(rest.iter().all(|fact| matches!(fact, Fact::Exiting { .. })), "{rest:?}");
    }
}

#[test]
fn an_exec_is_recorded_and_the_name_changes() {
    let (records, child) = recorded(Facts::LIFE, |p| {
        let child = p.spawn(Command::new("first", |p| p.exec(Command::new("second", |_| {})))).expect("room");
        succeeded(&child.wait().expect("mine"));
        child.id()
    });
    let its: Vec<(&str, &Fact)> = records
        .iter()
        .filter(|record| record.pid == child)
        .map(|record| (&*record.name, &record.fact))
        .collect();
    assert_eq!(its[2], ("second", &Fact::Executed { former: "first".into() }));
    assert!(its[..2].iter().all(|(name, _)| *name == "first"), "{its:?}");
    assert!(its[2..].iter().all(|(name, _)| *name == "second"), "{its:?}");
}

#[test]
fn orphans_are_recorded_to_be_adopted_dead_or_alive() {
    let (records, (me, living, dead)) = recorded(Facts::LIFE, |p| {
        p.set_child_subreaper(true).expect("it lives");
        let (hold, held) = hold();
        let (tell, told) = bounded(1);
        let middle = Command::new("middle", move |p: &Process| {
            let living = p.spawn(Command::new("living", held)).expect("room");
            let dead = dead(p, 0, same);
            tell.send((living.id(), dead.id())).expect("the test listens");
        });
        let middle = p.spawn(middle).expect("room");
        succeeded(&middle.wait().expect("mine"));
        let (living, gone) = soon(&told);
        succeeded(&p.wait4(WaitFor::Pid(gone), WaitFlags::empty()).expect("adopted").expect("no NOHANG"));
        drop(hold);
        succeeded(&p.wait4(WaitFor::Pid(living), WaitFlags::empty()).expect("adopted").expect("no NOHANG"));
        (p.pid(), living, gone)
    });
    let of = |pid| facts_of(&records, pid);
    let middle = of(dead).iter().find_map(|fact| match fact {
        Fact::Exited { parent, .. } => *parent,
        _ => None,
    });
    let ended = |parent| Fact::Exited { status: exited(0), parent };
    assert_ne!(middle, Some(me));
    assert!(of(dead).ends_with(&[ended(middle), Fact::Adopted { by: me }, Fact::Reaped]), "{:?}", of(dead));
    // It may begin before or after that.
    let lives: Vec<Fact> = of(living).into_iter().filter(|fact| *fact != Fact::Began).collect();
    let adopted = lives.iter().position(|fact| *fact == Fact::Adopted { by: me }).expect("it was adopted");
    assert_eq!(lives[adopted + 1..], [Fact::Exiting { status: exited(0) }, ended(Some(me)), Fact::Reaped]);
}

#[test]
fn who_is_ignored_is_reaped_at_once() {
    let (records, children) = recorded(Facts::LIFE, |p| {
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        let children: Vec<Pid> =
            (0..3).map(|_| p.spawn(Command::new("ignored", |_| {})).expect("room").id()).collect();
        assert_eq!(errno(p.wait()), libc::ECHILD);
        children
    });
    for child in children {
        let facts = facts_of(&records, child);
        assert!(matches!(facts[..], [.., Fact::Exited { .. }, Fact::Reaped]), "{facts:?}");
    }
}

/// Row 22: the hooks of a process are recorded still; a signal to the zombie is nothing of the process's.
#[test]
fn the_recording_ends_with_the_exit() {
    let (records, (me, child)) = recorded(Facts::all(), |p| {
        let child = Command::new("hooked", |p: &Process| {
            p.on_exit(|p, _| {
                let _its = p.gid();
            })
            .expect("it lives");
        });
        let child = p.spawn(child).expect("room");
        is_dead(p, child.id());
        p.kill(child.id(), Signal::USR1).expect("a zombie takes it");
        succeeded(&child.wait().expect("mine"));
        (p.pid(), child.id())
    });
    let facts = facts_of(&records, child);
    let last = [
        Fact::Returned { call: Call::Getgid, result: made_of(&facts, Call::Getgid) },
        Fact::Exited { status: exited(0), parent: Some(me) },
        Fact::Reaped,
    ];
    assert!(facts.ends_with(&last), "{facts:?}");
}

/// What came of a recorded call.
fn made_of(facts: &[Fact], wanted: Call) -> CallResult {
    let result = facts.iter().find_map(|fact| match fact {
        Fact::Returned { call, result } if *call == wanted => Some(*result),
        _ => None,
    });
    result.expect("it returned")
}
