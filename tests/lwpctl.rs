//! What an LWP is doing, read without a lock; and sequences that run again if their LWP was interrupted.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | a block follows its LWP: starting, running, asleep, stopped, ended | row 10 |
//! | it is torn down at the exit: readers see that the LWP has ended | row 10 |
//! | a lock that spins only while its owner runs | row 10 |
//! | a sequence runs again after a sleep, a handler, a stop, a loss of the CPU | row 16 |
//! | sequences are dropped at the exit | row 16 |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use greenproc::{
    Command, KillableMutex, LwpControl, LwpState, Process, SigAction, Signal, WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, barrier, errno, hold, soon, succeeded};

/// Looks until it is so; the watchdog of the fixture ends a test in which that never happens.
fn until(control: &LwpControl, state: LwpState) {
    while control.state() != state {
        std::thread::yield_now();
    }
}

/// Sleeps, be it ever so short: the time of one sleep may be over before the LWP has come to it.
fn nap(p: &Process) {
    let me = p.lwpctl().expect("it lives");
    let before = me.look().generation;
    while me.look().generation == before {
        p.sleep(Duration::from_micros(100)).expect("no signal comes");
    }
}

/// Row 10: the block says what the LWP is doing, and each change is a new generation.
#[test]
fn a_block_follows_its_lwp() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let me = p.lwpctl().expect("it lives");
        assert!(me.is_running() && me.look().cpu.is_some());
        let (hold, held) = hold();
        let lwp = p.spawn_lwp(held).expect("room");
        let its = lwp.control();
        until(&its, LwpState::Sleeping);
        let asleep = its.look();
        assert_eq!(its.look(), asleep, "nothing happens while it sleeps");
        drop(hold);
        lwp.join(p).expect("it returns");
        until(&its, LwpState::Exited);
        assert!(its.look().generation >= asleep.generation + 2, "it woke up, and ended");
        let before = me.look().generation;
        nap(p);
        assert!(me.look().generation >= before + 2, "it went to sleep and woke up");
        assert!(me.is_running());
    });
}

/// Row 10: who asks after the end, and while it is queued, is told so too.
#[test]
fn a_block_can_be_had_at_any_time() {
    let fixture = Fixture::with(|builder| builder.max_lwps(4));
    fixture.inside(|p| {
        let (arrive, arrived) = barrier();
        let lwp = p.spawn_lwp(move |_| arrive()).expect("room");
        // Wherever it is.
        let its = lwp.control();
        assert_ne!(its.state(), LwpState::Exited);
        arrived.is_reached();
        until(&its, LwpState::Running);
        drop(arrived);
        until(&its, LwpState::Exited);
        assert_eq!(lwp.control().state(), LwpState::Exited);
        lwp.join(p).expect("it returned");
    });
}

/// Row 10: a stopped process's LWP stands still; when it is killed, readers see the end before its parent does.
#[test]
fn readers_see_stops_and_the_end() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (tell, told) = unbounded();
        let child = p.spawn(Command::new("child", move |p| {
            tell.send(p.lwpctl().expect("it lives")).expect("the parent listens");
            while !p.stop_requested() {
                p.checkpoint();
            }
        }));
        let child = child.expect("room");
        let its = soon(&told);
        assert_eq!(its.state(), LwpState::Running);
        child.signal(Signal::STOP).expect("it lives");
        let _stop = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine").expect("no NOHANG");
        assert_eq!(its.state(), LwpState::Stopped);
        child.signal(Signal::CONT).expect("it lives");
        until(&its, LwpState::Running);
        child.kill().expect("it lives");
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
        assert_eq!(its.state(), LwpState::Exited);
        let last = its.look();
        assert_eq!(its.look(), last);
    });
}

/// A lock that spins while its owner runs, and sleeps when it does not.
struct Adaptive {
    lock: KillableMutex<u64>,
    /// Who may own it.
    contenders: Vec<LwpControl>,
    /// Which of them does; one beyond the last for nobody.
    owner: AtomicUsize,
    spun: AtomicU64,
    slept: AtomicU64,
}

