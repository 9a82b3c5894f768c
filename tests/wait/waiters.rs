//! Several LWPs wait at once, or wait for what goes away: row 55, decision 27, mistake r.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, Pid, Process, ProcessGroup, Signal, State, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, errno, living, same, soon, stay, succeeded};

use crate::{pid_of, round_trip};

/// Row 55: a child that changes its group under a wait for its former group is lost for that wait, and found by a wait
/// for its new one.
#[test]
fn a_wait_for_a_group_ends_when_the_last_child_leaves_the_group() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (leader, leads) = living(p, |command| command.process_group(ProcessGroup::New));
        let group = leader.id();
        let (waiting, is_waiting) = unbounded();
        let wait = move |p: &Process| {
            waiting.send(()).expect("the test listens");
            p.wait4(WaitFor::Group(group), WaitFlags::empty()).map(pid_of)
        };
        let waiter = p.spawn_lwp(wait).expect("room");
        // Another child lives on: it is only the group that is left.
        let (other, others) = living(p, same);
        soon(&is_waiting);
        round_trip(p);
        p.setpgid(Some(group), Some(p.pgid())).expect("my child");
        assert_eq!(errno(waiter.join(p).expect("it returned")), libc::ECHILD);
        drop((leads, others));
        let both = [p.wait().expect("a child").pid, p.wait().expect("a child").pid];
        assert_eq!(HashSet::from(both), HashSet::from([leader.id(), other.id()]));
    });
}

/// Decision 27: what turns a wait into ECHILD wakes it. Without EXITED the death of the last living child does.
#[test]
fn a_wait_for_stops_ends_when_the_last_child_that_could_stop_dies() {
    let fixture = Fixture::boot();
    for flags in [WaitFlags::STOPPED, WaitFlags::EXITED | WaitFlags::NOZOMBIE] {
        fixture.inside(move |p| {
            let (child, hold) = living(p, same);
            let (waiting, is_waiting) = unbounded();
            let waiters = [None, Some(child.id())].map(|pid| {
                let waiting = waiting.clone();
                let wait = move |p: &Process| {
                    waiting.send(()).expect("the test listens");
                    let who = pid.map_or(WaitFor::Any, WaitFor::Pid);
                    p.waitid(who, flags).map(pid_of)
                };
                p.spawn_lwp(wait).expect("room")
            });
            for _ in &waiters {
                soon(&is_waiting);
            }
            round_trip(p);
            drop(hold);
            for waiter in waiters {
                assert_eq!(errno(waiter.join(p).expect("it returned")), libc::ECHILD);
            }
            succeeded(&p.wait().expect("the zombie is left"));
        });
    }
}

/// Decision 27: several LWPs wait for any child; each child goes to one of them, and who gets none is told so.
#[test]
fn of_several_lwps_that_wait_each_child_goes_to_one_and_the_others_get_echild() {
    let fixture = Fixture::boot();
    for (waiters, children) in [(1, 1), (2, 1), (4, 4), (6, 2), (3, 0)] {
        fixture.inside(move |p| {
            // It keeps the waiters from ECHILD until all of them are there.
            let (last, last_hold) = living(p, same);
            let (waiting, is_waiting) = unbounded();
            let lwps: Vec<_> = (0..waiters)
                .map(|_| {
                    let waiting = waiting.clone();
                    let wait = move |p: &Process| {
                        waiting.send(()).expect("the test listens");
                        p.wait().map(|waited| waited.pid).map_err(|error| error.errno())
                    };
                    p.spawn_lwp(wait).expect("room")
                })
                .collect();
            let more: Vec<_> = (0..children).map(|_| living(p, same)).collect();
            for _ in &lwps {
                soon(&is_waiting);
            }
            round_trip(p);
            let mut pids: HashSet<Pid> =
                more.iter().map(|(child, _)| child.id()).chain([last.id()]).collect();
            drop((more, last_hold));
            let mut got = 0;
            for lwp in lwps {
                match lwp.join(p).expect("it returned") {
                    Ok(pid) => {
                        got += 1;
                        assert!(pids.remove(&pid), "{pid} was found twice");
                    }
                    Err(errno) => assert_eq!(errno, libc::ECHILD),
                }
            }
            assert_eq!(got, waiters.min(children + 1), "{waiters} waited for {}", children + 1);
            while let Ok(waited) = p.wait() {
                assert!(pids.remove(&waited.pid));
            }
            assert!(pids.is_empty(), "{pids:?} were never found");
        });
    }
}

