//! ktrace: what is recorded of processes, in which order, and of whom.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | each kind of fact, in the order in which it happened | row 22 |
//! | the recording ends with the process, its end is the last fact, and the zombie's fate follows | row 22 |
//! | who is recorded: by command, by itself, all, and their children | row 22 |
//! | the ring is bounded, and says what it dropped | |

use std::io;
use std::time::Duration;

use crossbeam_channel::bounded;
use greenproc::ktrace::{Fact, Facts, Fate, Record, Recorder};
use greenproc::{
    Call, CallResult, Command, ExitStatus, LwpControl, LwpId, LwpState, Pid, Policy, Process, SigAction,
    Signal, WaitFlags, WaitFor,
};
use greenproc_tests::{AN_HOUR, Fixture, dead, errno, hold, is_dead, living, same, soon, stay, succeeded};

/// Room for all that a test does.
const ROOM: usize = 100_000;

/// Runs a recorded process whose children are recorded too, and returns what was recorded of all, and what it returned.
fn recorded<R: Send + 'static>(
    facts: Facts,
    body: impl FnOnce(&Process) -> R + Send + 'static,
) -> (Vec<Record>, R) {
    let recorder = Recorder::new(ROOM);
    let its = recorder.only(facts | Facts::INHERIT);
    let fixture = Fixture::boot();
    let (tell, told) = bounded(1);
    let command = Command::new("recorded", move |p| {
        let returned = body(p);
        tell.send(returned).expect("the test listens");
    });
    let child = fixture.spawn(command.ktrace(&its)).expect("room for one process");
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(recorder.dropped(), 0);
    (recorder.records(), soon(&told))
}

/// Looks until the LWP sleeps; the watchdog of the fixture ends a test in which that never happens.
fn asleep(lwp: &LwpControl) {
    while lwp.state() != LwpState::Sleeping {
        std::thread::yield_now();
    }
}

/// What was recorded of one process.
fn facts_of(records: &[Record], pid: Pid) -> Vec<Fact> {
    records.iter().filter(|record| record.pid == pid).map(|record| record.fact.clone()).collect()
}

fn exited(code: i32) -> ExitStatus {
    ExitStatus::exited(code)
}

/// The calls of an LWP, as lines, without those that only serve the test.
fn calls_of(records: &[Record], pid: Pid) -> Vec<String> {
    let lines = records.iter().filter(|record| record.pid == pid).map(|record| record.fact.to_string());
    lines.collect()
}

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

/// What was recorded of the signals of a process.
fn signals_of(records: &[Record], pid: Pid) -> Vec<(Option<LwpId>, Fact)> {
    let its = records.iter().filter(|record| record.pid == pid);
    its.map(|record| (record.lwp, record.fact.clone())).collect()
}

fn posted(signal: Signal, from: Pid, fate: Fate) -> (Option<LwpId>, Fact) {
    (None, Fact::Posted { signal, from: Some(from), fate })
}

#[test]
fn a_signal_is_recorded_when_it_is_posted_and_when_it_is_handled() {
    let (records, (me, child)) = recorded(Facts::SIGNALS, |p| {
        let (ready, is_ready) = bounded(1);
        let child = Command::new("handles", move |p: &Process| {
            p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be caught");
            p.sigaction(Signal::USR2, SigAction::IGNORE).expect("it can be ignored");
            ready.send(()).expect("the parent listens");
            assert_eq!(errno(p.pause()), libc::EINTR);
        });
        let child = p.spawn(child).expect("room");
        soon(&is_ready);
        child.signal(Signal::USR2).expect("it lives");
        child.signal(Signal::USR1).expect("it lives");
        succeeded(&child.wait().expect("mine"));
        (p.pid(), child.id())
    });
    let expected = [
        posted(Signal::USR2, me, Fate::Ignored),
        posted(Signal::USR1, me, Fate::Pending),
        (Some(LwpId::MAIN), Fact::Handled { signal: Signal::USR1 }),
    ];
    assert_eq!(signals_of(&records, child), expected);
}

