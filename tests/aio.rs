//! Work that a process hands to a pool of its own.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | results, order, the bound, signals that tell of the end | POSIX `aio_read`, `aio_return`, `sigevent` |
//! | cancellation, of what waits and of what runs | POSIX `aio_cancel` |
//! | at the end what waits is cancelled and what runs is waited for | row 11 |

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use greenproc::{
    Aio, AioCancel, Command, ExitStatus, Limits, Process, SigAction, SigCode, SigSet, Signal, State,
};
use greenproc_tests::{AN_HOUR, Fixture, OnDrop, errno, owns, soon, succeeded};

const ESRCH: i32 = 3;
const EINTR: i32 = 4;
const EAGAIN: i32 = 11;
const EINVAL: i32 = 22;
const EDEADLK: i32 = 35;
const ECANCELED: i32 = 125;

/// As many as run at a time.
const HANDS: usize = 16;

/// Fills the pool with work that stays until it is let go of.
fn fill(p: &Process) -> (Vec<Aio<()>>, Sender<()>) {
    let (let_go, held) = bounded::<()>(0);
    let (begin, begun) = unbounded();
    let work = |held: Receiver<()>, begin: Sender<()>| {
        move |p: &Process| {
            begin.send(()).expect("the caller listens");
            while p.recv(&held).is_ok() {}
        }
    };
    let jobs = (0..HANDS).map(|_| p.aio(work(held.clone(), begin.clone())).expect("room")).collect();
    for _ in 0..HANDS {
        p.recv(&begun).expect("they begin");
    }
    (jobs, let_go)
}

#[test]
fn work_overlaps_and_its_results_are_collected() {
    Fixture::boot().inside(|p| {
        // Each needs the other: they run at once.
        let (say, said) = bounded(0);
        let one = p.aio(move |p| p.send(&say, 20).is_ok()).expect("room");
        let other = p.aio(move |p| p.recv(&said).map_or(0, |number| number + 1)).expect("room");
        assert_eq!((other.wait(p).expect("done"), one.wait(p).expect("done")), (21, true));
        assert_eq!(errno(other.wait(p)), EINVAL, "a result is taken once");
        assert_eq!(errno(other.try_get()), EINVAL);
        let many: Vec<_> = (0..200_usize).map(|n| p.aio(move |_| n * n).expect("room")).collect();
        for (n, job) in many.iter().enumerate() {
            assert_eq!(job.wait(p).expect("done"), n * n);
        }
    });
}

/// The pool is bounded; what is over that waits its turn.
#[test]
fn not_more_than_sixteen_run_at_a_time() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = unbounded();
    let (done, is_done) = unbounded::<()>();
    let child = fixture.child("full", move |p| {
        let (jobs, let_go) = fill(p);
        let next = p.aio(Process::lwp_id).expect("it waits");
        assert_eq!(errno(next.try_get()), EAGAIN);
        ready.send(()).expect("the test listens");
        assert!(p.recv(&is_done).is_err());
        drop(let_go);
        for job in jobs {
            job.wait(p).expect("done");
        }
        next.wait(p).expect("done");
    });
    soon(&is_ready);
    assert_eq!(fixture.inspect(child.id()).expect("it lives").lwps.len(), 1 + HANDS);
    drop(done);
    succeeded(&child.wait().expect("mine"));
}

#[test]
fn what_waits_is_cancelled_and_dropped() {
    Fixture::boot().inside(|p| {
        let (jobs, let_go) = fill(p);
        let (drop_told, dropped) = unbounded();
        let counted = |p: &Process| {
            let drop_told = drop_told.clone();
            let owned = OnDrop(move || drop_told.send(()).expect("the test listens"));
            p.aio(move |_| owns(&owned)).expect("it waits")
        };
        let one = counted(p);
        assert_eq!(one.cancel(p).expect("it is mine"), AioCancel::Cancelled);
        assert!(dropped.try_recv().is_ok(), "what it owned is dropped");
        assert_eq!(one.cancel(p).expect("it is mine"), AioCancel::AllDone);
        assert_eq!([errno(one.wait(p)), errno(one.try_get())], [ECANCELED; 2]);
        let more = [counted(p), counted(p)];
        assert_eq!(p.aio_cancel().expect("it lives"), 2);
        assert_eq!(dropped.try_iter().count(), 2);
        assert_eq!(more.map(|job| errno(job.wait(p))), [ECANCELED; 2]);
        assert_eq!(p.aio_cancel().expect("it lives"), 0);
        let last = p.aio(|_| 5).expect("it waits");
        drop(let_go);
        assert_eq!(last.wait(p).expect("done"), 5);
        assert_eq!(last.cancel(p).expect("it is mine"), AioCancel::AllDone);
        drop(jobs);
    });
}

