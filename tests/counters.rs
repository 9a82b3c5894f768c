//! Performance counters, and profiles by samples.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | what the runtime counts for a process | row 34 |
//! | counters of the process's own, also of one that was killed | row 34 |
//! | saved at the end, and added to the parent's, once | row 34 |
//! | a profile names the place where the time goes, and stops at the exit | row 28 |

use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, Counters, LwpState, Process, SigAction, Signal};
use greenproc_tests::{Fixture, burn, errno, is_dead, soon, succeeded};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Row 34: each kind is counted where it happens.
#[test]
fn the_runtime_counts_what_it_does() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(p.counters(), Counters::default(), "nobody asked");
        p.count().expect("it lives");
        p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be caught");
        for _ in 0..3 {
            succeeded(&p.spawn(Command::new("child", |_| {})).expect("room").wait().expect("mine"));
        }
        assert_eq!(errno(p.wait()), libc::ECHILD);
        p.kill(p.pid(), Signal::USR1).expect("it lives");
        p.checkpoint();
        let before = p.counters();
        assert_eq!((before.spawns, before.waits), (3, 3));
        assert_eq!((before.signals_sent, before.signals_received, before.handlers_run), (1, 1, 1));
        // The time of one sleep may be over before the LWP has come to it.
        while p.counters().sleeps == before.sleeps {
            p.sleep(Duration::from_micros(100)).expect("no signal comes");
        }
        let after = p.counters();
        assert_eq!(after.sleeps, before.sleeps + 1);
        assert!(after.usage.total() >= before.usage.total());
        // A handler that counts is enough to be counted with.
        let own = p.counter("own").expect("it lives");
        own.add(2);
        p.counter("own").expect("it lives").add(3);
        assert_eq!((own.get(), p.counters().own["own"]), (5, 5));
        let text = p.counters().to_string();
        assert!(text.contains("           3 spawns\n") && text.contains("           5 own\n"), "{text}");
    });
}

/// Row 34: at the end, whatever it was, the counters are saved with the final usage, and added to the parent's: the child's own
/// and those of its children, once each.
#[test]
fn counters_are_saved_and_added_to_the_parents() {
    let fixture = Fixture::boot();
    let parent = fixture.spawn(
        Command::new("parent", |p| {
            let child = p.spawn(Command::new("child", |p| {
                let work = p.counter("work").expect("it lives");
                let grandchild = p.spawn(Command::new("grandchild", |p| {
                    p.counter("work").expect("it lives").add(100);
                    burn(ms(3));
                }));
                succeeded(&grandchild.expect("room").wait().expect("mine"));
                work.add(10);
                let endless = Command::new("endless", |p| {
                    p.counter("killed").expect("it lives").add(1);
                    p.sleep(Duration::MAX)
                });
                let endless = p.spawn(endless).expect("room");
                while endless.counters().expect("it counts as I do").own.is_empty() {
                    std::thread::yield_now();
                }
                endless.kill().expect("it lives");
                assert_eq!(endless.wait().expect("mine").status.signal(), Some(Signal::KILL));
                assert_eq!(p.counters().own["work"], 10, "the children's are apart");
                assert_eq!(p.children_counters().own["work"], 100);
                p.raise(Signal::KILL).expect("it lives");
                p.checkpoint();
            }));
            let child = child.expect("room");
            is_dead(p, child.id());
            // At its end, before it is reaped.
            let sum = p.children_counters();
            assert_eq!((sum.own["work"], sum.own["killed"]), (110, 1));
            assert_eq!((sum.spawns, sum.waits), (2, 2));
            let waited = child.wait().expect("mine");
            assert_eq!(p.children_counters(), sum, "once");
            let saved = child.counters().expect("it counted");
            assert_eq!((saved.own["work"], saved.spawns, saved.usage), (10, 2, waited.usage));
            assert_eq!(sum.usage.total(), waited.usage.total() + waited.children_usage.total());
        })
        .counted(),
    );
    let parent = parent.expect("room");
    succeeded(&parent.wait().expect("its handle owns it"));
    assert_eq!(parent.counters().expect("it counted").spawns, 1);
}

