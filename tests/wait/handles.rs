//! Waiting through handles: rows 57 and 68, decisions 3 and 23.

use std::sync::Arc;

use crossbeam_channel::unbounded;
use greenproc::{Child, Command, EventFilter, EventKind, Process, Signal, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, PATIENCE, dead, errno, hold, living, next_event, same, soon, succeeded};

use crate::{dead_and_reaped, pid_of};

/// Row 57: a handle means its child, whatever the exit signal.
#[test]
fn a_handle_waits_for_its_child_whatever_the_exit_signal() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for signal in [None, Some(Signal::WINCH), Some(Signal::CHLD)] {
            let command = Command::new("child", |_| 4).exit_signal(signal);
            let child = p.spawn(command).expect("room");
            assert_eq!(child.wait().expect("my child").status.code(), Some(4), "{signal:?}");
        }
    });
    let outside = fixture.spawn(Command::new("outside", |_| 5).exit_signal(None)).expect("room");
    assert_eq!(outside.wait().expect("its handle owns it").status.code(), Some(5));
}

/// Decision 23: the handle keeps what it took.
#[test]
fn a_handle_that_reaped_returns_the_same_again() {
    let fixture = Fixture::boot();
    let outside = fixture.child("outside", |_| Err::<(), _>("no luck"));
    assert_eq!(outside.exit_status(), None);
    let first = outside.wait().expect("its handle owns it");
    assert_eq!(first.report.as_ref().map(ToString::to_string), Some("no luck".to_owned()));
    let again = [outside.wait(), outside.try_wait().map(|found| found.expect("it was taken"))];
    for waited in again {
        assert_eq!(format!("{:?}", waited.expect("its copy")), format!("{first:?}"));
    }
    assert_eq!(outside.exit_status(), Some(first.status));
    fixture.inside(|p| {
        let child = dead(p, 3, same);
        assert_eq!(child.exit_status(), None, "nobody waited yet");
        let first = child.wait().expect("my child");
        assert_eq!(child.wait().expect("its copy").status, first.status);
        let found = p.wait4(WaitFor::Child(&child), WaitFlags::empty()).expect("its copy");
        assert_eq!(pid_of(found), Some(child.id()));
        assert_eq!(child.exit_status(), Some(first.status));
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}

/// Decision 23: of a child of a process the first wait wins.
#[test]
fn a_handle_whose_child_another_wait_took_says_echild() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = dead(p, 3, same);
        assert_eq!(p.wait().expect("a zombie").pid, child.id());
        assert_eq!(errno(child.wait()), libc::ECHILD);
        assert_eq!(errno(child.try_wait()), libc::ECHILD);
        assert_eq!(errno(child.wait_timeout(PATIENCE)), libc::ECHILD);
        assert_eq!(child.exit_status(), None);
    });
}

/// Decision 23: a child of a process is waited for by that process alone.
#[test]
fn a_handle_of_another_process_or_thread_cannot_wait() {
    let fixture = Fixture::boot();
    let (give, given) = unbounded();
    let (hold, held) = hold();
    let parent = fixture.child("parent", move |p| {
        let child = Arc::new(dead(p, 3, same));
        give.send(Arc::clone(&child)).expect("the test listens");
        held(p);
        child.wait().expect("still mine").status
    });
    let child: Arc<Child> = soon(&given);
    assert_eq!(errno(child.wait()), libc::ECHILD, "from no process at all");
    fixture.inside(move |p| {
        assert_eq!(errno(child.wait()), libc::ECHILD);
        assert_eq!(errno(child.try_wait()), libc::ECHILD);
        assert_eq!(errno(p.wait4(WaitFor::Child(&child), WaitFlags::empty())), libc::ECHILD);
    });
    drop(hold);
    assert_eq!(parent.wait().expect("its handle owns it").status.code(), Some(3));
}

/// Decision 23: a child of the runtime belongs to its handle, which any thread or process may hold; init's own waits pass
/// it over.
#[test]
fn a_handle_of_the_runtime_is_waited_for_from_anywhere() {
    let fixture = Fixture::with(|builder| {
        builder.init(|p: &Process| {
            assert!(!p.stop_requested());
            while !p.stop_requested() {
                match p.wait() {
                    Ok(waited) => panic!("init took {waited:?}, whose handle lives"),
                    Err(error) => assert!([libc::EINTR, libc::ECHILD].contains(&error.errno()), "{error}"),
                }
                // Nothing to wait for is not the end: more may come.
                let _ = p.sleep(PATIENCE);
            }
        })
    });
    let child = fixture.child("child", |_| 3);
    fixture.inside(move |p| {
        assert_eq!(
            errno(p.wait4(WaitFor::Pid(child.id()), WaitFlags::NOHANG)),
            libc::ECHILD,
            "not a child of this one"
        );
        assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(3));
    });
}

