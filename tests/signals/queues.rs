//! What is kept of signals that come while they are blocked: decision 11, POSIX `sigqueue`.

use std::collections::HashMap;
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{
    Command, ExitStatus, Limits, MaskHow, Process, ProcessGroup, SigCode, SigInfo, SigSet, Signal, Target,
    WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, burn, errno, hold, is_dead, succeeded};

use crate::{kill_myself, noting, real_time};

/// How many values are queued.
const MANY: i64 = 100_000;

/// Decision 11: real-time signals queue: another process sends 100,000 values to one that blocks them, and when it unblocks
/// them all come, in order.
#[test]
fn queued_values_all_come_in_order() {
    let fixture = Fixture::boot();
    let values = fixture.inside(|p| {
        let (action, noted) = noting();
        let signal = real_time(0);
        p.sigaction(signal, action).expect("it can be caught");
        p.sigmask(MaskHow::Block, signal).expect("it lives");
        let me = p.pid();
        let sender = p.spawn(Command::new("sender", move |p| {
            (0..MANY).try_for_each(|value| p.sigqueue(me, signal, value))
        }));
        let sender = sender.expect("room");
        succeeded(&sender.wait().expect("my child"));
        assert!(noted.is_empty());
        p.sigmask(MaskHow::Unblock, signal).expect("it lives");
        assert_eq!(p.sigpending(), SigSet::EMPTY);
        let infos: Vec<SigInfo> = noted.try_iter().collect();
        assert!(infos.iter().all(|info| info.pid == sender.id() && info.code == SigCode::Queue));
        infos.into_iter().map(|info| info.value).collect::<Vec<_>>()
    });
    assert!(values.iter().copied().eq(0..MANY), "{} came, and not in order", values.len());
}

/// The same while the receiver handles them as they come.
#[test]
fn queued_values_come_in_order_while_they_are_handled() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        let signal = real_time(1);
        p.sigaction(signal, action).expect("it can be caught");
        let me = p.pid();
        let sender =
            Command::new("sender", move |p| (0..5_000).try_for_each(|value| p.sigqueue(me, signal, value)));
        p.spawn(sender).expect("room");
        for value in 0..5_000 {
            while noted.is_empty() {
                p.checkpoint();
                std::hint::spin_loop();
            }
            assert_eq!(noted.try_recv().map(|info| info.value), Ok(value));
        }
        succeeded(&p.wait().expect("my child"));
        assert!(noted.is_empty());
    });
}

/// POSIX: of several real-time signals the lowest number comes first, each in the order in which it was sent; standard
/// signals come before them.
#[test]
fn the_lowest_signal_comes_first() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        let (low, high) = (real_time(3), real_time(4));
        let all = SigSet::from([low, high, Signal::USR1, Signal::HUP]);
        // Else a handler would be interrupted by the next.
        for signal in all.iter() {
            p.sigaction(signal, action.clone().mask(all)).expect("it can be caught");
        }
        p.sigmask(MaskHow::Block, all).expect("it lives");
        let me = p.pid();
        for (signal, value) in [(high, 1), (low, 2), (Signal::USR1, 3), (high, 4), (Signal::HUP, 5), (low, 6)]
        {
            p.sigqueue(me, signal, value).expect("room in the queue");
        }
        p.sigmask(MaskHow::Unblock, all).expect("it lives");
        let seen: Vec<_> = noted.try_iter().map(|info| (info.signal, info.value)).collect();
        let expected = [(Signal::HUP, 5), (Signal::USR1, 3), (low, 2), (low, 6), (high, 1), (high, 4)];
        assert_eq!(seen, expected);
    });
}