impl Adaptive {
    fn with(&self, p: &Process, me: usize, act: impl FnOnce(&mut u64)) {
        let mut guard = loop {
            if let Some(guard) = self.lock.try_lock() {
                break guard;
            }
            let owner = self.contenders.get(self.owner.load(Ordering::Relaxed));
            if owner.is_some_and(LwpControl::is_running) {
                self.spun.fetch_add(1, Ordering::Relaxed);
                std::hint::spin_loop();
            } else {
                self.slept.fetch_add(1, Ordering::Relaxed);
                break self.lock.lock(p).expect("no signal comes");
            }
        };
        self.owner.store(me, Ordering::Relaxed);
        act(&mut guard);
        self.owner.store(usize::MAX, Ordering::Relaxed);
    }
}

/// Row 10, honestly used: whoever waits for an owner that sleeps does not spin, and whoever finds it running does.
#[test]
fn a_lock_spins_only_while_its_owner_runs() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (lock_sender, locks) = bounded::<Arc<Adaptive>>(2);
        let (ready, is_ready) = unbounded();
        let (wake, woken) = unbounded::<()>();
        let (asked, asks) = unbounded::<()>();
        let owner_locks = locks.clone();
        let owner = p.spawn_lwp(move |p| {
            let adaptive = owner_locks.recv().expect("the test sends it");
            adaptive.with(p, 0, |value| {
                ready.send(()).expect("the test listens");
                p.recv(&woken).expect("the test wakes it");
                *value += 1;
                // Running, until the other has looked at least once more.
                asked.send(()).expect("the test listens");
                let before = adaptive.spun.load(Ordering::Relaxed);
                while adaptive.spun.load(Ordering::Relaxed) == before {
                    std::thread::yield_now();
                }
            });
        });
        let owner = owner.expect("room");
        let me = p.lwpctl().expect("it lives");
        let adaptive = Arc::new(Adaptive {
            lock: KillableMutex::new(0),
            contenders: vec![owner.control(), me],
            owner: AtomicUsize::new(usize::MAX),
            spun: AtomicU64::new(0),
            slept: AtomicU64::new(0),
        });
        lock_sender.send(Arc::clone(&adaptive)).expect("it is there");
        soon(&is_ready);
        until(&adaptive.contenders[0], LwpState::Sleeping);
        // The owner sleeps: another waiter sleeps too, and never spins.
        let sleeper = Arc::clone(&adaptive);
        let waiter = p.spawn_lwp(move |p| sleeper.with(p, 2, |value| *value += 1)).expect("room");
        until(&waiter.control(), LwpState::Sleeping);
        assert_eq!((adaptive.spun.load(Ordering::Relaxed), adaptive.slept.load(Ordering::Relaxed)), (0, 1));
        // The owner runs: this LWP spins.
        wake.send(()).expect("it listens");
        soon(&asks);
        adaptive.with(p, 1, |value| *value += 1);
        assert!(adaptive.spun.load(Ordering::Relaxed) > 0);
        owner.join(p).expect("it returns");
        waiter.join(p).expect("it returns");
        adaptive.with(p, 1, |value| assert_eq!(*value, 3));
    });
}

/// Row 16: what did not run through is run again, and the result is that of an uninterrupted run.
#[test]
fn an_interrupted_sequence_runs_again() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be caught");
        let sequence = p.sequence("interrupted").expect("it lives");
        let mut runs = 0;
        let first = sequence.run(p, || {
            runs += 1;
            match runs {
                1 => nap(p),
                2 => {
                    p.raise(Signal::USR1).expect("it lives");
                    p.checkpoint();
                }
                _ => {}
            }
            runs
        });
        let first = first.expect("it runs through at last");
        // The host may have interrupted it besides.
        assert!(first >= 3 && sequence.runs() == 1, "{sequence:?}");
        assert_eq!(sequence.restarts(), first - 1);
        let restarts = sequence.restarts();
        assert_eq!(errno(sequence.run(p, || nap(p))), libc::EAGAIN);
        assert_eq!((sequence.runs(), sequence.restarts()), (1, restarts + 128));
        assert_eq!((sequence.name(), sequence.run(p, || 7).expect("short")), ("interrupted", 7));
        sequence.unregister(p);
    });
}

