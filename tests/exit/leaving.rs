//! How the other LWPs of a process are made to leave: rows 7, 45, 50 and 51, mistake m.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, select, unbounded};
use greenproc::{Command, ExitStatus, JoinError, KillableMutex, Pid, Process, Signal, WaitFlags, WaitFor};
use greenproc_tests::{AN_HOUR, Fixture, hold, soon, stay};

use crate::{Case, Counted, round_trip};

/// Rows 4 and 50: any LWP can end the process, also when the main one sleeps.
#[test]
fn an_exit_of_another_lwp_ends_the_process_and_the_sleeping_main_lwp() {
    let fixture = Fixture::boot();
    let dropped = Arc::new(AtomicUsize::new(0));
    for code in [0, 7] {
        let mains = Counted(Arc::clone(&dropped));
        let child = fixture.child("sleeps", move |p| {
            let _mains = mains;
            p.spawn_lwp(move |p| p.exit(code)).expect("room").detach();
            p.sleep(AN_HOUR).expect("it is not polite");
            99
        });
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::exited(code));
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 2, "the main LWP was unwound");
}

/// Where the LWPs of a process that is about to end can be.
#[derive(Clone, Copy, Debug)]
enum Whereabouts {
    Sleep,
    Recv,
    RecvTimeout,
    Send,
    Select,
    Wait,
    WaitTimeout,
    WaitForPid,
    Join,
    Blocking,
    BlockingWith,
    Lock,
    Running,
}

impl Whereabouts {
    const ALL: [Whereabouts; 13] = [
        Whereabouts::Sleep,
        Whereabouts::Recv,
        Whereabouts::RecvTimeout,
        Whereabouts::Send,
        Whereabouts::Select,
        Whereabouts::Wait,
        Whereabouts::WaitTimeout,
        Whereabouts::WaitForPid,
        Whereabouts::Join,
        Whereabouts::Blocking,
        Whereabouts::BlockingWith,
        Whereabouts::Lock,
        Whereabouts::Running,
    ];

    /// Goes there, for good. `child` is one that lives.
    fn go(self, p: &Process, child: Pid, lock: &KillableMutex<()>) {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        match self {
            Whereabouts::Sleep => drop(p.sleep(AN_HOUR)),
            Whereabouts::Recv => drop(p.recv(&receiver)),
            Whereabouts::RecvTimeout => drop(p.recv_timeout(&receiver, AN_HOUR)),
            Whereabouts::Send => {
                sender.send(()).expect("there is room for one");
                drop(p.send(&sender, ()));
            }
            Whereabouts::Select => {
                let interrupts = p.interrupts();
                loop {
                    select! {
                        recv(receiver) -> _ => return,
                        recv(interrupts) -> _ => p.checkpoint(),
                    }
                }
            }
            Whereabouts::Wait => drop(p.wait()),
            Whereabouts::WaitTimeout => drop(p.wait_timeout(WaitFor::Any, WaitFlags::empty(), AN_HOUR)),
            Whereabouts::WaitForPid => drop(p.wait4(WaitFor::Pid(child), WaitFlags::empty())),
            Whereabouts::Join => {
                let other = p.spawn_lwp(|p| p.sleep(AN_HOUR)).expect("room");
                drop(other.join(p));
            }
            Whereabouts::Blocking => {
                let (mut silent, _open) = std::io::pipe().expect("a pipe");
                drop(p.blocking(|| std::io::Read::read(&mut silent, &mut [0; 1])));
            }
            Whereabouts::BlockingWith => {
                // A receive that knows nothing of EINTR; the cancellation ends it.
                let ends = KillableMutex::new(Some(sender.clone()));
                let receiver = receiver.clone();
                drop(sender);
                let call = || receiver.recv().map_err(std::io::Error::other);
                let cancel = move || drop(ends.try_lock().expect("it is cancelled once").take());
                drop(p.blocking_with(call, cancel));
            }
            Whereabouts::Lock => drop(lock.lock(p)),
            Whereabouts::Running => loop {
                p.checkpoint();
            },
        }
        drop(receiver);
    }
}

/// How a process with several LWPs ends.
#[derive(Clone, Copy, Debug)]
enum End {
    MainReturns,
    MainExits,
    MainPanics,
    OtherExits,
    Killed,
}

impl End {
    const ALL: [End; 5] = [End::MainReturns, End::MainExits, End::MainPanics, End::OtherExits, End::Killed];

    fn status(self) -> ExitStatus {
        match self {
            End::MainReturns | End::MainExits | End::OtherExits => ExitStatus::exited(3),
            End::MainPanics => ExitStatus::dumped(Signal::ABRT),
            End::Killed => ExitStatus::killed(Signal::KILL),
        }
    }

    fn come(self, p: &Process, go: &Receiver<()>) -> i32 {
        stay(p, go);
        match self {
            End::MainReturns => 3,
            End::MainExits => p.exit(3),
            End::MainPanics => panic!("on purpose"),
            End::OtherExits => {
                p.spawn_lwp(|p| p.exit(3)).expect("room").detach();
                p.sleep(AN_HOUR).map_or(1, |()| 0)
            }
            End::Killed => {
                p.kill(p.pid(), Signal::KILL).expect("itself");
                loop {
                    p.checkpoint();
                }
            }
        }
    }
}

