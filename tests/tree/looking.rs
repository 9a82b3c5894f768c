//! Inspecting, snapshots and their displays: row 12.

use std::collections::HashSet;
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, EventFilter, EventKind, ExitStatus, Pid, Process, Signal, State};
use greenproc_tests::{
    Fixture, OnDrop, barrier, burn, dead, errno, hold, next_event, owns, same, soon, succeeded,
};

use crate::pid;

/// Row 12: one process with its LWPs, as they are.
#[test]
fn an_inspector_sees_each_lwp_where_it_is() {
    let fixture = Fixture::boot();
    let (there, is_there) = unbounded();
    let (go, gone) = unbounded::<()>();
    let child = fixture.child("inspected", move |p| {
        let lwps: Vec<_> = (0..2)
            .map(|number| {
                let (there, gone) = (there.clone(), gone.clone());
                let lwp = move |p: &Process| {
                    let tid = greenproc_os::thread::tid().as_raw();
                    burn(Duration::from_millis(2));
                    if number == 0 {
                        there.send((p.lwp_id(), tid, State::Running, None)).expect("the test listens");
                        assert!(gone.recv().is_err(), "nothing is ever sent");
                        return;
                    }
                    let line = line!() + 1;
                    let held = p.blocking(|| {
                        there.send((p.lwp_id(), tid, State::Sleeping, Some(line))).expect("the test listens");
                        Ok(gone.recv().is_err())
                    });
                    assert!(held.expect("no signal comes"));
                };
                p.spawn_lwp(lwp).expect("room")
            })
            .collect();
        for lwp in lwps {
            lwp.join(p).expect("it returned");
        }
    });
    let places = [soon(&is_there), soon(&is_there)];
    let detail = fixture.inspect(child.id()).expect("it lives");
    assert_eq!((detail.process.pid, detail.process.ppid, detail.process.lwps), (child.id(), Pid::INIT, 3));
    assert_eq!(detail.process.state, State::Running, "one of them runs");
    assert_eq!(detail.lwps.len(), 3);
    let tids: HashSet<_> = detail.lwps.iter().map(|lwp| lwp.tid).collect();
    assert_eq!(tids.len(), 3, "each has a native thread of its own: {detail:?}");
    for (id, tid, state, line) in places {
        let lwp = detail.lwps.iter().find(|lwp| lwp.id == id).expect("it is there");
        assert_eq!((lwp.tid, lwp.state), (Some(tid), state));
        let place = line.map(|line: u32| format!("{}:{line}:", file!()));
        match (&lwp.last_checkpoint, place) {
            (Some(seen), Some(place)) => assert!(seen.starts_with(&place), "{seen} is not at {place}"),
            (seen, place) => assert_eq!(*seen, place),
        }
        assert!(lwp.cpu >= Duration::from_millis(2), "{lwp:?}");
    }
    assert!(detail.process.cpu >= Duration::from_millis(4), "{detail:?}");
    drop(go);
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(errno(fixture.inspect(child.id())), libc::ESRCH);
}

/// Row 12: who is past its exit's point of no return, or dead, is not looked into any more.
#[test]
fn an_exiting_process_refuses_inspectors() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXITED);
    let (arrive, barrier) = barrier();
    let child = fixture.child("leaving", move |p| {
        let held = OnDrop(arrive);
        // It is dropped by the exit itself, after the LWPs have left.
        p.on_term(move |_| owns(&held));
    });
    barrier.is_reached();
    assert_eq!(errno(fixture.inspect(child.id())), libc::ESRCH);
    assert_eq!(fixture.snapshot().get(child.id()).expect("it is there").state, State::Exiting);
    drop(barrier);
    next_event(&events, child.id(), |kind| matches!(kind, EventKind::Exited { .. }).then_some(()));
    assert_eq!(errno(fixture.inspect(child.id())), libc::ESRCH);
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(errno(fixture.inspect(pid(4_000_000))), libc::ESRCH);
}

