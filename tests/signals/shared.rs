//! Processes that share their actions (row 20).

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::{Child, Command, Process, RecvError, SaFlags, SigAction, Signal};
use greenproc_tests::{Fixture, OnDrop, errno, living, soon, succeeded};

use crate::{nothing, noting};

const ECHILD: i32 = 10;
const EINVAL: i32 = 22;

/// How often a race is run.
const ROUNDS: usize = 200;

/// What a sharer is to do.
type Order = Box<dyn FnOnce(&Process) + Send>;

/// A child of `p` that does what it is told, until the orders end.
fn sharer(p: &Process, change: impl FnOnce(Command) -> Command) -> (Child, Sender<Order>, Receiver<()>) {
    let (order, orders) = unbounded::<Order>();
    let (done, is_done) = unbounded();
    let body = move |p: &Process| {
        while let Ok(order) = p.recv(&orders) {
            order(p);
            done.send(()).expect("the parent listens");
        }
    };
    (p.spawn(change(Command::new("sharer", body))).expect("room"), order, is_done)
}

fn tell(
    (_, order, done): &(Child, Sender<Order>, Receiver<()>),
    what: impl FnOnce(&Process) + Send + 'static,
) {
    order.send(Box::new(what)).expect("it listens");
    soon(done);
}

/// Whether a child of `p` that ends leaves a zombie.
fn leaves_a_zombie(p: &Process, other: &Child) -> bool {
    let child = p.spawn(Command::new("ends", |_| 0)).expect("room");
    match child.wait() {
        Ok(waited) => waited.pid != other.id(),
        Err(error) => {
            assert_eq!(error.errno(), ECHILD);
            false
        }
    }
}

/// Row 20: what one sets holds for the other, both ways.
#[test]
fn what_one_sets_the_other_has() {
    Fixture::boot().inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::USR1, action).expect("it can be handled");
        let other = sharer(p, Command::share_signal_actions);
        let (later, noted_later) = noting();
        tell(&other, move |p| {
            assert!(p.action(Signal::USR1).is_handler());
            p.raise(Signal::USR1).expect("it is handled");
            p.sigaction(Signal::USR2, later).expect("it can be handled");
        });
        assert_eq!(soon(&noted).pid, other.0.id(), "it ran in the process that was signalled");
        p.raise(Signal::USR2).expect("it is handled here too");
        assert_eq!(soon(&noted_later).pid, p.pid());
        p.sigaction(Signal::USR1, SigAction::IGNORE).expect("it can be ignored");
        tell(&other, |p| {
            p.raise(Signal::USR1).expect("it is ignored");
            assert_eq!(p.action(Signal::USR1), SigAction::IGNORE);
        });
        drop(other.1);
        succeeded(&other.0.wait().expect("my child"));
    });
}

/// Without being told to share a child has a copy, also of a table that others share.
#[test]
fn a_child_has_a_copy_unless_it_shares() {
    Fixture::boot().inside(|p| {
        let one = sharer(p, Command::share_signal_actions);
        tell(&one, |p| drop(p.sigaction(Signal::USR1, SigAction::IGNORE).expect("it can be ignored")));
        let copy = sharer(p, |command| command);
        tell(&copy, |p| {
            p.raise(Signal::USR1).expect("what was set before it was made is there");
            p.sigaction(Signal::USR1, SigAction::DEFAULT).expect("it can be set");
            p.sigaction(Signal::USR2, SigAction::IGNORE).expect("it can be ignored");
        });
        assert_eq!((p.action(Signal::USR1), p.action(Signal::USR2)), (SigAction::IGNORE, SigAction::DEFAULT));
        p.sigaction(Signal::HUP, SigAction::IGNORE).expect("it can be ignored");
        tell(&copy, |p| assert!(p.action(Signal::HUP).is_default()));
        tell(&one, |p| {
            let below = sharer(p, Command::share_signal_actions);
            tell(&below, |p| drop(p.sigaction(Signal::ALRM, SigAction::IGNORE).expect("it can be ignored")));
            drop(below.1);
            succeeded(&below.0.wait().expect("my child"));
        });
        assert_eq!(p.action(Signal::ALRM), SigAction::IGNORE, "three share it, and two outlive the third");
        for (child, order, _) in [one, copy] {
            drop(order);
            succeeded(&child.wait().expect("my child"));
        }
    });
}

