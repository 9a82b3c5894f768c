//! Limits that are set, raised and lowered, and limits of CPU time: of a process, and of all its descendants together.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | soft and hard limits: EINVAL, EPERM, what is inherited | decision 15 |
//! | SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one | |
//! | the CPU time of a subtree, reported: the living, zombies, those that were reaped | row 65 |
//! | the same as a limit that nobody escapes | row 65 |
//!
//! Processes that run into a limit here never end by themselves, so that their end shows it. No upper bound of their CPU time is
//! asserted: on a loaded machine the look may come late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, Limits, Pid, Process, SigAction, Signal, WaitFlags, WaitFor};
use greenproc_tests::{AN_HOUR, Fixture, burn, errno, is_dead, soon, succeeded};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn cpu(limit: Duration) -> Limits {
    Limits { cpu: Some(limit), ..Limits::default() }
}

fn subtree(limit: Duration) -> Limits {
    Limits { subtree_cpu: Some(limit), ..Limits::default() }
}

/// Runs until it is killed.
fn endless(p: &Process) {
    loop {
        p.checkpoint();
    }
}

/// POSIX `setrlimit`: the soft limit moves below the hard one, which goes down only, but for root.
#[test]
fn limits_are_raised_up_to_the_hard_ones() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!((p.limits(), p.hard_limits()), (Limits::default(), Limits::default()));
        let hard = Limits { processes: Some(50), lwps: Some(5), cpu: Some(AN_HOUR), ..Limits::default() };
        let soft = Limits { lwps: Some(1), ..hard };
        p.set_limits(soft, hard).expect("below none");
        assert_eq!((p.limits(), p.hard_limits()), (soft, hard));
        p.spawn_lwp(|_| ()).expect_err("one is there");
        p.set_limits(hard, hard).expect("up to the hard limit");
        p.spawn_lwp(|_| ()).expect("five may be").join(p).expect("it returns");
        let above = Limits { lwps: Some(6), ..hard };
        assert_eq!(errno(p.set_limits(above, hard)), libc::EINVAL);
        assert_eq!(errno(p.set_limits(Limits { cpu: None, ..hard }, hard)), libc::EINVAL);
        assert_eq!(p.limits(), hard, "a refusal changes nothing");
        if p.uid() == 0 {
            p.set_limits(hard, above).expect("root may");
            p.set_limits(hard, hard).expect("downwards");
            p.setuid(1000).expect("root may");
        }
        assert_eq!(errno(p.set_limits(hard, above)), libc::EPERM);
        assert_eq!(errno(p.set_limits(hard, Limits::default())), libc::EPERM);
        // A child inherits both, and whoever may not raise its own gives no more to a child.
        let child = p.spawn(Command::new("inherits", move |p| {
            assert_eq!((p.limits(), p.hard_limits()), (hard, hard));
        }));
        succeeded(&child.expect("room").wait().expect("mine"));
        let give = |soft, hard| p.spawn(Command::new("given", |_| {}).limits(soft).hard_limits(hard));
        assert_eq!(errno(give(hard, above)), libc::EPERM);
        assert_eq!(errno(give(above, hard)), libc::EINVAL);
        assert_eq!(errno(p.spawn(Command::new("given", |_| {}).limits(Limits::default()))), libc::EPERM);
        succeeded(&give(soft, hard).expect("less than its own").wait().expect("mine"));
        let less = Command::new("less", move |p| {
            assert_eq!((p.limits(), p.hard_limits()), (soft, soft), "one value is both");
        });
        let less = p.spawn(less.limits(soft));
        succeeded(&less.expect("room").wait().expect("mine"));
    });
}

