//! Policies: which calls a process may make.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | every call passes the gate; what is refused has done nothing | row 23 |
//! | a policy is inherited, only narrowed, and in force until the last destructor | row 23 |

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use greenproc::{
    Call, Command, Limits, Local, MaskHow, NoteFlags, Pid, Policy, Process, SendFailure, SigAction, SigSet,
    Signal, Target, Timer, TimerSetting, WaitFlags, WaitFor, sys,
};
use greenproc_tests::{AN_HOUR, Fixture, OnDrop, errno};

const EPERM: i32 = 1;
const EACCES: i32 = 13;
const ENOSYS: i32 = 38;

/// A call, and the errno of making it.
type Try = (Call, fn(&Process) -> Option<i32>);

fn number<T>(result: greenproc::Result<T>) -> Option<i32> {
    result.err().map(|error| error.errno())
}

/// Each call that may fail, but for those that need something that only other calls make.
fn tries() -> Vec<Try> {
    vec![
        (Call::Getpgid, |p| number(p.getpgid(Some(p.pid())))),
        (Call::Setpgid, |p| number(p.setpgid(None, None))),
        (Call::Getsid, |p| number(p.getsid(None))),
        (Call::Setsid, |p| number(p.setsid())),
        (Call::Setuid, |p| number(p.setuid(p.uid()))),
        (Call::Setgid, |p| number(p.setgid(p.gid()))),
        (Call::Setrlimit, |p| number(p.set_limits(Limits::default(), p.hard_limits()))),
        (Call::Nice, |p| number(p.nice(0))),
        (Call::Spawn, |p| number(p.spawn(Command::new("child", |_| {})))),
        (Call::Vfork, |p| number(p.vfork(Command::new("child", |_| {})))),
        (Call::Exec, |p| number(p.exec(Command::new("other", |_| {})))),
        (Call::Wait4, |p| number(p.wait())),
        (Call::Wait4, |p| number(p.wait4(WaitFor::Any, WaitFlags::NOHANG))),
        (Call::Wait4, |p| number(p.wait_timeout(WaitFor::Any, WaitFlags::empty(), Duration::ZERO))),
        (Call::Wait4, |_| sys::wait4(-1, 0).err()),
        (Call::Waitid, |p| number(p.waitid(WaitFor::Any, WaitFlags::EXITED))),
        (Call::Kill, |p| number(p.kill(Target::MyGroup, Signal::URG))),
        (Call::Kill, |p| sys::kill(p.pid().as_raw(), Signal::URG.as_raw()).err()),
        (Call::Kill, |p| sys::kill(p.pid().as_raw(), 0).err()),
        (Call::Tgkill, |p| number(p.tgkill(p.lwp_id(), Signal::URG))),
        (Call::Tgkill, |p| number(p.raise(Signal::URG))),
        (Call::Sigqueue, |p| number(p.sigqueue(p.pid(), Signal::URG, 1))),
        (Call::ReapKill, |p| number(p.reap_kill(Signal::URG))),
        (Call::Ptrace, |p| number(p.trace_me())),
        (Call::Ptrace, |p| number(p.trace(p.ppid(), greenproc::TraceOptions::empty()))),
        (Call::Ptrace, |p| number(p.tracee(p.pid()))),
        (Call::Prctl, |p| number(p.stop_on_exit(false))),
        (Call::Freeze, |p| number(p.freeze_tree(p.pid()))),
        (Call::Sigaction, |p| number(p.sigaction(Signal::USR1, SigAction::IGNORE))),
        (Call::Sigmask, |p| number(p.sigmask(MaskHow::Block, Signal::USR1))),
        (Call::Sigsuspend, |p| number(p.sigsuspend(SigSet::EMPTY))),
        (Call::Pause, |p| number(p.pause())),
        (Call::Sigtimedwait, |p| number(p.sigtimedwait(Signal::USR1, Some(Duration::ZERO)))),
        (Call::Alarm, |p| number(p.alarm(AN_HOUR))),
        (Call::Setitimer, |p| number(p.setitimer(Timer::Real, TimerSetting::default()))),
        (Call::Nanosleep, |p| number(p.sleep(AN_HOUR))),
        (Call::Prctl, |p| number(p.set_child_subreaper(true))),
        (Call::Prctl, |p| number(p.set_parent_death_signal(None))),
        (Call::LwpCreate, |p| number(p.spawn_lwp(|_| {}))),
        (Call::LwpWait, |p| match p.spawn_lwp(|_| {}).expect("allowed").join(p) {
            Err(greenproc::JoinError::Failed(error)) => Some(error.errno()),
            _ => None,
        }),
        (Call::Recv, |p| match p.recv::<()>(&bounded(1).1) {
            Err(greenproc::RecvError::Interrupted(error)) => Some(error.errno()),
            _ => None,
        }),
        (Call::Blocking, |p| {
            let refused = p.blocking(|| std::io::Result::Ok(())).err()?;
            refused.get_ref()?.downcast_ref::<greenproc::Error>().map(greenproc::Error::errno)
        }),
        (Call::Read, |p| number(greenproc::pipe().0.read(p, &mut [0; 4]))),
        (Call::Write, |p| number(greenproc::pipe().1.write_all(p, b"text"))),
        (Call::Read, |_| number(greenproc::pipe().0.try_read(&mut [0; 4]))),
        (Call::Write, |_| {
            let (_reader, writer) = greenproc::pipe();
            number(writer.try_write(b"text"))
        }),
        (Call::Open, |p| number(p.open(1))),
        (Call::Descriptor, |p| number(p.descriptor::<u8>(p.open(1_u8).expect("allowed")))),
        (Call::Dup, |p| number(p.dup(p.open(1).expect("allowed")))),
        (Call::Dup2, |p| {
            let fd = p.open(1).expect("allowed");
            number(p.dup_to(fd, fd))
        }),
        (Call::Close, |p| number(p.close(p.open(1).expect("allowed")))),
        (Call::Fcntl, |p| number(p.set_close_on_exec(p.open(1).expect("allowed"), true))),
        (Call::Fcntl, |p| number(p.set_nonblocking(p.pipe().expect("allowed").0, true))),
        (Call::Pipe, |p| number(p.pipe())),
        (Call::Read, |p| number(p.read(p.pipe().expect("allowed").0, &mut [0]))),
        (Call::Write, |p| number(p.write(p.pipe().expect("allowed").1, &[0]))),
        (Call::Read, |p| number(greenproc::Tty::open().1.read(p, &mut [0]))),
        (Call::Write, |p| number(greenproc::Tty::open().1.write(p, &[0]))),
        (Call::Write, |p| number(greenproc::Tty::open().1.write_all(p, &[0]))),
        (Call::Ioctl, |p| number(p.set_controlling_tty(&greenproc::Tty::open().1))),
        (Call::Ioctl, |p| number(p.disconnect_tty())),
        (Call::Ioctl, |p| number(p.tcgetpgrp(&greenproc::Tty::open().1))),
        (Call::Ioctl, |p| number(p.tcsetpgrp(&greenproc::Tty::open().1, p.pgid()))),
        (Call::Profil, |p| number(p.profil(AN_HOUR))),
        (Call::Lwpctl, |p| number(p.lwpctl())),
        (Call::Sequence, |p| number(p.sequence("increment"))),
        (Call::Open, |p| number(p.open_file("Cargo.toml", std::fs::OpenOptions::new().read(true)))),
        (Call::Getcwd, |p| number(p.getcwd())),
        (Call::Chdir, |p| number(p.chdir("."))),
        (Call::Chroot, |p| number(p.chroot("."))),
        (Call::Umask, |p| number(p.umask(0o22))),
        (Call::Aio, |p| number(p.aio(|_| {}))),
        (Call::Aio, |p| number(p.aio_with_signal(Signal::URG, 1, |_| {}))),
        (Call::AioSuspend, |p| number(p.aio(|_| {}).expect("allowed").wait(p))),
        (Call::AioCancel, |p| number(p.aio(|_| {}).expect("allowed").cancel(p))),
        (Call::AioCancel, |p| number(p.aio_cancel())),
        (Call::Kevent, |p| number(p.watch(p.pid(), NoteFlags::EXIT))),
        (Call::Atexit, |p| number(p.on_exit(|_, _| {}))),
        (Call::Arena, |p| number(p.arena())),
        (Call::Restrict, |p| number(p.restrict(Policy::new()))),
        (Call::Ktrace, |p| number(p.ktrace(&greenproc::ktrace::Recorder::new(1)))),
    ]
}

