//! Numbers and what they stand for.

use crossbeam_channel::unbounded;
use greenproc::{EventFilter, EventKind, Fd, Limits, Process, Signal};
use greenproc_tests::{Fixture, OnDrop, errno, next_event, soon};

use crate::{Bomb, EBADF, EINVAL, EMFILE, ESRCH, Told, fd};

#[test]
fn a_value_has_the_lowest_free_number_and_its_type() {
    Fixture::boot().inside(|p| {
        assert!(p.descriptors().is_empty(), "nothing is open that nobody gave it");
        assert_eq!(p.open("zero").expect("room"), fd(0));
        assert_eq!(p.open(1_u64).expect("room"), fd(1));
        assert_eq!(p.open(vec![2]).expect("room"), fd(2));
        assert_eq!(*p.descriptor::<u64>(fd(1)).expect("it is a u64"), 1);
        assert_eq!(errno(p.descriptor::<u32>(fd(1))), EINVAL);
        p.close(fd(1)).expect("it is open");
        assert_eq!(errno(p.descriptor::<u64>(fd(1))), EBADF);
        assert_eq!(p.open("one").expect("room"), fd(1));
        let names: Vec<_> = p.descriptors().iter().map(|info| (info.fd.as_raw(), info.type_name)).collect();
        assert_eq!(names, [(0, "&str"), (1, "&str"), (2, "alloc::vec::Vec<i32>")]);
    });
}

#[test]
fn what_is_not_open_is_ebadf_and_what_is_no_stream_einval() {
    Fixture::boot().inside(|p| {
        for nothing in [fd(0), fd(7), fd(i32::MAX)] {
            assert_eq!(errno(p.close(nothing)), EBADF);
            assert_eq!(errno(p.dup(nothing)), EBADF);
            assert_eq!(errno(p.dup_to(nothing, fd(1))), EBADF);
            assert_eq!(errno(p.dup_to(nothing, nothing)), EBADF);
            assert_eq!(errno(p.descriptor::<u8>(nothing)), EBADF);
            assert_eq!(errno(p.set_close_on_exec(nothing, true)), EBADF);
            assert_eq!(errno(p.set_nonblocking(nothing, true)), EBADF);
            assert_eq!(errno(p.read(nothing, &mut [0])), EBADF);
            assert_eq!(errno(p.write(nothing, &[0])), EBADF);
            // The same again, now that there is a table.
            let opened = p.open(()).expect("room");
            p.close(opened).expect("it is open");
        }
        let number = p.open(5_u8).expect("room");
        assert_eq!(errno(p.read(number, &mut [0])), EINVAL);
        assert_eq!(errno(p.write(number, &[0])), EINVAL);
        assert_eq!(errno(p.set_nonblocking(number, true)), EINVAL);
    });
}

#[test]
fn a_table_is_full_at_the_limit() {
    let fixture = Fixture::boot();
    let limits = Limits { descriptors: Some(3), ..Limits::default() };
    let body = |p: &Process| {
        let (drop_told, dropped) = unbounded();
        p.open(()).expect("room");
        p.open(()).expect("room");
        assert_eq!(errno(p.pipe()), EMFILE);
        assert_eq!(p.descriptors().len(), 2, "both ends or none");
        assert_eq!(p.dup(fd(0)).expect("room"), fd(2));
        assert_eq!(errno(p.dup(fd(0))), EMFILE);
        assert_eq!(errno(p.open(Told(4, drop_told))), EMFILE);
        assert_eq!(dropped.try_recv(), Ok(4), "what cannot be opened is dropped");
        assert_eq!(errno(p.dup_to(fd(0), fd(3))), EBADF);
        assert_eq!(p.dup_to(fd(0), fd(2)).expect("below the limit"), fd(2));
        p.close(fd(1)).expect("it is open");
        assert_eq!(p.open(()).expect("room again"), fd(1));
    };
    let child = fixture.spawn(greenproc::Command::new("bounded", body).limits(limits)).expect("room");
    greenproc_tests::succeeded(&child.wait().expect("mine"));
}

#[test]
fn both_numbers_are_one_open_description() {
    Fixture::boot().inside(|p| {
        let (drop_told, dropped) = unbounded();
        let (from, to) = p.pipe().expect("room");
        let other = p.dup(from).expect("room");
        p.set_nonblocking(other, true).expect("it is a stream");
        p.set_close_on_exec(from, true).expect("it is open");
        let modes: Vec<_> =
            p.descriptors().iter().map(|info| (info.nonblocking, info.close_on_exec)).collect();
        assert_eq!(modes, [(true, true), (false, false), (true, false)]);
        p.dup_to(from, from).expect("nothing to do");
        assert!(p.descriptors()[0].close_on_exec, "the same number twice changes nothing");
        let told = p.open(Told(1, drop_told)).expect("room");
        let twin = p.dup(told).expect("room");
        p.dup_to(to, told).expect("it is open");
        assert!(dropped.try_recv().is_err(), "its twin is open");
        p.dup_to(to, twin).expect("it is open");
        assert_eq!(dropped.try_recv(), Ok(1), "what had the number is closed before the call returns");
    });
}

