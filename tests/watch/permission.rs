//! Whom one may watch, and every error.

use greenproc::{Command, NoteFlags, NoteKind};
use greenproc_tests::{Fixture, errno, living, same, soon, succeeded};

use crate::{next, pid};

#[test]
fn a_watch_of_nothing_is_einval() {
    let fixture = Fixture::boot();
    assert_eq!(errno(fixture.watch(pid(1), NoteFlags::empty())), libc::EINVAL);
    fixture.inside(|p| assert_eq!(errno(p.watch(p.pid(), NoteFlags::empty())), libc::EINVAL));
    let child = fixture.child("child", |_| ());
    assert_eq!(errno(child.watch(NoteFlags::empty())), libc::EINVAL);
}

#[test]
fn nobody_is_esrch() {
    let fixture = Fixture::boot();
    let nobody = pid(30_000);
    assert_eq!(errno(fixture.watch(nobody, NoteFlags::EXIT)), libc::ESRCH);
    let kept = fixture.inside(move |p| {
        assert_eq!(errno(p.watch(nobody, NoteFlags::EXIT)), libc::ESRCH);
        let child = p.spawn(Command::new("child", |_| ())).expect("room");
        succeeded(&child.wait().expect("mine"));
        assert_eq!(errno(child.watch(NoteFlags::EXIT)), libc::ESRCH);
        child
    });
    assert_eq!(errno(kept.watch(NoteFlags::EXIT)), libc::ESRCH);
}

/// A handle means its process: when the number is in use again, it is ESRCH all the same.
#[test]
fn a_handle_never_watches_another_process_of_the_same_number() {
    let fixture = Fixture::with(|builder| builder.pid_max(8));
    let first = fixture.child("first", |_| ());
    succeeded(&first.wait().expect("its handle owns it"));
    loop {
        let (hold, held) = greenproc_tests::hold();
        let other = fixture.child("other", held);
        if other.id() == first.id() {
            assert_eq!(errno(first.watch(NoteFlags::EXIT)), libc::ESRCH);
            let watch = fixture.watch(first.id(), NoteFlags::EXIT).expect("the number is in use");
            drop(hold);
            assert!(matches!(next(&watch, other.id()), NoteKind::Exit { .. }));
            break;
        }
        drop(hold);
        succeeded(&other.wait().expect("its handle owns it"));
    }
}

/// As for signals: root watches anybody, others those of the same user, and calls from outside any process are not asked.
#[test]
fn another_users_process_is_eperm_but_for_root_and_from_outside() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        if p.uid() != 0 {
            // Nobody can become another user: there is nothing to show but that one's own may be watched.
            let (child, _hold) = living(p, same);
            drop(p.watch(child.id(), NoteFlags::EXIT).expect("the same user"));
            return;
        }
        let me = p.pid();
        let (victim, _hold) = living(p, same);
        let target = victim.id();
        let other = p.spawn(Command::new("other", move |p| {
            p.setuid(1001).expect("root may");
            for pid in [me, target] {
                assert_eq!(errno(p.watch(pid, NoteFlags::EXIT)), libc::EPERM);
            }
            drop(p.watch(p.pid(), NoteFlags::EXIT).expect("oneself"));
            let child = p.spawn(Command::new("child", |p| p.uid().cast_signed())).expect("room");
            let watch = p.watch(child.id(), NoteFlags::EXIT).expect("the same user");
            assert!(matches!(soon(&watch).kind, NoteKind::Exit { status } if status.code() == Some(1001)));
        }));
        let other = other.expect("room");
        drop(p.watch(other.id(), NoteFlags::EXIT).expect("root may"));
        drop(runtime.watch(other.id(), NoteFlags::EXIT).expect("nobody is asked"));
        succeeded(&other.wait().expect("mine"));
    });
}