/// Row 16: a sequence in which the process stood still, or its thread lost the CPU, runs again.
#[test]
fn a_sequence_that_was_away_runs_again() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (stand, stands) = unbounded();
        let child = p.spawn(Command::new("child", move |p| {
            let sequence = p.sequence("stopped").expect("it lives");
            let stopped = AtomicBool::new(false);
            let runs = sequence.run(p, || {
                if !stopped.swap(true, Ordering::Relaxed) {
                    stand.send(()).expect("the parent listens");
                    // The parent's SIGSTOP comes in here.
                    let control = p.lwpctl().expect("it lives");
                    let before = control.look().generation;
                    while control.look().generation == before {
                        p.checkpoint();
                    }
                }
            });
            runs.expect("it runs through at last");
            assert!(sequence.restarts() >= 1, "{sequence:?}");
        }));
        let child = child.expect("room");
        soon(&stands);
        child.signal(Signal::STOP).expect("it lives");
        let _stop = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED).expect("mine").expect("no NOHANG");
        child.signal(Signal::CONT).expect("it lives");
        succeeded(&child.wait().expect("mine"));

        if greenproc_os::thread::OnCpu::begin().is_some() {
            let sequence = p.sequence("away").expect("it lives");
            let mut first = true;
            let run = sequence.run(p, || {
                if std::mem::take(&mut first) {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            });
            run.expect("short, but for the first time");
            assert!(sequence.restarts() >= 1, "{sequence:?}");
        }
    });
}

/// Another program has nothing of the sequences and the profile of the one before.
#[test]
fn an_exec_drops_sequences_and_ends_a_profile() {
    let fixture = Fixture::boot();
    let (tell, told) = unbounded();
    let child = fixture.child("before", move |p| {
        p.profil(Duration::from_millis(1))?;
        let sequence = p.sequence("mine")?;
        p.exec(Command::new("after", move |p| {
            assert_eq!(errno(sequence.run(p, || 1)), libc::ESRCH);
            assert_eq!(p.sequence("another")?.run(p, || 1)?, 1);
            let samples = p.profile().samples();
            greenproc_tests::burn(Duration::from_millis(25));
            tell.send(p.profile().samples() - samples).expect("the test listens");
            greenproc::Result::Ok(())
        }))
        .map(drop)
    });
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(soon(&told), 0);
}

/// Row 16: at the exit they are dropped, before exit hooks run; nobody else's can be run.
#[test]
fn sequences_are_dropped_at_the_exit() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (tell, told) = unbounded();
        let (hold, held) = hold();
        let child = p.spawn(Command::new("child", move |p: &Process| {
            let sequence = Arc::new(p.sequence("mine").expect("it lives"));
            assert_eq!(sequence.run(p, || 1).expect("short"), 1);
            tell.send(Arc::clone(&sequence)).expect("the parent listens");
            p.on_exit(move |p, _| {
                assert_eq!(errno(sequence.run(p, || 1)), libc::ESRCH);
                assert_eq!(errno(p.sequence("late").map(drop)), libc::ESRCH);
                assert_eq!(p.lwpctl().expect("it lives").state(), LwpState::Exited);
            })
            .expect("it lives");
            held(p);
        }));
        let child = child.expect("room");
        let its = soon(&told);
        assert_eq!(errno(its.run(p, || 1)), libc::ESRCH, "not mine");
        drop(hold);
        succeeded(&child.wait().expect("mine"));
        assert_eq!(its.runs(), 1);
    });
}
