//! Stepping from call to call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use greenproc::{
    Call, CallResult, Command, LwpId, Pid, Policy, Process, SigAction, Signal, TraceOptions, TraceStop,
    TracedCall, Tracee, WaitFlags, WaitFor, pipe,
};
use greenproc_tests::{AN_HOUR, Fixture, OnDrop, errno, soon, succeeded};

use crate::{end, stop, stops_for, traced};

/// A child of `p` that is traced from its birth, and stands before its first step.
fn newborn(p: &Process, options: TraceOptions, body: impl FnOnce(&Process) + Send + 'static) -> Tracee {
    newborn_of(p, Command::new("stepped", body).traced(options))
}

fn newborn_of(p: &Process, command: Command) -> Tracee {
    let tracee = p.tracee(p.spawn(command).expect("room").id()).expect("it is traced");
    assert_eq!(stop(p, &tracee), TraceStop::Attached);
    tracee
}

/// Steps the tracee to its next stop, which is at a call.
#[track_caller]
fn step(p: &Process, tracee: &Tracee) -> TracedCall {
    tracee.step_call(None).expect("it stands");
    match stop(p, tracee) {
        TraceStop::Call(call) => call,
        other => panic!("{other}"),
    }
}

/// Steps the tracee to the entry of this call.
#[track_caller]
fn step_into(p: &Process, tracee: &Tracee, wanted: Call) -> TracedCall {
    loop {
        let call = step(p, tracee);
        if call.call == wanted && call.result.is_none() {
            return call;
        }
    }
}

/// Steps a tracee from where it stands to its end: every stop, and how it ended. Signals are passed on.
#[track_caller]
fn all_stops(p: &Process, tracee: &Tracee) -> Vec<String> {
    let mut seen = Vec::new();
    let mut signal = None;
    loop {
        tracee.step_call(signal).expect("it stands");
        let waited = tracee.wait(p).expect("traced");
        if waited.status.stopped_signal().is_none() {
            seen.push(waited.status.to_string());
            return seen;
        }
        signal = tracee.pending().expect("it stands").map(|info| info.signal);
        seen.push(tracee.stop().expect("it stands").to_string());
    }
}

/// Each call stops twice, with its name and arguments, and then with what came of it.
#[test]
fn each_call_stops_at_its_entry_and_its_exit() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let me = p.pid();
        let tracee = newborn(p, TraceOptions::empty(), |p| {
            let _ = p.ppid();
            p.sleep(Duration::ZERO).expect("nobody interrupts it");
            assert_eq!(errno(p.kill(Pid::new(999).expect("not 0"), Signal::USR1)), libc::ESRCH);
            assert_eq!(p.wait4(WaitFor::Any, WaitFlags::NOHANG).expect_err("no child").errno(), libc::ECHILD);
            let (reader, writer) = pipe();
            writer.write_all(p, b"four").expect("it is read");
            assert_eq!(reader.read(p, &mut [0; 16]).expect("written"), 4);
            p.exit(3);
        });
        let stops = all_stops(p, &tracee);
        assert_eq!(
            stops,
            [
                "getppid()".to_owned(),
                format!("getppid() = {me}"),
                "nanosleep(0ns)".to_owned(),
                "nanosleep(0ns) = 0".to_owned(),
                "kill(999, SIGUSR1)".to_owned(),
                "kill(999, SIGUSR1) = -1 ESRCH".to_owned(),
                "wait4(-1, WNOHANG)".to_owned(),
                "wait4(-1, WNOHANG) = -1 ECHILD".to_owned(),
                "write(4)".to_owned(),
                "write(4) = 0".to_owned(),
                "read(16)".to_owned(),
                "read(16) = 4".to_owned(),
                "exit(3)".to_owned(),
                "exit status: 3".to_owned(),
            ]
        );
        assert_eq!(errno(tracee.step_call(None)), libc::ESRCH, "it is gone");
        assert_eq!(errno(tracee.call()), libc::ESRCH);
        assert_eq!(errno(tracee.skip_call(libc::EAGAIN)), libc::ESRCH);
    });
}

/// What is asked of a tracee says ESRCH while it runs, and EINVAL where it stands for something else.
#[test]
fn only_who_stands_at_a_call_has_one() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, tracee) = traced(p, TraceOptions::empty());
        for request in [tracee.step_call(None), tracee.call().map(drop), tracee.skip_call(libc::EAGAIN)] {
            assert_eq!(errno(request), libc::ESRCH, "it runs");
        }
        child.signal(Signal::USR1).expect("it lives");
        stops_for(p, &tracee, Signal::USR1);
        assert_eq!(errno(tracee.call()), libc::EINVAL);
        assert_eq!(errno(tracee.skip_call(libc::EAGAIN)), libc::EINVAL);
        end(p, &tracee);
    });
}

