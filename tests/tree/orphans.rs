//! Orphans and who adopts them: rows 36, 43, 72 to 74, decision 7, mistake q.

use std::collections::{HashMap, HashSet};

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::{
    Command, EventFilter, EventKind, Pid, Process, ProcessGroup, SigCode, Signal, WaitFlags, WaitFor,
};
use greenproc_tests::{
    AN_HOUR, Fixture, dead, errno, hold, is_dead, living, new_group, next_event, soon, succeeded,
};

use crate::{exit_signals, is_reaped};

/// Answers with its parent each time it is asked, until nobody can ask any more.
fn says_its_parent(p: &Process, questions: &Receiver<()>, answers: &Sender<Pid>) {
    while p.recv(questions).is_ok() {
        answers.send(p.ppid()).expect("somebody listens");
    }
}

/// Rows 36, 72 and 74.
#[test]
fn an_orphan_goes_to_init_which_reaps_it() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::REPARENTED | EventFilter::REAPED);
    let orphan = fixture.inside(|p| {
        let (ask, asked) = unbounded();
        let (answer, answers) = unbounded();
        let (made, is_made) = unbounded();
        let (hold, held) = hold();
        let parent = Command::new("parent", move |p: &Process| {
            let orphan = Command::new("orphan", move |p: &Process| says_its_parent(p, &asked, &answer));
            made.send(p.spawn(orphan).expect("room").id()).expect("the test listens");
            held(p);
        });
        let parent = p.spawn(parent).expect("room");
        let orphan = soon(&is_made);
        let ask = || {
            ask.send(()).expect("it listens");
            soon(&answers)
        };
        assert_eq!(ask(), parent.id());
        drop(hold);
        succeeded(&parent.wait().expect("my child"));
        assert_eq!(ask(), Pid::INIT, "by the time that its parent is a zombie");
        assert_eq!(errno(p.wait()), libc::ECHILD, "it is not the grandparent's");
        orphan
    });
    let to = next_event(&events, orphan, |kind| match kind {
        EventKind::Reparented { to } => Some(*to),
        _ => None,
    });
    assert_eq!(to, Pid::INIT);
    next_event(&events, orphan, is_reaped);
}

/// A level of a chain of processes: its place, whom it reaped.
type Level = (usize, Pid, Vec<Pid>);

/// Runs a chain of processes, of which those in `subreapers` adopt: level 2's child makes the orphan and ends.
fn chain(
    p: &Process,
    level: usize,
    subreapers: [bool; 3],
    leaf: Command,
    told: &Sender<Level>,
    ready: &Sender<Pid>,
) {
    p.set_child_subreaper(subreapers[level]).expect("it runs");
    let below = if level == 2 {
        let ready = ready.clone();
        p.spawn(Command::new("middle", move |p| {
            ready.send(p.spawn(leaf).expect("room").id()).expect("the test listens");
        }))
    } else {
        let (told, ready) = (told.clone(), ready.clone());
        p.spawn(Command::new("level", move |p| chain(p, level + 1, subreapers, leaf, &told, &ready)))
    };
    let below = below.expect("room").id();
    let found = p.wait4(WaitFor::Pid(below), WaitFlags::empty()).expect("my child").expect("no NOHANG");
    succeeded(&found);
    if level == 2 {
        ready.send(below).expect("the test listens");
    }
    let mut reaped = Vec::new();
    while let Ok(waited) = p.wait() {
        reaped.push(waited.pid);
    }
    told.send((level, p.pid(), reaped)).expect("the test listens");
}

