//! Names, arguments and environments.

use std::borrow::Cow;
use std::sync::Arc;

use crossbeam_channel::unbounded;
use greenproc::{ARG_MAX, Command, Error, ExitStatus, Process, Runtime};
use greenproc_tests::{Fixture, errno, hold, soon, succeeded};

use crate::{end, fixture, succeeds};

/// A name stands for a body: for a spawn and an exec, from inside and outside, any number of times.
#[test]
fn a_program_is_run_by_its_name() {
    let fixture = fixture();
    let command = || Command::program("ends").args(["7", "8"]);
    assert_eq!(fixture.run(command()).expect("it is there").code(), Some(7));
    fixture.inside(move |p| {
        for _ in 0..3 {
            let child = p.spawn(command()).expect("it is there");
            assert_eq!(child.name(), "ends");
            assert_eq!(child.wait().expect("mine").status.code(), Some(7));
        }
        let child = p.spawn(Command::new("becomes it", |p| end(p, 9))).expect("room");
        assert_eq!(child.wait().expect("mine").status.code(), Some(9));
    });
}

/// Of two programs with one name the later counts; who runs the former one goes on.
#[test]
fn a_program_can_be_replaced() {
    let fixture = fixture();
    let (hold, held) = hold();
    let (begin, begun) = unbounded();
    let old = move |p: &Process| {
        begin.send(()).expect("the test listens");
        held.clone()(p);
        1
    };
    fixture.register("changes", old).expect("a name");
    let running = fixture.spawn(Command::program("changes")).expect("it is there");
    soon(&begun);
    fixture.register("changes", |_| 2).expect("a name");
    assert_eq!(fixture.run(Command::program("changes")).expect("it is there").code(), Some(2));
    drop(hold);
    assert_eq!(running.wait().expect("its handle owns it").status.code(), Some(1));
}

