//! Children and watches as futures, on executors of several kinds: `Child::wait_async`, `Watch::next_note`.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Child, Command, ExitStatus, NoteFlags, NoteKind, Process, SigAction, Signal, WaitFor};
use greenproc_tests::{AN_HOUR, Fixture, dead, errno, hold, is_dead, living, same, soon, succeeded};

/// Wakes by a channel, counts, and can have something done when it is called or dropped.
struct Bell {
    rung: crossbeam_channel::Sender<()>,
    count: AtomicUsize,
    act: Box<dyn Fn() + Send + Sync>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, Ordering::SeqCst);
        (self.act)();
        let _ = self.rung.send(());
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        (self.act)();
    }
}

fn bell(act: impl Fn() + Send + Sync + 'static) -> (Arc<Bell>, crossbeam_channel::Receiver<()>) {
    let (rung, rings) = unbounded();
    (Arc::new(Bell { rung, count: AtomicUsize::new(0), act: Box::new(act) }), rings)
}

/// The smallest executor.
fn block_on<F: Future>(future: F) -> F::Output {
    let (bell, rings) = bell(|| ());
    let waker = Waker::from(bell);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => soon(&rings),
        }
    }
}

fn poll<F: Future>(future: Pin<&mut F>, bell: &Arc<Bell>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(bell));
    future.poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_child_is_awaited_before_and_after_its_end() {
    let fixture = Fixture::boot();
    for _ in 0..100 {
        let child = fixture.child("early", |_| 3);
        let waited = block_on(child.wait_async()).expect("its handle owns it");
        assert_eq!((waited.pid, waited.status.code()), (child.id(), Some(3)));
        assert_eq!(child.exit_status(), Some(ExitStatus::exited(3)));
        // The same again, by every kind of wait.
        assert_eq!(block_on(child.wait_async()).expect("taken before").status.code(), Some(3));
        assert_eq!(child.wait().expect("taken before").status.code(), Some(3));
    }
    let (hold, held) = hold();
    let child = fixture.child("late", held);
    let mut future = Box::pin(child.wait_async());
    let (bell, rings) = bell(|| ());
    assert!(poll(future.as_mut(), &bell).is_pending());
    assert!(poll(future.as_mut(), &bell).is_pending(), "polled again, it waits once");
    drop(hold);
    soon(&rings);
    let Poll::Ready(waited) = poll(future.as_mut(), &bell) else { panic!("woken, and nothing is there") };
    succeeded(&waited.expect("its handle owns it"));
    assert_eq!(bell.count.load(Ordering::SeqCst), 1, "one end, one call");
}

/// A dropped future takes no zombie, and leaves no waker behind.
#[test]
fn a_dropped_future_loses_nothing() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let child = fixture.child("child", held);
    let (bell, rings) = bell(|| ());
    {
        let mut future = Box::pin(child.wait_async());
        assert!(poll(future.as_mut(), &bell).is_pending());
        assert_eq!(Arc::strong_count(&bell), 2);
    }
    assert_eq!(Arc::strong_count(&bell), 1, "its waker went with it");
    // Woken, but dropped before it could look.
    let mut woken = Box::pin(child.wait_async());
    assert!(poll(woken.as_mut(), &bell).is_pending());
    drop(hold);
    soon(&rings);
    drop(woken);
    assert!(rings.is_empty(), "the first future was not called any more");
    succeeded(&child.wait().expect("the zombie is still there"));
    // Whoever rang is done with the bell when its thread has ended.
    drop(child);
    let _report = fixture.shut_down();
    assert_eq!(Arc::strong_count(&bell), 1);
}

/// Several futures and a thread wait for one child: all return the same.
#[test]
fn all_who_wait_through_a_handle_get_the_same() {
    let fixture = Fixture::boot();
    for _ in 0..200 {
        let (hold, held) = hold();
        let child = Arc::new(fixture.child("shared", move |p| {
            held(p);
            p.exit(9)
        }));
        let (ended, ends) = unbounded();
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let (child, ended) = (Arc::clone(&child), ended.clone());
                let wait = move || {
                    let waited = if number == 0 { child.wait() } else { block_on(child.wait_async()) };
                    ended.send(waited.expect("its handle owns it").status).expect("the test listens");
                };
                std::thread::Builder::new().spawn(wait).expect("a thread")
            })
            .collect();
        drop(hold);
        for thread in threads {
            assert_eq!(soon(&ends), ExitStatus::exited(9));
            thread.join().expect("no panic");
        }
    }
}

