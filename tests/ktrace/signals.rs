//! What is recorded of signals.

use std::time::Duration;

use crossbeam_channel::bounded;
use greenproc::ktrace::{Fact, Facts, Fate, Record};
use greenproc::{Command, ExitStatus, LwpId, Pid, Process, SigAction, Signal, WaitFlags, WaitFor};
use greenproc_tests::{AN_HOUR, dead, errno, living, same, soon, succeeded};

use crate::{facts_of, recorded};

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
