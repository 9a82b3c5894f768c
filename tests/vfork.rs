//! vfork: the parent's LWP sleeps until the child has executed a program or ended.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | when it returns, after what of the child | rows 26 and 29 |
//! | the waiter is killed, stopped, signalled | decisions 10, 16 and 20, mistake l |
//! | stop signals to the child | decision 10 |

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use greenproc::{
    Child, Command, ExitStatus, Limits, Process, ProcessGroup, SigAction, Signal, State, WaitFlags, WaitFor,
};
use greenproc_tests::{AN_HOUR, Fixture, errno, hold, soon, stay, succeeded};

/// A runtime with a program that stays until it is let go of, and the other side of that.
fn fixture() -> (Fixture, greenproc_tests::Hold) {
    let (hold, held) = hold();
    (Fixture::with(|builder| builder.program("stays", move |p| held.clone()(p))), hold)
}

/// Waits until the first LWP of a process sleeps.
fn is_asleep(fixture: &Fixture, child: &Child) {
    while fixture.inspect(child.id()).expect("its handle owns it").lwps[0].state != State::Sleeping {
        std::thread::yield_now();
    }
}

/// A body that says that it runs, and executes `stays` when it is told to.
fn executes(say: Sender<()>, told: Receiver<()>) -> impl FnOnce(&Process) -> greenproc::Result<()> + Send {
    move |p| {
        say.send(()).expect("the test listens");
        while told.try_recv().is_err() {
            p.checkpoint();
            std::thread::yield_now();
        }
        p.exec(Command::program("stays")).map(|never| match never {})
    }
}

/// Row 29: it returns when the child has executed, and not before; the child lives on.
#[test]
fn it_returns_when_the_child_has_executed() {
    let (fixture, hold) = fixture();
    let (say, said) = unbounded();
    let (tell, told) = unbounded();
    let (back, is_back) = unbounded();
    let parent = fixture.child("parent", move |p| {
        let child = p.vfork(Command::new("child", executes(say, told))).expect("room");
        back.send(()).expect("the test listens");
        assert!(child.try_wait().expect("mine").is_none());
        succeeded(&child.wait().expect("mine"));
    });
    soon(&said);
    is_asleep(&fixture, &parent);
    assert!(is_back.is_empty());
    tell.send(()).expect("the child listens");
    soon(&is_back);
    drop(hold);
    succeeded(&parent.wait().expect("its handle owns it"));
}