/// What is said of SIGCHLD is the tree's too, for every sharer, from the moment the call returns.
#[test]
fn ignored_children_are_ignored_by_all() {
    Fixture::boot().inside(|p| {
        let (hold, _held) = living(p, |command| command);
        let other = sharer(p, Command::share_signal_actions);
        assert!(leaves_a_zombie(p, &other.0));
        for action in [SigAction::IGNORE, SigAction::NO_CHILD_WAIT] {
            let set = action.clone();
            tell(&other, move |p| drop(p.sigaction(Signal::CHLD, set).expect("it can be set")));
            assert!(!leaves_a_zombie(p, &other.0));
            p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("it can be set");
            tell(&other, |p| {
                let child = p.spawn(Command::new("ends", |_| 0)).expect("room");
                succeeded(&child.wait().expect("it leaves a zombie"));
            });
            p.sigaction(Signal::CHLD, action).expect("it can be set");
            tell(&other, |p| {
                let child = p.spawn(Command::new("ends", |_| 0)).expect("room");
                assert_eq!(errno(child.wait()), ECHILD);
            });
            p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("it can be set");
        }
        drop(other.1);
        succeeded(&other.0.wait().expect("my child"));
        hold.kill().expect("it is mine");
        assert!(hold.wait().is_ok());
    });
}

/// A handler that another sharer set hears of one's own children, of those that end as of those that have ended.
#[test]
fn a_handler_of_the_other_hears_of_my_children() {
    Fixture::boot().inside(|p| {
        let other = sharer(p, Command::share_signal_actions);
        let (action, noted) = noting();
        tell(&other, move |p| drop(p.sigaction(Signal::CHLD, action).expect("it can be handled")));
        let child = p.spawn(Command::new("ends", |_| 7)).expect("room");
        let pid = child.id();
        while noted.is_empty() {
            p.checkpoint();
        }
        let info = soon(&noted);
        assert_eq!((info.pid, info.status), (pid, 7));
        assert_eq!(child.wait().expect("my child").status.code(), Some(7));
        tell(&other, |p| drop(p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("it can be set")));
        succeeded(&p.spawn(Command::new("ends", |_| 0)).expect("room").wait().expect("my child"));
        p.checkpoint();
        assert!(noted.is_empty(), "nobody listens any more");
        drop(other.1);
        succeeded(&other.0.wait().expect("my child"));
    });
}

/// `RESETHAND`: one sharer calls the function, then it is reset for all.
#[test]
fn a_handler_that_is_reset_is_reset_for_all() {
    Fixture::boot().inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::WINCH, action.flags(SaFlags::RESETHAND)).expect("it can be handled");
        let other = sharer(p, Command::share_signal_actions);
        p.raise(Signal::WINCH).expect("it is handled");
        tell(&other, |p| {
            assert!(p.action(Signal::WINCH).is_default());
            p.raise(Signal::WINCH).expect("ignored by default");
        });
        assert_eq!(soon(&noted).pid, p.pid());
        assert!(noted.is_empty());
        drop(other.1);
        succeeded(&other.0.wait().expect("my child"));
    });
}

/// An exec ends the sharing: what was caught has its default action there, and here it is as it was.
#[test]
fn an_exec_ends_the_sharing() {
    Fixture::boot().inside(|p| {
        let (ready, is_ready) = unbounded();
        let (go, may_go) = unbounded::<()>();
        p.sigaction(Signal::USR1, nothing()).expect("it can be handled");
        p.sigaction(Signal::USR2, SigAction::IGNORE).expect("it can be ignored");
        let after = Command::new("after", move |p: &Process| {
            assert!(p.action(Signal::USR1).is_default());
            assert_eq!(p.action(Signal::USR2), SigAction::IGNORE);
            p.sigaction(Signal::HUP, SigAction::IGNORE).expect("it can be ignored");
            ready.send(()).expect("the parent listens");
            assert!(p.recv(&may_go).is_err());
            let child = p.spawn(Command::new("ends", |_| 0)).expect("room");
            succeeded(&child.wait().expect("it leaves a zombie"));
        });
        let before = Command::new("before", move |p: &Process| {
            let refused = p.exec(Command::new("never", |_| {}).share_signal_actions());
            assert_eq!(errno(refused), EINVAL, "an exec makes no process");
            p.exec(after)
        });
        let child = p.spawn(before.share_signal_actions()).expect("room");
        soon(&is_ready);
        assert!(p.action(Signal::USR1).is_handler() && p.action(Signal::HUP).is_default());
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("it can be set");
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        drop(go);
        assert_eq!(errno(child.wait()), ECHILD);
    });
}