/// What is closed is dropped without a lock: a destructor may use the table.
#[test]
fn a_destructor_may_use_the_table() {
    Fixture::boot().inside(|p| {
        let reopens = OnDrop(|| {
            let p = greenproc::current().expect("it runs as the process");
            assert_eq!(p.open("by the destructor").expect("room"), fd(0));
        });
        let opened = p.open(reopens).expect("room");
        p.close(opened).expect("it is open");
        assert_eq!(*p.descriptor::<&str>(fd(0)).expect("it is there"), "by the destructor");
    });
}

/// Decision 13: a panic of what is closed is told, and does not reach who closes.
#[test]
fn a_destructor_that_panics_is_told_and_the_number_is_free() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    let pid = fixture.inside(|p| {
        let opened = p.open(Bomb("closed")).expect("room");
        p.close(opened).expect("it is closed");
        assert_eq!(errno(p.close(opened)), EBADF);
        p.open(Bomb("replaced")).expect("room");
        let other = p.open(()).expect("room");
        p.dup_to(other, opened).expect("it is open");
        p.pid()
    });
    for expected in ["closed", "replaced"] {
        let message = next_event(&events, pid, |kind| match kind {
            EventKind::DropPanicked { message } => Some(message.clone()),
            _ => None,
        });
        assert_eq!(message, expected);
    }
}

/// A destructor runs as in `critical`: a request that came is met when `close` has done its work.
#[test]
fn a_destructor_that_exits_ends_the_process_at_the_next_checkpoint() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("exits", move |p| {
        let exits = OnDrop(|| greenproc::current().expect("it is one").exit(3));
        let opened = p.open(exits).expect("room");
        p.close(opened).expect("it is open");
        say.send(p.descriptors().len()).expect("the test listens");
        p.checkpoint();
    });
    assert_eq!(child.wait().expect("mine").status.code(), Some(3));
    assert_eq!(soon(&said), 0);
}

/// A number that another LWP closes while a call uses it is free; what was open goes when the call is done.
#[test]
fn lwps_share_the_table_and_a_use_outlives_the_number() {
    let fixture = Fixture::boot();
    let (go, may_go) = unbounded();
    let child = fixture.child("two LWPs", move |p| {
        let (from, to) = p.pipe().expect("room");
        let reader = p
            .spawn_lwp(move |p| {
                let mut buf = [0; 8];
                let count = p.read(from, &mut buf).expect("bytes");
                (buf[..count].to_vec(), errno(p.read(from, &mut buf)))
            })
            .expect("room");
        p.recv(&may_go).expect("the test says so");
        p.close(from).expect("it is open");
        assert_eq!(p.write(to, b"late").expect("it is being read"), 4);
        assert_eq!(reader.join(p).expect("it returned"), (b"late".to_vec(), EBADF));
    });
    // Both LWPs sleep: one in the pipe.
    let asleep = || {
        let lwps = fixture.inspect(child.id()).expect("it lives").lwps;
        lwps.iter().filter(|lwp| lwp.state == greenproc::State::Sleeping).count() == 2
    };
    while !asleep() {
        std::thread::yield_now();
    }
    go.send(()).expect("it listens");
    greenproc_tests::succeeded(&child.wait().expect("mine"));
}

#[test]
fn an_inspector_sees_how_many_are_open() {
    let fixture = Fixture::boot();
    let (hold, held) = greenproc_tests::hold();
    let (ready, is_ready) = unbounded();
    let child = fixture.child("has two", move |p| {
        p.pipe().expect("room");
        ready.send(()).expect("the test listens");
        held(p);
    });
    soon(&is_ready);
    assert_eq!(fixture.inspect(child.id()).expect("it lives").descriptors, 2);
    drop(hold);
    greenproc_tests::succeeded(&child.wait().expect("mine"));
}

/// A `Process` that is kept beyond its LWP's end has no table.
#[test]
fn a_stale_process_is_esrch() {
    thread_local! {
        static KEPT: std::cell::RefCell<Option<Process>> = const { std::cell::RefCell::new(None) };
    }
    let fixture = Fixture::with(|builder| builder.max_lwps(2));
    fixture.inside(|p| {
        p.open(()).expect("room");
        KEPT.set(Some(p.clone()));
    });
    let seen = fixture.inside(|_| {
        KEPT.take().map(|p| {
            [
                errno(p.open(())),
                errno(p.pipe()),
                errno(p.dup(fd(0))),
                errno(p.dup_to(fd(0), fd(1))),
                errno(p.close(fd(0))),
                errno(p.read(fd(0), &mut [0])),
                errno(p.write(fd(0), &[0])),
                errno(p.descriptor::<()>(fd(0))),
                errno(p.set_close_on_exec(fd(0), true)),
                errno(p.set_nonblocking(fd(0), true)),
            ]
        })
    });
    // Whether the second one ran on the first one's thread is the runtime's affair.
    assert!(seen.is_none_or(|seen| seen == [ESRCH; 10]), "{seen:?}");
}

#[test]
fn a_signal_between_does_not_disturb() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.stop_requested();
        p.kill(p.pid(), Signal::TERM).expect("it lives");
        let opened = p.open(1_u8).expect("no checkpoint");
        assert_eq!(p.dup(opened).expect("no checkpoint"), Fd::STDOUT);
        p.close(opened).expect("no checkpoint");
        assert!(p.stop_requested());
    });
}
