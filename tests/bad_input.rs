//! What is wrong is an error that says so, and changes nothing.
//!
//! Every number that a `# Errors` section names is provoked once. Where:
//!
//! | call | number | test |
//! |---|---|---|
//! | `current`, `sys::*` | ESRCH | `calls_outside_any_process_say_esrch` |
//! | `Builder::boot` | EINVAL | `a_builder_is_refused_what_cannot_be`, `what_cannot_be_a_kick_signal_is_refused` |
//! | `Builder::boot` | EAGAIN | `refusal::a_boot_without_a_thread_is_an_error` |
//! | `Process::spawn`, `spawn_returning`, `Runtime::spawn`, `run` | EINVAL, ENAMETOOLONG | `a_bad_name_is_refused`, `a_stack_that_cannot_be_is_refused` |
//! | the same | EAGAIN | `limits`, `shutdown::a_runtime_that_closes_admits_nobody` |
//! | the same | EPERM | `a_group_that_is_not_there_cannot_be_joined` |
//! | `Process::spawn`, `spawn_lwp`, `setpgid` | ESRCH | `a_dying_process_makes_nothing_new`, `a_process_value_kept_too_long_does_nothing` |
//! | `Process::spawn_lwp` | EAGAIN | `limits`, `channels::a_process_has_no_more_lwps_than_its_limit` |
//! | `Runtime::spawn`, `run`, `shutdown`, `wait` | ESHUTDOWN, EDEADLK | `shutdown` |
//! | `Runtime::kill`, `inspect`, `Process::kill`, `getpgid`, `sys::kill`, `sys::getpgid` | ESRCH | `a_pid_that_nobody_has_is_esrch` |
//! | `kill`, `Child::signal`, `sys::kill` | EINVAL | `kill::stop_signals_are_refused`, `raw_arguments_are_checked` |
//! | `Child::kill`, `signal` | ESRCH | `kill::a_stale_handle_never_hits_the_next_process_with_the_pid` |
//! | `wait`, `wait4`, `waitid`, `wait_timeout`, `Child::wait`, `try_wait`, `wait_timeout` | ECHILD | `there_is_nobody_to_wait_for`, `strangers_cannot_be_waited_for` |
//! | `Child::wait` | EDEADLK | `waiting_for_oneself_is_edeadlk` |
//! | `sleep`, `wait`, `recv`, `send`, `lock`, `blocking`, `join` | EINTR | `kill`, `channels` |
//! | all calls of a `Process` | ESRCH | `a_process_value_kept_too_long_does_nothing` |
//! | `waitid`, `WaitFlags::from_raw`, `sigaction`, `sys::setpgid` | EINVAL | `raw_arguments_are_checked`, `only_sigchld_has_an_action` |
//! | `WaitFor::from_raw` | ESRCH | `raw_arguments_are_checked` |
//! | `setpgid` | ESRCH, EPERM | `who_may_not_be_moved_stays` |
//! | `KillableMutex::lock`, `LwpHandle::join` | EDEADLK, ESRCH | `channels` |
//! | `read`, `write`, `write_all`, `try_read`, `try_write` of a pipe | EPIPE, EAGAIN, EINTR | `pipes` |
//!
//! Not to be provoked in this version: a group in another session, since all are in init's; `AlreadyExecuted`.

use std::cell::RefCell;
use std::io;
use std::panic::panic_any;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded, unbounded};
use greenproc::{
    Child, Command, EventFilter, EventKind, ExitStatus, KillableMutex, Pid, Process, ProcessGroup, Result,
    Runtime, SigAction, Signal, Target, WaitFlags, WaitFor, sys,
};
use greenproc_tests::{Fixture, hold, next_event, succeeded};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_hours(1);

/// The number of an error that is expected.
#[track_caller]
fn errno<T: std::fmt::Debug>(result: Result<T>) -> i32 {
    result.expect_err("it has to fail").errno()
}

fn pid(number: i32) -> Pid {
    Pid::new(number).expect("positive")
}