/// A limit that is set later counts from then on: of processes, and of signals that wait.
#[test]
fn limits_that_are_set_later_count() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let none = Limits::default();
        p.set_limits(Limits { processes: Some(2), pending_signals: Some(1), ..none }, none).expect("lower");
        assert_eq!(errno(p.spawn(Command::new("third", |_| {}))), libc::EAGAIN);
        let queued = Signal::real_time(0).expect("there are some");
        p.sigmask(greenproc::MaskHow::Block, queued).expect("it can be blocked");
        p.sigqueue(p.pid(), queued, 1).expect("one");
        assert_eq!(errno(p.sigqueue(p.pid(), queued, 2)), libc::EAGAIN);
        p.set_limits(none, none).expect("there is no hard limit");
        p.sigqueue(p.pid(), queued, 2).expect("many");
        succeeded(&p.spawn(Command::new("third", |_| {})).expect("room").wait().expect("mine"));
    });
}

/// POSIX `RLIMIT_CPU`: at the soft limit SIGXCPU, which ends a process that says nothing else.
#[test]
fn a_process_that_uses_its_cpu_time_gets_sigxcpu() {
    let fixture = Fixture::boot();
    let child =
        fixture.spawn(Command::new("busy", endless).limits(cpu(ms(20))).hard_limits(Limits::default()));
    let waited = child.expect("room").wait().expect("its handle owns it");
    assert_eq!(waited.status.signal(), Some(Signal::XCPU));
    assert!(waited.status.core_dumped());
    assert!(waited.usage.total() >= ms(20), "{:?}", waited.usage);
}

/// SIGXCPU comes again each second of CPU time.
#[test]
fn sigxcpu_comes_again_each_second() {
    let fixture = Fixture::boot();
    let usages = fixture.inside(|p| {
        let (told, tells) = unbounded();
        let handler = SigAction::handler(move |p, _| told.send(p.usage().total()).expect("the test listens"));
        p.sigaction(Signal::XCPU, handler).expect("it can be caught");
        p.set_limits(cpu(ms(30)), Limits::default()).expect("lower");
        let mut usages = Vec::new();
        while usages.len() < 2 {
            p.checkpoint();
            usages.extend(tells.try_iter());
        }
        usages
    });
    assert!(usages[0] >= ms(30) && usages[1] >= ms(1_030), "{usages:?}");
}

/// At the hard limit comes SIGKILL, whatever the process thinks of SIGXCPU; also where both are one.
#[test]
fn the_hard_limit_kills() {
    let fixture = Fixture::boot();
    let heard = Arc::<AtomicU32>::default();
    let hears = Arc::clone(&heard);
    let deaf = Command::new("deaf", move |p| {
        let handler = SigAction::handler(move |_, _| {
            hears.fetch_add(1, Ordering::Relaxed);
        });
        p.sigaction(Signal::XCPU, handler).expect("it can be caught");
        endless(p);
    });
    let deaf = fixture.spawn(deaf.limits(cpu(ms(20))).hard_limits(cpu(ms(80)))).expect("room");
    let waited = deaf.wait().expect("its handle owns it");
    assert_eq!(waited.status.signal(), Some(Signal::KILL));
    assert!(waited.usage.total() >= ms(80), "{:?}", waited.usage);
    assert!(heard.load(Ordering::Relaxed) <= 1, "the next would have come a second later");

    let child = fixture.spawn(Command::new("one limit", endless).limits(cpu(ms(20)))).expect("room");
    let waited = child.wait().expect("its handle owns it");
    assert_eq!(waited.status.signal(), Some(Signal::KILL));
    assert!(waited.usage.total() >= ms(20), "{:?}", waited.usage);
}

/// All LWPs count, those that have ended too, and the process need not run when the limit finds it.
#[test]
fn the_cpu_time_of_all_lwps_counts() {
    let fixture = Fixture::boot();
    let child = fixture.spawn(
        Command::new("two", |p| {
            p.spawn_lwp(|_| burn(ms(25))).expect("room").join(p).expect("it returns");
            burn(ms(25));
            p.sleep(AN_HOUR)
        })
        .limits(cpu(ms(45))),
    );
    assert_eq!(child.expect("room").wait().expect("mine").status.signal(), Some(Signal::KILL));

    let late = fixture.child("late", |p| {
        burn(ms(15));
        p.set_limits(cpu(ms(10)), Limits::default())?;
        p.sleep(AN_HOUR)
    });
    assert_eq!(late.wait().expect("its handle owns it").status.signal(), Some(Signal::XCPU));
}