/// Wakers are user code: they are called, cloned and dropped when no lock is held. One that calls the runtime, or panics,
/// does no harm.
#[test]
fn a_waker_may_call_the_runtime_and_may_panic() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    let look = move || {
        assert!(runtime.stats().processes >= 1);
        assert!(runtime.snapshot().get(greenproc::Pid::INIT).is_some());
    };
    let (bell, rings) = bell(look);
    let (hold_one, held) = hold();
    let child = fixture.child("child", held);
    let mut watch = child.watch(NoteFlags::all()).expect("it lives");
    let mut note = Box::pin(watch.next_note());
    assert!(poll(note.as_mut(), &bell).is_pending());
    child.signal(Signal::WINCH).expect("it lives");
    soon(&rings);
    assert!(
        matches!(poll(note.as_mut(), &bell), Poll::Ready(Some(note)) if matches!(note.kind, NoteKind::Signal { .. }))
    );
    drop(note);
    let (bad, _) = self::bell(|| assert!(std::thread::panicking(), "a waker that panics"));
    {
        let mut first = Box::pin(child.wait_async());
        let mut second = Box::pin(child.wait_async());
        assert!(poll(first.as_mut(), &bad).is_pending());
        assert!(poll(second.as_mut(), &bell).is_pending());
        drop(hold_one);
        soon(&rings);
        let Poll::Ready(waited) = poll(second.as_mut(), &bell) else { panic!("it has ended") };
        succeeded(&waited.expect("its handle owns it"));
    }
    std::mem::forget(bad);
    drop(bell);
}

/// A child of a process is awaited where an LWP of that process polls, and nowhere else.
#[test]
fn a_child_of_a_process_is_awaited_in_that_process_only() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = p.spawn(Command::new("child", |_| 4)).expect("room");
        assert_eq!(block_on(child.wait_async()).expect("my child").status.code(), Some(4));
        assert_eq!(errno(p.wait()), libc::ECHILD, "it was reaped");

        let zombie = dead(p, 5, same);
        let elsewhere = std::thread::scope(|scope| {
            scope.spawn(|| errno(block_on(zombie.wait_async()))).join().expect("no panic")
        });
        assert_eq!(elsewhere, libc::ECHILD);
        assert_eq!(p.wait().expect("still mine").status.code(), Some(5));
        assert_eq!(errno(block_on(zombie.wait_async())), libc::ECHILD, "another wait took it");

        let (other, hold) = living(p, |command| command.exit_signal(None));
        let mut future = Box::pin(other.wait_async());
        let (bell, rings) = bell(|| ());
        assert!(poll(future.as_mut(), &bell).is_pending(), "whatever its exit signal is");
        drop(hold);
        is_dead(p, other.id());
        soon(&rings);
        assert!(poll(future.as_mut(), &bell).is_ready());
    });
}

/// Each error of `wait_async`.
#[test]
fn what_never_comes_is_echild_and_ones_own_end_is_edeadlk() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("CHLD");
        let (child, hold) = living(p, same);
        let mut future = Box::pin(child.wait_async());
        let (bell, rings) = bell(|| ());
        assert!(poll(future.as_mut(), &bell).is_pending());
        drop(hold);
        soon(&rings);
        let Poll::Ready(ignored) = poll(future.as_mut(), &bell) else { panic!("it is gone") };
        assert_eq!(errno(ignored), libc::ECHILD);
    });
    let (give, given) = unbounded::<Arc<Child>>();
    let child = Arc::new(fixture.child("itself", move |p| {
        let itself = p.recv(&given).expect("the test sends it");
        errno(block_on(itself.wait_async()))
    }));
    give.send(Arc::clone(&child)).expect("it listens");
    assert_eq!(block_on(child.wait_async()).expect("its handle owns it").status.code(), Some(libc::EDEADLK));
}

