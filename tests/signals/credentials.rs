//! Who may signal whom, and whose process one is: decisions 22 and 23, POSIX `kill` and `setuid`.
//!
//! A runtime's init acts for the host's user, and only root may become somebody else: for other users there is nothing to
//! show but that.

use crossbeam_channel::unbounded;
use greenproc::{Child, Command, ExitStatus, Limits, Process, ProcessGroup, Signal, Target};
use greenproc_tests::{Fixture, Hold, errno, living, new_group, soon, stay, succeeded};

const ALICE: u32 = 1001;
const BOB: u32 = 1002;

/// Whether processes may become somebody else; if not, says how they are refused.
fn root(fixture: &Fixture) -> bool {
    fixture.inside(|p| {
        let uid = p.uid();
        if uid != 0 {
            assert_eq!(errno(p.setuid(0)), libc::EPERM);
            assert_eq!(errno(p.setgid(p.gid() + 1)), libc::EPERM);
            p.setuid(uid).expect("it is");
        }
        uid == 0
    })
}

/// A child that has become this user and lives until it is let go of.
fn living_as(p: &Process, uid: u32, change: impl FnOnce(Command) -> Command) -> (Child, Hold) {
    let (hold, held) = greenproc_tests::hold();
    let (ready, is_ready) = unbounded();
    let command = Command::new("living", move |p| {
        p.setuid(uid).expect("root may");
        ready.send(()).expect("they listen");
        held(p);
    });
    let child = p.spawn(change(command)).expect("room");
    soon(&is_ready);
    (child, hold)
}

/// What a child that acts for this user says of `look`.
fn asked_as<T: Send + 'static>(
    p: &Process,
    uid: u32,
    look: impl FnOnce(&Process) -> T + Send + 'static,
) -> T {
    let child = p.spawn_returning("asks", move |p| {
        p.setuid(uid).expect("root may");
        look(p)
    });
    let (child, said) = child.expect("room");
    succeeded(&child.wait().expect("my child"));
    said.take().expect("it said so")
}

fn number(result: greenproc::Result<()>) -> i32 {
    result.map_or_else(|error| error.errno(), |()| 0)
}

/// POSIX `kill`: signal 0 asks whether the signal might be sent, too.
#[test]
fn signal_0_asks_for_permission() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    fixture.inside(|p| {
        let me = p.pid().as_raw();
        let asks = move |p: &Process| {
            (
                greenproc::sys::kill(me, 0),
                greenproc::sys::kill(p.pid().as_raw(), 0),
                greenproc::sys::kill(0, 0),
            )
        };
        assert_eq!(asked_as(p, 1000, asks), (Err(libc::EPERM), Ok(()), Ok(())));
        assert_eq!(asked_as(p, 0, asks), (Ok(()), Ok(()), Ok(())));
    });
}

/// POSIX `setuid`: root becomes anybody, once; nobody comes back, or becomes somebody else. All LWPs and later children are
/// that user's; the parent is not.
#[test]
fn setuid_goes_downwards_only() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    let snapshot = (*fixture).clone();
    fixture.inside(move |p| {
        asked_as(p, ALICE, move |p| {
            assert_eq!(p.uid(), ALICE);
            assert_eq!([0, BOB].map(|uid| number(p.setuid(uid))), [libc::EPERM; 2]);
            p.setuid(ALICE).expect("it is");
            let gid = p.gid();
            assert_eq!(number(p.setgid(gid + 1)), libc::EPERM);
            p.setgid(gid).expect("it is");
            let lwp = p.spawn_lwp(Process::uid).expect("room");
            assert_eq!(lwp.join(p).expect("it returned"), ALICE);
            let (child, uid) = p.spawn_returning("child", Process::uid).expect("room");
            succeeded(&child.wait().expect("my child"));
            assert_eq!(uid.take(), Some(ALICE));
            assert_eq!(snapshot.snapshot().get(p.pid()).expect("it lives").uid, ALICE);
        });
        assert_eq!(p.uid(), 0);
        p.setgid(7).expect("root may");
        let (child, ids) = p.spawn_returning("child", |p| (p.uid(), p.gid())).expect("room");
        succeeded(&child.wait().expect("my child"));
        assert_eq!(ids.take(), Some((0, 7)));
    });
}

