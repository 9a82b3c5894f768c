//! The cache of native threads: row 25, and what the design says of threads of other classes and of own threads.

use std::cell::RefCell;

use crossbeam_channel::Sender;
use greenproc::{Command, Runtime};
use greenproc_tests::{Fixture, soon, succeeded};
use std::time::Duration;

/// Says on the way out that its native thread ends.
struct AtThreadsEnd(Sender<()>);

impl Drop for AtThreadsEnd {
    fn drop(&mut self) {
        // Nobody listens any more if the test has failed.
        let _ = self.0.send(());
    }
}

thread_local! {
    static LEFT_ON_THREAD: RefCell<Option<AtThreadsEnd>> = const { RefCell::new(None) };
}

/// Row 25: a thread that has nothing to do goes home after its time, with its thread-local values.
#[test]
fn idle_threads_go_home() {
    let fixture = Fixture::with(|builder| builder.keep_threads(Duration::from_millis(1)));
    let (say, ended) = crossbeam_channel::unbounded();
    let child =
        fixture.spawn(Command::new("leaves something", move |_| LEFT_ON_THREAD.set(Some(AtThreadsEnd(say)))));
    succeeded(&child.expect("room").wait().expect("mine"));
    soon(&ended);
}

/// A thread that rests is kept for the next process, as long as it is not told otherwise.
#[test]
fn a_resting_thread_is_used_again() {
    let fixture = Fixture::with(|builder| builder.keep_threads(Duration::from_hours(1)));
    let (say, ended) = crossbeam_channel::unbounded();
    let child =
        fixture.spawn(Command::new("leaves something", move |_| LEFT_ON_THREAD.set(Some(AtThreadsEnd(say)))));
    succeeded(&child.expect("room").wait().expect("mine"));
    let found = |runtime: &Runtime| {
        let (child, found) =
            runtime.spawn_returning("looks", |_| LEFT_ON_THREAD.with_borrow(Option::is_some)).expect("room");
        succeeded(&child.wait().expect("mine"));
        found.take().expect("it returned")
    };
    // The thread that ran it is the only one, or the last to rest of the two that a burst of one can have made.
    assert!((0..1000).any(|_| found(&fixture)));
    assert!(ended.is_empty());
}

/// At the capacity, idle threads of one class make room for one of another, and neither the count of threads nor any
/// stack grows with how often that happens.
#[test]
fn idle_threads_make_room_for_other_stacks() {
    let fixture = Fixture::with(|builder| builder.max_lwps(4));
    for round in 0..300_usize {
        let command = Command::new("sized", |_| {}).stack_size(65_536 << (round % 5));
        assert!(fixture.run(command).expect("room").success());
        assert!(fixture.run(Command::new("own", |_| {}).own_thread()).expect("room").success());
    }
    // init, the timekeeper's class has none, and at most one more on its way out than there may be LWPs.
    assert!(fixture.stats().threads <= 12, "{:?}", fixture.stats());
}

/// The LWPs of a living `own_thread` process give their threads back one by one.
#[test]
fn own_threads_are_given_back_while_the_process_lives() {
    let fixture = Fixture::with(|builder| builder.max_lwps(5));
    let status = fixture.run(
        Command::new("many LWPs", |p| {
            for number in 0..100 {
                let lwp = p.spawn_lwp(move |_| number).expect("room for one more");
                assert_eq!(lwp.join(p).expect("it returned"), number);
            }
        })
        .own_thread(),
    );
    assert!(status.expect("room").success());
}