/// Decision 11: the queue has a limit, EAGAIN beyond it; what was queued is not lost, standard signals still find room, and
/// there is room again when one was taken.
#[test]
fn a_full_queue_says_eagain() {
    let fixture = Fixture::boot();
    let limits = Limits { pending_signals: Some(3), ..Limits::default() };
    let child = fixture.spawn(
        Command::new("limited", |p| {
            let (action, noted) = noting();
            let signal = real_time(0);
            p.sigaction(signal, action).expect("it can be caught");
            p.sigmask(MaskHow::Block, [signal, real_time(1), Signal::USR1]).expect("it lives");
            let me = p.pid();
            for value in 0..3 {
                p.sigqueue(me, signal, value).expect("room in the queue");
            }
            assert_eq!(errno(p.sigqueue(me, signal, 3)), libc::EAGAIN);
            assert_eq!(errno(p.kill(me, real_time(1))), libc::EAGAIN);
            kill_myself(p, Signal::USR1);
            assert_eq!(p.sigpending(), SigSet::from([signal, Signal::USR1]));
            assert_eq!(p.sigtimedwait(signal, None).expect("pending").value, 0);
            assert_eq!(p.sigtimedwait(Signal::USR1, None).expect("pending").signal, Signal::USR1);
            p.sigqueue(me, signal, 4).expect("room again");
            assert_eq!(errno(p.sigqueue(me, signal, 5)), libc::EAGAIN);
            p.sigmask(MaskHow::Unblock, signal).expect("it lives");
            assert_eq!(noted.try_iter().map(|info| info.value).collect::<Vec<_>>(), [1, 2, 4]);
        })
        .limits(limits),
    );
    succeeded(&child.expect("room").wait().expect("its handle owns it"));
}

/// Decision 11: a signal to a group is tried on every member, though one of them takes no more, which is said.
#[test]
fn a_full_member_does_not_keep_a_signal_from_its_group() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let signal = real_time(0);
        let none = Limits { pending_signals: Some(0), ..Limits::default() };
        let member = |limits: Limits, group| {
            let body = |p: &Process| p.sleep(Duration::from_hours(1));
            let command = Command::new("member", body).limits(limits).process_group(group);
            p.spawn(command.signal_mask(SigSet::ALL)).expect("room")
        };
        let first = member(none, ProcessGroup::New);
        let taking = move |p: &Process| p.sigtimedwait(signal, None).map(drop);
        let group = ProcessGroup::Join(first.id());
        let takes = Command::new("takes", taking).process_group(group).signal_mask(SigSet::ALL);
        let takes = p.spawn(takes).expect("room");
        let last = member(none, group);
        assert_eq!(errno(p.kill(Target::Group(first.id()), signal)), libc::EAGAIN);
        succeeded(&takes.wait().expect("it got one"));
        for full in [first, last] {
            full.kill().expect("it lives");
            assert_eq!(full.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
        }
    });
}

/// Decision 11: of a standard signal that comes again while it is pending, the first is kept; for the process and for each
/// LWP.
#[test]
fn standard_signals_coalesce() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::USR1, action).expect("it can be caught");
        p.sigmask(MaskHow::Block, Signal::USR1).expect("it lives");
        for value in 1..=10 {
            p.sigqueue(p.pid(), Signal::USR1, value).expect("it coalesces");
            p.raise(Signal::USR1).expect("it lives");
        }
        p.sigmask(MaskHow::Unblock, Signal::USR1).expect("it lives");
        let mut seen: Vec<_> = noted.try_iter().map(|info| (info.code, info.value)).collect();
        seen.sort_by_key(|&(_, value)| value);
        assert_eq!(seen, [(SigCode::Lwp, 0), (SigCode::Queue, 1)]);
    });
}