/// Row 23: whatever is denied fails with the errno of the policy, at once, whichever way it is called.
#[test]
fn each_denied_call_fails_with_the_errno_of_the_policy() {
    let fixture = Fixture::boot();
    for (call, attempt) in tries() {
        let policy = Policy::new().deny(call, ENOSYS).expect("it may fail");
        let child = Command::new("plug-in", move |p| attempt(p).unwrap_or(0)).policy(policy);
        let status = fixture.run(child).expect("room");
        assert_eq!(status.code(), Some(ENOSYS), "{call}");
    }
}

/// Row 23: a call that kills is death by SIGSYS.
#[test]
fn each_call_can_kill() {
    let fixture = Fixture::boot();
    let mut all = tries();
    all.push((Call::Getpid, |p| Some(p.pid().as_raw())));
    all.push((Call::Getppid, |p| Some(p.ppid().as_raw())));
    all.push((Call::Getrusage, |p| Some(i32::from(p.usage().total() > AN_HOUR))));
    all.push((Call::Exit, |p| p.exit(3)));
    all.push((Call::LwpExit, |p| p.exit_lwp()));
    for (call, attempt) in all {
        let child =
            Command::new("plug-in", move |p| attempt(p).unwrap_or(0)).policy(Policy::new().kill(call));
        let status = fixture.run(child).expect("room");
        assert_eq!(status.signal(), Some(Signal::SYS), "{call}");
        assert!(status.core_dumped(), "{call}");
    }
}

