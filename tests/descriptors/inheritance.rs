//! What a child has open.

use crossbeam_channel::unbounded;
use greenproc::{Command, Fd, Limits, Process};
use greenproc_tests::{Fixture, errno, hold, succeeded};

use crate::{EBADF, Told, fd};

fn numbers(p: &Process) -> Vec<i32> {
    p.descriptors().iter().map(|info| info.fd.as_raw()).collect()
}

/// What a child has that `change` says more about.
fn seen_by(p: &Process, change: impl FnOnce(Command) -> Command) -> Vec<i32> {
    let (say, said) = unbounded();
    let command = Command::new("heir", move |p| say.send(numbers(p)).expect("the parent listens"));
    let child = p.spawn(change(command)).expect("room");
    succeeded(&child.wait().expect("my child"));
    p.recv(&said).expect("it was said")
}

/// Decision 15, POSIX `fork`: a copy as of the spawn, of the same open descriptions.
#[test]
fn a_child_begins_with_a_copy_of_its_parents_table() {
    Fixture::boot().inside(|p| {
        let (say, said) = unbounded();
        let (hold, held) = hold();
        let (from, to) = p.pipe().expect("room");
        p.set_close_on_exec(from, true).expect("it is open");
        let child = p
            .spawn(Command::new("heir", move |p| {
                held(p);
                assert_eq!(p.open(()).expect("room"), fd(2), "its numbers are its own");
                p.close(from).expect("it inherited it");
                p.write(to, b"heir").expect("its parent reads");
                say.send(p.descriptors().first().map(|info| info.type_name)).expect("the parent listens");
            }))
            .expect("room");
        p.open("later").expect("room");
        p.close(to).expect("it is open");
        drop(hold);
        let mut buf = [0; 8];
        assert_eq!(p.read(from, &mut buf).expect("bytes"), 4, "the child's closing is its own");
        succeeded(&child.wait().expect("my child"));
        assert_eq!(p.read(from, &mut buf).expect("the end"), 0, "the last writer went with the child");
        assert_eq!(p.recv(&said).expect("it was said"), Some("greenproc::pipe::writer::PipeWriter"));
    });
}

#[test]
fn a_command_says_what_is_inherited_and_what_is_there_instead() {
    Fixture::boot().inside(|p| {
        for value in 0..4_u8 {
            p.open(value).expect("room");
        }
        assert_eq!(seen_by(p, |command| command), [0, 1, 2, 3]);
        assert!(seen_by(p, |command| command.only_descriptors([])).is_empty());
        assert_eq!(seen_by(p, |command| command.only_descriptors([fd(3), fd(1), fd(3)])), [1, 3]);
        assert_eq!(seen_by(p, |command| command.only_descriptors([]).descriptor(fd(5), "new")), [5]);
        assert_eq!(seen_by(p, |command| command.descriptor_from(fd(9), fd(2))), [0, 1, 2, 3, 9]);
        // A swap: each is the parent's, whatever was said before.
        let (say, said) = unbounded();
        let child = Command::new("swapped", move |p| {
            let value = |number| *p.descriptor::<u8>(fd(number)).expect("a number");
            say.send([value(0), value(1)]).expect("the parent listens");
        });
        let child = child.descriptor_from(fd(0), fd(1)).descriptor_from(fd(1), fd(0));
        succeeded(&p.spawn(child).expect("room").wait().expect("my child"));
        assert_eq!(p.recv(&said).expect("it was said"), [1, 0]);
        assert_eq!(numbers(p), [0, 1, 2, 3], "the parent's are as they were");
    });
}