/// `cont` ends the stepping: the exit of the call, and those that follow, stop nobody. It can begin again.
#[test]
fn cont_ends_the_stepping() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let tracee = newborn(p, TraceOptions::empty(), |p| {
            let _ = p.pid();
            let _ = p.ppid();
            p.raise(Signal::USR1).expect("room");
            p.checkpoint();
            let _ = p.pgid();
        });
        assert_eq!(step(p, &tracee).call, Call::Getpid);
        tracee.cont(None).expect("it stands");
        stops_for(p, &tracee, Signal::USR1);
        assert_eq!(all_stops(p, &tracee)[0], "getpgrp()");
    });
}

/// A call that it is in when it is first stepped has no exit; the next one has both. The handler's calls are inside.
#[test]
fn a_call_that_it_was_in_has_no_exit() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let tracee = newborn(p, TraceOptions::empty(), |p| {
            let handler = SigAction::handler(|p, _| _ = p.pgid());
            p.sigaction(Signal::USR1, handler).expect("it can be");
            for _ in 0..2 {
                assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
            }
        });
        tracee.cont(None).expect("it stands");
        p.kill(tracee.id(), Signal::USR1).expect("it lives");
        // A signal is met in the sleep.
        stops_for(p, &tracee, Signal::USR1);
        tracee.step_call(Some(Signal::USR1)).expect("it stands");
        let mut seen = Vec::new();
        for _ in 0..3 {
            let TraceStop::Call(call) = stop(p, &tracee) else { panic!("no call") };
            seen.push(call.to_string());
            tracee.step_call(None).expect("it stands");
        }
        let pgid = p.pgid();
        assert_eq!(
            seen,
            ["getpgrp()".to_owned(), format!("getpgrp() = {pgid}"), "nanosleep(3600s)".to_owned()]
        );
        p.kill(tracee.id(), Signal::USR1).expect("it lives");
        stops_for(p, &tracee, Signal::USR1);
        tracee.step_call(Some(Signal::USR1)).expect("it stands");
        assert!(matches!(stop(p, &tracee), TraceStop::Call(call) if call.call == Call::Getpgrp));
        assert_eq!(step(p, &tracee).result, Some(CallResult::Done(pgid.as_raw().into())));
        assert_eq!(step(p, &tracee).to_string(), "nanosleep(3600s) = -1 EINTR");
        tracee.cont(None).expect("it stands");
        succeeded(&tracee.wait(p).expect("traced"));
    });
}

/// Killed at the entry, it is unwound and the call is not made. Killed at the exit, the call was made and comes back: the end
/// is met at the next checkpoint.
#[test]
fn a_kill_at_the_entry_unwinds_and_one_at_the_exit_does_not() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for at_exit in [false, true] {
            let came_back = Arc::new(AtomicBool::new(false));
            let (dropped, is_dropped) = bounded(1);
            let tracee = {
                let came_back = Arc::clone(&came_back);
                newborn(p, TraceOptions::empty(), move |p| {
                    let _owned = OnDrop(move || dropped.send(()).expect("room"));
                    p.setpgid(None, None).expect("it may");
                    came_back.store(true, Ordering::Relaxed);
                    p.checkpoint();
                    unreachable!("it was killed");
                })
            };
            assert_eq!(step(p, &tracee).result, None);
            if at_exit {
                assert_eq!(step(p, &tracee).result, Some(CallResult::Done(0)));
            }
            let pgid = p.getpgid(Some(tracee.id())).expect("it lives");
            assert_eq!(pgid == tracee.id(), at_exit);
            end(p, &tracee);
            soon(&is_dropped);
            assert_eq!(came_back.load(Ordering::Relaxed), at_exit);
        }
    });
}

/// A tracer that ends while its tracee stands at a call takes it along, or lets it run: then the call is made, and no call
/// stops it any more.
#[test]
fn a_tracer_that_ends_leaves_nobody_at_a_call() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for options in [TraceOptions::empty(), TraceOptions::DETACH_ON_EXIT] {
            let (go, goes) = bounded::<()>(0);
            let child = p.spawn(Command::new("stepped", move |p| {
                let _ = p.recv(&goes);
                p.setpgid(None, None).expect("it may");
                i32::from(p.pgid() == p.pid())
            }));
            let child = child.expect("room");
            let pid = child.id();
            let tracer = p.spawn(Command::new("tracer", move |p| {
                let tracee = p.trace(pid, options).expect("nobody does");
                assert_eq!(stop(p, &tracee), TraceStop::Attached);
                drop(go);
                step_into(p, &tracee, Call::Setpgid);
            }));
            succeeded(&tracer.expect("room").wait().expect("mine"));
            let status = child.wait().expect("mine").status;
            if options.is_empty() {
                assert_eq!(status.signal(), Some(Signal::KILL));
            } else {
                assert_eq!(status.code(), Some(1));
            }
        }
    });
}