#[test]
fn signals_merge_or_queue_until_they_are_taken() {
    let real_time = Signal::real_time(0).expect("one");
    let (records, me) = recorded(Facts::SIGNALS, move |p| {
        let both = greenproc::SigSet::of(Signal::USR1).with(real_time);
        p.sigmask(greenproc::MaskHow::Block, both).expect("it lives");
        for _ in 0..2 {
            p.kill(p.pid(), Signal::USR1).expect("it lives");
            p.sigqueue(p.pid(), real_time, 1).expect("it lives");
        }
        for expected in [Signal::USR1, real_time, real_time] {
            assert_eq!(p.sigtimedwait(both, None).expect("one is pending").signal, expected);
        }
        p.pid()
    });
    let taken = |signal| (Some(LwpId::MAIN), Fact::Taken { signal });
    let expected = [
        posted(Signal::USR1, me, Fate::Pending),
        posted(real_time, me, Fate::Pending),
        posted(Signal::USR1, me, Fate::Merged),
        posted(real_time, me, Fate::Pending),
        taken(Signal::USR1),
        taken(real_time),
        taken(real_time),
    ];
    assert_eq!(signals_of(&records, me), expected);
}

#[test]
fn stops_and_ends_are_recorded_with_the_signals_that_they_come_from() {
    let (records, (me, child)) = recorded(Facts::SIGNALS | Facts::LIFE, |p| {
        let (child, _hold) = living(p, same);
        child.signal(Signal::STOP).expect("it lives");
        p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine");
        child.signal(Signal::CONT).expect("it lives");
        child.kill().expect("it lives");
        assert!(!child.wait().expect("mine").status.success());
        (p.pid(), child.id())
    });
    let killed = ExitStatus::killed(Signal::KILL);
    let from_me = |signal, fate| Fact::Posted { signal, from: Some(me), fate };
    let facts = facts_of(&records, child);
    let last =
        [Fact::Exiting { status: killed }, Fact::Exited { status: killed, parent: Some(me) }, Fact::Reaped];
    assert!(facts.ends_with(&last), "{facts:?}");
    let of = |fact: Fact| facts.iter().position(|seen| *seen == fact).unwrap_or_else(|| panic!("no {fact}"));
    let in_order = [
        of(from_me(Signal::STOP, Fate::Stops)),
        of(Fact::Stopped { signal: Signal::STOP }),
        of(from_me(Signal::CONT, Fate::Continues)),
        of(Fact::Continued),
        of(from_me(Signal::KILL, Fate::Ends)),
    ];
    assert!(in_order.is_sorted(), "{facts:?}");
    // It may stop, and be killed, before it begins; all of it happens once.
    assert!(facts.len() <= 10, "{facts:?}");
}

#[test]
fn a_stop_that_was_pending_is_posted_once() {
    let (records, (me, child)) = recorded(Facts::SIGNALS | Facts::LIFE, |p| {
        let (go, may_go) = bounded::<()>(0);
        let child = Command::new("blocks", move |p: &Process| {
            let _disconnected = may_go.recv();
            p.sigmask(greenproc::MaskHow::Unblock, Signal::TSTP).expect("it lives");
        });
        let child = p.spawn(child.signal_mask(Signal::TSTP)).expect("room");
        // A group with a parent outside it in the session is no orphan, so that SIGTSTP stops it.
        p.setpgid(Some(child.id()), None).expect("my child");
        child.signal(Signal::TSTP).expect("it lives");
        drop(go);
        let stop = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine").expect("no NOHANG");
        assert_eq!(stop.status.stopped_signal(), Some(Signal::TSTP));
        child.signal(Signal::CONT).expect("it stands");
        succeeded(&child.wait().expect("mine"));
        (p.pid(), child.id())
    });
    let facts = facts_of(&records, child);
    let of_stop: Vec<&Fact> = facts
        .iter()
        .filter(|fact| match fact {
            Fact::Posted { signal, .. } | Fact::Stopped { signal } => *signal == Signal::TSTP,
            _ => false,
        })
        .collect();
    let pending = Fact::Posted { signal: Signal::TSTP, from: Some(me), fate: Fate::Pending };
    assert_eq!(of_stop, [&pending, &Fact::Stopped { signal: Signal::TSTP }]);
}

