//! The event that a parent waits for: decisions 4 and 5.

use greenproc::{Child, ExitStatus, Process, Result, Signal, WaitFlags, WaitFor, Waited};
use greenproc_tests::{AN_HOUR, Fixture, errno, living, new_group, same, succeeded};

use crate::{CHANGES, change_now, end, go_on, spinning, stop, stop_untaken};

type Way = fn(&Process, &Child, WaitFlags) -> Result<Option<Waited>>;

/// Every way in which a process can wait for a child.
const WAYS: [(&str, Way); 9] = [
    ("wait4 any", |p, _, flags| p.wait4(WaitFor::Any, flags)),
    ("wait4 pid", |p, child, flags| p.wait4(WaitFor::Pid(child.id()), flags)),
    ("wait4 group", |p, child, flags| p.wait4(WaitFor::Group(child.id()), flags)),
    ("wait4 handle", |p, child, flags| p.wait4(WaitFor::Child(child), flags)),
    ("waitid any", |p, _, flags| p.waitid(WaitFor::Any, flags)),
    ("waitid pid", |p, child, flags| p.waitid(WaitFor::Pid(child.id()), flags)),
    ("waitid group", |p, child, flags| p.waitid(WaitFor::Group(child.id()), flags)),
    ("waitid handle", |p, child, flags| p.waitid(WaitFor::Child(child), flags)),
    ("timed", |p, _, flags| p.wait_timeout(WaitFor::Any, flags, AN_HOUR)),
];

/// Decisions 1 and 4: a stop and a continuation are each found once, by whichever wait is for them, asleep or not.
#[test]
fn every_wait_finds_a_stop_and_a_continuation_once() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let computes = spinning(p, new_group);
        for (way, wait) in WAYS {
            computes.signal(Signal::STOP).expect("it lives");
            // It may be asleep by the time the LWP comes to its checkpoint.
            let waited = wait(p, &computes, WaitFlags::UNTRACED).expect("a child").expect("no NOHANG");
            assert_eq!(
                (waited.pid, waited.status),
                (computes.id(), ExitStatus::stopped(Signal::STOP)),
                "{way}"
            );
            assert_eq!(waited.status.stopped_signal(), Some(Signal::STOP));
            assert_eq!(waited.status.into_raw(), (libc::SIGSTOP << 8) | 0x7f);
            let again = wait(p, &computes, CHANGES | WaitFlags::NOHANG).expect("it may go on");
            assert!(again.is_none(), "{way}: {again:?}");

            computes.signal(Signal::CONT).expect("it lives");
            let waited = wait(p, &computes, WaitFlags::CONTINUED).expect("a child").expect("no NOHANG");
            assert_eq!((waited.pid, waited.status), (computes.id(), ExitStatus::resumed()), "{way}");
            assert!(waited.status.continued());
            assert_eq!(waited.status.into_raw(), 0xffff);
            let again = wait(p, &computes, CHANGES | WaitFlags::NOHANG).expect("it may stop");
            assert!(again.is_none(), "{way}: {again:?}");
        }
        end(p, &computes);
    });
}

/// Decision 4: NOWAIT leaves the event, NOHANG finds what is there, and a wait that is not for stops sees none.
#[test]
fn a_look_leaves_the_event_and_other_waits_pass_it_over() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, new_group);
        for (status, mine, other) in [
            (ExitStatus::stopped(Signal::STOP), WaitFlags::STOPPED, WaitFlags::CONTINUED),
            (ExitStatus::resumed(), WaitFlags::CONTINUED, WaitFlags::STOPPED),
        ] {
            if status.continued() {
                child.signal(Signal::CONT).expect("it lives");
            } else {
                stop_untaken(p, &child, Signal::STOP);
            }
            for (way, wait) in WAYS {
                let passed = wait(p, &child, other | WaitFlags::NOHANG).expect("it lives");
                assert!(passed.is_none(), "{way}: {passed:?}");
                for flags in [mine, mine | WaitFlags::NOHANG, CHANGES | WaitFlags::EXITED] {
                    let seen = wait(p, &child, flags | WaitFlags::NOWAIT).expect("a child");
                    assert_eq!(seen.map(|seen| seen.status), Some(status), "{way}");
                }
            }
            let ends = p.wait4(WaitFor::Any, WaitFlags::NOHANG).expect("it lives");
            assert!(ends.is_none(), "{ends:?}");
            assert_eq!(change_now(p, child.id()), Some(status));
            assert_eq!(change_now(p, child.id()), None);
        }
        drop(hold);
        succeeded(&child.wait().expect("my child"));
    });
}

