//! What stays of a process that replaces its body, and what goes.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::accounting::{Flags, Record};
use greenproc::{
    ArenaBox, Command, EventFilter, EventKind, ExitStatus, Local, LwpId, LwpLocal, MaskHow, NoteFlags,
    NoteKind, Process, ProcessGroup, SaFlags, SigAction, Signal, TraceOptions, WaitFlags, WaitFor,
};
use greenproc_tests::{AN_HOUR, Fixture, OnDrop, burn, errno, hold, next_event, owns, soon, succeeded};

use crate::{end, fixture, succeeds};

/// What a process is to others.
type Identity = (i32, i32, i32, i32, u32, u32);

fn identity(p: &Process) -> Identity {
    (p.pid().as_raw(), p.ppid().as_raw(), p.pgid().as_raw(), p.sid().as_raw(), p.uid(), p.gid())
}

/// The pid, the relatives, the children, the usage and the timers stay; the name does not.
#[test]
fn who_the_process_is_stays() {
    let fixture = fixture();
    let events = fixture.events(EventFilter::EXECUTED);
    let (hold, held) = hold();
    let (say, said) = unbounded();
    let before = move |p: &Process| {
        let who = identity(p);
        let child = p.spawn(Command::new("child", held)).expect("room").id();
        p.alarm(AN_HOUR).expect("it lives");
        burn(Duration::from_millis(4));
        p.exec(Command::new("after", move |p: &Process| {
            assert_eq!((p.name(), identity(p), p.lwp_id()), ("after", who, LwpId::MAIN));
            assert!(p.alarm(Duration::ZERO).expect("it lives") > AN_HOUR / 2);
            assert!(p.usage().total() >= Duration::from_millis(4));
            say.send(()).expect("the test listens");
            assert_eq!(p.wait().expect("my child").pid, child);
        }))
    };
    let child = fixture.spawn(Command::new("before", before).process_group(ProcessGroup::New)).expect("room");
    soon(&said);
    let event = soon(&events);
    assert_eq!((event.pid, event.name.as_ref()), (child.id(), "after"));
    assert!(matches!(event.kind, EventKind::Executed { former } if former == "before"));
    assert_eq!(fixture.snapshot().get(child.id()).expect("it lives").name, "after");
    drop(hold);
    let waited = child.wait().expect("its handle owns it");
    succeeded(&waited);
    assert!(waited.usage.total() >= Duration::from_millis(4));
    assert_eq!(child.name(), "before", "a handle is for what was made");
}

/// The name of a zombie is its last one, and so is that in the events of its end.
#[test]
fn a_zombie_has_its_last_name() {
    let fixture = fixture();
    let events = fixture.events(EventFilter::EXITED);
    let (pid, name) = fixture.inside(|p| {
        let child = p.spawn(Command::new("first", |p| end(p, 3))).expect("room").id();
        let flags = WaitFlags::EXITED | WaitFlags::NOWAIT;
        let _zombie = p.waitid(WaitFor::Pid(child), flags).expect("my child").expect("no NOHANG");
        (child, p.name().to_owned())
    });
    assert_eq!(name, "inside");
    let event = std::iter::from_fn(|| Some(soon(&events))).find(|event| event.pid == pid).expect("it ended");
    assert_eq!(event.name, "ends");
}

/// Says its name when it is dropped.
struct Note(&'static str, Sender<&'static str>);

impl Drop for Note {
    fn drop(&mut self) {
        self.1.send(self.0).expect("the test listens");
    }
}