#[test]
fn a_parent_that_hears_of_its_children_is_recorded_to_be_told() {
    let (records, (me, child)) = recorded(Facts::SIGNALS | Facts::LIFE, |p| {
        p.sigmask(greenproc::MaskHow::Block, Signal::CHLD).expect("it lives");
        let child = dead(p, 0, same);
        assert_eq!(p.sigtimedwait(Signal::CHLD, None).expect("it was posted").pid, child.id());
        succeeded(&child.wait().expect("mine"));
        (p.pid(), child.id())
    });
    let of_child = Fact::Posted { signal: Signal::CHLD, from: Some(child), fate: Fate::Pending };
    assert!(facts_of(&records, me).contains(&of_child), "{records:?}");
}

#[test]
fn a_polite_end_is_recorded() {
    let (records, (me, child)) = recorded(Facts::SIGNALS, |p| {
        let (ready, is_ready) = bounded(1);
        let child = Command::new("polite", move |p: &Process| {
            p.on_term(|_| {});
            ready.send(()).expect("the parent listens");
            assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        });
        let child = p.spawn(child).expect("room");
        soon(&is_ready);
        child.signal(Signal::TERM).expect("it lives");
        succeeded(&child.wait().expect("mine"));
        (p.pid(), child.id())
    });
    let handled = (Some(LwpId::MAIN), Fact::Handled { signal: Signal::TERM });
    assert_eq!(signals_of(&records, child), [posted(Signal::TERM, me, Fate::Polite), handled]);
}

