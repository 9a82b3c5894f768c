//! What a process used: rows 42 and 66 of the kernel map, decision 26.
//!
//! CPU time is measured by the clocks of threads, which do not run while a thread waits for a CPU, so these tests hold on
//! a loaded machine as well.

use std::io::Read;
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, EventFilter, EventKind, Process, Usage};
use greenproc_sync::time;
use greenproc_tests::{Fixture, burn, cpu_of, hold, next_event, soon, succeeded, thread_cpu};

/// What starting and ending may cost at most, in an unoptimised build too.
const OVERHEAD: Duration = Duration::from_millis(4);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[track_caller]
fn is_about(seen: Duration, expected: Duration) {
    assert!(seen >= expected, "{seen:?} is less than the {expected:?} that were used");
    assert!(seen <= expected + OVERHEAD, "{seen:?} is far more than the {expected:?} that were used");
}

/// Decision 26: the whole is exact, for short lives and long ones.
#[test]
fn a_process_is_charged_what_its_thread_used() {
    let fixture = Fixture::boot();
    for work in [Duration::from_micros(300), ms(5), ms(9), ms(11), ms(40)] {
        let (child, used) = fixture.spawn_returning("burns", move |_| cpu_of(|| burn(work))).expect("room");
        let usage = child.wait().expect("its handle owns it").usage;
        let used = used.take().expect("it returned");
        assert!(used >= work);
        is_about(usage.total(), used);
        assert_eq!(usage.user() + usage.system(), usage.total());
    }
}

/// Decision 26: what sleeps uses nothing.
#[test]
fn sleeping_is_not_charged() {
    let fixture = Fixture::boot();
    let child = fixture.child("sleeps", |p| p.sleep(ms(60)));
    let usage = child.wait().expect("its handle owns it").usage;
    assert!(usage.total() < ms(60) / 4, "{usage:?}");
}

/// Decision 26: a thread that is used again begins at nothing.
#[test]
fn a_process_is_not_charged_for_the_one_before_it_on_its_thread() {
    let fixture = Fixture::boot();
    for _ in 0..10 {
        let before = fixture.child("burns", |_| burn(ms(12)));
        is_about(before.wait().expect("its handle owns it").usage.total(), ms(12));
        let after = fixture.child("does nothing", |_| {});
        is_about(after.wait().expect("its handle owns it").usage.total(), Duration::ZERO);
    }
}

/// Decision 26: the LWPs of a process are summed, those that still run included.
#[test]
fn the_lwps_of_a_process_are_summed() {
    let fixture = Fixture::boot();
    let child = fixture.child("several", |p| {
        let ended = p.spawn_lwp(|_| burn(ms(7))).expect("room");
        ended.join(p).expect("it returned");
        is_about(p.usage().total(), ms(7));
        let (done, is_done) = unbounded();
        let (go, gone) = unbounded::<()>();
        let living = p.spawn_lwp(move |_| {
            burn(ms(9));
            done.send(()).expect("main listens");
            assert!(gone.recv().is_err(), "nothing is ever sent");
        });
        burn(ms(3));
        soon(&is_done);
        is_about(p.usage().total(), ms(7 + 9 + 3));
        drop(go);
        living.expect("room").join(p).expect("it returned");
    });
    let waited = child.wait().expect("its handle owns it");
    succeeded(&waited);
    is_about(waited.usage.total(), ms(7 + 9 + 3));
}

/// Decision 26: what a process used so far grows as it works, for itself and for who looks.
#[test]
fn live_usage_grows_with_the_work() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let mut last = p.usage().total();
        for _ in 0..4 {
            burn(ms(3));
            let now = p.usage().total();
            assert!(now >= last + ms(3), "{now:?} after {last:?}");
            last = now;
        }
        is_about(last, ms(12));
        let seen = runtime.inspect(p.pid()).expect("it runs");
        is_about(seen.process.cpu, ms(12));
        is_about(seen.lwps[0].cpu, ms(12));
        is_about(runtime.snapshot().get(p.pid()).expect("it runs").cpu, ms(12));
    });
}

/// Row 42: what the destructors of a dying process use is part of it.
#[test]
fn destructors_are_charged_too() {
    struct Burns(Duration);
    impl Drop for Burns {
        fn drop(&mut self) {
            burn(self.0);
        }
    }
    let fixture = Fixture::boot();
    let child = fixture.child("destructors", |p| {
        let handlers = Burns(ms(5));
        p.on_term(move |_| assert!(handlers.0 > Duration::ZERO));
        let _local = Burns(ms(6));
        p.exit(2)
    });
    is_about(child.wait().expect("its handle owns it").usage.total(), ms(11));
}