/// Rows 19, 26 and 32: what was the old body's is gone when the new one begins, in order, and no hook runs.
#[test]
fn what_was_the_old_bodys_goes() {
    static OWN: Local<OnceLock<Note>> = Local::new(OnceLock::new);
    static LWPS: LwpLocal<RefCell<Option<Note>>> = LwpLocal::new(RefCell::default);
    fn assert_new(p: &Process) {
        OWN.with(p, |own| assert!(own.get().is_none())).expect("it lives");
        LWPS.with(p, |own| assert!(own.borrow().is_none())).expect("it lives");
        assert_eq!(p.arena().expect("it lives").used(), 0);
    }
    let fixture = fixture();
    let (say, said) = unbounded();
    let (give, given): (_, Receiver<ArenaBox<Note>>) = unbounded();
    let seen = said.clone();
    let child = fixture.child("old", move |p| {
        let note = |name| Note(name, say.clone());
        let _on_stack = note("stack");
        OWN.with(p, |own| assert!(own.set(note("local")).is_ok())).expect("it lives");
        LWPS.with(p, |own| drop(own.replace(Some(note("LWP's"))))).expect("it lives");
        give.send(p.arena().expect("it lives").alloc(note("arena")).expect("room"))
            .expect("the test listens");
        let hook = note("hook, dropped");
        p.on_exit(move |_, _| {
            let _dropped = hook;
            panic!("hooks do not run");
        })
        .expect("it lives");
        p.on_term({
            let handler = note("handler");
            move |_| owns(&handler)
        });
        p.exec(Command::new("new", move |p| {
            let gone: Vec<_> = seen.try_iter().collect();
            assert_eq!(gone, ["stack", "LWP's", "handler", "hook, dropped", "local", "arena"]);
            assert_new(p);
            let old = given.recv().expect("it was sent");
            assert_eq!(errno(old.with(p, |_| ())), libc::EFAULT);
            // What the new one has is its own, hooks included.
            let kept = p.arena().expect("it lives").alloc(Note("anew", say.clone())).expect("room");
            std::mem::forget(kept);
            p.on_exit(move |_, _| say.send("hook of the new one").expect("the test listens"))
                .expect("it lives");
        }))
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(said.try_iter().collect::<Vec<_>>(), ["hook of the new one", "anew"]);
}

/// Decision 13: a destructor that panics on the way does not stop it.
#[test]
fn a_panicking_destructor_of_the_old_body_stops_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("old bomb");
        }
    }
    static OWN: Local<Bomb> = Local::new(|| Bomb);
    let fixture = fixture();
    let events = fixture.events(EventFilter::TROUBLE);
    let child = fixture.child("armed", |p| {
        OWN.with(p, |_| ()).expect("it lives");
        end(p, 4)
    });
    let message = next_event(&events, child.id(), |kind| match kind {
        EventKind::DropPanicked { message } => Some(message.clone()),
        _ => None,
    });
    assert_eq!(message, "old bomb");
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(4));
}

/// While the old body's things are dropped, nothing new is made and nothing sleeps.
#[test]
fn destructors_on_the_way_make_no_lwps_and_do_not_sleep() {
    struct Tries(Sender<[i32; 3]>);
    impl Drop for Tries {
        fn drop(&mut self) {
            let p = greenproc::current().expect("it is dropped as its process");
            let errors = [errno(p.spawn_lwp(|_| ())), errno(p.sleep(AN_HOUR)), errno(end(&p, 0))];
            self.0.send(errors).expect("the test listens");
        }
    }
    static OWN: Local<OnceLock<Tries>> = Local::new(OnceLock::new);
    let fixture = fixture();
    let (say, said) = unbounded();
    let child = fixture.child("tries", move |p| {
        OWN.with(p, |own| assert!(own.set(Tries(say)).is_ok())).expect("it lives");
        end(p, 4)
    });
    assert_eq!(soon(&said), [libc::ESRCH, libc::EINTR, libc::EINVAL]);
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(4));
}

/// POSIX: caught signals have their default action again, ignored ones stay ignored; mask and pending signals stay.
#[test]
fn handlers_go_and_what_is_ignored_masked_or_pending_stays() {
    let fixture = fixture();
    let body = |p: &Process| {
        let never = SigAction::handler(|_, _| panic!("its body is gone"));
        p.sigaction(Signal::USR1, never.clone().flags(SaFlags::RESTART)).expect("it can be caught");
        p.sigaction(Signal::WINCH, never.clone()).expect("it can be caught");
        p.sigaction(Signal::USR2, SigAction::IGNORE).expect("it can be ignored");
        p.sigaction(Signal::CHLD, SigAction::NO_CHILD_WAIT).expect("it can be ignored");
        p.sigmask(MaskHow::Set, Signal::USR1).expect("it lives");
        p.raise(Signal::USR1).expect("it lives");
        p.exec(Command::new("after", |p: &Process| {
            let action = |signal| p.sigaction(signal, SigAction::DEFAULT).expect("it lives");
            assert!(p.sigpending().contains(Signal::USR1));
            assert!(p.sigmask_now().contains(Signal::USR1));
            assert!(action(Signal::USR1).is_default());
            assert!(action(Signal::WINCH).is_default());
            assert!(action(Signal::USR2).is_ignore());
            assert_eq!(action(Signal::CHLD), SigAction::DEFAULT);
            // A child leaves a zombie again.
            succeeded(
                &p.spawn(Command::new("child", |_| {})).expect("room").wait().expect("it left a zombie"),
            );
            p.sigmask(MaskHow::Set, greenproc::SigSet::EMPTY).expect_err("it dies of what was pending");
        }))
    };
    let status = fixture.run(Command::new("before", body)).expect("room");
    assert_eq!(status.signal(), Some(Signal::USR1));
}

