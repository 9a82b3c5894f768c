//! The other LWPs leave, and what else may end the process meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::{Child, Command, ExitStatus, LwpId, LwpState, Process, Signal, State, WaitFlags, WaitFor};
use greenproc_tests::{AN_HOUR, Barrier, Fixture, OnDrop, barrier, errno, owns, soon};

use crate::{end, fixture};

/// How often a race is run.
const ROUNDS: usize = 200;

/// A place to sleep in.
type Place = fn(&Process, &Receiver<()>);

/// Rows 50 and 51: wherever the others are, they leave, and what they own goes, before the new body begins.
#[test]
fn the_other_lwps_leave_wherever_they_are() {
    let fixture = fixture();
    let left = Arc::new(AtomicUsize::new(0));
    let leaving = Arc::clone(&left);
    let body = move |p: &Process| {
        let count = || {
            let leaving = Arc::clone(&leaving);
            OnDrop(move || {
                leaving.fetch_add(1, Ordering::Relaxed);
            })
        };
        let _main = count();
        let (_open, silent) = unbounded::<()>();
        let places: [Place; 5] = [
            |p, _| drop(p.sleep(AN_HOUR)),
            |p, silent| drop(p.recv(silent)),
            |p, _| drop(p.wait()),
            |p, _| {
                let (mut silent, _open) = std::io::pipe().expect("the host has a pipe");
                drop(p.blocking(|| std::io::Read::read(&mut silent, &mut [0])));
            },
            |p, _| loop {
                p.checkpoint();
            },
        ];
        // Somebody to wait for.
        p.spawn(Command::new("child", |p| p.sleep(AN_HOUR))).expect("room");
        let (there, is_there) = unbounded();
        for place in places {
            let (held, there, silent) = (count(), there.clone(), silent.clone());
            let lwp = move |p: &Process| {
                let _held = held;
                there.send(()).expect("main listens");
                place(p, &silent);
            };
            p.spawn_lwp(lwp).expect("room").detach();
        }
        for _ in 0..5 {
            p.recv(&is_there).expect("they come");
        }
        let left = Arc::clone(&leaving);
        let becomes = move |p: &Process| {
            let after = move |p: &Process| {
                assert_eq!((p.lwp_id(), left.load(Ordering::Relaxed)), (LwpId::MAIN, 6));
                p.spawn_lwp(|_| ()).expect("LWPs may come again").join(p).expect("it returns");
                9
            };
            p.exec(Command::new("after", after))
        };
        p.spawn_lwp(becomes).expect("room").detach();
        p.sleep(AN_HOUR)
    };
    assert_eq!(fixture.run(Command::new("many", body)).expect("room").code(), Some(9));
    assert_eq!(left.load(Ordering::Relaxed), 6);
}

/// Mistake m: LWPs that make LWPs all the time are caught; those that have no thread yet never begin.
#[test]
fn no_lwp_is_made_behind_its_back() {
    fn breeds(p: &Process) {
        loop {
            if let Ok(lwp) = p.spawn_lwp(breeds) {
                lwp.detach();
            }
            p.checkpoint();
        }
    }
    let fixture = Fixture::with(|builder| builder.max_lwps(20));
    for round in 0..ROUNDS as i32 / 4 {
        let body = move |p: &Process| {
            for _ in 0..3 {
                // There may be no room: the first ones breed already.
                if let Ok(lwp) = p.spawn_lwp(breeds) {
                    lwp.detach();
                }
            }
            let after = move |p: &Process| {
                let lwps = p.spawn(Command::new("looks", |_| {})).map(|child| child.wait());
                drop(lwps);
                round
            };
            p.exec(Command::new("after", after))
        };
        assert_eq!(fixture.run(Command::new("breeder", body)).expect("room").code(), Some(round));
    }
}