/// Calls are counted from when counting begins, also those that fail; who does not count passes the gate uncounted.
#[test]
fn calls_are_counted_at_the_gate() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let _uncounted = p.uid();
        p.count().expect("it lives");
        assert_eq!(p.counters().calls, 0);
        let _own = p.uid();
        assert_eq!(errno(p.getpgid(Some(greenproc::Pid::new(i32::MAX).expect("positive")))), libc::ESRCH);
        let child = p.spawn(Command::new("child", |p| assert_eq!(p.gid(), p.gid()))).expect("room");
        succeeded(&child.wait().expect("mine"));
        assert_eq!((p.counters().calls, p.children_counters().calls), (4, 2));
        assert_eq!(child.counters().expect("it counts as I do").calls, 2);
    });
}

/// Row 34: the parent has the counters when the child has ended, whether or not anybody waits for it.
#[test]
fn counters_are_added_without_a_wait() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.count().expect("it lives");
        for round in 1..=20 {
            let body = |p: &Process| p.counter("done").expect("it lives").add(1);
            p.spawn(Command::new("child", body)).expect("room");
            while p.children_counters().own.get("done") != Some(&round) {
                std::thread::yield_now();
            }
        }
    });
}

/// What is counted after the end counts for nobody, and who does not count says so.
#[test]
fn a_counter_outlives_its_process_in_vain() {
    let fixture = Fixture::boot();
    let (tell, told) = unbounded();
    let child = fixture.child("counts", move |p: &Process| {
        let counter = p.counter("own").expect("it lives");
        counter.add(1);
        tell.send((counter, p.counters())).expect("the test listens");
    });
    let (counter, seen) = soon(&told);
    assert_eq!(seen.own["own"], 1);
    succeeded(&child.wait().expect("its handle owns it"));
    counter.add(5);
    assert_eq!(child.counters().expect("it counted").own["own"], 1);
    let silent = fixture.child("silent", |_| {});
    succeeded(&silent.wait().expect("its handle owns it"));
    assert_eq!(errno(silent.counters()), libc::EINVAL);
    // Init does not count, so nobody has the sum.
    fixture.inside(|p| assert_eq!(p.children_counters(), Counters::default()));
}

/// Row 28: a sample names the checkpoint before it, and CPU time is counted by its amount, not by the looks.
#[test]
fn a_profile_names_where_the_time_goes() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(p.profile().samples(), 0);
        p.profil(ms(1)).expect("it lives");
        let line = line!() + 2;
        while p.profile().samples() < 30 {
            p.checkpoint();
        }
        let profile = p.profile();
        assert_eq!(profile.interval, ms(1));
        let first = profile.places.first().expect("there are samples");
        let place = format!("tests/counters.rs:{line}:");
        assert!(first.checkpoint.as_ref().is_some_and(|name| name.contains(&place)), "{profile}");
        assert_eq!(first.state, LwpState::Running);
        assert!(profile.to_string().contains("Running"), "{profile}");
        // It ends, and keeps what it has.
        p.profil(Duration::ZERO).expect("it lives");
        let ended = p.profile().samples();
        burn(ms(30));
        assert_eq!(p.profile().samples(), ended);
        assert!(ended >= 30);
        // Another begins at nothing.
        p.profil(ms(1)).expect("it lives");
        assert!(p.profile().samples() < ended);
    });
}

/// Row 28: profiling stops at the exit, and its handle has the result; children are not profiled.
#[test]
fn a_profile_stops_at_the_exit() {
    let fixture = Fixture::boot();
    let (tell, told) = unbounded();
    let child = fixture.child("busy", move |p: &Process| {
        p.profil(ms(2)).expect("it lives");
        let lwp = p.spawn_lwp(|p| {
            while p.profile().samples() < 10 {
                p.checkpoint();
            }
        });
        lwp.expect("room").join(p).expect("it returns");
        p.on_exit(|p, _| {
            assert_eq!(errno(p.profil(ms(1))), libc::ESRCH);
        })
        .expect("it lives");
        let grandchild = p.spawn(Command::new("child", |p| {
            burn(ms(25));
            assert_eq!(p.profile().samples(), 0);
        }));
        succeeded(&grandchild.expect("room").wait().expect("mine"));
        tell.send(p.profile().samples()).expect("the test listens");
    });
    succeeded(&child.wait().expect("its handle owns it"));
    let seen = soon(&told);
    let last = child.profile();
    assert!(seen >= 10 && last.samples() >= seen, "{last}");
    assert_eq!(child.profile(), last);
}