/// Linux: the exit signal is SIGCHLD again, and a wait of the parent that sleeps sees the child from then on.
#[test]
fn the_exit_signal_is_sigchld_again() {
    let fixture = fixture();
    fixture.inside(|p| {
        for exit_signal in [None, Some(Signal::USR1)] {
            let (_hold, held) = hold();
            let other = p.spawn(Command::new("other", held)).expect("room");
            let child =
                p.spawn(Command::new("before", |p| end(p, 3)).exit_signal(exit_signal)).expect("room");
            // Not asked for by any flag.
            let waited = p.wait().expect("my child");
            assert_eq!((waited.pid, waited.status.code()), (child.id(), Some(3)));
            other.kill().expect("it lives");
            assert_eq!(other.wait().expect("mine").status.signal(), Some(Signal::KILL));
        }
        assert_eq!(errno(p.wait4(WaitFor::Any, WaitFlags::ALLSIG)), libc::ECHILD);
    });
}

/// Who ignores its children does so afterwards; so do those made then.
#[test]
fn ignored_children_stay_ignored() {
    let fixture = fixture();
    succeeds(&fixture, |p| {
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        let (hold, held) = hold();
        p.spawn(Command::new("child", held)).expect("room");
        p.exec(Command::new("after", move |p: &Process| {
            drop(hold);
            assert_eq!(errno(p.wait()), libc::ECHILD);
        }))
    });
}

/// A signal that waited for its handler ends the process by default; a polite SIGTERM too.
#[test]
fn what_waited_for_a_handler_has_its_default_action() {
    let fixture = fixture();
    let body = |p: &Process| {
        p.sigaction(Signal::USR1, SigAction::handler(|_, _| panic!("its body is gone")))
            .expect("it can be caught");
        p.critical(|| {
            p.raise(Signal::USR1).expect("it lives");
            p.exec(Command::new("after", |p| p.checkpoint())).map(|_| ())
        })
    };
    assert_eq!(fixture.run(Command::new("caught", body)).expect("room").signal(), Some(Signal::USR1));
    let body = |p: &Process| {
        p.on_term(|_| panic!("its body is gone"));
        p.critical(|| {
            p.kill(p.pid(), Signal::TERM).expect("it lives");
            p.exec(Command::new("after", |p| p.checkpoint())).map(|_| ())
        })
    };
    assert_eq!(fixture.run(Command::new("polite", body)).expect("room").signal(), Some(Signal::TERM));
}

/// A new body is not polite about SIGTERM before it says so.
#[test]
fn politeness_goes() {
    let fixture = fixture();
    let (say, said) = unbounded();
    let child = fixture.child("polite", move |p| {
        assert!(!p.stop_requested());
        p.exec(Command::new("after", move |p: &Process| {
            say.send(()).expect("the test listens");
            p.sleep(AN_HOUR)
        }))
    });
    soon(&said);
    child.signal(Signal::TERM).expect("it is not reaped");
    assert_eq!(child.wait().expect("its handle owns it").status.signal(), Some(Signal::TERM));
}

/// Called in a handler, it leaves the mask as it was outside, also out of `sigtimedwait`.
#[test]
fn an_exec_in_a_handler_leaves_the_mask_as_it_was() {
    let fixture = fixture();
    let body = |p: &Process| {
        let becomes = SigAction::handler(|p, _| {
            let body = |p: &Process| {
                assert!(p.sigmask_now().is_empty(), "{:?}", p.sigmask_now());
                // Nobody awaits it any more: it does what it does by default.
                p.raise(Signal::HUP)
            };
            p.exec(Command::new("after", body)).map(|_| ()).expect("it is plain");
        });
        p.sigaction(Signal::USR1, becomes.mask(Signal::USR2)).expect("it can be caught");
        p.kill(p.pid(), Signal::USR1).expect("it lives");
        p.sigtimedwait(Signal::HUP, None).map(drop)
    };
    assert_eq!(fixture.run(Command::new("before", body)).expect("room").signal(), Some(Signal::HUP));
}