/// Makes an LWP, and waits, without a sleep, until it has begun: one that has no thread yet never would.
fn begin(p: &Process, body: impl FnOnce(&Process) + Send + 'static) {
    let (come, has_come) = unbounded();
    let lwp = p.spawn_lwp(move |p| {
        come.send(()).expect("its maker listens");
        body(p);
    });
    lwp.expect("room").detach();
    while has_come.try_recv().is_err() {
        std::thread::yield_now();
    }
}

/// A process whose other LWP, which may be the main one, is held in code without a checkpoint while the calling one
/// executes `ends 7`. `then` is what the held one does when it is let go.
fn held_up(fixture: &Fixture, main_is_held: bool, then: fn(&Process) -> i32) -> (Child, Barrier) {
    let (arrive, barrier) = barrier();
    let (come, has_come) = unbounded();
    let child = fixture.child("held up", move |p| {
        let holds = move |p: &Process| {
            let _come = come.send(());
            arrive();
            then(p)
        };
        let executes = move |p: &Process| {
            // Without a sleep, so that the first one it has is that of the exec.
            while has_come.try_recv().is_err() {
                std::thread::yield_now();
            }
            end(p, 7).map(|never| match never {}).expect("it is plain")
        };
        if main_is_held {
            p.spawn_lwp(executes).expect("room").detach();
            holds(p)
        } else {
            p.spawn_lwp(holds).expect("room").detach();
            executes(p)
        }
    });
    barrier.is_reached();
    // The decision is made when the other is asleep, waiting for the held one.
    let is_decided = || {
        let lwps = fixture.inspect(child.id()).expect("it lives").lwps;
        lwps.iter().any(|lwp| lwp.state == State::Sleeping)
    };
    while !is_decided() {
        std::thread::yield_now();
    }
    (child, barrier)
}

fn status(child: &Child) -> ExitStatus {
    child.wait().expect("its handle owns it").status
}