/// `Command::new`: a name with a NUL is EINVAL, one of more than 255 bytes ENAMETOOLONG, and both come before anything is made.
#[test]
fn a_bad_name_is_refused() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let before = runtime.stats();
        let bad = [
            ("\0".to_owned(), libc::EINVAL),
            ("a\0b".to_owned(), libc::EINVAL),
            ("\0".repeat(300), libc::EINVAL),
            ("x".repeat(256), libc::ENAMETOOLONG),
            ("x".repeat(1 << 20), libc::ENAMETOOLONG),
            ("é".repeat(128), libc::ENAMETOOLONG),
        ];
        for (name, number) in bad {
            assert_eq!(errno(p.spawn(Command::new(name.clone(), |_| {}))), number);
            assert_eq!(errno(p.spawn_returning(name.clone(), |_| ())), number);
            assert_eq!(errno(runtime.spawn(Command::new(name.clone(), |_| {}))), number);
            let error = runtime.run(Command::new(name, |_| {})).expect_err("a bad name");
            assert_eq!(error.errno(), number);
            assert!(error.to_string().len() < 200, "it does not repeat a megabyte");
        }
        assert_eq!(runtime.stats(), before, "nothing was made");
        for good in [String::new(), "x".repeat(255), "a name\nwith\u{7} everything/else".to_owned()] {
            let child =
                p.spawn(Command::new(good.clone(), |p| i32::try_from(p.name().len()).expect("short")));
            let child = child.expect("a good name");
            assert_eq!(child.name(), good);
            assert_eq!(child.wait().expect("mine").status.code(), i32::try_from(good.len()).ok());
        }
    });
}

/// `Command::stack_size`, `Builder::stack_size`: 0 and more than 1 GiB are EINVAL; one byte is rounded up and works.
#[test]
fn a_stack_that_cannot_be_is_refused() {
    let fixture = Fixture::boot();
    for size in [0, (1 << 30) + 1, usize::MAX] {
        assert_eq!(errno(fixture.spawn(Command::new("bad", |_| {}).stack_size(size))), libc::EINVAL);
        assert_eq!(errno(Runtime::builder().stack_size(size).boot()), libc::EINVAL);
    }
    for size in [1, 4096, 4097, 1 << 30] {
        let status =
            fixture.run(Command::new("good", |_| format!("{:?}", [0_u8; 64]).len() as i32).stack_size(size));
        assert_eq!(status.expect("it has a stack").code(), Some(192), "on {size} bytes");
    }
    assert_eq!(fixture.stats().processes, 1);
    let small = Fixture::with(|builder| builder.stack_size(1));
    assert!(small.run(Command::new("small", |_| {})).expect("room").success());
}

/// `Builder::boot`: EINVAL, with what is wrong.
#[test]
fn a_builder_is_refused_what_cannot_be() {
    for highest in [1, 0, -1, i32::MIN] {
        let error = Runtime::builder().pid_max(highest).boot().expect_err("no room for a process");
        assert_eq!((error.errno(), error.to_string().contains("pid_max")), (libc::EINVAL, true), "{error}");
    }
    let error = Runtime::builder().max_lwps(0).boot().expect_err("no room for init");
    assert_eq!((error.errno(), error.to_string().contains("max_lwps")), (libc::EINVAL, true), "{error}");
    let highest = Fixture::with(|builder| builder.pid_max(i32::MAX).max_lwps(usize::MAX));
    assert!(highest.run(Command::new("child", |_| {})).expect("room").success());
    let least = Fixture::with(|builder| builder.pid_max(2));
    assert!(least.run(Command::new("child", |_| {})).expect("room for one").success());
}