/// Row 42: who is killed is charged for what it did.
#[test]
fn a_killed_process_is_charged_for_what_it_did() {
    let fixture = Fixture::boot();
    let (done, is_done) = unbounded();
    let child = fixture.child("killed", move |p| {
        burn(ms(8));
        done.send(()).expect("the test listens");
        p.sleep(ms(1 << 30))
    });
    soon(&is_done);
    child.kill().expect("it lives");
    is_about(child.wait().expect("its handle owns it").usage.total(), ms(8));
}

/// Row 42: what a zombie shows is what a wait returns.
#[test]
fn a_zombie_shows_its_final_usage() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXITED);
    let child = fixture.child("burns", |_| burn(ms(2)));
    next_event(&events, child.id(), |kind| matches!(kind, EventKind::Exited { .. }).then_some(()));
    let shown = fixture.snapshot().get(child.id()).expect("not reaped").cpu;
    assert_eq!(shown, child.wait().expect("its handle owns it").usage.total());
    is_about(shown, ms(2));
}

/// Row 66: children count when they are waited for, not while they live or are zombies.
#[test]
fn children_are_charged_when_they_are_waited_for() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (hold, held) = hold();
        let (done, is_done) = unbounded();
        let command = Command::new("child", move |p: &Process| {
            burn(ms(6));
            done.send(()).expect("the parent listens");
            held(p);
        });
        let child = p.spawn(command).expect("room");
        soon(&is_done);
        assert_eq!(p.children_usage(), Usage::default());
        drop(hold);
        let waited = child.wait().expect("my child");
        is_about(waited.usage.total(), ms(6));
        assert_eq!(p.children_usage(), waited.usage);
        assert!(p.usage().total() < ms(6), "the child's is not the parent's own");
    });
}

/// Decision 26: a life of more than 10 ms has its time split as the host does it.
#[test]
fn a_long_life_is_split_into_user_and_system_time() {
    let fixture = Fixture::boot();
    let in_kernel = fixture.child("reads", |_| {
        let mut zeros = std::fs::File::open("/dev/zero").expect("the host has it");
        let mut buffer = vec![0; 1 << 20];
        let end = thread_cpu() + ms(150);
        while thread_cpu() < end {
            zeros.read_exact(&mut buffer).expect("it never ends");
        }
    });
    let usage = in_kernel.wait().expect("its handle owns it").usage;
    is_about(usage.total(), ms(150));
    assert!(usage.system() > usage.total() / 4, "it did nothing but system calls: {usage:?}");

    let in_user = fixture.child("burns", |_| {
        let end = thread_cpu() + ms(150);
        while thread_cpu() < end {
            // So long between two looks at the clock that these do not count.
            std::hint::black_box(
                (0..1_000_000_u64).fold(0, |sum: u64, number| std::hint::black_box(sum ^ number)),
            );
        }
    });
    let usage = in_user.wait().expect("its handle owns it").usage;
    assert!(usage.user() > usage.total() / 2, "it made hardly a system call: {usage:?}");
}

/// Decision 26: a life of less than 10 ms is all user time, and its faults and switches are not counted.
#[test]
fn a_short_life_is_all_user_time() {
    let fixture = Fixture::boot();
    let mut short = 0;
    for _ in 0..100 {
        let begun = time::now();
        let child = fixture.child("short", |p| p.sleep(Duration::from_micros(10)));
        let usage = child.wait().expect("its handle owns it").usage;
        // On a loaded machine some live longer than they would like; the runtime's clock for this counts in ticks.
        if time::now() - begun < ms(5) {
            short += 1;
            assert_eq!(usage.user(), usage.total());
            let counts = [
                usage.minor_faults(),
                usage.major_faults(),
                usage.voluntary_switches(),
                usage.involuntary_switches(),
            ];
            assert_eq!(counts, [0; 4]);
        }
    }
    assert!(short > 0, "not one of 100 lived less than 5 ms");
}

/// Decision 26: faults and switches of a long life.
#[test]
fn a_long_life_has_its_switches_and_faults_counted() {
    const SLEEPS: u64 = 20;
    let fixture = Fixture::boot();
    let child = fixture.spawn(
        Command::new("sleeps", |p: &Process| {
            // Fresh pages, below the size from which the host would give huge ones.
            let fresh = vec![1_u8; 64 * 4096];
            (0..SLEEPS).for_each(|_| p.sleep(ms(1)).expect("no signal comes"));
            std::hint::black_box(fresh);
        })
        .own_thread(),
    );
    let usage = child.expect("room").wait().expect("its handle owns it").usage;
    // On a loaded machine the time of a sleep can be over before the thread has come to give up its CPU.
    assert!(usage.voluntary_switches() >= SLEEPS / 2, "{usage:?}");
    assert!(usage.minor_faults() > 0, "{usage:?}");
}