/// Decision 27: waits for a pid, for a group and for any child side by side.
#[test]
fn waits_of_different_kinds_side_by_side_get_each_its_child() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (one, one_hold) = living(p, same);
        let (leader, leader_hold) = living(p, |command| command.process_group(ProcessGroup::New));
        let (odd, odd_hold) = living(p, |command| command.exit_signal(None));
        let (one, leader, odd) = (one.id(), leader.id(), odd.id());
        let (waiting, is_waiting) = unbounded();
        let wait = |who: WaitFor<'static>, flags: WaitFlags| {
            let waiting = waiting.clone();
            let wait = move |p: &Process| {
                waiting.send(()).expect("the test listens");
                p.wait4(who, flags).map(pid_of)
            };
            p.spawn_lwp(wait).expect("room")
        };
        let lwps = [
            (wait(WaitFor::Group(leader), WaitFlags::empty()), leader),
            (wait(WaitFor::Any, WaitFlags::ALTSIG), odd),
            (wait(WaitFor::Pid(one), WaitFlags::empty()), one),
        ];
        for _ in &lwps {
            soon(&is_waiting);
        }
        round_trip_apart(p);
        drop((odd_hold, one_hold, leader_hold));
        for (lwp, expected) in lwps {
            assert_eq!(lwp.join(p).expect("it returned").expect("its child"), Some(expected));
        }
        assert_eq!(errno(p.wait4(WaitFor::Any, WaitFlags::ALLSIG)), libc::ECHILD);
    });
}

/// As [`round_trip`], but no wait for any child of this process can see it.
fn round_trip_apart(p: &Process) {
    let command = Command::new("apart", |p: &Process| round_trip(p)).process_group(ProcessGroup::New);
    let child = p.spawn(command).expect("room");
    succeeded(&child.wait().expect("my child"));
}

/// Decision 27: a child that another LWP took is ECHILD for who waited for its pid.
#[test]
fn a_wait_for_a_pid_ends_when_another_lwp_took_the_child() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (kept, kept_hold) = living(p, |command| command.process_group(ProcessGroup::New));
        let (child, hold) = living(p, same);
        let pid = child.id();
        let (waiting, is_waiting) = unbounded();
        let lwps: Vec<_> = (0..3)
            .map(|_| {
                let waiting = waiting.clone();
                let wait = move |p: &Process| {
                    waiting.send(()).expect("the test listens");
                    p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).map(pid_of).map_err(|error| error.errno())
                };
                p.spawn_lwp(wait).expect("room")
            })
            .collect();
        for _ in &lwps {
            soon(&is_waiting);
        }
        round_trip(p);
        drop(hold);
        let mut found: Vec<_> = lwps.into_iter().map(|lwp| lwp.join(p).expect("it returned")).collect();
        found.sort_unstable();
        // Another child lives on all the time: it is not having no child at all that wakes them.
        assert_eq!(found, [Ok(Some(pid)), Err(libc::ECHILD), Err(libc::ECHILD)]);
        drop(kept_hold);
        assert_eq!(p.wait().expect("the other").pid, kept.id());
    });
}

/// Decision 27: whoever leaves without the child (it only looked, or its time was over) leaves the wake-up to the next.
#[test]
fn a_wait_that_only_looks_or_times_out_takes_no_wake_up_from_another() {
    const ROUNDS: usize = 30;
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for round in 0..ROUNDS {
            let (child, hold) = living(p, same);
            let (waiting, is_waiting) = unbounded();
            let tell = || {
                let waiting = waiting.clone();
                move || waiting.send(()).expect("the test listens")
            };
            let looking = tell();
            let look = p.spawn_lwp(move |p| {
                looking();
                p.wait4(WaitFor::Any, WaitFlags::NOWAIT).map(pid_of)
            });
            let timing = tell();
            let time = p.spawn_lwp(move |p| {
                timing();
                let timeout = Duration::from_micros(100 * round as u64);
                p.wait_timeout(WaitFor::Any, WaitFlags::NOWAIT, timeout).map(pid_of)
            });
            let reaping = tell();
            let reap = p.spawn_lwp(move |p| {
                reaping();
                p.wait().map(|waited| waited.pid)
            });
            (0..3).for_each(|_| soon(&is_waiting));
            drop(hold);
            let pid = child.id();
            assert_eq!(reap.expect("room").join(p).expect("it returned").expect("nobody else reaps"), pid);
            // The others saw it, or it was gone before they looked.
            match look.expect("room").join(p).expect("it returned") {
                Ok(found) => assert_eq!(found, Some(pid)),
                Err(error) => assert_eq!(error.errno(), libc::ECHILD),
            }
            match time.expect("room").join(p).expect("it returned") {
                Ok(found) => assert!(found.is_none_or(|found| found == pid)),
                Err(error) => assert_eq!(error.errno(), libc::ECHILD),
            }
        }
    });
}