/// `Builder::boot`: EINVAL for a kick signal that cannot be handled, or that somebody else uses already; another may be chosen.
#[test]
fn what_cannot_be_a_kick_signal_is_refused() {
    let bad = [0, -1, 65, i32::MAX, i32::MIN, libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGABRT, 32];
    for number in bad {
        assert_eq!(errno(Runtime::builder().kick_signal(number).boot()), libc::EINVAL, "signal {number}");
    }
    // The standard library ignores this one from the start of the program.
    let error = Runtime::builder().kick_signal(libc::SIGPIPE).boot().expect_err("in use");
    assert_eq!((error.errno(), error.to_string().contains("somebody else")), (libc::EINVAL, true), "{error}");
    // Two runtimes with a kick of their own each.
    let fixtures =
        [libc::SIGRTMIN() + 3, libc::SIGRTMIN() + 4].map(|kick| Fixture::with(|b| b.kick_signal(kick)));
    for fixture in &fixtures {
        let (ready, is_ready) = bounded(0);
        let reader = fixture.child("reader", move |p| {
            let (mut silent, _open) = io::pipe().expect("a pipe");
            ready.send(()).expect("the test listens");
            p.blocking(|| io::Read::read(&mut silent, &mut [0])).map(drop)
        });
        is_ready.recv().expect("it begins");
        reader.kill().expect("it lives");
        assert_eq!(reader.wait().expect("mine").status.signal(), Some(Signal::KILL));
    }
}

/// POSIX kill, getpgid, waitpid: a pid that nobody has, now or ever, is ESRCH, or ECHILD in a wait.
#[test]
fn a_pid_that_nobody_has_is_esrch() {
    let fixture = Fixture::boot();
    let gone = fixture.child("gone", |_| {});
    succeeded(&gone.wait().expect("mine"));
    let numbers = [gone.id().as_raw(), 4_000_000, i32::MAX];
    for number in numbers {
        let nobody = pid(number);
        for signal in [Signal::KILL, Signal::CHLD] {
            assert_eq!(errno(fixture.kill(nobody, signal)), libc::ESRCH);
            assert_eq!(errno(fixture.kill(Target::Group(nobody), signal)), libc::ESRCH);
        }
        assert_eq!(errno(fixture.inspect(nobody).map(|_| ())), libc::ESRCH);
        assert!(fixture.snapshot().get(nobody).is_none());
    }
    fixture.inside(move |p| {
        for number in numbers {
            let nobody = pid(number);
            assert_eq!(errno(p.kill(nobody, Signal::KILL)), libc::ESRCH);
            assert_eq!(errno(p.getpgid(Some(nobody))), libc::ESRCH);
            assert_eq!(errno(p.setpgid(Some(nobody), None)), libc::ESRCH);
            assert_eq!(errno(p.wait4(WaitFor::Pid(nobody), WaitFlags::empty())), libc::ECHILD);
            assert_eq!(errno(p.wait4(WaitFor::Group(nobody), WaitFlags::empty())), libc::ECHILD);
            for signal in [0, libc::SIGKILL] {
                assert_eq!(sys::kill(number, signal), Err(libc::ESRCH));
                assert_eq!(sys::kill(-number, signal), Err(libc::ESRCH));
            }
            assert_eq!(sys::getpgid(number), Err(libc::ESRCH));
            assert_eq!(sys::setpgid(number, 0), Err(libc::ESRCH));
            assert_eq!(sys::wait4(number, 0).map(drop), Err(libc::ECHILD));
        }
    });
}

/// Row 62: without a child every wait is ECHILD at once, those that would not sleep too.
#[test]
fn there_is_nobody_to_wait_for() {
    Fixture::boot().inside(|p| {
        for flags in [WaitFlags::empty(), WaitFlags::NOHANG, WaitFlags::ALLSIG, WaitFlags::UNTRACED] {
            for who in [WaitFor::Any, WaitFor::MyGroup, WaitFor::Pid(p.pid()), WaitFor::Pid(Pid::INIT)] {
                assert_eq!(errno(p.wait4(who, flags)), libc::ECHILD);
                assert_eq!(errno(p.waitid(who, flags | WaitFlags::EXITED)), libc::ECHILD);
                assert_eq!(errno(p.wait_timeout(who, flags, FOR_EVER)), libc::ECHILD);
            }
        }
        assert_eq!(errno(p.wait()), libc::ECHILD);
        // Without EXITED only what can still stop counts.
        let child = p.spawn(Command::new("child", |_| {})).expect("room");
        let peeked = p.waitid(WaitFor::Child(&child), WaitFlags::EXITED | WaitFlags::NOWAIT);
        assert!(peeked.expect("mine").is_some());
        assert_eq!(errno(p.waitid(WaitFor::Any, WaitFlags::STOPPED)), libc::ECHILD);
        succeeded(&p.wait().expect("a child"));
        assert_eq!(errno(child.wait()), libc::ECHILD, "another wait took it");
        assert_eq!(errno(child.try_wait()), libc::ECHILD);
        assert_eq!(errno(child.wait_timeout(FOR_EVER)), libc::ECHILD);
        assert_eq!(child.exit_status(), None);
    });
}