/// Who is detached at a call makes it and goes on; the next tracer begins with no stepping.
#[test]
fn who_is_detached_is_not_stepped() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (go, goes) = bounded::<()>(0);
        let tracee = newborn(p, TraceOptions::empty(), move |p| {
            let _ = p.pid();
            let _ = p.recv(&goes);
            let _ = p.ppid();
        });
        assert_eq!(step(p, &tracee).call, Call::Getpid);
        tracee.detach(None).expect("it stands");
        let again = p.trace(tracee.id(), TraceOptions::empty()).expect("nobody does");
        assert_eq!(stop(p, &again), TraceStop::Attached);
        again.cont(None).expect("it stands");
        drop(go);
        succeeded(&again.wait(p).expect("traced"));
    });
}

/// The calls around exec, spawn and the end, in order with the stops that these have.
#[test]
fn stepping_goes_on_across_spawn_exec_and_exit() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let options = TraceOptions::SPAWN | TraceOptions::EXEC | TraceOptions::EXIT;
        let tracee = newborn(p, options, |p| {
            let child = p.spawn(Command::new("below", |p| _ = p.ppid()));
            succeeded(&child.expect("room").wait().expect("mine"));
            let _ = p.exec(Command::new("after", |p| {
                let _ = p.pid();
                4
            }));
        });
        assert_eq!(step(p, &tracee).to_string(), "posix_spawn(\"below\")");
        tracee.step_call(None).expect("it stands");
        let TraceStop::Spawned(pid) = stop(p, &tracee) else { panic!("it has made a child") };
        let below = p.tracee(pid).expect("followed");
        assert_eq!(stop(p, &below), TraceStop::Attached);
        assert_eq!(step(p, &tracee).to_string(), format!("posix_spawn(\"below\") = {pid}"));
        // The child is a tracee of its own: stepped if it is told to.
        let seen = all_stops(p, &below);
        let ended = [
            "getppid()".to_owned(),
            format!("getppid() = {}", tracee.id()),
            "exiting with exit status: 0".to_owned(),
        ];
        assert_eq!(seen[..3], ended);
        let seen = all_stops(p, &tracee);
        let me = tracee.id();
        let expected = [
            // It ended while its parent stood.
            "SIGCHLD has come".to_owned(),
            format!("wait4({pid}, 0)"),
            format!("wait4({pid}, 0) = {pid}"),
            "execve(\"after\")".to_owned(),
            "replaced its body".to_owned(),
            "getpid()".to_owned(),
            format!("getpid() = {me}"),
            "exiting with exit status: 4".to_owned(),
            "exit status: 4".to_owned(),
        ];
        assert_eq!(seen, expected);
    });
}

/// Where an LWP may not unwind, it does not stand at its calls either.
#[test]
fn nobody_stands_in_a_critical_section() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let tracee = newborn(p, TraceOptions::empty(), |p| {
            p.on_exit(|p, _| _ = p.gid()).expect("room");
            p.critical(|| std::hint::black_box((p.pid(), p.ppid())));
            let _ = p.uid();
        });
        let seen = all_stops(p, &tracee);
        assert_eq!(
            seen,
            ["atexit()", "atexit() = 0", "getuid()", &format!("getuid() = {}", p.uid()), "exit status: 0"]
        );
    });
}

/// All LWPs stand when one comes to a call, and each call says whose it is. None is lost when several come at once.
#[test]
fn each_lwp_stops_at_its_own_calls() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let tracee = newborn(p, TraceOptions::empty(), |p| {
            let two = [0; 2].map(|_| {
                p.spawn_lwp(|p| {
                    for _ in 0..20 {
                        let _ = p.ppid();
                    }
                })
                .expect("room")
            });
            for lwp in two {
                lwp.join(p).expect("it returned");
            }
        });
        let mut inside: Vec<(LwpId, Call)> = Vec::new();
        let (mut entries, mut exits) = (0, 0);
        loop {
            tracee.step_call(None).expect("it stands");
            if tracee.wait(p).expect("traced").status.stopped_signal().is_none() {
                break;
            }
            let call = tracee.call().expect("it stands at one");
            let place = inside.iter().position(|&(lwp, _)| lwp == call.lwp);
            if call.result.is_none() {
                assert_eq!(place, None, "{call}");
                inside.push((call.lwp, call.call));
                entries += u32::from(call.call == Call::Getppid);
            } else {
                let (_, entered) = inside.swap_remove(place.expect("it went in"));
                assert_eq!(entered, call.call);
                exits += u32::from(call.call == Call::Getppid);
            }
        }
        assert_eq!((entries, exits), (40, 40));
        assert_eq!(inside, []);
    });
}