/// The notes of a watch, as a stream; its end is `None`.
#[test]
fn the_notes_of_a_watch_are_awaited() {
    let fixture = Fixture::boot();
    let (go, gone) = hold();
    let root = fixture.child("root", move |p| {
        gone(p);
        let _ = p.kill(p.pid(), Signal::WINCH);
        for _ in 0..50 {
            succeeded(&p.spawn(Command::new("child", |_| ())).expect("room").wait().expect("mine"));
        }
    });
    let mut watch = root.watch(NoteFlags::all()).expect("it lives");
    let (mut forks, mut ends, mut signals) = (0, 0, 0);
    {
        let (bell, _rings) = bell(|| ());
        let mut dropped = Box::pin(watch.next_note());
        assert!(poll(dropped.as_mut(), &bell).is_pending());
        drop(dropped);
        assert_eq!(Arc::strong_count(&bell), 1, "its waker went with it");
    }
    let mut go = Some(go);
    block_on(async {
        let mut first = Box::pin(watch.next_note());
        std::future::poll_fn(|context| {
            let polled = first.as_mut().poll(context);
            // It sleeps by now.
            go.take();
            polled.map(|note| assert!(note.is_some()))
        })
        .await;
        drop(first);
        while let Some(note) = watch.next_note().await {
            match note.kind {
                NoteKind::Fork { .. } => forks += 1,
                NoteKind::Exit { .. } => ends += 1,
                NoteKind::Signal { .. } => signals += 1,
                _ => {}
            }
        }
    });
    // The first note was the signal.
    assert_eq!((forks, ends, signals), (50, 51, 0));
}

/// On tokio: a time-out drops the future, and the child is still there; `select!` and tasks work; thousands at once.
#[test]
fn children_are_awaited_on_tokio() {
    let fixture = Fixture::boot();
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let tokio = tokio.expect("a runtime of tokio's");
    tokio.block_on(async {
        let (hold_child, held) = hold();
        let child = fixture.child("slow", held);
        let timed_out = tokio::time::timeout(Duration::from_millis(1), child.wait_async()).await;
        assert!(timed_out.is_err(), "it is held");
        let (other, _hold) = hold();
        drop(other);
        let quick = fixture.child("quick", |_| 2);
        tokio::select! {
            waited = child.wait_async() => panic!("it is held: {waited:?}"),
            waited = quick.wait_async() => assert_eq!(waited.expect("owned").status.code(), Some(2)),
        }
        drop(hold_child);
        let waited = tokio::time::timeout(AN_HOUR, child.wait_async()).await.expect("within an hour");
        succeeded(&waited.expect("its handle owns it"));

        let children = (0..2_000).map(|number| fixture.child("one of many", move |_| number));
        let tasks: Vec<_> = children
            .map(|child| {
                tokio::spawn(async move { child.wait_async().await.map(|waited| waited.status.code()) })
            })
            .collect();
        for (number, task) in (0..).zip(tasks) {
            assert_eq!(task.await.expect("no panic").expect("owned"), Some(number));
        }
    });
}

/// A task that is stopped in its await (its executor's thread unwinds, as an LWP that is killed does) leaves nothing.
#[test]
fn an_lwp_that_is_killed_between_polls_leaves_its_child_to_init() {
    let fixture = Fixture::boot();
    let (bell, _rings) = bell(|| ());
    let theirs = Arc::clone(&bell);
    let (ready, is_ready) = unbounded();
    let (hold, held) = hold();
    let parent = fixture.child("parent", move |p: &Process| {
        let child = p.spawn(Command::new("child", held)).expect("room");
        let mut future = Box::pin(child.wait_async());
        assert!(poll(future.as_mut(), &theirs).is_pending());
        ready.send(child.id()).expect("the test listens");
        let _ = p.sleep(AN_HOUR);
        let _ = p.wait4(WaitFor::Any, greenproc::WaitFlags::empty());
    });
    let orphan = soon(&is_ready);
    let watch = fixture.watch(orphan, NoteFlags::EXIT).expect("it lives");
    parent.kill().expect("it lives");
    assert_eq!(parent.wait().expect("its handle owns it").status.signal(), Some(Signal::KILL));
    assert_eq!(Arc::strong_count(&bell), 1, "the future was dropped on the way out");
    drop(hold);
    assert!(matches!(soon(&watch).kind, NoteKind::Exit { .. }));
}