/// Decision 23: only the parent waits for its children; a grandparent, a sibling, an outsider and init do not.
#[test]
fn strangers_cannot_be_waited_for() {
    let fixture = Fixture::boot();
    let (give, given) = bounded::<Child>(1);
    let (hold, held) = hold();
    let (to_hold, until) = bounded::<()>(0);
    let parent = fixture.child("parent", move |p| {
        give.send(p.spawn(Command::new("child", held)).expect("room")).expect("room");
        let _ = p.recv(&until);
        p.wait().map(|waited| waited.status)
    });
    let child = given.recv().expect("it is made");
    assert_eq!(errno(child.wait()), libc::ECHILD, "a thread outside");
    assert_eq!(errno(child.try_wait()), libc::ECHILD);
    let child = fixture.inside(move |p| {
        assert_eq!(errno(child.wait()), libc::ECHILD, "another process");
        assert_eq!(errno(p.wait4(WaitFor::Child(&child), WaitFlags::empty())), libc::ECHILD);
        assert_eq!(errno(p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty())), libc::ECHILD);
        assert_eq!(errno(p.wait4(WaitFor::Pid(p.ppid()), WaitFlags::empty())), libc::ECHILD);
        child.signal(Signal::CHLD).expect("anybody may signal through a handle");
        child
    });
    drop((hold, to_hold));
    succeeded(&parent.wait().expect("mine"));
    assert_eq!(errno(child.wait()), libc::ECHILD, "its parent has waited for it");
    // What a handle owns is nobody else's.
    let owned = fixture.child("owned", |_| 3);
    let id = owned.id();
    fixture.inside(move |p| assert_eq!(errno(p.wait4(WaitFor::Pid(id), WaitFlags::empty())), libc::ECHILD));
    assert_eq!(owned.wait().expect("mine").status.code(), Some(3));
}

/// `Child::wait`: EDEADLK for the process itself, whatever the patience.
#[test]
fn waiting_for_oneself_is_edeadlk() {
    let fixture = Fixture::boot();
    let (give, given) = bounded::<Child>(1);
    let (say, said) = bounded(1);
    let child = fixture.child("itself", move |p| {
        let me = p.recv(&given).expect("the test gives it");
        let seen = [
            errno(me.wait()),
            errno(me.wait_timeout(FOR_EVER)),
            errno(p.wait4(WaitFor::Child(&me), WaitFlags::empty())),
        ];
        say.send((seen, me)).expect("room");
    });
    give.send(child).expect("room");
    let (seen, child) = said.recv().expect("it comes back");
    assert_eq!(seen, [libc::EDEADLK; 3]);
    succeeded(&child.wait().expect("mine"));
}

/// `ProcessGroup::Join`: EPERM for a group that is not there; nothing is made.
#[test]
fn a_group_that_is_not_there_cannot_be_joined() {
    let fixture = Fixture::boot();
    let before = fixture.stats();
    for number in [77, i32::MAX] {
        let command = move || Command::new("child", |_| {}).process_group(ProcessGroup::Join(pid(number)));
        assert_eq!(errno(fixture.spawn(command())), libc::EPERM);
        assert_eq!(errno(fixture.inside(move |p| p.spawn(command()))), libc::EPERM);
    }
    let after = fixture.stats();
    assert_eq!(
        (after.processes, after.pids_in_use, after.lwps),
        (before.processes, before.pids_in_use, before.lwps)
    );
}