/// Decision 17: an end that is decided before the new body begins is the process's; what the others return is not.
#[test]
fn an_end_that_comes_before_the_new_body_wins() {
    type Case = (&'static str, fn(&Process) -> i32, ExitStatus);
    let cases: [Case; 5] = [
        ("returns", |_| 5, ExitStatus::exited(7)),
        ("leaves", |p| p.exit_lwp(), ExitStatus::exited(7)),
        ("executes", |p| end(p, 6).map_or(6, |never| match never {}), ExitStatus::exited(7)),
        ("exits", |p| p.exit(5), ExitStatus::exited(5)),
        ("panics", |_| panic!("on purpose"), ExitStatus::dumped(Signal::ABRT)),
    ];
    let fixture = fixture();
    for main_is_held in [false, true] {
        for (what, then, expected) in cases {
            let (child, barrier) = held_up(&fixture, main_is_held, then);
            drop(barrier);
            assert_eq!(status(&child), expected, "{what}, main is held: {main_is_held}");
        }
    }
}

/// Row 50: it can be killed while it waits for the others.
#[test]
fn a_kill_that_comes_before_the_new_body_wins() {
    let fixture = fixture();
    let (child, barrier) = held_up(&fixture, false, |_| 0);
    child.kill().expect("it is not reaped");
    drop(barrier);
    assert_eq!(status(&child), ExitStatus::killed(Signal::KILL));
}

/// Decision 16: it can be stopped while it waits for the others, and goes on when it is continued.
#[test]
fn it_can_be_stopped_on_the_way() {
    let fixture = fixture();
    let (arrive, barrier) = barrier();
    fixture.inside(move |p| {
        let child = p.spawn(Command::new("held up", move |p| {
            begin(p, move |_| arrive());
            end(p, 7)
        }));
        let child = child.expect("room");
        barrier.is_reached();
        p.kill(child.id(), Signal::STOP).expect("it lives");
        drop(barrier);
        let waited =
            p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("my child").expect("no NOHANG");
        assert_eq!(waited.status.stopped_signal(), Some(Signal::STOP));
        p.kill(child.id(), Signal::CONT).expect("it lives");
        assert_eq!(child.wait().expect("mine").status.code(), Some(7));
    });
}

/// Of two LWPs that execute at the same time one does, and the other is among those that leave.
#[test]
fn of_two_execs_one_takes_place() {
    let fixture = fixture();
    let (begin, begun): (Sender<i32>, _) = unbounded();
    for _ in 0..ROUNDS {
        let begin = begin.clone();
        let body = move |p: &Process| {
            let becomes = |code: i32| {
                let begin = begin.clone();
                move |p: &Process| {
                    p.exec(Command::new("after", move |_| {
                        begin.send(code).expect("the test listens");
                        code
                    }))
                    .map(|never| match never {})
                }
            };
            p.spawn_lwp(becomes(1)).expect("room").detach();
            becomes(2)(p)
        };
        let code = fixture.run(Command::new("two", body)).expect("room").code().expect("it exits");
        assert_eq!(soon(&begun), code);
        assert!(begun.is_empty());
    }
}

/// Row 10: the LWP that executes, whatever its number, has ended for those who look at it, and the new main one runs.
#[test]
fn who_looks_at_the_former_lwp_finds_that_it_has_ended() {
    let fixture = fixture();
    let body = |p: &Process| {
        let main = p.lwpctl().expect("it lives");
        let becomes = move |p: &Process| {
            let former = p.lwpctl().expect("it lives");
            p.exec(Command::new("after", move |p: &Process| {
                assert_eq!([main.state(), former.state()], [LwpState::Exited; 2]);
                assert_eq!(p.lwpctl().expect("it lives").state(), LwpState::Running);
            }))
        };
        p.spawn_lwp(becomes).expect("room").detach();
        p.sleep(AN_HOUR)
    };
    assert!(fixture.run(Command::new("before", body)).expect("room").success());
}

/// A race of exec and kill ends in one of the two, and nothing is lost of what either owns.
#[test]
fn an_exec_and_a_kill_at_once_leave_nothing() {
    let fixture = fixture();
    let mut killed = 0;
    for _ in 0..ROUNDS {
        let owned = Arc::new(());
        let [of_old, of_new, of_hook] = [(); 3].map(|()| Arc::clone(&owned));
        let child = fixture.child("raced", move |p| {
            p.on_exit(move |_, _| owns(&of_hook)).expect("it lives");
            p.spawn_lwp(|p| p.sleep(AN_HOUR)).expect("room").detach();
            let _old = OnDrop(move || owns(&of_old));
            p.exec(Command::new("after", move |_| {
                owns(&of_new);
                7
            }))
        });
        child.kill().expect("it is not reaped");
        let status = status(&child);
        killed += usize::from(status.signal() == Some(Signal::KILL));
        assert!(status.signal() == Some(Signal::KILL) || status.code() == Some(7), "{status}");
        assert_eq!(Arc::strong_count(&owned), 1);
    }
    assert!(killed > 0);
}

/// An LWP that is asked to leave makes no other one.
#[test]
fn an_lwp_that_is_asked_to_leave_makes_nothing_new() {
    let fixture = fixture();
    let (arrive, barrier) = barrier();
    let (say, said) = unbounded();
    let child = fixture.child("asked", move |p| {
        let lwp = move |p: &Process| {
            arrive();
            let asked = loop {
                match p.spawn_lwp(|_| ()) {
                    Ok(lwp) => lwp.detach(),
                    Err(error) => break error.errno(),
                }
                std::thread::yield_now();
            };
            say.send((asked, errno(p.spawn_lwp(|_| ())))).expect("the test listens");
        };
        begin(p, lwp);
        end(p, 7)
    });
    barrier.is_reached();
    drop(barrier);
    assert_eq!(soon(&said), (libc::ESRCH, libc::ESRCH));
    assert_eq!(status(&child).code(), Some(7));
}