/// Row 23: what was refused has not happened, and names the call.
#[test]
fn a_denied_call_has_done_nothing() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.restrict(Policy::only([Call::Wait4, Call::Kill])).expect("nothing forbids it");
        let refused = p.spawn(Command::new("child", |_| {})).expect_err("not allowed");
        assert_eq!(refused.to_string(), "the policy of the process, or its tracer, refuses posix_spawn");
        assert_eq!(refused.errno(), EPERM);
        assert_eq!(errno(p.wait()), 10, "there is no child"); // ECHILD
        p.kill(p.pid(), Signal::URG).expect("allowed");
        assert_eq!(p.ppid(), Pid::INIT, "what never fails is allowed");
        let unsent = p.send(&bounded(1).0, "kept").expect_err("not allowed");
        assert_eq!(unsent.message, "kept");
        assert!(matches!(unsent.reason, SendFailure::Interrupted(error) if error.errno() == EPERM));
    });
}

/// Row 23: children and what replaces the body are under it too; the parent is not under its child's.
#[test]
fn a_policy_is_inherited_and_outlives_exec() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let policy = Policy::new().deny(Call::Setpgid, EACCES).expect("it may fail");
        let restricted = Command::new("restricted", |p| {
            let grandchild = p.spawn(Command::new("grandchild", |p| errno(p.setpgid(None, None))));
            let waited = grandchild.expect("allowed").wait().expect("a child");
            assert_eq!(waited.status.code(), Some(EACCES));
            p.exec(Command::new("successor", |p| errno(p.setpgid(None, None))))
        });
        let child = p.spawn(restricted.policy(policy)).expect("room");
        assert_eq!(child.wait().expect("a child").status.code(), Some(EACCES));
        p.setpgid(None, None).expect("the parent may");
    });
}

/// Row 23: a further policy only takes away, and of two that deny the first has the errno.
#[test]
fn a_policy_is_only_narrowed() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.restrict(Policy::new().deny(Call::Setsid, EACCES).expect("it may fail")).expect("allowed");
        p.restrict(Policy::new()).expect("allowed");
        assert_eq!(errno(p.setsid()), EACCES);
        p.restrict(Policy::only([Call::Spawn, Call::Wait4, Call::Restrict])).expect("allowed");
        assert_eq!(errno(p.setsid()), EACCES);
        assert_eq!(errno(p.setpgid(None, None)), EPERM);
        // A command's own policy takes nothing of the parent's back.
        let child = Command::new("child", |p| errno(p.setsid())).policy(Policy::new());
        assert_eq!(p.spawn(child).expect("allowed").wait().expect("a child").status.code(), Some(EACCES));
        let child = Command::new("killed", |p| errno(p.setsid())).policy(Policy::new().kill(Call::Setsid));
        let killed = p.spawn(child).expect("allowed").wait().expect("a child");
        assert_eq!(killed.status.signal(), Some(Signal::SYS));
        p.restrict(Policy::new().deny(Call::Restrict, ENOSYS).expect("it may fail")).expect("allowed");
        assert_eq!(errno(p.restrict(Policy::new())), ENOSYS);
    });
}

/// Row 23: the other LWPs are under it from their next call on.
#[test]
fn a_policy_is_of_all_lwps() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (go, gone) = bounded(0);
        let other = p.spawn_lwp(move |p| {
            gone.recv().expect("it is told");
            errno(p.setpgid(None, None))
        });
        p.restrict(Policy::new().deny(Call::Setpgid, EACCES).expect("it may fail")).expect("allowed");
        go.send(()).expect("it listens");
        assert_eq!(other.expect("room").join(p).expect("it returned"), EACCES);
    });
}