/// `ProcessGroup::Join`, row 68: nor can one that is not there yet, of the number that the new process itself will have.
#[test]
fn a_group_of_the_childs_own_number_cannot_be_joined_before_it_is_made() {
    let fixture = Fixture::with(|builder| builder.pid_max(3));
    fixture.inside(|p| {
        let joins = Command::new("joins", |p| p.sleep(FOR_EVER)).process_group(ProcessGroup::Join(pid(3)));
        assert_eq!(errno(p.spawn(joins)), libc::EPERM);
    });
}

/// Decision 14: `setpgid` moves the caller and its own children, while they live, into groups that are there.
#[test]
fn who_may_not_be_moved_stays() {
    let (say, said) = bounded(1);
    let (go, goes) = bounded::<()>(0);
    let fixture = Fixture::with(|builder| {
        builder.init(move |p| {
            say.send((p.setpgid(None, None).map_err(|e| e.errno()), p.pgid())).expect("room");
            let _ = p.recv(&goes);
        })
    });
    assert_eq!(said.recv(), Ok((Err(libc::EPERM), Pid::INIT)), "init leads its session");
    let stranger = fixture.child("stranger", |p| p.sleep(FOR_EVER));
    let other = stranger.id();
    fixture.inside(move |p| {
        assert_eq!(errno(p.setpgid(None, Some(pid(77)))), libc::EPERM, "no such group");
        assert_eq!(errno(p.setpgid(Some(other), None)), libc::ESRCH, "no child");
        assert_eq!(errno(p.setpgid(Some(p.ppid()), None)), libc::ESRCH, "its parent");
        let (hold, held) = hold();
        let (give, given) = bounded(1);
        let child = p.spawn(Command::new("child", move |p| {
            give.send(p.spawn(Command::new("grandchild", held)).expect("room").id()).expect("room");
            p.wait().map(|waited| waited.status)
        }));
        let child = child.expect("room");
        let grandchild = p.recv(&given).expect("it is made");
        assert_eq!(errno(p.setpgid(Some(grandchild), None)), libc::ESRCH, "a grandchild");
        assert_eq!(
            errno(p.setpgid(Some(child.id()), Some(grandchild))),
            libc::EPERM,
            "no group of that number"
        );
        assert_eq!(p.getpgid(Some(child.id())).expect("it lives"), p.pgid());
        drop(hold);
        let peeked = p.waitid(WaitFor::Child(&child), WaitFlags::EXITED | WaitFlags::NOWAIT);
        assert!(peeked.expect("mine").is_some());
        assert_eq!(errno(p.setpgid(Some(child.id()), None)), libc::ESRCH, "it has ended");
        succeeded(&child.wait().expect("mine"));
    });
    stranger.kill().expect("it lives");
    assert_eq!(stranger.wait().expect("mine").status.signal(), Some(Signal::KILL));
    drop(go);
    assert_eq!(fixture.wait().expect("init returns"), ExitStatus::exited(0));
    fixture.is_down(ExitStatus::exited(0));
}

/// `Process::sigaction`: EINVAL for SIGKILL and SIGSTOP, unless it is the default they have anyway.
#[test]
fn sigkill_and_sigstop_cannot_be_caught() {
    Fixture::boot().inside(|p| {
        for signal in (1..=64).filter_map(Signal::from_raw) {
            let sure = [Signal::KILL, Signal::STOP].contains(&signal);
            for action in [SigAction::IGNORE, SigAction::handler(|_, _| {})] {
                let set = p.sigaction(signal, action);
                assert_eq!(set.is_err(), sure, "{signal}");
                assert!(!sure || errno(set) == libc::EINVAL, "{signal}");
            }
            assert!(p.sigaction(signal, SigAction::DEFAULT).is_ok(), "{signal}");
        }
    });
}