/// What runs is asked to leave, wherever it sleeps; the pool goes on with what waits.
#[test]
fn what_runs_is_asked_to_leave_and_the_next_takes_its_place() {
    Fixture::boot().inside(|p| {
        let left = Arc::new(AtomicUsize::new(0));
        let places: [fn(&Process); 4] = [
            |p| drop(p.sleep(AN_HOUR)),
            |p| {
                let (_open, silent) = unbounded::<()>();
                drop(p.recv(&silent));
            },
            |p| {
                let (mut silent, _open) = std::io::pipe().expect("a pipe");
                drop(p.blocking(|| std::io::Read::read(&mut silent, &mut [0])));
            },
            |p| loop {
                p.checkpoint();
            },
        ];
        let (begin, begun) = unbounded();
        let jobs: Vec<_> = (0..HANDS)
            .map(|n| {
                let (left, begin) = (Arc::clone(&left), begin.clone());
                p.aio(move |p| {
                    let _counts = OnDrop(move || {
                        left.fetch_add(1, Ordering::Relaxed);
                    });
                    begin.send(()).expect("the caller listens");
                    places[n % places.len()](p);
                })
                .expect("room")
            })
            .collect();
        for _ in 0..HANDS {
            p.recv(&begun).expect("they begin");
        }
        let next: Vec<_> = (0..HANDS).map(|n| p.aio(move |_| n).expect("it waits")).collect();
        for job in &jobs {
            assert_eq!(job.cancel(p).expect("it is mine"), AioCancel::Asked);
        }
        for job in &jobs {
            assert_eq!(errno(job.wait(p)), ECANCELED);
        }
        assert_eq!(left.load(Ordering::Relaxed), HANDS, "their stacks are unwound");
        for (n, job) in next.iter().enumerate() {
            assert_eq!(job.wait(p).expect("another LWP did it"), n);
        }
    });
}

/// A cancellation that comes while the work ends is not met by the next one.
#[test]
fn a_late_cancellation_hits_nobody_else() {
    Fixture::boot().inside(|p| {
        for round in 0..300 {
            let first = p.aio(move |_| round).expect("room");
            let second = p.aio(move |p| {
                p.checkpoint();
                round
            });
            let second = second.expect("room");
            match first.cancel(p).expect("it is mine") {
                AioCancel::AllDone => assert_eq!(first.wait(p).expect("done"), round),
                AioCancel::Cancelled => assert_eq!(errno(first.wait(p)), ECANCELED),
                // It may have come to its end all the same.
                AioCancel::Asked => drop(first.wait(p)),
            }
            assert_eq!(second.wait(p).expect("nobody cancelled it"), round);
        }
    });
}

/// Row 11: at the end what waits is cancelled, and what runs is waited for, before anybody sees the zombie.
#[test]
fn at_the_end_nothing_is_left() {
    let fixture = Fixture::boot();
    let ways: [fn(&Process); 3] =
        [|_| {}, |p| p.exit(3), |p| p.raise(Signal::KILL).expect("it does not come back")];
    for way in ways {
        let (drop_told, dropped) = unbounded();
        let child = fixture.child("ends", move |p| {
            let (begin, begun) = unbounded();
            for n in 0..2 * HANDS {
                let (drop_told, begin) = (drop_told.clone(), begin.clone());
                let owned = OnDrop(move || drop_told.send(n).expect("the test listens"));
                let job = p.aio(move |p| {
                    let _owned = owned;
                    begin.send(()).expect("main listens");
                    let (mut silent, _open) = std::io::pipe().expect("a pipe");
                    drop(p.blocking(|| std::io::Read::read(&mut silent, &mut [0])));
                });
                drop(job.expect("room"));
            }
            for _ in 0..HANDS {
                p.recv(&begun).expect("they begin");
            }
            way(p);
        });
        let _waited = child.wait().expect("mine");
        assert_eq!(dropped.try_iter().count(), 2 * HANDS);
    }
    let child = fixture.child("late", |p| {
        p.on_exit(|p, _| assert_eq!(errno(p.aio(|_| ())), ESRCH)).expect("it lives");
    });
    succeeded(&child.wait().expect("mine"));
}

#[test]
fn a_panic_in_work_is_the_processs() {
    let fixture = Fixture::boot();
    let child = fixture.child("panics", |p| {
        p.aio::<()>(|_| panic!("on purpose")).expect("room").wait(p).expect("it does not come back");
    });
    assert_eq!(child.wait().expect("mine").status, ExitStatus::dumped(Signal::ABRT));
}

/// Whoever waits for work of a process that ends is told.
#[test]
fn another_process_can_wait_and_hears_of_the_end() {
    Fixture::boot().inside(|p| {
        let (say, said) = unbounded();
        let worker = p
            .spawn(Command::new("works", move |p: &Process| {
                say.send([p.aio(|_| 1).expect("room"), p.aio(|_| 2).expect("room")]).expect("it listens");
                say.send([p.aio(|p| p.sleep(AN_HOUR).map_or(1, |()| 2)).expect("room"), {
                    p.aio(|p| p.sleep(AN_HOUR).map_or(1, |()| 2)).expect("room")
                }])
                .expect("it listens");
                p.sleep(AN_HOUR)
            }))
            .expect("room");
        let done = p.recv(&said).expect("two jobs");
        assert_eq!(done.each_ref().map(|job| job.wait(p).expect("done")), [1, 2]);
        assert_eq!(errno(done[0].cancel(p)), ESRCH, "it is not the caller's");
        let never = p.recv(&said).expect("two more");
        worker.kill().expect("it lives");
        assert_eq!(never.map(|job| errno(job.wait(p))), [ECANCELED; 2]);
        assert_eq!(p.wait().expect("my child").status.signal(), Some(Signal::KILL));
    });
}

