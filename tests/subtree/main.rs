//! Subtree control: `reap_kill`, `kill_tree`, parent-death signals, and children that go with their handle
//! (`docs/subtree.md`).

mod death_signal;
mod freeze;
mod kill_on_drop;
mod meetings;
mod reap_kill;

use greenproc::{Child, Command, Error, Exhausted, NoteFlags, NoteKind, Process, RecvError, Watch};
use greenproc_tests::{AN_HOUR, Fixture, PATIENCE, errno, hold, soon};

/// Makes children that do the same, as fast as it can, until it is killed.
fn bomb(p: &Process) {
    loop {
        let command = Command::new("bomb", bomb);
        let command = if p.pid().as_raw() % 7 == 0 { command.own_thread() } else { command };
        match p.spawn(command) {
            Ok(_) => {}
            Err(Error::Exhausted(Exhausted::Lwps { .. })) => std::thread::yield_now(),
            // It has been killed, and is on its way.
            Err(error) => assert_eq!(error.errno(), libc::ESRCH),
        }
        p.checkpoint();
    }
}

/// Sleeps until it is killed.
fn sleeper(p: &Process) {
    let _ = p.sleep(AN_HOUR);
}

/// Follows a child and all it makes.
fn follow(child: &Child) -> Watch {
    child.watch(NoteFlags::TRACK | NoteFlags::EXIT).expect("it was not reaped")
}

/// A child that is followed before it begins, so that nobody whom it makes is missed.
fn followed(fixture: &Fixture, body: impl FnOnce(&Process) + Send + 'static) -> (Child, Watch) {
    let (go, gone) = hold();
    let root = fixture.child("root", move |p| {
        gone(p);
        body(p);
    });
    let watch = follow(&root);
    drop(go);
    (root, watch)
}

/// Waits until all have ended that the watch follows; how many it saw.
#[track_caller]
fn all_ended(watch: &Watch) -> usize {
    let (mut begun, mut ended) = (1, 0);
    while ended < begun {
        match soon(watch).kind {
            NoteKind::Child { .. } => begun += 1,
            NoteKind::Exit { .. } => ended += 1,
            other => panic!("{other:?}"),
        }
    }
    let over = watch.recv_timeout(PATIENCE);
    assert_eq!(over, Err(crossbeam_channel::RecvTimeoutError::Disconnected), "somebody lives on");
    ended
}

/// Reaps all children of `p`; how many there were.
#[track_caller]
fn reap_all(p: &Process) -> usize {
    let mut count = 0;
    loop {
        match p.wait() {
            Ok(_) => count += 1,
            Err(error) => {
                assert_eq!(errno::<()>(Err(error)), libc::ECHILD);
                return count;
            }
        }
    }
}

/// Receives although signals come that have a handler.
fn patiently<T>(p: &Process, receiver: &crossbeam_channel::Receiver<T>) -> Option<T> {
    loop {
        match p.recv(receiver) {
            Ok(message) => return Some(message),
            Err(RecvError::Interrupted(_)) => {}
            Err(_) => return None,
        }
    }
}