/// ENOENT: nothing is made, and who executes goes on as it was.
#[test]
fn a_program_that_is_not_there_is_enoent() {
    let fixture = fixture();
    match fixture.spawn(Command::program("Ends")).expect_err("case counts") {
        Error::NoProgram { name } => assert_eq!(name, "Ends"),
        other => panic!("{other}"),
    }
    fixture.inside(|p| {
        assert_eq!(errno(p.spawn(Command::program("nobody"))), libc::ENOENT);
        assert_eq!(errno(p.vfork(Command::program("nobody"))), libc::ENOENT);
        assert_eq!(errno(p.exec(Command::program("nobody"))), libc::ENOENT);
        assert_eq!(p.name(), "inside");
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}

/// The names of programs are checked like those of processes.
#[test]
fn bad_names_of_programs_are_refused() {
    let long = "x".repeat(256);
    let cases = [("a\0b", libc::EINVAL), (long.as_str(), libc::ENAMETOOLONG)];
    let fixture = fixture();
    for (name, error) in cases {
        let name = name.to_owned();
        let boot = Runtime::builder().program(name.clone(), |_| {}).boot().map(drop);
        assert_eq!(errno(boot), error);
        assert_eq!(errno(fixture.register(name.clone(), |_| {})), error);
        assert_eq!(errno(fixture.spawn(Command::program(name.clone()))), error);
        fixture.inside(move |p| assert_eq!(errno(p.exec(Command::program(name))), error));
    }
}

/// What a process is given is its own: its children's arguments are theirs.
#[test]
fn arguments_are_the_commands() {
    let fixture = fixture();
    let body = |p: &Process| {
        assert_eq!(*p.args(), ["-v", "file name", ""]);
        let child = p.spawn(Command::new("child", |p| assert!(p.args().is_empty()))).expect("room");
        succeeded(&child.wait().expect("mine"));
    };
    assert!(
        fixture.run(Command::new("args", body).arg("-v").args(["file name", ""])).expect("room").success()
    );
}

fn variables(p: &Process) -> Vec<(String, String)> {
    p.environment().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Each process has an environment of its own, which begins as its parent's.
#[test]
fn an_environment_is_inherited_and_changed() {
    let fixture = fixture();
    succeeds(&fixture, |p| {
        assert_eq!((p.env("PATH"), variables(p)), (None, vec![]), "nothing of the host's");
        p.set_env("A", "1").expect("a name");
        p.set_env("B", "2").expect("a name");
        let child = Command::new("child", |p| {
            assert_eq!(variables(p), owned(&[("A", "one"), ("C", "3")]));
            p.set_env("A", "child's").expect("a name");
            let below =
                p.spawn(Command::new("below", |p| assert_eq!(p.env("A").as_deref(), Some("child's"))));
            succeeded(&below.expect("room").wait().expect("mine"));
        });
        let child = child.env("A", "one").env_remove("B").env("C", "3").env_remove("never there");
        let child = p.spawn(child).expect("room");
        // The child has a copy, as of its spawn.
        p.set_env("C", "parent's").expect("a name");
        succeeded(&child.wait().expect("mine"));
        assert_eq!(variables(p), owned(&[("A", "1"), ("B", "2"), ("C", "parent's")]));
        let clean = Command::new("clean", |p| assert_eq!(variables(p), owned(&[("Z", "")])));
        let clean = p.spawn(clean.env("Y", "").env_clear().env("Z", "")).expect("room");
        succeeded(&clean.wait().expect("mine"));
        p.remove_env("A").expect("a name");
        p.remove_env("A").expect("it need not be there");
        p.exec(
            Command::new("anew", |p| assert_eq!(variables(p), owned(&[("B", "2"), ("D", "4")])))
                .env_remove("C")
                .env("D", "4"),
        )
    });
}

/// EINVAL, wherever strings come in.
#[test]
fn bad_strings_are_refused() {
    let fixture = fixture();
    let bad: [fn(Command) -> Command; 6] = [
        |command| command.arg("a\0"),
        |command| command.env("A", "\0"),
        |command| command.env("A\0", ""),
        |command| command.env_remove("\0"),
        |command| command.env("", "value"),
        |command| command.env("A=B", "value"),
    ];
    for (case, spoil) in bad.into_iter().enumerate() {
        let spoiled = || spoil(Command::new("bad", |_| {}));
        assert_eq!(errno(fixture.spawn(spoiled())), libc::EINVAL, "case {case}");
        fixture.inside(move |p| {
            assert_eq!(errno(p.spawn(spoil(Command::new("bad", |_| {})))), libc::EINVAL, "case {case}");
            assert_eq!(errno(p.exec(spoil(Command::new("bad", |_| {})))), libc::EINVAL, "case {case}");
        });
    }
    fixture.inside(|p| {
        for (name, value) in [("", ""), ("A=", ""), ("A\0", ""), ("A", "\0")] {
            assert_eq!(errno(p.set_env(name, value)), libc::EINVAL);
        }
        assert_eq!(errno(p.remove_env("=")), libc::EINVAL);
        assert!(p.environment().is_empty());
    });
}

/// E2BIG, to the byte: each string counts with its end, each variable with its name and a `=`.
#[test]
fn too_many_bytes_are_e2big() {
    let fixture = fixture();
    let fits = "x".repeat(ARG_MAX - 1 - "A=b".len() - 1);
    let too_long = format!("{fits}x");
    let takes = |arg: &str| {
        Command::new("takes", |p| p.args().iter().map(String::len).sum::<usize>() as i32).arg(arg)
    };
    let status = fixture.run(takes(&fits).env("A", "b")).expect("it fits");
    assert_eq!(status, ExitStatus::exited(fits.len() as i32));
    assert_eq!(errno(fixture.spawn(takes(&too_long).env("A", "b"))), libc::E2BIG);
    fixture.inside(move |p| {
        p.set_env("A", "b").expect("a name");
        match p.exec(takes(&too_long)).expect_err("what is inherited counts") {
            Error::ArgumentsTooLong { bytes } => assert_eq!(bytes, ARG_MAX + 1),
            other => panic!("{other}"),
        }
        assert_eq!(errno(p.spawn(takes(&too_long))), libc::E2BIG);
        let child = p.spawn(takes(&too_long).env_clear()).expect("nothing is inherited");
        assert!(child.wait().expect("mine").status.code() > Some(0));
    });
}

/// What a name stands for is dropped with the runtime, or when it is replaced.
#[test]
fn programs_go_with_their_runtime() {
    let (first, second) = (Arc::new(()), Arc::new(()));
    let runtime = Fixture::with(|builder| {
        let first = Arc::clone(&first);
        builder.program(Cow::Borrowed("one"), move |_| drop(Arc::clone(&first)))
    });
    let held = Arc::clone(&second);
    runtime.register("two", move |_| drop(Arc::clone(&held))).expect("a name");
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (2, 2));
    runtime.register("one", |_| ()).expect("a name");
    assert_eq!(Arc::strong_count(&first), 1);
    let _report = runtime.shut_down();
    assert_eq!(Arc::strong_count(&second), 1);
}