/// Children begin at nothing with the same limit, and do not count for their parent; a limit that was taken back is none.
#[test]
fn each_child_has_the_limit_for_itself() {
    let fixture = Fixture::boot();
    let parent = Command::new("parent", |p| {
        for _ in 0..3 {
            let waited = p.spawn(Command::new("busy", endless)).expect("room").wait().expect("mine");
            assert_eq!(waited.status.signal(), Some(Signal::XCPU));
        }
        assert!(p.children_usage().total() >= ms(75));
        let none = Limits::default();
        p.set_limits(none, none).expect("there is no hard limit");
        burn(ms(60));
    });
    let parent = fixture.spawn(parent.limits(cpu(ms(25))).hard_limits(Limits::default())).expect("room");
    succeeded(&parent.wait().expect("its handle owns it"));
}

/// What those below a process that sleeps have used.
fn below(fixture: &Fixture, pid: Pid) -> Duration {
    loop {
        let own = || fixture.inspect(pid).expect("it lives").process.cpu;
        let before = own();
        let all = fixture.subtree_usage(pid).expect("it lives");
        // It may have been on its way to sleep still.
        if own() == before {
            return all.total().saturating_sub(before);
        }
    }
}

/// Row 65: the time of a subtree has the living, the zombies and the reaped, and a reaping does not change it.
#[test]
fn the_time_of_a_subtree_does_not_change_by_a_reaping() {
    let fixture = Fixture::boot();
    let (tell, told) = unbounded();
    let (go, goes) = unbounded::<()>();
    let parent = fixture.child("parent", move |p| {
        let child = p.spawn(Command::new("child", |p| {
            let grandchild = p.spawn(Command::new("grandchild", |_| burn(ms(5)))).expect("room");
            succeeded(&grandchild.wait().expect("mine"));
            burn(ms(5));
        }));
        let child = child.expect("room").id();
        is_dead(p, child);
        tell.send(()).expect("the test listens");
        p.recv(&goes).expect("the test lets it go on");
        succeeded(&p.wait().expect("the child"));
        tell.send(()).expect("the test listens");
        p.recv(&goes).expect("the test lets it go on");
    });
    soon(&told);
    let with_zombie = below(&fixture, parent.id());
    assert!(with_zombie >= ms(10), "{with_zombie:?}");
    go.send(()).expect("it lives");
    soon(&told);
    let with_reaped = below(&fixture, parent.id());
    assert_eq!(with_zombie, with_reaped);
    go.send(()).expect("it lives");
    succeeded(&parent.wait().expect("its handle owns it"));
    assert_eq!(errno(fixture.subtree_usage(parent.id())), libc::ESRCH);
}

/// Row 65: the living count while they run, and a zombie has what it waited for.
#[test]
fn the_time_of_a_subtree_has_the_living() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (told, tells) = unbounded();
        let child = p.spawn(Command::new("child", move |p| {
            burn(ms(8));
            told.send(()).expect("the parent listens");
            p.sleep(AN_HOUR)
        }));
        soon(&tells);
        assert!(p.subtree_usage().total() >= ms(8));
        let child = child.expect("room");
        child.kill().expect("it lives");
        is_dead(p, child.id());
        assert!(p.subtree_usage().total() >= ms(8));
    });
}