/// Snapshots: every process with what is known of it, sorted, with the letters of `ps`.
#[test]
fn a_snapshot_shows_every_process_in_its_state() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE | EventFilter::EXITED);
    let (arrive, barrier) = barrier();
    let [in_running, in_sleeping, in_stuck] = [arrive.clone(), arrive.clone(), arrive.clone()];
    let running = fixture.child("running", move |_| in_running());
    let sleeping = fixture.child("sleeping", move |p| {
        p.blocking(|| {
            in_sleeping();
            Ok(())
        })
    });
    let stuck = fixture.child("stuck", move |_| in_stuck());
    let exiting = fixture.child("exiting", move |p| {
        let _held = OnDrop(arrive);
        p.exit(4)
    });
    (0..4).for_each(|_| barrier.is_reached());
    let zombie = fixture.child("zombie", |p| p.exit_with(ExitStatus::killed(Signal::HUP)));
    next_event(&events, zombie.id(), |kind| matches!(kind, EventKind::Exited { .. }).then_some(()));
    stuck.kill().expect("it lives");
    let reported = next_event(&events, stuck.id(), |kind| match kind {
        EventKind::Stuck(stuck) => Some(stuck.clone()),
        _ => None,
    });
    assert_eq!((reported.pid, reported.in_host_call, reported.last_checkpoint), (stuck.id(), false, None));

    let snapshot = fixture.snapshot();
    assert!(snapshot.processes.is_sorted_by_key(|process| process.pid));
    let states: Vec<_> =
        snapshot.processes.iter().map(|process| (&*process.name, process.state.letter())).collect();
    let expected = [("running", 'R'), ("sleeping", 'S'), ("stuck", 'D'), ("exiting", 'E'), ("zombie", 'Z')];
    assert_eq!(states[1..], expected, "{snapshot}");
    assert_eq!(states[0].0, "init");
    for process in &snapshot.processes {
        assert_eq!((process.ppid, process.pgid, process.sid), (Pid::INIT, Pid::INIT, Pid::INIT));
        assert_eq!(process.lwps, usize::from(process.state != State::Zombie));
        assert!(process.age > Duration::ZERO);
    }
    let dead = snapshot.get(zombie.id()).expect("not reaped");
    assert_eq!(dead.status, Some(ExitStatus::killed(Signal::HUP)));
    assert!(snapshot.get(pid(4_000_000)).is_none());

    let table = snapshot.to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].trim_start().starts_with("PID"), "{table}");
    assert_eq!(lines.len(), 1 + snapshot.processes.len(), "{table}");
    for (line, process) in lines[1..].iter().zip(&snapshot.processes) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected = [process.pid.to_string(), process.ppid.to_string(), process.pgid.to_string()];
        assert_eq!(words[..3], expected, "{line}");
        assert_eq!(words[3], process.state.letter().to_string(), "{line}");
        assert_eq!(words[6], process.name, "{line}");
        assert_eq!(line.contains("<defunct, signal: 1 (SIGHUP)>"), process.state == State::Zombie, "{line}");
    }

    drop(barrier);
    let statuses = [&running, &sleeping, &stuck, &exiting, &zombie]
        .map(|child| child.wait().expect("its handle").status);
    let [done, killed] = [ExitStatus::exited(0), ExitStatus::killed(Signal::KILL)];
    assert_eq!(statuses, [done, done, killed, ExitStatus::exited(4), ExitStatus::killed(Signal::HUP)]);
}

/// The tree display: children below their parents.
#[test]
fn the_tree_shows_children_below_their_parents() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let (made, is_made) = unbounded();
        let (hold, held) = hold();
        let family = Command::new("mother", move |p: &Process| {
            let pids = ["elder", "younger"]
                .map(|name| p.spawn(Command::new(name, held.clone())).expect("room").id());
            made.send(pids).expect("the test listens");
            held(p);
            for _ in pids {
                succeeded(&p.wait().expect("my child"));
            }
        });
        let mother = p.spawn(family).expect("room");
        let [elder, younger] = soon(&is_made);
        let aunt = dead(p, 0, same);
        let tree = runtime.snapshot().tree().to_string();
        let lines: Vec<(usize, &str)> = tree
            .lines()
            // The last word is the state, which is not what this test is about, but for the zombie's.
            .map(|line| {
                (
                    line.len() - line.trim_start().len(),
                    line.trim_start().rsplit_once(' ').expect("two words").0,
                )
            })
            .collect();
        let named = |pid: Pid, name: &str| format!("{pid} {name}");
        let expected = [
            (0, named(Pid::INIT, "init")),
            (2, named(p.pid(), "inside")),
            (4, named(mother.id(), "mother")),
            (6, named(elder, "elder")),
            (6, named(younger, "younger")),
            (4, named(aunt.id(), "dead")),
        ];
        assert!(
            lines.iter().copied().eq(expected.iter().map(|(depth, text)| (*depth, text.as_str()))),
            "{tree}"
        );
        assert!(tree.lines().last().is_some_and(|line| line.ends_with(" Z")), "{tree}");
        drop(hold);
        succeeded(&mother.wait().expect("my child"));
        succeeded(&aunt.wait().expect("my child"));
    });
}