/// It can be done any number of times; the stack does not grow.
#[test]
fn a_process_can_become_another_many_times() {
    const TIMES: usize = 2_000;
    let fixture = Fixture::with(|builder| {
        builder.program("counts", |p| {
            let count: usize = p.args()[0].parse().expect("a number");
            if count == TIMES {
                return Ok(p.pid().as_raw());
            }
            p.exec(Command::program("counts").arg((count + 1).to_string())).map(|never| match never {})
        })
    });
    for command in [Command::program("counts"), Command::program("counts").own_thread()] {
        let child = fixture.spawn(command.arg("0").stack_size(1 << 16)).expect("room");
        let waited = child.wait().expect("its handle owns it");
        assert_eq!(waited.status, ExitStatus::exited(child.id().as_raw()));
    }
}

/// A body that swallows its unwinding meets the request again, or is over when it returns.
#[test]
fn a_body_that_swallows_its_unwinding_is_replaced_all_the_same() {
    let fixture = fixture();
    let returns = |p: &Process| {
        assert!(catch_unwind(AssertUnwindSafe(|| end(p, 6))).is_err());
        assert_eq!(errno(p.spawn_lwp(|_| ())), libc::ESRCH);
        1
    };
    assert_eq!(fixture.run(Command::new("returns", returns)).expect("room").code(), Some(6));
    let goes_on = |p: &Process| {
        assert!(catch_unwind(AssertUnwindSafe(|| end(p, 6))).is_err());
        loop {
            p.checkpoint();
        }
    };
    assert_eq!(fixture.run(Command::new("goes on", goes_on)).expect("room").code(), Some(6));
    let panics = |p: &Process| {
        assert!(catch_unwind(AssertUnwindSafe(|| end(p, 6))).is_err());
        panic!("on purpose");
    };
    let status = fixture.run(Command::new("panics", panics)).expect("room");
    assert_eq!(status, ExitStatus::dumped(Signal::ABRT));
}

/// What a command for new processes says is EINVAL, and so is an exec that cannot unwind.
#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let fixture = fixture();
    let changes: [fn(Command) -> Command; 10] = [
        |command| command.process_group(ProcessGroup::New),
        Command::new_session,
        |command| command.signal_mask(Signal::HUP),
        |command| command.exit_signal(None),
        |command| command.limits(greenproc::Limits::default()),
        |command| command.stack_size(1 << 20),
        Command::own_thread,
        |command| command.traced(TraceOptions::empty()),
        Command::stop_on_exit,
        Command::counted,
    ];
    fixture.inside(move |p| {
        for (case, change) in changes.into_iter().enumerate() {
            assert_eq!(errno(p.exec(change(Command::program("ends")))), libc::EINVAL, "case {case}");
        }
        assert_eq!(errno(p.exec(Command::new("x".repeat(256), |_| {}))), libc::ENAMETOOLONG);
        assert_eq!(errno(p.exec(Command::new("\0", |_| {}))), libc::EINVAL);
        assert_eq!(p.name(), "inside");
    });
    let (say, said) = unbounded();
    let child = fixture.child("unwinds", move |p: &Process| {
        let say = say.clone();
        let late = say.clone();
        p.on_exit(move |p, _| late.send(errno(end(p, 1))).expect("the test listens")).expect("it lives");
        let _guard = OnDrop(move || {
            let p = greenproc::current().expect("it unwinds as its process");
            say.send(errno(end(&p, 1))).expect("the test listens");
        });
        p.exit(2)
    });
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(2));
    // The end is decided in both.
    assert_eq!(said.try_iter().collect::<Vec<_>>(), [libc::ESRCH, libc::ESRCH]);
}

/// Decision 14: EACCES for a child that has executed, not for the caller itself.
#[test]
fn the_group_of_a_child_that_has_executed_is_its_own_business() {
    let fixture = fixture();
    fixture.inside(|p| {
        let (hold, held) = hold();
        let (say, said) = unbounded();
        let child = p.spawn(Command::new("before", move |p| {
            say.send(()).expect("the parent listens");
            p.exec(Command::new("after", move |p: &Process| {
                p.setpgid(None, None).expect("its own");
                say.send(()).expect("the parent listens");
                held(p);
            }))
        }));
        let child = child.expect("room");
        p.recv(&said).expect("it begins");
        p.recv(&said).expect("it executes");
        assert_eq!(errno(p.setpgid(Some(child.id()), None)), libc::EACCES);
        assert_eq!(errno(p.setpgid(Some(child.id()), Some(p.pgid()))), libc::EACCES);
        drop(hold);
        succeeded(&child.wait().expect("mine"));
    });
}