/// POSIX `kill`: by pid root may signal anybody, others only their own user's, else EPERM; a zombie takes it from all.
#[test]
fn by_pid_only_the_same_user_and_root_may() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    fixture.inside(|p| {
        let users = [0, ALICE, BOB];
        for of in users {
            let (target, hold) = living_as(p, of, |command| command);
            let pid = target.id();
            for by in users {
                let expected = if by == 0 || by == of { 0 } else { libc::EPERM };
                let said = asked_as(p, by, move |p| {
                    [number(p.kill(pid, Signal::WINCH)), number(p.sigqueue(pid, Signal::WINCH, 1))]
                });
                assert_eq!(said, [expected; 2], "{by} signals {of}");
            }
            drop(hold);
            succeeded(&target.wait().expect("my child"));
        }
        let dead = greenproc_tests::dead(p, 0, |command| command).id();
        assert_eq!(asked_as(p, ALICE, move |p| number(p.kill(dead, Signal::KILL))), 0);
        succeeded(&p.wait().expect("my child"));
    });
}

/// What is refused does nothing: a process that may not be signalled lives on.
#[test]
fn a_refused_kill_does_nothing() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    fixture.inside(|p| {
        let (target, hold) = living(p, |command| command);
        let pid = target.id();
        assert_eq!(asked_as(p, ALICE, move |p| number(p.kill(pid, Signal::KILL))), libc::EPERM);
        drop(hold);
        succeeded(&target.wait().expect("my child"));
    });
}

/// POSIX `kill`: to a group whoever may be signalled is; EPERM only if none may.
#[test]
fn to_a_group_it_is_refused_only_if_nobody_may_be_signalled() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    fixture.inside(|p| {
        let (alices, alice_held) = living_as(p, ALICE, new_group);
        let group = alices.id();
        let join = |command: Command| command.process_group(ProcessGroup::Join(group));
        let (roots, root_held) = living_as(p, 0, join);
        let by = |uid| asked_as(p, uid, move |p| number(p.kill(Target::Group(group), Signal::TERM)));
        assert_eq!(by(BOB), libc::EPERM);
        assert_eq!(by(ALICE), 0);
        assert_eq!(alices.wait().expect("my child").status, ExitStatus::killed(Signal::TERM));
        assert!(roots.try_wait().expect("my child").is_none(), "it lives");
        assert_eq!(by(ALICE), libc::EPERM, "only root's is left");
        assert_eq!(by(0), 0);
        assert_eq!(roots.wait().expect("my child").status, ExitStatus::killed(Signal::TERM));
        drop((alice_held, root_held));
    });
}

/// POSIX `kill` to all: whoever may not be signalled is passed over, without an error.
#[test]
fn to_all_it_passes_over_who_may_not_be_signalled() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    fixture.inside(|p| {
        let (alices, alice_held) = living_as(p, ALICE, |command| command);
        let (bobs, bob_held) = living_as(p, BOB, |command| command);
        let said = asked_as(p, ALICE, |p| number(p.kill(Target::All, Signal::KILL)));
        assert_eq!(said, 0);
        assert_eq!(alices.wait().expect("my child").status, ExitStatus::killed(Signal::KILL));
        drop((alice_held, bob_held));
        succeeded(&bobs.wait().expect("my child"));
    });
}

/// POSIX `kill`: SIGCONT goes anywhere within the session, to another user's process too, and not beyond it.
#[test]
fn sigcont_goes_anywhere_in_the_session() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    fixture.inside(|p| {
        for (session, expected) in [(false, 0), (true, libc::EPERM)] {
            let change = |command: Command| if session { command.new_session() } else { command };
            let (target, hold) = living_as(p, BOB, change);
            let pid = target.id();
            let said = asked_as(p, ALICE, move |p| {
                [Signal::CONT, Signal::WINCH].map(|signal| number(p.kill(pid, signal)))
            });
            assert_eq!(said, [expected, libc::EPERM], "a session of its own: {session}");
            drop(hold);
            succeeded(&target.wait().expect("my child"));
        }
    });
}