/// Decision 27: one waiter wakes up for each end, however many there are. One that was woken in vain would go to sleep again.
#[test]
fn an_end_wakes_the_waiter_for_it_and_no_other() {
    const WAITERS: usize = 100;
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        p.count().expect("it lives");
        let children: Vec<_> = (0..WAITERS).map(|_| living(p, same)).collect();
        let (back, is_back) = unbounded();
        let waiters = children.iter().map(|(child, _)| {
            let (pid, back) = (child.id(), back.clone());
            let wait = move |p: &Process| {
                let found = p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).map(pid_of);
                back.send(pid).expect("the test listens");
                found
            };
            p.spawn_lwp(wait).expect("room")
        });
        let waiters: Vec<_> = waiters.collect();
        let asleep = || {
            let detail = runtime.inspect(p.pid()).expect("it lives");
            detail.lwps.iter().filter(|lwp| lwp.state == State::Sleeping).count()
        };
        while asleep() < WAITERS {
            std::thread::yield_now();
        }
        let before = p.counters().sleeps;
        for (child, hold) in children.into_iter().rev() {
            drop(hold);
            assert_eq!(soon(&is_back), child.id());
        }
        assert_eq!(p.counters().sleeps, before);
        for waiter in waiters {
            assert!(waiter.join(p).expect("it returned").expect("its child").is_some());
        }
    });
}

/// Mistake r: a waiter that dies takes no status with it.
#[test]
fn a_status_is_not_lost_with_a_waiter_that_is_killed() {
    let fixture = Fixture::boot();
    for _ in 0..20 {
        let (hold, held) = crossbeam_channel::bounded::<()>(0);
        let child = Arc::new(fixture.child("child", move |p| {
            stay(p, &held);
            6
        }));
        let (waiting, is_waiting) = unbounded();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let (child, waiting) = (Arc::clone(&child), waiting.clone());
                fixture.child("waiter", move |_| {
                    waiting.send(()).expect("the test listens");
                    child.wait().map(|waited| waited.status)
                })
            })
            .collect();
        for _ in &waiters {
            soon(&is_waiting);
        }
        // The first one is killed around the time when the child ends; the status goes to whoever asks.
        let go = std::thread::scope(|scope| {
            let killer = scope.spawn(|| waiters[0].kill());
            drop(hold);
            killer.join().expect("no panic")
        });
        go.expect("nobody reaped it yet");
        let first = waiters[0].wait().expect("its handle owns it").status;
        assert!(first.code() == Some(6) || first.signal() == Some(Signal::KILL), "{first}");
        assert_eq!(waiters[1].wait().expect("its handle owns it").status.code(), Some(6));
        assert_eq!(child.wait().expect("still known").status.code(), Some(6));
    }
}

/// Mistake r: every child of many is found once, with its own status, while several LWPs wait.
#[test]
fn no_status_of_many_is_lost_or_found_twice() {
    const CHILDREN: i32 = 600;
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (keeper, keeper_hold) = living(p, same);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let wait = |p: &Process| {
                    let mut found = Vec::new();
                    while let Ok(waited) = p.wait() {
                        found.push((waited.pid, waited.status.code()));
                    }
                    found
                };
                p.spawn_lwp(wait).expect("room")
            })
            .collect();
        let mut expected: HashSet<(Pid, Option<i32>)> = (0..CHILDREN)
            .map(|code| (p.spawn(Command::new("one of many", move |_| code)).expect("room").id(), Some(code)))
            .collect();
        expected.insert((keeper.id(), Some(0)));
        drop(keeper_hold);
        for waiter in waiters {
            for found in waiter.join(p).expect("it returned") {
                assert!(expected.remove(&found), "{found:?} was not expected, or was found twice");
            }
        }
        assert!(expected.is_empty(), "never found: {expected:?}");
    });
}