#[test]
fn a_spawn_that_names_what_is_not_open_is_ebadf() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (drop_told, dropped) = unbounded();
        let spawn = |change: &dyn Fn(Command) -> Command| p.spawn(change(Command::new("never", |_| {})));
        assert_eq!(errno(spawn(&|command| command.only_descriptors([fd(0)]))), EBADF);
        assert_eq!(errno(spawn(&|command| command.descriptor_from(fd(1), fd(0)))), EBADF);
        let limits = Limits { descriptors: Some(2), ..Limits::default() };
        assert_eq!(errno(spawn(&|command| command.limits(limits).descriptor(fd(2), ()))), EBADF);
        p.spawn(Command::new("bounded", |_| {}).limits(limits).descriptor(fd(1), ()))
            .expect("below the limit");
        let told = |number| Told(number, drop_told.clone());
        let command = Command::new("never", |_| {}).descriptor(fd(0), told(1)).descriptor_from(fd(1), fd(6));
        assert_eq!(errno(p.spawn(command)), EBADF);
        assert_eq!(dropped.try_recv(), Ok(1), "what it was given is dropped");
        let command = Command::new("never", |_| {}).stack_size(0).descriptor(fd(0), told(2));
        assert_eq!(errno(p.spawn(command)), crate::EINVAL);
        assert_eq!(dropped.try_recv(), Ok(2));
        let user = Limits { processes: Some(0), ..Limits::default() };
        p.set_limits(user, user).expect("lower");
        assert_eq!(errno(p.spawn(Command::new("never", |_| {}).descriptor(fd(0), told(3)))), crate::EAGAIN);
        assert_eq!(dropped.try_recv(), Ok(3), "also when the process was made in part");
        assert_eq!(p.wait().map(|waited| waited.status.success()).ok(), Some(true));
    });
}

/// A value goes with the last table that has it, a zombie has none.
#[test]
fn the_last_table_drops_the_value() {
    let fixture = Fixture::boot();
    let (drop_told, dropped) = unbounded();
    fixture.inside(move |p| {
        let opened = p.open(Told(1, drop_told)).expect("room");
        let (hold, held) = hold();
        let (first, second) = (Command::new("first", held.clone()), Command::new("second", held));
        let children = [p.spawn(first).expect("room"), p.spawn(second).expect("room")];
        p.close(opened).expect("it is open");
        assert!(dropped.try_recv().is_err(), "children have it");
        drop(hold);
        for child in children {
            greenproc_tests::is_dead(p, child.id());
        }
        assert_eq!(dropped.try_recv(), Ok(1), "the zombies have not");
    });
}

/// A child of the runtime is one of init's, which has nothing open unless its body opens it.
#[test]
fn a_child_of_the_runtime_has_what_its_command_says() {
    let fixture = Fixture::boot();
    let (reader, writer) = greenproc::pipe();
    let command = Command::new("outside", |p| {
        assert_eq!(numbers(p), [1]);
        p.write(Fd::STDOUT, b"x").map(drop)
    });
    assert!(fixture.run(command.descriptor(Fd::STDOUT, writer)).expect("it runs").success());
    assert_eq!(std::io::read_to_string(reader).expect("text"), "x");
}

/// An exec closes what is marked, each isolated, and leaves the rest as it is.
#[test]
fn an_exec_closes_what_is_marked() {
    let fixture = Fixture::boot();
    let events = fixture.events(greenproc::EventFilter::TROUBLE);
    let (drop_told, dropped) = unbounded();
    let (say, said) = unbounded();
    let child = fixture.child("before", move |p| {
        for number in 0..3 {
            p.open(Told(number, drop_told.clone())).expect("room");
        }
        p.open(crate::Bomb("marked")).expect("room");
        for marked in [0, 2, 3] {
            p.set_close_on_exec(fd(marked), true).expect("it is open");
        }
        p.dup_to(fd(2), fd(5)).expect("it is open");
        let gives = Command::new("never", |_| {}).descriptor(fd(0), ());
        assert_eq!(errno(p.exec(gives)), crate::EINVAL, "it makes no process");
        p.exec(Command::new("after", move |p: &Process| {
            say.send((numbers(p), dropped.try_iter().collect::<Vec<_>>())).expect("the test listens");
        }))
    });
    let waited = child.wait().expect("mine");
    succeeded(&waited);
    // 2 has another number, without the mark.
    assert_eq!(said.recv().expect("it was said"), (vec![1, 5], vec![0]));
    let message = greenproc_tests::next_event(&events, waited.pid, |kind| match kind {
        greenproc::EventKind::DropPanicked { message } => Some(message.clone()),
        _ => None,
    });
    assert_eq!(message, "marked");
}