/// Decision 5: there is one slot per child. What was not waited for is dropped by what comes next.
#[test]
fn a_stop_that_was_not_waited_for_is_dropped_by_the_continuation_and_the_other_way_round() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        let pid = child.id();
        let send = |signal| child.signal(signal).expect("it lives");
        stop_untaken(p, &child, Signal::STOP);
        send(Signal::CONT);
        assert_eq!(change_now(p, pid), Some(ExitStatus::resumed()));
        assert_eq!(change_now(p, pid), None, "the stop went with the continuation");
        stop(p, &child);
        send(Signal::CONT);
        stop_untaken(p, &child, Signal::STOP);
        assert_eq!(change_now(p, pid), Some(ExitStatus::stopped(Signal::STOP)));
        assert_eq!(change_now(p, pid), None, "the continuation went with the stop");
        // The end replaces either.
        send(Signal::CONT);
        drop(hold);
        let flags = WaitFlags::EXITED | WaitFlags::NOWAIT;
        let seen = p.waitid(WaitFor::Pid(pid), flags).expect("my child").expect("no NOHANG");
        succeeded(&seen);
        succeeded(
            &p.waitid(WaitFor::Pid(pid), CHANGES | WaitFlags::EXITED).expect("my child").expect("dead"),
        );
    });
}

/// Decision 5: STOP on a stopped process and CONT on a running one are no events.
#[test]
fn what_changes_nothing_is_no_event() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (sleeps, hold) = living(p, same);
        let computes = spinning(p, same);
        for child in [&sleeps, &computes] {
            for _ in 0..20 {
                child.signal(Signal::CONT).expect("it lives");
                assert_eq!(change_now(p, child.id()), None, "it runs already");
                stop(p, child);
                for signal in [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU] {
                    child.signal(signal).expect("it lives");
                    assert_eq!(change_now(p, child.id()), None, "it stands already");
                }
                go_on(p, child);
            }
        }
        end(p, &computes);
        drop(hold);
        succeeded(&sleeps.wait().expect("my child"));
    });
}

/// Decision 4 and mistake d: who waits for stops only is told that none can come any more by the death of a child that
/// stands still.
#[test]
fn a_wait_for_continuations_ends_with_the_death_of_the_stopped_child() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for _ in 0..20 {
            let (child, _hold) = living(p, same);
            stop(p, &child);
            let pid = child.id();
            let waiter = p.spawn_lwp(move |p| {
                p.waitid(WaitFor::Pid(pid), CHANGES).map(|found| found.map(|waited| waited.status))
            });
            child.kill().expect("it lives");
            assert_eq!(errno(waiter.expect("room").join(p).expect("it returned")), libc::ECHILD);
            assert_eq!(child.wait().expect("my child").status, ExitStatus::killed(Signal::KILL));
        }
    });
}

/// Decision 5: a child that was killed while it stood still, and is not dead yet, is reported as stopped or not at all.
#[test]
fn a_stop_is_never_reported_as_a_continuation() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (arrive, barrier) = greenproc_tests::barrier();
        let (hold, held) = greenproc_tests::hold();
        let (ready, is_ready) = crossbeam_channel::bounded(0);
        let child = p.spawn(greenproc::Command::new("slow to die", move |p| {
            let _at_the_end = greenproc_tests::OnDrop(arrive);
            ready.send(()).expect("the test listens");
            held(p);
        }));
        let child = child.expect("room");
        greenproc_tests::soon(&is_ready);
        stop_untaken(p, &child, Signal::STOP);
        child.kill().expect("it lives");
        // From here on its destructor runs, and does not return.
        barrier.is_reached();
        let found =
            p.waitid(WaitFor::Any, WaitFlags::STOPPED | WaitFlags::NOHANG).expect("it is not dead yet");
        let status = found.map(|found| found.status);
        assert!(status.is_none_or(|status| status == ExitStatus::stopped(Signal::STOP)), "{status:?}");
        assert_eq!(change_now(p, child.id()), None);
        drop((barrier, hold));
        assert_eq!(child.wait().expect("my child").status, ExitStatus::killed(Signal::KILL));
    });
}