/// Rows 7, 50 and 51: wherever they are, they leave, unwound, before the zombie can be seen.
#[test]
fn when_a_process_ends_its_other_lwps_leave_wherever_they_are() {
    let fixture = Fixture::boot();
    for place in Whereabouts::ALL {
        for end in End::ALL {
            let dropped = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&dropped);
            let (there, is_there) = unbounded();
            let (go, gone) = crossbeam_channel::bounded::<()>(0);
            let (hold, held) = hold();
            let child = fixture.child("several", move |p| {
                let lock = Arc::new(KillableMutex::new(()));
                let _guard = lock.lock(p).expect("it is free");
                let below = p.spawn(Command::new("below", held)).expect("room").id();
                for _ in 0..2 {
                    let (there, lock) = (there.clone(), Arc::clone(&lock));
                    let counted = Counted(Arc::clone(&count));
                    let lwp = move |p: &Process| {
                        let _counted = counted;
                        there.send(()).expect("the test listens");
                        place.go(p, below, &lock);
                    };
                    p.spawn_lwp(lwp).expect("room").detach();
                }
                end.come(p, &gone)
            });
            (0..2).for_each(|_| soon(&is_there));
            fixture.inside(|_| {});
            drop(go);
            let status = child.wait().expect("its handle owns it").status;
            assert_eq!(status, end.status(), "in {place:?}, {end:?}");
            assert_eq!(dropped.load(Ordering::Relaxed), 2, "in {place:?}, {end:?}: both were unwound");
            drop(hold);
        }
    }
}

/// Row 51: LWPs that were not even begun leave as well, and what they own is dropped.
#[test]
fn lwps_that_are_still_queued_leave_too() {
    const LWPS: usize = 60;
    let fixture = Fixture::boot();
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let child = fixture.child("crowded", move |p| {
        for _ in 0..LWPS {
            let counted = Counted(Arc::clone(&count));
            let lwp = move |p: &Process| {
                let _counted = counted;
                p.sleep(AN_HOUR)
            };
            p.spawn_lwp(lwp).expect("room").detach();
        }
        p.exit(2)
    });
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(2));
    assert_eq!(dropped.load(Ordering::Relaxed), LWPS);
}

/// Row 51, mistake m: LWPs that make LWPs do not keep the process alive.
#[test]
fn a_process_whose_lwps_make_lwps_ends_all_the_same() {
    fn breed(p: &Process, made: &Sender<()>) {
        loop {
            p.checkpoint();
            let made = made.clone();
            let _ = made.try_send(());
            match p.spawn_lwp(move |p| p.sleep(Duration::from_millis(1)).map(|()| drop(made))) {
                Ok(lwp) => lwp.detach(),
                Err(error) => assert!([libc::ESRCH, libc::EAGAIN].contains(&error.errno()), "{error}"),
            }
        }
    }
    let fixture = Fixture::with(|builder| builder.max_lwps(40));
    for _ in 0..20 {
        let (made, is_made) = crossbeam_channel::bounded(16);
        let child = fixture.child("breeds", move |p| {
            let (go, gone) = unbounded::<()>();
            for _ in 0..2 {
                let (made, gone) = (made.clone(), gone.clone());
                let breeder = move |p: &Process| {
                    // One of them alone would take all the room there is.
                    assert!(gone.recv().is_err(), "nothing is ever sent");
                    breed(p, &made);
                };
                p.spawn_lwp(breeder).expect("room").detach();
            }
            drop((made, go));
            p.sleep(AN_HOUR)
        });
        (0..16).for_each(|_| soon(&is_made));
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
    }
}

/// Row 51: an LWP that swallows its unwinding and goes back to sleep is made to leave again.
#[test]
fn an_lwp_that_goes_back_to_sleep_is_caught_again() {
    let fixture = Fixture::boot();
    let sleeps: [Case; 4] = [
        ("sleep", |p| drop(p.sleep(AN_HOUR))),
        ("wait", |p| drop(p.wait())),
        ("recv", |p| drop(p.recv(&crossbeam_channel::never::<()>()))),
        ("checkpoint", |p| {
            loop {
                p.checkpoint();
            }
        }),
    ];
    for (what, sleep) in sleeps {
        let swallowed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&swallowed);
        let (there, is_there) = unbounded();
        let (hold, held) = hold();
        let child = fixture.child("stubborn", move |p| {
            p.spawn(Command::new("below", held)).expect("room");
            there.send(()).expect("the test listens");
            for _ in 0..5 {
                catch_unwind(AssertUnwindSafe(|| sleep(p))).expect_err("it never wakes by itself");
                count.fetch_add(1, Ordering::Relaxed);
            }
            44
        });
        soon(&is_there);
        round_trip(&fixture);
        child.kill().expect("it lives");
        let status = child.wait().expect("its handle owns it").status;
        assert_eq!(
            status,
            ExitStatus::killed(Signal::KILL),
            "what it returned in the end is not how it ended: {what}"
        );
        assert_eq!(swallowed.load(Ordering::Relaxed), 5, "{what}");
        drop(hold);
    }
}

/// Row 45: those who join LWPs that join others leave too, and a handle is worth nothing in another process.
#[test]
fn lwps_that_join_one_another_leave_with_the_process() {
    let fixture = Fixture::boot();
    let (give, given) = unbounded();
    let child = fixture.child("chain", move |p| {
        let (there, is_there) = unbounded();
        let mut last = p.spawn_lwp(|p| drop(p.sleep(AN_HOUR))).expect("room");
        for _ in 0..5 {
            let there = there.clone();
            let join = move |p: &Process| {
                there.send(()).expect("main listens");
                drop(last.join(p));
            };
            last = p.spawn_lwp(join).expect("room");
        }
        (0..5).for_each(|_| p.recv(&is_there).expect("they come"));
        give.send(last).expect("the test listens");
        7
    });
    let last = soon(&given);
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(7));
    fixture.inside(move |p| {
        assert!(matches!(last.join(p), Err(JoinError::Failed(error)) if error.errno() == libc::ESRCH));
    });
}