/// Rows 26 and 29: it returns when the child has ended, whichever way, and what was the child's is gone by then.
#[test]
fn it_returns_when_the_child_has_ended_and_its_things_are_gone() {
    type End = (&'static str, fn(&Process) -> i32);
    static OWN: greenproc::Local<std::sync::OnceLock<Counted>> =
        greenproc::Local::new(std::sync::OnceLock::new);
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let ends: [End; 6] = [
        ("returns", |_| 1),
        ("exits", |p| p.exit(1)),
        ("leaves", |p| p.exit_lwp()),
        ("panics", |_| panic!("on purpose")),
        ("is killed", |p| p.raise(Signal::KILL).map_or(0, |()| 0)),
        ("finds no program", |p| p.exec(Command::program("nobody")).expect_err("it is not there").errno()),
    ];
    let (fixture, _hold) = fixture();
    for (what, end) in ends {
        for own_thread in [false, true] {
            fixture.inside(move |p| {
                let gone = Arc::new(AtomicUsize::new(0));
                let counted = [(); 4].map(|()| Counted(Arc::clone(&gone)));
                let command = Command::new("child", move |p: &Process| {
                    let [on_stack, local, in_arena, in_hook] = counted;
                    let _on_stack = on_stack;
                    OWN.with(p, |own| assert!(own.set(local).is_ok())).expect("it lives");
                    std::mem::forget(p.arena().expect("it lives").alloc(in_arena).expect("room"));
                    p.on_exit(move |_, _| drop(in_hook)).expect("it lives");
                    end(p)
                });
                let child = p.vfork(if own_thread { command.own_thread() } else { command }).expect("room");
                assert_eq!(gone.load(Ordering::Relaxed), 4, "{what}");
                let _ = child.wait().expect("mine");
            });
        }
    }
}

/// What a spawn refuses is refused, and nobody sleeps.
#[test]
fn what_a_spawn_refuses_is_refused() {
    let (fixture, _hold) = fixture();
    let limits = Limits { processes: Some(2), ..Limits::default() };
    let body = |p: &Process| {
        assert_eq!(errno(p.vfork(Command::new("third", |_| {}))), libc::EAGAIN);
        assert_eq!(errno(p.vfork(Command::new("\0", |_| {}))), libc::EINVAL);
        p.on_exit(|p, _| assert_eq!(errno(p.vfork(Command::new("late", |_| {}))), libc::ESRCH))
            .expect("it lives");
    };
    let events = fixture.events(greenproc::EventFilter::TROUBLE);
    assert!(fixture.run(Command::new("second", body).limits(limits)).expect("room").success());
    assert!(events.is_empty(), "the hook did not panic");
}

/// Decision 10, mistake l: the waiter can be killed; the child lives on, an orphan, and its latch reaches nobody.
#[test]
fn the_waiter_can_be_killed() {
    let (fixture, hold) = fixture();
    for signal in [Signal::KILL, Signal::TERM] {
        let (say, said) = unbounded();
        let (tell, told) = unbounded();
        let (of, whose) = unbounded();
        let parent = fixture.child("parent", move |p| {
            let body = executes(say, told);
            let command = Command::new("child", move |p: &Process| {
                of.send(p.pid()).expect("the test listens");
                body(p)
            });
            p.vfork(command).map(drop)
        });
        soon(&said);
        is_asleep(&fixture, &parent);
        parent.signal(signal).expect("it is not reaped");
        assert_eq!(parent.wait().expect("its handle owns it").status.signal(), Some(signal));
        let child = soon(&whose);
        assert_eq!(fixture.snapshot().get(child).expect("it lives on").ppid.as_raw(), 1);
        tell.send(()).expect("the child listens");
        while fixture.snapshot().get(child).expect("it stays").name != "stays" {
            std::thread::yield_now();
        }
    }
    drop(hold);
}

/// Only the LWP that called it sleeps; another may end the process meanwhile.
#[test]
fn other_lwps_go_on() {
    let (fixture, _hold) = fixture();
    let (_silence, silent) = unbounded::<()>();
    let parent = fixture.child("parent", move |p| {
        let (say, said) = bounded(1);
        p.spawn_lwp(move |p| {
            p.recv(&said).expect("the child runs");
            p.exit(6);
        })
        .expect("room")
        .detach();
        p.vfork(Command::new("child", move |p| {
            say.send(()).expect("the other LWP listens");
            stay(p, &silent);
        }))
        .map(drop)
    });
    assert_eq!(parent.wait().expect("its handle owns it").status.code(), Some(6));
}

/// Decisions 10 and 16: a waiter counts as stopped where it is, and does not return before it is continued.
#[test]
fn the_waiter_can_be_stopped() {
    let (fixture, hold) = fixture();
    fixture.inside(move |p| {
        let (say, said) = unbounded();
        let (tell, told) = unbounded();
        let (back, is_back) = unbounded();
        let parent = p.spawn(Command::new("parent", move |p| {
            let child = p.vfork(Command::new("child", executes(say, told))).expect("room").id();
            back.send(child).expect("the grandparent listens");
            succeeded(&p.wait().expect("my child"));
        }));
        let parent = parent.expect("room");
        p.recv(&said).expect("the child runs");
        p.kill(parent.id(), Signal::STOP).expect("it lives");
        let waited =
            p.wait4(WaitFor::Child(&parent), WaitFlags::UNTRACED).expect("my child").expect("no NOHANG");
        assert_eq!(waited.status.stopped_signal(), Some(Signal::STOP));
        tell.send(()).expect("the child listens");
        // A life passes, in which the waiter could have come back.
        succeeded(&p.spawn(Command::new("short", |_| {})).expect("room").wait().expect("mine"));
        assert!(is_back.is_empty());
        p.kill(parent.id(), Signal::CONT).expect("it lives");
        p.recv(&is_back).expect("it goes on");
        drop(hold);
        succeeded(&parent.wait().expect("mine"));
    });
}

/// A signal with a handler is met when it has returned: the child is made, so there is no error.
#[test]
fn handlers_run_when_it_has_returned() {
    let (fixture, hold) = fixture();
    let (say, said) = unbounded();
    let (tell, told) = unbounded();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let parent = fixture.child("parent", move |p| {
        let counted = Arc::clone(&count);
        let counts = SigAction::handler(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        p.sigaction(Signal::USR1, counts).expect("it can be caught");
        let child = p.vfork(Command::new("child", executes(say, told))).expect("no EINTR");
        p.checkpoint();
        assert_eq!(count.load(Ordering::Relaxed), 1);
        p.sigaction(Signal::USR1, SigAction::IGNORE).expect("it can be ignored");
        drop(hold);
        succeeded(&child.wait().expect("mine"));
    });
    soon(&said);
    is_asleep(&fixture, &parent);
    parent.signal(Signal::USR1).expect("it lives");
    is_asleep(&fixture, &parent);
    assert_eq!(handled.load(Ordering::Relaxed), 0);
    tell.send(()).expect("the child listens");
    succeeded(&parent.wait().expect("its handle owns it"));
}

/// Decision 20: where the LWP cannot unwind, a request to end makes it return before the child is that far.
#[test]
fn in_a_critical_section_a_kill_makes_it_return() {
    let (fixture, _hold) = fixture();
    let (say, said) = unbounded();
    let (back, is_back) = unbounded();
    let (_tell, told) = unbounded();
    let parent = fixture.child("parent", move |p| {
        p.critical(|| {
            let child = p.vfork(Command::new("child", executes(say, told))).expect("it is made");
            assert!(child.try_wait().expect("mine").is_none());
            back.send(()).expect("the test listens");
        });
        p.checkpoint();
    });
    soon(&said);
    is_asleep(&fixture, &parent);
    parent.kill().expect("it is not reaped");
    soon(&is_back);
    assert_eq!(parent.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
}

/// Decision 10: stop signals whose action is the default are discarded while the child holds its parent up, and stop it
/// afterwards; a handler runs.
#[test]
fn stop_signals_to_the_child_are_discarded() {
    let (fixture, hold) = fixture();
    let (say, said) = unbounded();
    let (tell, told) = unbounded();
    let (of, whose) = unbounded();
    let (caught, is_caught) = unbounded();
    let (back, is_back) = unbounded();
    let parent = fixture.child("parent", move |p| {
        let body = executes(say, told);
        let command = Command::new("child", move |p: &Process| {
            of.send(p.pid()).expect("the test listens");
            p.sigaction(
                Signal::TTIN,
                SigAction::handler(move |_, _| caught.send(()).expect("the test listens")),
            )
            .expect("it can be caught");
            body(p)
        });
        // In a group of its own, that is not orphaned: else only SIGSTOP would stop it.
        let child = p.vfork(command.process_group(ProcessGroup::New)).expect("room");
        back.send(()).expect("the test listens");
        let waited = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine").expect("no NOHANG");
        assert_eq!(waited.status.stopped_signal(), Some(Signal::STOP), "the one that came after its exec");
        p.kill(child.id(), Signal::CONT).expect("it lives");
        succeeded(&child.wait().expect("mine"));
    });
    soon(&said);
    let child = soon(&whose);
    for signal in [Signal::STOP, Signal::TSTP, Signal::TTOU] {
        fixture.kill(child, signal).expect("it lives");
        assert_ne!(fixture.snapshot().get(child).expect("it lives").state, State::Stopped);
    }
    fixture.kill(child, Signal::TTIN).expect("it lives");
    soon(&is_caught);
    // It runs: it takes what it is told.
    tell.send(()).expect("the child listens");
    soon(&is_back);
    fixture.kill(child, Signal::STOP).expect("it lives");
    drop(hold);
    succeeded(&parent.wait().expect("its handle owns it"));
}

/// A stop signal that was pending, blocked, is discarded as well if it is let through while the parent is held up.
#[test]
fn a_stop_signal_that_was_blocked_is_discarded_too() {
    let (fixture, hold) = fixture();
    fixture.inside(move |p| {
        drop(hold);
        let command = Command::new("child", |p| {
            p.sigmask(greenproc::MaskHow::Block, Signal::TSTP)?;
            p.raise(Signal::TSTP)?;
            p.sigmask(greenproc::MaskHow::Unblock, Signal::TSTP)?;
            p.checkpoint();
            p.exec(Command::program("stays"))
        });
        let child = p.vfork(command.process_group(ProcessGroup::New));
        succeeded(&child.expect("room").wait().expect("mine"));
    });
}

/// A child may vfork itself, and one that becomes many others releases its parent once.
#[test]
fn vforks_nest() {
    let (fixture, hold) = fixture();
    fixture.inside(move |p| {
        let (say, said) = unbounded();
        let child = p.vfork(Command::new("child", move |p| {
            let below = p.vfork(Command::new("below", move |p| {
                say.send(p.ppid()).expect("its grandparent listens");
                p.exec(Command::program("stays"))
            }))?;
            drop(hold);
            succeeded(&below.wait()?);
            p.exec(Command::new("second", |p: &Process| p.exec(Command::program("stays"))))
        }));
        let child = child.expect("room");
        assert_eq!(said.try_recv().expect("it has executed"), child.id());
        succeeded(&child.wait().expect("mine"));
    });
}

/// Many at once: each waiter is let go by its own child, and only then.
#[test]
fn each_waiter_is_let_go_by_its_own_child() {
    let (fixture, hold) = fixture();
    drop(hold);
    let parents: Vec<_> = (0..20)
        .map(|round| {
            fixture.child("parent", move |p| {
                for _ in 0..20 {
                    let (done, is_done) = unbounded();
                    let child = p.vfork(Command::new("child", move |p| {
                        done.send(()).expect("its parent listens");
                        if round % 2 == 0 {
                            0
                        } else {
                            p.exec(Command::program("stays")).map_or(1, |never| match never {})
                        }
                    }));
                    let child = child.expect("room");
                    is_done.try_recv().expect("the child was that far");
                    succeeded(&child.wait().expect("mine"));
                }
            })
        })
        .collect();
    for parent in parents {
        succeeded(&parent.wait().expect("its handle owns it"));
    }
}

/// A child that cannot begin for want of threads is an error, not a deadlock.
#[test]
fn a_parent_does_not_sleep_for_a_child_that_cannot_be() {
    let fixture = Fixture::with(|builder| builder.max_lwps(2));
    fixture.inside(|p| {
        assert_eq!(errno(p.vfork(Command::new("child", |p| p.sleep(AN_HOUR)))), libc::EAGAIN);
    });
}