/// Row 54, decision 4: raw numbers that mean nothing are EINVAL or ESRCH, as the host has it.
#[test]
fn raw_arguments_are_checked() {
    Fixture::boot().inside(|p| {
        let (hold, held) = hold();
        let child = p.spawn(Command::new("child", held)).expect("room");
        for bits in [0x80, 0x200, 0x1000, -1] {
            assert_eq!(sys::wait4(-1, bits).map(drop), Err(libc::EINVAL));
            assert_eq!(errno(WaitFlags::from_raw(bits)), libc::EINVAL);
        }
        for flags in [WaitFlags::empty(), WaitFlags::NOHANG, WaitFlags::NOWAIT | WaitFlags::ALLSIG] {
            assert_eq!(errno(p.waitid(WaitFor::Any, flags)), libc::EINVAL);
        }
        assert_eq!(sys::wait4(i32::MIN, libc::WNOHANG).map(drop), Err(libc::ESRCH));
        assert_eq!(errno(WaitFor::from_raw(i32::MIN)), libc::ESRCH);
        assert_eq!(sys::kill(i32::MIN, libc::SIGKILL), Err(libc::ESRCH));
        for signal in [-1, 65, i32::MAX, i32::MIN] {
            for target in [child.id().as_raw(), 0, -1] {
                assert_eq!(sys::kill(target, signal), Err(libc::EINVAL), "signal {signal} to {target}");
            }
        }
        assert_eq!(sys::kill(child.id().as_raw(), 0), Ok(()));
        for number in [-1, i32::MIN] {
            assert_eq!(sys::getpgid(number), Err(libc::ESRCH));
            assert_eq!(sys::setpgid(number, 0), Err(libc::ESRCH));
            assert_eq!(sys::setpgid(0, number), Err(libc::EINVAL));
        }
        assert_eq!(sys::setpgid(0, 77), Err(libc::EPERM));
        assert_eq!(sys::wait4(-1, libc::WNOHANG).map(|(pid, word, _)| (pid, word)), Ok((0, 0)), "it lives");
        drop(hold);
        assert_eq!(sys::wait4(-1, 0).map(|(pid, word, _)| (pid, word)), Ok((child.id().as_raw(), 0)));
    });
}

/// `current`, `sys`: a thread that runs no process has nobody to act for, also between two runtimes of its own.
#[test]
fn calls_outside_any_process_say_esrch() {
    let fixture = Fixture::boot();
    assert_eq!(errno(greenproc::current()), libc::ESRCH);
    assert_eq!(sys::wait4(-1, 0).map(drop), Err(libc::ESRCH));
    assert_eq!(sys::kill(1, 0), Err(libc::ESRCH));
    assert_eq!(sys::getpid(), Err(libc::ESRCH));
    assert_eq!(sys::getppid(), Err(libc::ESRCH));
    assert_eq!(sys::getpgid(0), Err(libc::ESRCH));
    assert_eq!(sys::setpgid(0, 0), Err(libc::ESRCH));
    assert!(matches!(sys::_exit(3), Err(libc::ESRCH)));
    // A thread that a body makes is none of its LWPs either.
    fixture.inside(|p| {
        let number = p.pid().as_raw();
        assert_eq!(sys::getpid(), Ok(number));
        let beside = std::thread::scope(|scope| scope.spawn(sys::getpid).join().expect("no panic"));
        assert_eq!(beside, Err(libc::ESRCH));
    });
}