/// Row 36: the nearest one that adopts, else init; the wish is not inherited.
#[test]
fn an_orphan_goes_to_the_nearest_subreaper() {
    let fixture = Fixture::boot();
    for subset in 0..8_u8 {
        let subreapers = [0, 1, 2].map(|level| subset & (1 << level) != 0);
        let (told, levels) = unbounded();
        let (ready, is_ready) = unbounded();
        let (ask, asked) = unbounded();
        let (answer, answers) = unbounded();
        let leaf = Command::new("leaf", move |p: &Process| says_its_parent(p, &asked, &answer));
        let top = fixture.child("level", move |p| chain(p, 0, subreapers, leaf, &told, &ready));
        let orphan = soon(&is_ready);
        soon(&is_ready);
        // Its parent was reaped: who is its parent now?
        ask.send(()).expect("it listens");
        let adopter = soon(&answers);
        drop(ask);
        succeeded(&top.wait().expect("its handle owns it"));
        let levels: HashMap<usize, (Pid, Vec<Pid>)> =
            levels.iter().map(|(level, pid, reaped)| (level, (pid, reaped))).collect();
        let expected = (0..3).rev().find(|&level| subreapers[level]);
        assert_eq!(adopter, expected.map_or(Pid::INIT, |level| levels[&level].0), "{subreapers:?}");
        for (level, (_, reaped)) in &levels {
            let orphans = if Some(*level) == expected { vec![orphan] } else { Vec::new() };
            assert_eq!(*reaped, orphans, "level {level} of {subreapers:?}");
        }
    }
}

/// Row 36: who adopts no more, or is exiting itself, is passed over.
#[test]
fn an_orphan_passes_over_who_stopped_adopting_and_who_dies() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("it runs");
        for stops in [true, false] {
            let (made, is_made) = unbounded();
            let (hold, held) = hold();
            let parent = Command::new("dying", move |p: &Process| {
                p.set_child_subreaper(true).expect("it runs");
                if stops {
                    p.set_child_subreaper(false).expect("it runs");
                }
                let middle = Command::new("middle", move |p: &Process| {
                    made.send(p.spawn(Command::new("orphan", held)).expect("room").id())
                        .expect("the test listens");
                });
                let middle = p.spawn(middle).expect("room").id();
                is_dead(p, middle);
                // It leaves two to be adopted: its own zombie, and what it adopted itself unless it stopped.
            });
            let parent = p.spawn(parent).expect("room").id();
            let orphan = soon(&is_made);
            let mut reaped: HashSet<Pid> =
                (0..2).map(|_| p.wait().expect("the parent and its zombie").pid).collect();
            assert!(reaped.remove(&parent), "{reaped:?}");
            drop(hold);
            assert_eq!(p.wait().expect("adopted").pid, orphan);
            assert_eq!(errno(p.wait()), libc::ECHILD);
        }
    });
}

/// Rows 43 and 72: an inherited zombie wakes its new parent's wait, also one for its group.
#[test]
fn an_inherited_zombie_wakes_the_wait_of_its_new_parent() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("it runs");
        let (keeper, keeper_hold) = living(p, new_group);
        let group = keeper.id();
        let (made, is_made) = unbounded();
        let (hold, held) = hold();
        let parent = Command::new("parent", move |p: &Process| {
            let zombie = dead(p, 21, |command| command.process_group(ProcessGroup::Join(group)));
            made.send(zombie.id()).expect("the test listens");
            held(p);
        });
        let parent = p.spawn(parent).expect("room").id();
        let zombie = soon(&is_made);
        let (waiting, is_waiting) = unbounded();
        let lwp = p.spawn_lwp(move |p| {
            waiting.send(()).expect("the test listens");
            p.wait4(WaitFor::Group(group), WaitFlags::empty())
        });
        soon(&is_waiting);
        drop(hold);
        let found = lwp.expect("room").join(p).expect("it returned").expect("adopted").expect("no NOHANG");
        assert_eq!((found.pid, found.status.code()), (zombie, Some(21)));
        assert_eq!(p.wait().expect("my child").pid, parent);
        drop(keeper_hold);
        assert_eq!(p.wait().expect("my child").pid, group);
    });
}