#[test]
fn an_alarm_is_from_the_runtime_itself() {
    let (records, me) = recorded(Facts::SIGNALS, |p| {
        p.sigaction(Signal::ALRM, SigAction::handler(|_, _| {})).expect("it can be caught");
        p.alarm(Duration::from_millis(1)).expect("it lives");
        while p.sleep(AN_HOUR).is_ok() {}
        p.pid()
    });
    let posted = Fact::Posted { signal: Signal::ALRM, from: None, fate: Fate::Pending };
    assert_eq!(facts_of(&records, me), [posted, Fact::Handled { signal: Signal::ALRM }]);
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

#[test]
fn children_are_recorded_if_that_is_asked_for() {
    let fixture = Fixture::boot();
    let family = |facts: Facts| {
        let recorder = Recorder::new(ROOM).only(facts);
        let parent = Command::new("parent", |p| {
            let child = p.spawn(Command::new("child", |p| {
                succeeded(&p.spawn(Command::new("grandchild", |_| {})).expect("room").wait().expect("mine"));
            }));
            succeeded(&child.expect("room").wait().expect("mine"));
        });
        succeeded(&fixture.spawn(parent.ktrace(&recorder)).expect("room").wait().expect("mine"));
        let mut names: Vec<String> =
            recorder.records().iter().map(|record| record.name.to_string()).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(family(Facts::LIFE), ["parent"]);
    assert_eq!(family(Facts::LIFE | Facts::INHERIT), ["child", "grandchild", "parent"]);
}

#[test]
fn a_childs_own_recorder_comes_before_its_parents() {
    let own = Recorder::new(ROOM);
    let its = own.clone();
    let (records, child) = recorded(Facts::LIFE, move |p| {
        let child = p.spawn(Command::new("own", |_| {}).ktrace(&its)).expect("room");
        succeeded(&child.wait().expect("mine"));
        child.id()
    });
    assert_eq!(facts_of(&records, child), []);
    assert_eq!(
        own.records().last().map(|record| (record.pid, record.fact.clone())),
        Some((child, Fact::Reaped))
    );
}

#[test]
fn who_is_not_recorded_leaves_nothing() {
    let recorder = Recorder::new(ROOM);
    let fixture = Fixture::boot();
    succeeded(
        &fixture
            .spawn(Command::new("recorded", |_| {}).ktrace(&recorder))
            .expect("room")
            .wait()
            .expect("mine"),
    );
    let before = recorder.records().len();
    fixture.inside(|p| {
        let child = dead(p, 0, same);
        p.kill(p.pid(), Signal::CONT).expect("it lives");
        succeeded(&child.wait().expect("mine"));
    });
    assert_eq!((recorder.records().len(), recorder.dropped()), (before, 0));
}

#[test]
fn a_process_begins_to_be_recorded_when_it_asks_for_it() {
    let (first, second) = (Recorder::new(ROOM).only(Facts::LIFE), Recorder::new(ROOM).only(Facts::LIFE));
    let its = (first.clone(), second.clone());
    let fixture = Fixture::boot();
    let child = fixture.child("asks", move |p: &Process| {
        p.ktrace(&its.0).expect("it lives");
        p.ktrace(&its.1).expect("it lives");
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(facts_of(&first.records(), child.id()), [Fact::Attached]);
    let facts = facts_of(&second.records(), child.id());
    assert!(matches!(facts[..], [Fact::Attached, Fact::Exiting { .. }, Fact::Exited { .. }, Fact::Reaped]));
}

#[test]
fn all_processes_are_recorded_from_the_boot_on() {
    let recorder = Recorder::new(ROOM);
    let its = recorder.only(Facts::LIFE | Facts::INHERIT);
    let fixture = Fixture::with(|builder| builder.ktrace(&its));
    let child = fixture.inside(Process::pid);
    let _clean = fixture.shut_down();
    let records = recorder.records();
    let of_init = facts_of(&records, Pid::INIT);
    assert_eq!(of_init[0], Fact::Spawned { parent: None });
    assert!(matches!(of_init.last(), Some(Fact::Exited { parent: None, .. })), "{of_init:?}");
    assert_eq!(facts_of(&records, child)[0], Fact::Spawned { parent: Some(Pid::INIT) });
    assert_eq!(facts_of(&records, child).last(), Some(&Fact::Reaped));
}

#[test]
fn the_ring_keeps_the_last_facts_and_counts_the_others() {
    let recorder = Recorder::new(5);
    let fixture = Fixture::boot();
    let command = Command::new("talkative", |p| {
        for _ in 0..100 {
            let _its = p.uid();
        }
    });
    let child = fixture.spawn(command.ktrace(&recorder)).expect("room");
    succeeded(&child.wait().expect("its handle owns it"));
    let records = recorder.records();
    assert_eq!(records.len(), 5);
    // Spawned, begun, a hundred calls and returns, exiting, ended, reaped.
    assert_eq!(recorder.dropped(), 2 + 200 + 3 - 5);
    let facts = facts_of(&records, child.id());
    assert!(matches!(facts[2..], [Fact::Exiting { .. }, Fact::Exited { .. }, Fact::Reaped]), "{facts:?}");
}

/// Whoever does what at the same time: each process's facts are in the order of a life.
#[test]
fn a_storm_is_recorded_in_order() {
    let (records, ()) = recorded(Facts::all(), |p| {
        p.set_child_subreaper(true).expect("it lives");
        for _ in 0..300 {
            let child = Command::new("child", |p: &Process| {
                let _left_to_the_subreaper = p.spawn(Command::new("grandchild", |_| {}));
                let _sooner_or_later = p.kill(p.ppid(), Signal::CONT);
            });
            let child = p.spawn(child).expect("room");
            let _maybe_too_late = child.kill();
        }
        while p.wait().is_ok() {}
    });
    assert!(records.is_sorted_by(|one, next| one.time < next.time));
    let mut pids: Vec<Pid> = records.iter().map(|record| record.pid).collect();
    pids.sort();
    pids.dedup();
    assert!(pids.len() > 300);
    for pid in pids {
        let facts = facts_of(&records, pid);
        assert!(matches!(facts[0], Fact::Spawned { .. }), "{facts:?}");
        let end = facts.iter().position(|fact| matches!(fact, Fact::Exited { .. })).expect("it ended");
        let is_exiting = |fact: &&Fact| matches!(fact, Fact::Exiting { .. });
        assert_eq!(facts[..end].iter().filter(is_exiting).count(), 1, "{facts:?}");
        let after = &facts[end + 1..];
        assert!(matches!(after, [Fact::Reaped] | [Fact::Adopted { .. }, Fact::Reaped]), "{facts:?}");
    }
}

/// EINVAL: an exec makes no process.
#[test]
fn a_command_for_exec_says_nothing_of_recording() {
    let recorder = Recorder::new(ROOM);
    let fixture = Fixture::boot();
    fixture.inside(move |p| {
        assert_eq!(errno(p.exec(Command::new("next", |_| {}).ktrace(&recorder))), libc::EINVAL);
    });
}

#[test]
fn an_error_of_the_writer_is_returned() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Recorder::new(ROOM).chrome_trace(Full).expect_err("there is no room");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