thread_local! {
    /// What a body leaves on its thread.
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// A `Process` kept too long; says what its calls say when it goes.
struct Kept {
    process: Process,
    say: Sender<(Pid, Vec<(&'static str, i32)>)>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.say.send((self.process.pid(), stale_calls(&self.process)));
    }
}

/// What each call of a `Process` that was kept too long says.
fn stale_calls(p: &Process) -> Vec<(&'static str, i32)> {
    use greenproc::{RecvError, SendFailure};
    p.checkpoint();
    let lock = KillableMutex::new(());
    let (reader, writer) = greenproc::pipe();
    let (open, silent) = bounded::<()>(0);
    let (full, _reader) = bounded(1);
    full.send(()).expect("room for one");
    let mut calls = 0;
    let blocked = p.blocking(|| {
        calls += 1;
        Ok(())
    });
    let blocked = blocked.err().and_then(io::Error::into_inner);
    let blocked = blocked.and_then(|error| error.downcast::<greenproc::Error>().ok());
    let said = vec![
        ("spawn", errno(p.spawn(Command::new("late", |_| {})))),
        ("spawn_returning", errno(p.spawn_returning("late", |_| ()))),
        ("spawn_lwp", errno(p.spawn_lwp(|_| ()))),
        ("wait", errno(p.wait())),
        ("wait4", errno(p.wait4(WaitFor::Any, WaitFlags::NOHANG))),
        ("waitid", errno(p.waitid(WaitFor::Any, WaitFlags::EXITED))),
        ("wait_timeout", errno(p.wait_timeout(WaitFor::Any, WaitFlags::empty(), FOR_EVER))),
        ("kill", errno(p.kill(Pid::INIT, Signal::CHLD))),
        ("sigaction", errno(p.sigaction(Signal::CHLD, SigAction::IGNORE))),
        ("set_child_subreaper", errno(p.set_child_subreaper(true))),
        ("setpgid", errno(p.setpgid(None, None))),
        ("ktrace", errno(p.ktrace(&greenproc::ktrace::Recorder::new(1)))),
        ("sleep", errno(p.sleep(FOR_EVER))),
        ("lock", errno(lock.lock(p).map(drop))),
        ("read", errno(reader.read(p, &mut [0; 8]))),
        ("write", errno(writer.write(p, b"x"))),
        ("write_all", errno(writer.write_all(p, b"x"))),
        (
            "recv",
            match p.recv(&silent) {
                Err(RecvError::Interrupted(error)) => error.errno(),
                _ => 0,
            },
        ),
        (
            "send",
            match p.send(&full, ()).map_err(|error| error.reason) {
                Err(SendFailure::Interrupted(error)) => error.errno(),
                _ => 0,
            },
        ),
        ("blocking", blocked.map_or(0, |error| error.errno())),
    ];
    p.on_term(|_| unreachable!("nobody is there"));
    p.retire_thread();
    assert!(calls == 0 && !p.stop_requested());
    drop(open);
    said
}

fn all_esrch(said: &[(&'static str, i32)]) -> bool {
    said.len() == 20 && said.iter().all(|&(_, errno)| errno == libc::ESRCH)
}

/// `Process`: kept beyond its LWP's end, here until its thread's destructors run, it does nothing any more.
#[test]
fn a_process_value_kept_too_long_does_nothing() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let keeps = Command::new("keeps", move |p| KEPT.set(Some(Kept { process: p.clone(), say })));
    let child = fixture.spawn(keeps.own_thread()).expect("room");
    succeeded(&child.wait().expect("mine"));
    let (pid, said) = said.try_recv().expect("its thread ended before that was seen");
    assert_eq!(pid, child.id());
    assert!(all_esrch(&said), "{said:?}");
}

/// `Process`: found by the next process on the thread, it does nothing, and above all nothing to that one.
#[test]
fn a_process_value_of_an_earlier_process_on_the_thread_does_nothing() {
    let fixture = Fixture::with(|builder| builder.spin(Duration::ZERO));
    let (say, said) = unbounded();
    let mut found = 0;
    for _ in 0..50 {
        let say = say.clone();
        let (child, mine) = fixture
            .spawn_returning("finds", move |p| {
                let earlier = KEPT.take();
                let found = earlier.is_some();
                // Its destructor calls everything.
                drop(earlier);
                KEPT.set(Some(Kept { process: p.clone(), say }));
                let untouched =
                    !p.stop_requested() && p.pgid() == Pid::INIT && sys::getpid() == Ok(p.pid().as_raw());
                p.sleep(Duration::ZERO).expect("nobody has asked it to end");
                (found, untouched)
            })
            .expect("room");
        succeeded(&child.wait().expect("mine"));
        let (earlier, untouched) = mine.take().expect("it returned");
        found += u32::from(earlier);
        assert!(untouched);
    }
    assert!(found > 0, "threads are used again");
    assert_eq!(said.len(), found as usize);
    for (_, said) in said.try_iter() {
        assert!(all_esrch(&said), "{said:?}");
    }
}

/// What a process that has begun to exit may still do, by its own handle.
struct TriesInDrop {
    child: Child,
    say: Sender<[i32; 4]>,
}

impl Drop for TriesInDrop {
    fn drop(&mut self) {
        let p = greenproc::current().expect("in a process");
        let made = [
            errno(p.spawn(Command::new("late", |_| {}))),
            errno(p.spawn_lwp(|_| ())),
            errno(p.setpgid(None, None)),
            // What is ready is reaped.
            self.child.wait().map_or(-1, |waited| waited.status.code().unwrap_or(-2)),
        ];
        let _ = self.say.send(made);
    }
}

/// Decision 20: from the moment its end is decided, while it unwinds and afterwards, a process makes nothing new; its zombies
/// it can still reap.
#[test]
fn a_dying_process_makes_nothing_new() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    for (in_handler, signal) in [(false, Signal::KILL), (true, Signal::KILL), (true, Signal::HUP)] {
        let say = say.clone();
        let child = fixture.child("dying", move |p| {
            let child = p.spawn(Command::new("child", |_| 12)).expect("room");
            let peeked = p.waitid(WaitFor::Child(&child), WaitFlags::EXITED | WaitFlags::NOWAIT);
            assert!(peeked.expect("mine").is_some());
            let tries = TriesInDrop { child, say };
            let mut kept = None;
            if in_handler {
                // Dropped by the exit itself, when nothing of the body is left.
                p.on_term(move |_| assert_eq!(tries.child.name(), "child"));
            } else {
                kept = Some(tries);
            }
            p.kill(p.pid(), signal).expect("alive");
            p.checkpoint();
            drop(kept);
        });
        assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(signal));
        assert_eq!(
            said.try_recv(),
            Ok([libc::ESRCH, libc::ESRCH, libc::ESRCH, 12]),
            "in the handler: {in_handler}"
        );
    }
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Decision 12: a destructor that panics when the body is over is a panic of the body.
#[test]
fn a_destructor_that_panics_at_the_end_of_the_body_is_sigabrt() {
    let fixture = Fixture::boot();
    let captured = Bomb("captured");
    for child in [
        fixture.child("local", |_| {
            let _bomb = Bomb("local");
        }),
        fixture.child("captured", move |_| {
            let _ = &captured;
        }),
    ] {
        let waited = child.wait().expect("mine");
        assert_eq!(waited.status, ExitStatus::dumped(Signal::ABRT));
        assert!(waited.report.is_some_and(|report| report.to_string().contains(child.name())));
    }
}

/// Decision 13: what panics when the exit drops it is told of, and changes nothing: a handler, a panic's own value, the
/// closure of an embryo.
#[test]
fn a_destructor_that_panics_in_the_exit_is_an_event() {
    let fixture = Fixture::with(|builder| builder.max_lwps(20));
    let events = fixture.events(EventFilter::TROUBLE);
    let panicked = |child: &Child, text: &str| {
        let message = next_event(&events, child.id(), |kind| match kind {
            EventKind::DropPanicked { message } => Some(message.clone()),
            _ => None,
        });
        assert_eq!(message, text);
    };
    let child = fixture.child("handler", |p| {
        let bomb = Bomb("of a handler");
        p.on_term(move |_| {
            let _ = &bomb;
        });
        4
    });
    assert_eq!(child.wait().expect("mine").status, ExitStatus::exited(4));
    panicked(&child, "of a handler");
    let child = fixture.child("payload", |_| panic_any(Bomb("of a payload")));
    assert_eq!(child.wait().expect("mine").status, ExitStatus::dumped(Signal::ABRT));
    panicked(&child, "of a payload");
    for _ in 0..200 {
        let bomb = Bomb("of an embryo");
        let child = fixture.child("embryo", move |p| {
            // It was not one: no bomb goes off.
            std::mem::forget(bomb);
            p.sleep(FOR_EVER)
        });
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    }
    let told = events.try_iter().filter(
        |event| matches!(&event.kind, EventKind::DropPanicked { message } if message == "of an embryo"),
    );
    assert!(told.count() > 0, "no kill came first");
    assert!(fixture.run(Command::new("next", |_| {})).expect("room").success());
}