/// The tracer can have a call fail that is then not made; the tracee sees the errno, and so does the exit.
#[test]
fn a_call_can_be_skipped() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let made = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&made);
        let tracee = newborn(p, TraceOptions::empty(), move |p| {
            let child = |p: &Process| {
                let count = Arc::clone(&count);
                p.spawn(Command::new("below", move |_| _ = count.fetch_add(1, Ordering::Relaxed)))
            };
            assert_eq!(errno(child(p)), libc::EAGAIN);
            succeeded(&child(p).expect("it may again").wait().expect("mine"));
            let _ = p.pid();
        });
        step_into(p, &tracee, Call::Spawn);
        for errno_ in [0, -1, 4096] {
            assert_eq!(errno(tracee.skip_call(errno_)), libc::EINVAL);
        }
        tracee.skip_call(libc::ENOMEM).expect("it stands at an entry");
        tracee.skip_call(libc::EAGAIN).expect("the last one counts");
        let skipped = step(p, &tracee);
        assert_eq!(skipped.result, Some(CallResult::Failed(libc::EAGAIN)));
        assert_eq!(errno(tracee.skip_call(libc::EAGAIN)), libc::EINVAL, "it was made");
        assert_eq!(made.load(Ordering::Relaxed), 0);
        step_into(p, &tracee, Call::Spawn);
        // SIGCHLD comes somewhere in between.
        while tracee.call().ok().is_none_or(|call| call.call != Call::Getpid) {
            tracee.step_call(None).expect("it stands");
            stop(p, &tracee);
        }
        assert_eq!(errno(tracee.skip_call(libc::EAGAIN)), libc::EINVAL, "it never fails");
        tracee.cont(None).expect("it stands");
        succeeded(&tracee.wait(p).expect("traced"));
        assert_eq!(made.load(Ordering::Relaxed), 1);
    });
}

/// The policy comes first: what it refuses does not stop. It stays in force whatever becomes of the stepping, and the
/// stepping whatever becomes of a policy.
#[test]
fn a_policy_and_a_tracer_look_at_the_same_calls() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let policy = || Policy::new().deny(Call::Kill, libc::EACCES).expect("it may fail");
        let refused = |p: &Process| assert_eq!(errno(p.kill(p.pid(), Signal::URG)), libc::EACCES);
        let body = move |p: &Process| {
            refused(p);
            p.restrict(Policy::new()).expect("it may");
            refused(p);
        };
        let tracee =
            newborn_of(p, Command::new("restricted", body).policy(policy()).traced(TraceOptions::empty()));
        assert_eq!(step(p, &tracee).call, Call::Getpid);
        assert_eq!(step(p, &tracee).call, Call::Getpid);
        assert_eq!(step(p, &tracee).call, Call::Restrict);
        tracee.detach(None).expect("it stands");
        succeeded(&p.wait().expect("mine"));
    });
}

/// A stop signal that is passed on at a call stops the tracee as any; SIGCONT lets it go on, stepped as before.
#[test]
fn job_control_between_calls() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let tracee = newborn(p, TraceOptions::empty(), |p| {
            p.raise(Signal::STOP).expect("room");
            p.checkpoint();
            let _ = p.pid();
        });
        step_into(p, &tracee, Call::Tgkill);
        assert!(step(p, &tracee).result.is_some());
        tracee.step_call(None).expect("it stands");
        stops_for(p, &tracee, Signal::STOP);
        tracee.step_call(Some(Signal::STOP)).expect("it stands");
        assert_eq!(stop(p, &tracee), TraceStop::JobControl(Signal::STOP));
        p.kill(tracee.id(), Signal::CONT).expect("it lives");
        stops_for(p, &tracee, Signal::CONT);
        assert_eq!(step(p, &tracee).call, Call::Getpid);
        end(p, &tracee);
    });
}

/// An LWP that has to leave for an exec is unwound from the entry at which it stands.
#[test]
fn an_exec_unwinds_the_lwps_that_stand_at_calls() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let tracee = newborn(p, TraceOptions::EXEC, |p| {
            let (tell, told) = bounded(0);
            let busy = p.spawn_lwp(move |p| {
                p.send(&tell, ()).expect("somebody listens");
                loop {
                    let _ = p.ppid();
                }
            });
            busy.expect("room").detach();
            p.recv(&told).expect("it begins");
            let _ = p.exec(Command::new("after", |_| 6));
        });
        let stops = all_stops(p, &tracee);
        let replaced = stops.iter().position(|stop| stop == "replaced its body").expect("it has");
        assert_eq!(stops[replaced + 1..], ["exit status: 6"]);
        assert_eq!(stops[..replaced].iter().filter(|stop| stop.starts_with("execve")).count(), 1);
    });
}