/// Decision 11 and mistake f: SIGCHLD is kept once for each child that died while it was blocked, with the status and the
/// final times that the wait for it returns.
#[test]
fn a_sigchld_is_kept_for_each_child() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::CHLD, action).expect("it can be caught");
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
        let (release, held) = hold();
        let children: Vec<_> = (0..20)
            .map(|number| {
                let held = held.clone();
                let command = Command::new("child", move |p| {
                    held(p);
                    burn(Duration::from_millis(u64::try_from(number % 4).expect("small")));
                    match number % 3 {
                        0 => ExitStatus::exited(256 + number),
                        1 => ExitStatus::killed(Signal::TERM),
                        _ => ExitStatus::dumped(Signal::SEGV),
                    }
                });
                p.spawn(command).expect("room").id()
            })
            .collect();
        drop(release);
        for &child in &children {
            is_dead(p, child);
        }
        assert!(noted.is_empty());
        assert_eq!(p.sigpending(), SigSet::of(Signal::CHLD));
        p.sigmask(MaskHow::Unblock, Signal::CHLD).expect("it lives");
        let count = noted.len();
        let infos: HashMap<_, _> = noted.try_iter().map(|info| (info.pid, info)).collect();
        assert_eq!((count, infos.len()), (children.len(), children.len()), "one for each");
        for child in children {
            let waited =
                p.wait4(WaitFor::Pid(child), WaitFlags::empty()).expect("my child").expect("no NOHANG");
            let info = infos[&child];
            let (code, value) = match (waited.status.code(), waited.status.core_dumped()) {
                (Some(code), _) => (SigCode::Exited, code),
                (None, true) => (SigCode::Dumped, libc::SIGSEGV),
                (None, false) => (SigCode::Killed, libc::SIGTERM),
            };
            assert_eq!((info.signal, info.code, info.status), (Signal::CHLD, code, value));
            let times = (waited.usage.user(), waited.usage.system());
            assert_eq!((info.user_time, info.system_time), times);
            assert_eq!(info.uid, p.uid());
        }
        assert!(noted.is_empty());
    });
}

/// Decision 11: also when they die at once while the parent handles and reaps them: each is told of once, at the end of its
/// life, so a parent that reaps only whom it was told of reaps all.
#[test]
fn a_parent_that_reaps_whom_it_is_told_of_reaps_all() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (note, noted) = unbounded();
        let reap = greenproc::SigAction::handler(move |p, info| {
            let found = p.wait4(WaitFor::Pid(info.pid), WaitFlags::NOHANG).expect("my child");
            let waited = found.expect("it is dead when its parent is told");
            assert_eq!(waited.status.code(), Some(info.status));
            note.send(info.pid).expect("the test listens");
        });
        p.sigaction(Signal::CHLD, reap).expect("it can be caught");
        for round in 0..20 {
            let (release, held) = hold();
            for number in 0..10 {
                let held = held.clone();
                let command = Command::new("child", move |p| {
                    held(p);
                    round * 10 + number
                });
                p.spawn(command).expect("room");
            }
            p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
            drop(release);
            let mut reaped = noted.try_iter().count();
            while reaped < 10 {
                assert_eq!(errno(p.sigsuspend(SigSet::EMPTY)), libc::EINTR);
                reaped += noted.try_iter().count();
            }
            p.sigmask(MaskHow::Unblock, Signal::CHLD).expect("it lives");
            assert_eq!(reaped, 10);
            assert_eq!(errno(p.wait()), libc::ECHILD);
        }
    });
}

/// Rows 41 and 43, decision 7, mistakes d and q: who inherits a zombie is told of it by a SIGCHLD of its own, with that child's
/// data, before it is told of the child that left it.
#[test]
fn a_new_parent_gets_a_sigchld_for_the_zombie_it_inherits() {
    Fixture::boot().inside(|p| {
        p.set_child_subreaper(true).expect("it lives");
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
        let leaves_a_zombie = |p: &Process| {
            let zombie = p.spawn(Command::new("zombie", |_| 7)).expect("room");
            is_dead(p, zombie.id());
            zombie.id().as_raw()
        };
        let middle = p.spawn(Command::new("middle", leaves_a_zombie)).expect("room");
        let told = [(); 2].map(|()| p.sigtimedwait(Signal::CHLD, None).expect("two have ended"));
        let zombie = told[1].status;
        assert_eq!(
            told.map(|info| (info.pid.as_raw(), info.code)),
            [(zombie, SigCode::Exited), (middle.id().as_raw(), SigCode::Exited),]
        );
        assert_eq!(told[0].status, 7);
        for info in told {
            let waited = p.wait4(WaitFor::Pid(info.pid), WaitFlags::NOHANG).expect("a child").expect("dead");
            assert_eq!(waited.status, ExitStatus::exited(info.status));
        }
        assert!(p.sigpending().is_empty());
    });
}