/// A `Process` of the old body is one that was kept beyond its LWP's end.
#[test]
fn a_process_of_the_old_body_is_stale() {
    thread_local! {
        static KEPT: RefCell<Option<Process>> = const { RefCell::new(None) };
    }
    let fixture = fixture();
    succeeds(&fixture, |p| {
        drop(KEPT.replace(Some(p.clone())));
        p.exec(Command::new("after", |p: &Process| {
            let old = KEPT.take().expect("kept on the thread");
            assert_eq!(errno(old.spawn(Command::new("child", |_| {}))), libc::ESRCH);
            assert_eq!(errno(old.exec(Command::program("ends"))), libc::ESRCH);
            assert_eq!(errno(old.wait()), libc::ESRCH);
            assert_eq!(errno(p.wait()), libc::ECHILD);
            assert!(greenproc::current().expect("a process").wait().is_err());
        }))
    });
}

/// Row 24: the personality stays, unless the command has another.
#[test]
fn the_personality_stays_unless_the_command_has_one() {
    let fixture = fixture();
    let adds = |number: i32| {
        move |_: &Process, ending: &greenproc::Ending| {
            ExitStatus::exited(ending.status.code().unwrap_or(0) + number)
        }
    };
    let keeps = Command::new("keeps", |p| end(p, 1)).personality(adds(10));
    assert_eq!(fixture.run(keeps).expect("room").code(), Some(11));
    let body = move |p: &Process| p.exec(Command::program("ends").arg("1").personality(adds(20)));
    assert_eq!(
        fixture.run(Command::new("changes", body).personality(adds(10))).expect("room").code(),
        Some(21)
    );
}

/// Row 21: the record of a process that has executed says so, with its last name and all that it used.
#[test]
fn its_record_says_that_it_has_executed() {
    let (sender, records) = unbounded();
    let sink = move |record: &Record| sender.send(record.clone()).map_err(std::io::Error::other);
    let fixture = Fixture::with(|builder| builder.accounting(sink));
    let body = |p: &Process| {
        burn(Duration::from_millis(4));
        p.exec(Command::new("after", |_| {}))
    };
    assert!(fixture.run(Command::new("before", body)).expect("room").success());
    let record = soon(&records);
    assert_eq!((record.name.as_ref(), record.flags.contains(Flags::FORKED)), ("after", false));
    assert!(record.usage.total() >= Duration::from_millis(4));
}

/// `NOTE_EXEC`: who watches is told.
#[test]
fn who_watches_is_told() {
    let fixture = fixture();
    let (hold, held) = hold();
    let child = fixture.child("watched", move |p| {
        held(p);
        end(p, 5)
    });
    let watch = fixture.watch(child.id(), NoteFlags::EXEC | NoteFlags::EXIT).expect("it lives");
    drop(hold);
    assert!(matches!(watch.recv().expect("it executes").kind, NoteKind::Exec));
    assert!(matches!(watch.recv().expect("it ends").kind, NoteKind::Exit { .. }));
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(5));
}

/// Init may become another, and is init still.
#[test]
fn init_can_be_replaced() {
    let (say, said) = unbounded();
    let fixture = Fixture::with(|builder| {
        builder.init(move |p| {
            p.exec(Command::new("second init", move |p: &Process| {
                let own = p.spawn(Command::new("child", |_| {})).expect("room").id();
                assert_eq!(p.wait().expect("my child").pid, own);
                say.send(p.pid().as_raw()).expect("the test listens");
                8
            }))
        })
    });
    assert_eq!(soon(&said), 1);
    assert_eq!(fixture.wait().expect("it ended by itself"), ExitStatus::exited(8));
    fixture.is_down(ExitStatus::exited(8));
}

/// What the new body's closure owns is dropped if it never runs.
#[test]
fn a_command_that_is_refused_is_dropped() {
    struct Counted<'a>(&'a AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    let fixture = fixture();
    fixture.inside(|p| {
        let counted = Counted(&DROPPED);
        let command = Command::new("never", move |_| drop(counted)).stack_size(1);
        assert_eq!(errno(p.exec(command)), libc::EINVAL);
        assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    });
}