/// Decision 23: two threads wait through one handle; both get the same.
#[test]
fn two_threads_that_wait_through_one_handle_get_the_same() {
    let fixture = Fixture::boot();
    for _ in 0..20 {
        let (hold, held) = hold();
        let child = fixture.child("child", move |p| {
            held(p);
            12
        });
        let [one, other] = std::thread::scope(|scope| {
            let threads = [
                scope.spawn(|| child.wait()),
                scope.spawn(|| child.wait_timeout(PATIENCE).map(Option::unwrap)),
            ];
            drop(hold);
            threads.map(|thread| thread.join().expect("no panic").expect("its handle owns it"))
        });
        assert_eq!(one.status.code(), Some(12));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}

/// EDEADLK: nobody waits for the own end.
#[test]
fn a_process_cannot_wait_for_itself_through_its_handle() {
    let fixture = Fixture::boot();
    let (give, given) = unbounded::<Arc<Child>>();
    let child = Arc::new(fixture.child("itself", move |p| {
        let own = p.recv(&given).expect("the test sends it");
        assert_eq!(own.id(), p.pid());
        errno(own.wait())
    }));
    give.send(Arc::clone(&child)).expect("it listens");
    assert_eq!(child.wait().expect("its handle owns it").status.code(), Some(libc::EDEADLK));
}

/// Decision 23: what no handle owns any more init reaps, dead or alive; the fixture sees that nothing leaks.
#[test]
fn a_process_whose_handle_is_dropped_is_reaped_by_init() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXITED | EventFilter::REAPED);
    let exited = |kind: &EventKind| matches!(kind, EventKind::Exited { .. }).then_some(());
    let reaped = |kind: &EventKind| matches!(kind, EventKind::Reaped).then_some(());

    let (hold, held) = hold();
    let alive = fixture.child("alive", held);
    let pid = alive.id();
    drop(alive);
    drop(hold);
    next_event(&events, pid, reaped);

    let dead = fixture.child("dead", |_| 3);
    let pid = dead.id();
    next_event(&events, pid, exited);
    assert_eq!(fixture.stats().zombies, 1, "its handle lives");
    drop(dead);
    next_event(&events, pid, reaped);
    assert_eq!((fixture.stats().zombies, fixture.stats().processes), (0, 1));
    assert_eq!(errno(fixture.kill(pid, Signal::TERM)), libc::ESRCH);
}

/// Decision 23: dropping the handle of a process's child changes nothing for its waits.
#[test]
fn a_child_whose_handle_is_dropped_stays_its_parents() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, hold) = living(p, same);
        let pid = child.id();
        drop(child);
        drop(hold);
        assert_eq!(p.wait().expect("my child").pid, pid);
    });
}

/// Row 68, decisions 3 and 23: a handle never means another process, even when its pid is in use again.
#[test]
fn a_stale_handle_never_means_the_next_process_with_its_pid() {
    let fixture = Fixture::with(|builder| builder.pid_max(5));
    fixture.inside(|p| {
        let mut stale = Vec::new();
        let taken_by_handle = dead(p, 1, same);
        let _ = taken_by_handle.wait().expect("my child");
        stale.push(taken_by_handle);
        stale.push(dead_and_reaped(p));
        for old in stale {
            let (new, hold) = loop {
                let (child, hold) = living(p, same);
                if child.id() == old.id() {
                    break (child, hold);
                }
                drop(hold);
                succeeded(&child.wait().expect("my child"));
            };
            assert_eq!(errno(old.kill()), libc::ESRCH);
            assert_eq!(errno(old.signal(Signal::TERM)), libc::ESRCH);
            match old.exit_status() {
                Some(status) => assert_eq!(old.wait().expect("its copy").status, status),
                None => assert_eq!(errno(old.wait()), libc::ECHILD),
            }
            let by_handle = p.wait4(WaitFor::Child(&old), WaitFlags::NOHANG);
            assert_eq!(by_handle.ok().flatten().map(|waited| waited.status), old.exit_status());
            assert_eq!(
                pid_of(p.wait4(WaitFor::Pid(old.id()), WaitFlags::NOHANG).expect("the new one lives")),
                None
            );
            drop(hold);
            assert_eq!(new.wait().expect("it was not touched").status.code(), Some(0));
        }
    });
}