/// A limit's account has those too who leave no zombie, and those whom others have adopted.
#[test]
fn the_account_of_a_limit_has_all_descendants() {
    let fixture = Fixture::boot();
    let limited = Command::new("limited", |p| {
        let total = |p: &Process| p.subtree_usage().total();
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        p.spawn(Command::new("ignored", |_| burn(ms(5)))).expect("room");
        assert_eq!(errno(p.wait()), libc::ECHILD);
        assert!(total(p) >= ms(5), "{:?}", total(p));
        p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("it can be as before");
        let (told, tells) = unbounded();
        let between = p.spawn(Command::new("between", move |p| {
            p.spawn(Command::new("orphan", move |p| {
                burn(ms(5));
                told.send(()).expect("the test listens");
                p.sleep(AN_HOUR)
            }))
            .map(drop)
        }));
        succeeded(&between.expect("room").wait().expect("mine"));
        soon(&tells);
        assert!(total(p) >= ms(10), "{:?}", total(p));
    });
    let limited = fixture.spawn(limited.limits(subtree(AN_HOUR))).expect("room");
    succeeded(&limited.wait().expect("its handle owns it"));
    // The orphan lives on, and the account with it.
    assert!(limited.subtree_usage().expect("it has an account").total() >= ms(10));
    let other = fixture.child("other", |_| {});
    succeeded(&other.wait().expect("its handle owns it"));
    assert_eq!(errno(other.subtree_usage()), libc::EINVAL);
}

/// Row 65 as a limit: when a subtree has used its time, all of it is killed, orphans and the youngest included. Its subreaper
/// finds that none is left.
#[test]
fn nobody_escapes_the_limit_of_a_subtree() {
    fn bomb(p: &Process) {
        // Each makes two that do the same, and runs on; those that become orphans do too.
        for _ in 0..2 {
            let _ = p.spawn(Command::new("bomb", bomb));
        }
        let _ = p.spawn(Command::new("parent", |p: &Process| drop(p.spawn(Command::new("orphan", endless)))));
        endless(p);
    }
    let fixture = Fixture::with(|builder| builder.stack_size(64 << 10).max_lwps(300));
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("it may");
        let limits = Limits { subtree_cpu: Some(ms(60)), ..Limits::default() };
        p.spawn(Command::new("bomb", bomb).limits(limits)).expect("room");
        let mut killed = 0;
        while let Ok(Some(waited)) = p.wait4(WaitFor::Any, WaitFlags::empty()) {
            killed += u32::from(waited.status.signal() == Some(Signal::KILL));
        }
        assert!(killed > 0);
        assert!(p.children_usage().total() >= ms(60));
    });
}

/// At the soft limit all get SIGXCPU; an inner limit ends its own subtree only, and counts in the outer one.
#[test]
fn limits_of_subtrees_nest() {
    let fixture = Fixture::boot();
    let outer = Command::new("outer", |p| {
        let inner = Command::new("inner", |p| {
            p.spawn(Command::new("asleep", |p| p.sleep(AN_HOUR))).expect("room");
            endless(p);
        });
        p.set_child_subreaper(true).expect("it may");
        assert_eq!(p.limits().subtree_cpu, Some(AN_HOUR));
        p.spawn(inner.limits(subtree(ms(20))).hard_limits(subtree(AN_HOUR))).expect("room");
        for _ in 0..2 {
            let waited = p.wait().expect("inner, and whom it made");
            assert_eq!(waited.status.signal(), Some(Signal::XCPU));
        }
        assert!(p.subtree_usage().total() >= ms(20));
        let child = p.spawn(Command::new("child", |p| p.limits().subtree_cpu.map_or(0, |_| 1)));
        succeeded(&child.expect("room").wait().expect("mine"));
        // Of an own limit that is set later the process itself is part.
        let now = p.subtree_usage().total();
        p.set_limits(subtree(now + ms(20)), subtree(AN_HOUR)).expect("below");
        endless(p);
    });
    let outer = fixture.spawn(outer.limits(subtree(AN_HOUR))).expect("room");
    assert_eq!(outer.wait().expect("its handle owns it").status.signal(), Some(Signal::XCPU));
}