/// Decision 22 and `RLIMIT_NPROC`: a process counts with the user it acts for, from `setuid` until it is reaped.
#[test]
fn a_process_counts_with_its_user() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    let lonely = Limits { processes: Some(3), ..Limits::default() };
    let child = fixture.spawn(
        Command::new("alice", |p| {
            // Init, and the one above, are root's.
            p.setuid(ALICE).expect("root may");
            let spawn = |p: &Process| p.spawn(Command::new("child", |_| {}));
            let two = [spawn(p), spawn(p)].map(|child| child.expect("two of three are free"));
            assert_eq!(errno(spawn(p)), libc::EAGAIN);
            greenproc_tests::is_dead(p, two[0].id());
            assert_eq!(errno(spawn(p)), libc::EAGAIN, "a zombie counts");
            succeeded(&p.wait().expect("my child"));
            let third = spawn(p).expect("room again");
            drop((two, third));
            for _ in 0..2 {
                succeeded(&p.wait().expect("my child"));
            }
            assert_eq!(errno(p.wait()), libc::ECHILD);
        })
        .limits(lonely),
    );
    succeeded(&child.expect("room").wait().expect("its handle owns it"));
    // And root has its own again.
    let roots = fixture.spawn(
        Command::new("root", |p| {
            let spawn = |p: &Process| p.spawn(Command::new("child", |_| {}));
            let child = spawn(p).expect("init, this and one more");
            assert_eq!(errno(spawn(p)), libc::EAGAIN);
            succeeded(&child.wait().expect("my child"));
        })
        .limits(lonely),
    );
    succeeded(&roots.expect("room").wait().expect("its handle owns it"));
}

/// Decision 23: a signal through a handle is checked against the process that made the handle, as it is now, from wherever
/// it is sent; one that no process made may do everything.
#[test]
fn a_handle_may_what_its_maker_may() {
    let fixture = Fixture::boot();
    if !root(&fixture) {
        return;
    }
    let (hand_over, handed) = unbounded();
    let (go, gone) = unbounded::<()>();
    let maker = fixture.child("maker", move |p| {
        let (child, hold) = living(p, |command| command);
        child.signal(Signal::WINCH).expect("root may");
        p.setuid(ALICE).expect("root may");
        assert_eq!(errno(child.kill()), libc::EPERM);
        let own = p.spawn(Command::new("own", |p| p.sleep(greenproc_tests::AN_HOUR))).expect("room");
        own.kill().expect("it is the maker's user's");
        assert_eq!(own.wait().expect("my child").status, ExitStatus::killed(Signal::KILL));
        hand_over.send((child, hold)).expect("the test listens");
        stay(p, &gone);
        p.wait().expect("my child").status
    });
    let (child, hold) = soon(&handed);
    assert_eq!(errno(child.signal(Signal::TERM)), libc::EPERM, "outside any process too");
    let by_root = fixture.spawn_returning("root", move |p| {
        let said = number(child.signal(Signal::TERM));
        (p.uid(), said)
    });
    let (by_root, said) = by_root.expect("room");
    succeeded(&by_root.wait().expect("its handle owns it"));
    assert_eq!(said.take(), Some((0, libc::EPERM)), "whoever has the handle");
    drop((hold, go));
    assert_eq!(maker.wait().expect("its handle owns it").status, ExitStatus::exited(0));
    // The runtime's own handles.
    let child = fixture.child("alice's", |p| {
        p.setuid(ALICE).expect("root may");
        p.sleep(greenproc_tests::AN_HOUR)
    });
    child.kill().expect("no process made the handle");
    assert_eq!(child.wait().expect("its handle owns it").status, ExitStatus::killed(Signal::KILL));
}