#[test]
fn a_wait_is_interrupted_and_never_for_oneself() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let (ready, is_ready) = unbounded();
    let child = fixture.child("waits", move |p| {
        p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be handled");
        let (pass, passed) = unbounded::<Arc<Aio<i32>>>();
        let own = p
            .aio(move |p| {
                let own = p.recv(&passed).expect("it comes");
                errno(own.wait(p))
            })
            .expect("room");
        let own = Arc::new(own);
        pass.send(Arc::clone(&own)).expect("it listens");
        assert_eq!(own.wait(p).expect("done"), EDEADLK);
        ready.send(()).expect("the test listens");
        let (_open, silent) = unbounded::<()>();
        // The signal is for the main LWP.
        let job = p.aio(move |p| {
            p.sigmask(greenproc::MaskHow::Block, SigSet::ALL).expect("it can be blocked");
            p.recv(&silent).is_ok()
        });
        say.send(errno(job.expect("room").wait(p))).expect("the test listens");
    });
    let asleep =
        |detail: &greenproc::ProcessDetail| detail.lwps.len() == 2 && detail.process.state == State::Sleeping;
    soon(&is_ready);
    loop {
        // It may come before the wait; then the next one does not.
        if fixture.inspect(child.id()).is_ok_and(|detail| asleep(&detail)) {
            break;
        }
        std::thread::yield_now();
    }
    while said.is_empty() && child.signal(Signal::USR1).is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(soon(&said), EINTR);
    succeeded(&child.wait().expect("mine"));
}

/// Nobody is there to do it, and nobody may come.
#[test]
fn without_room_for_an_lwp_it_is_eagain() {
    let fixture = Fixture::boot();
    let limits = Limits { lwps: Some(1), ..Limits::default() };
    let body = |p: &Process| {
        let (drop_told, dropped) = unbounded();
        let owned = OnDrop(move || drop_told.send(()).expect("the test listens"));
        assert_eq!(errno(p.aio(move |_| owns(&owned))), EAGAIN);
        assert!(dropped.try_recv().is_ok(), "the work is dropped");
    };
    let child = fixture.spawn(Command::new("alone", body).limits(limits)).expect("room");
    succeeded(&child.wait().expect("mine"));
    let limits = Limits { lwps: Some(2), ..Limits::default() };
    let body = |p: &Process| {
        let submit = |n| loop {
            match p.aio(move |_| n) {
                Ok(job) => return job,
                // The one LWP has done all and is about to leave: there is no room for another yet.
                Err(error) => assert_eq!(error.errno(), EAGAIN),
            }
        };
        let jobs: Vec<_> = (0..50).map(submit).collect();
        for (n, job) in jobs.iter().enumerate() {
            assert_eq!(job.wait(p).expect("done"), n);
        }
    };
    let child = fixture.spawn(Command::new("two", body).limits(limits)).expect("room");
    succeeded(&child.wait().expect("mine"));
}

#[test]
fn a_signal_tells_of_the_end_with_its_value() {
    Fixture::boot().inside(|p| {
        let signal = Signal::real_time(3).expect("there is one");
        p.sigmask(greenproc::MaskHow::Block, signal).expect("it can be blocked");
        let jobs: Vec<_> =
            (0..5).map(|n| p.aio_with_signal(signal, n, move |_| n * 10).expect("room")).collect();
        let mut seen: Vec<_> = (0..5)
            .map(|_| {
                let info = p.sigtimedwait(signal, None).expect("it comes");
                assert_eq!((info.code, info.pid), (SigCode::AsyncIo, p.pid()));
                let job = &jobs[usize::try_from(info.value).expect("small")];
                assert_eq!(job.try_get().expect("the result is there before"), info.value * 10);
                info.value
            })
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    });
}

/// Another body begins without what the former one had queued.
#[test]
fn an_exec_cancels_what_waits() {
    let fixture = Fixture::boot();
    let (drop_told, dropped) = unbounded();
    let child = fixture.child("before", move |p| {
        let (_jobs, _let_go) = fill(p);
        let owned = OnDrop(move || drop_told.send(()).expect("the test listens"));
        drop(p.aio(move |_| owns(&owned)).expect("it waits"));
        p.exec(Command::new("after", move |p: &Process| {
            assert!(dropped.try_recv().is_ok());
            assert_eq!(p.aio(|_| 4).expect("the pool is empty").wait(p).expect("done"), 4);
        }))
    });
    succeeded(&child.wait().expect("mine"));
}