/// Row 23: SIGSYS of a policy is neither blocked nor handled, and destructors run.
#[test]
fn sigsys_of_a_policy_cannot_be_caught() {
    let fixture = Fixture::boot();
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let child = Command::new("plug-in", move |p| {
        let _guard = OnDrop(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        p.sigaction(Signal::SYS, SigAction::handler(|p, _| p.exit(3)))?;
        p.sigmask(MaskHow::Block, Signal::SYS)?;
        p.setsid().map(|_| ())
    });
    let status = fixture.run(child.policy(Policy::new().kill(Call::Setsid))).expect("room");
    assert_eq!(status.signal(), Some(Signal::SYS));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

/// Row 23, decision 20: where nothing unwinds, the call is refused, and the process ends afterwards.
#[test]
fn in_a_critical_section_the_call_is_refused_first() {
    let fixture = Fixture::boot();
    let number = Arc::new(AtomicI32::new(0));
    let note = Arc::clone(&number);
    let child = Command::new("careful", move |p| {
        p.critical(|| note.store(errno(p.setsid()), Ordering::Relaxed));
        p.checkpoint();
        unreachable!("the checkpoint ends it");
    });
    let status = fixture.run(child.policy(Policy::new().kill(Call::Setsid))).expect("room");
    assert_eq!(status.signal(), Some(Signal::SYS));
    assert_eq!(number.load(Ordering::Relaxed), EPERM);
}

/// What a destructor of the process found.
static FOUND: AtomicI32 = AtomicI32::new(0);

struct Tries(Pid);

impl Drop for Tries {
    fn drop(&mut self) {
        let process = greenproc::current().expect("it runs as the process");
        FOUND.store(errno(process.kill(self.0, Signal::URG)), Ordering::Relaxed);
    }
}

static VALUE: Local<Tries> = Local::new(|| Tries(Pid::INIT));

/// Row 23: it goes after the last code of the process has run, so no destructor gets around it.
#[test]
fn destructors_of_a_dying_process_are_under_it() {
    let fixture = Fixture::boot();
    let child = Command::new("plug-in", |p| VALUE.with(p, |_| ()));
    let policy = Policy::new().deny(Call::Kill, EACCES).expect("it may fail");
    assert!(fixture.run(child.policy(policy)).expect("room").success());
    assert_eq!(FOUND.load(Ordering::Relaxed), EACCES);
}

/// What a policy cannot be.
#[test]
fn policies_that_make_no_sense_are_refused() {
    let fixture = Fixture::boot();
    for call in Call::ALL.iter().copied().filter(|call| !call.can_fail()) {
        assert_eq!(errno(Policy::new().deny(call, EPERM)), 22, "{call}"); // EINVAL
    }
    for number in [i32::MIN, 0, 4096] {
        assert_eq!(errno(Policy::new().deny(Call::Kill, number)), 22, "{number}");
    }
    fixture.inside(|p| {
        let command = Command::new("other", |_| {}).policy(Policy::new());
        assert_eq!(errno(p.exec(command)), 22, "exec makes no process");
    });
}

/// The table above has every call that may fail, so none is added without its gate being tried.
#[test]
fn every_call_that_may_fail_is_tried() {
    let tried: Vec<Call> = tries().iter().map(|&(call, _)| call).collect();
    for &call in Call::ALL.iter().filter(|call| call.can_fail()) {
        // What `a_denied_call_has_done_nothing` shows.
        assert!(call == Call::Send || tried.contains(&call), "{call}");
    }
}

/// The names are those of `strace`, each once.
#[test]
fn calls_have_names() {
    for &call in Call::ALL {
        assert_eq!(Call::from_name(call.name()), Some(call));
    }
    assert_eq!(Call::from_name("fork"), None);
}

/// A handle's calls pass the gate of whoever makes them.
#[test]
fn calls_through_a_handle_are_calls() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = p.spawn(Command::new("child", |p| p.sleep(AN_HOUR))).expect("room");
        let (id, inner) = (child.id(), p.clone());
        p.restrict(Policy::new().deny(Call::Kill, EACCES).expect("it may fail")).expect("allowed");
        assert_eq!(errno(child.kill()), EACCES);
        assert_eq!(errno(inner.kill(id, Signal::KILL)), EACCES);
        p.sigqueue(id, Signal::KILL, 0).expect("allowed");
        assert_eq!(child.wait().expect("a child").status.signal(), Some(Signal::KILL));
        p.restrict(Policy::new().deny(Call::Wait4, ENOSYS).expect("it may fail")).expect("allowed");
        assert_eq!(errno(child.wait()), ENOSYS);
    });
}