/// Row 20: the table goes with the last process that has it.
#[test]
fn the_last_sharer_drops_the_functions() {
    Fixture::boot().inside(|p| {
        let (pass, passed) = unbounded();
        let (drop_told, dropped) = unbounded();
        let middle = p
            .spawn(Command::new("middle", move |p: &Process| {
                let told = OnDrop(move || drop_told.send(()).expect("the test listens"));
                let handler = SigAction::handler(move |_, _| greenproc_tests::owns(&told));
                p.sigaction(Signal::USR1, handler).expect("it can be handled");
                let (_, order, done) = sharer(p, Command::share_signal_actions);
                pass.send((order, done)).expect("the test listens");
            }))
            .expect("room");
        let (order, done) = soon(&passed);
        succeeded(&middle.wait().expect("my child"));
        assert!(dropped.is_empty(), "its child has them");
        order.send(Box::new(|p| assert!(p.action(Signal::USR1).is_handler()))).expect("it listens");
        soon(&done);
        drop(order);
        soon(&dropped);
    });
}

/// Sharers that change the same action at once, while their children end, agree in the end.
#[test]
fn sharers_that_change_at_once_agree() {
    Fixture::boot().inside(|p| {
        for round in 0..ROUNDS {
            let (start, started) = unbounded::<()>();
            let change = move |p: &Process, started: &Receiver<()>, odd: usize| {
                while !matches!(p.recv(started), Err(RecvError::Disconnected)) {}
                for step in 0..4 {
                    let action = if (step + odd).is_multiple_of(2) { SigAction::IGNORE } else { nothing() };
                    p.sigaction(Signal::CHLD, action).expect("it can be set");
                    drop(p.spawn(Command::new("ends", |_| 0)).expect("room"));
                }
            };
            let theirs = started.clone();
            let (finish, may_finish) = unbounded::<()>();
            let (done, is_done) = unbounded();
            let body = move |p: &Process| {
                change(p, &theirs, round);
                done.send(()).expect("the parent listens");
                // The handler interrupts it.
                while !matches!(p.recv(&may_finish), Err(RecvError::Disconnected)) {}
                // What holds now holds for it too.
                let ignored = p.action(Signal::CHLD) == SigAction::IGNORE;
                let child = p.spawn(Command::new("ends", |_| 0)).expect("room");
                assert_eq!(child.wait().is_err(), ignored);
            };
            let (say, said) = unbounded();
            let body = move |p: &Process| {
                let _says = OnDrop(move || say.send(()).expect("the parent listens"));
                body(p);
            };
            let _child = p.spawn(Command::new("sharer", body).share_signal_actions()).expect("room");
            drop(start);
            change(p, &started, round + 1);
            soon(&is_done);
            let last = if round.is_multiple_of(2) { SigAction::IGNORE } else { SigAction::DEFAULT };
            p.sigaction(Signal::CHLD, last.clone()).expect("it can be set");
            let child = p.spawn(Command::new("ends", |_| 0)).expect("room");
            assert_eq!(child.wait().is_err(), last == SigAction::IGNORE);
            drop(finish);
            soon(&said);
            p.sigaction(Signal::CHLD, SigAction::DEFAULT).expect("it can be set");
            while let Ok(waited) = p.wait() {
                succeeded(&waited);
            }
        }
    });
}

/// `Command::default_signal_actions`: nothing of the parent's is there, from before the first signal; the mask is inherited.
#[test]
fn a_child_can_begin_with_the_default_actions() {
    Fixture::boot().inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::TERM, action).expect("it can be handled");
        p.sigaction(Signal::HUP, SigAction::IGNORE).expect("it can be ignored");
        for signal in [Signal::TERM, Signal::HUP] {
            let child = p.spawn(Command::new("child", |p| p.pause().map(drop)).default_signal_actions());
            let child = child.expect("room");
            child.signal(signal).expect("it lives, if it has not begun");
            assert_eq!(child.wait().expect("mine").status.signal(), Some(signal));
        }
        assert_eq!(noted.try_iter().count(), 0, "no handler has run");
        let looks = Command::new("looks", |p| {
            let defaults = [Signal::TERM, Signal::HUP].map(|signal| p.action(signal).is_default());
            i32::from(defaults != [true; 2])
        });
        succeeded(&p.spawn(looks.default_signal_actions()).expect("room").wait().expect("mine"));
    });
}