/// Row 43, decision 7, mistake q: the new parent, init or a subreaper, is told of an inherited zombie with that child's
/// data.
#[test]
fn the_new_parent_is_sent_sigchld_for_an_inherited_zombie() {
    let fixture = Fixture::boot();
    for adopts in [true, false] {
        let events = fixture.events(EventFilter::EXIT_SIGNAL | EventFilter::REAPED);
        let (adopter, parent, zombie) = fixture.inside(move |p| {
            p.set_child_subreaper(adopts).expect("it runs");
            let (made, is_made) = unbounded();
            let parent = Command::new("parent", move |p: &Process| {
                made.send(dead(p, 700, |command| command.exit_signal(None)).id()).expect("the test listens");
            });
            let parent = p.spawn(parent).expect("room").id();
            while p.wait().is_ok() {}
            (if adopts { p.pid() } else { Pid::INIT }, parent, soon(&is_made))
        });
        let sent = exit_signals(&events, zombie);
        let [(to, info)] = sent[..] else { panic!("adopted by {adopter} after {parent}: {sent:?}") };
        assert_eq!((to, info.signal), (adopter, Signal::CHLD));
        assert_eq!((info.pid, info.code, info.status), (zombie, SigCode::Exited, 700));
    }
}

/// Row 73: whatever its exit signal was, an orphan's is SIGCHLD, so that plain waits find it and nobody is hurt.
#[test]
fn the_exit_signal_of_an_orphan_becomes_sigchld() {
    let fixture = Fixture::boot();
    for signal in [None, Some(Signal::USR1), Some(Signal::CHLD)] {
        for is_zombie in [true, false] {
            let deaths = fixture.events(EventFilter::EXITED);
            let events = fixture.events(EventFilter::EXIT_SIGNAL | EventFilter::REAPED);
            let (adopter, orphan) = fixture.inside(move |p| {
                p.set_child_subreaper(true).expect("it runs");
                let (made, is_made) = unbounded();
                let (hold, held) = hold();
                let parent = Command::new("parent", move |p: &Process| {
                    let orphan = Command::new("orphan", held).exit_signal(signal);
                    made.send(p.spawn(orphan).expect("room").id()).expect("the test listens");
                    p.sleep(AN_HOUR)
                });
                let parent = p.spawn(parent).expect("room");
                let orphan = soon(&is_made);
                let mut hold = Some(hold);
                if is_zombie {
                    // SIGUSR1 ends the parent here already.
                    hold = None;
                    next_event(&deaths, orphan, |_| Some(()));
                }
                parent.kill().expect("it is not reaped");
                let mut left = HashSet::from([parent.id(), orphan]);
                if !is_zombie {
                    assert!(left.remove(&p.wait().expect("my child").pid));
                    drop(hold);
                }
                while let Ok(waited) = p.wait() {
                    assert!(left.remove(&waited.pid), "{signal:?}");
                }
                assert!(left.is_empty(), "{left:?} was not found without ALLSIG, {signal:?}");
                (p.pid(), orphan)
            });
            let sent = exit_signals(&events, orphan);
            if !is_zombie {
                let sent: Vec<_> = sent.iter().map(|(to, info)| (*to, info.signal)).collect();
                assert_eq!(sent, [(adopter, Signal::CHLD)], "{signal:?}");
            }
        }
    }
}

/// Row 74: many children are given away in batches; none is lost, and who was dead keeps its status.
#[test]
fn all_children_of_a_large_family_are_adopted() {
    const ZOMBIES: i32 = 700;
    const LIVING: usize = 40;
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("it runs");
        let (hold, held) = hold();
        let parent = Command::new("parent", move |p: &Process| {
            for code in 0..ZOMBIES {
                p.spawn(Command::new("zombie", move |_| code)).expect("room");
            }
            for _ in 0..LIVING {
                p.spawn(Command::new("living", held.clone())).expect("room");
            }
            // The last zombie is dead, and the others on their way.
            -1
        });
        let parent = p.spawn(parent).expect("room").id();
        let status =
            p.wait4(WaitFor::Pid(parent), WaitFlags::empty()).expect("my child").expect("no NOHANG").status;
        assert_eq!(status.code(), Some(-1));
        let mut codes: Vec<i32> =
            (0..ZOMBIES).map(|_| p.wait().expect("adopted").status.code().expect("exited")).collect();
        codes.sort_unstable();
        assert!(codes.iter().copied().eq(0..ZOMBIES));
        drop(hold);
        (0..LIVING).for_each(|_| succeeded(&p.wait().expect("adopted")));
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}
