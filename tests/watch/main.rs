//! Watching: row 33 of the kernel map, mistake o, and what `docs/watching.md` promises.

mod exits;
mod notes;
mod permission;
mod tracking;

use crossbeam_channel::RecvTimeoutError;
use greenproc::{Note, NoteKind, Pid, Watch};
use greenproc_tests::{PATIENCE, soon};

fn pid(raw: i32) -> Pid {
    Pid::new(raw).expect("a positive number")
}

/// The next note, which must be of this process.
#[track_caller]
fn next(watch: &Watch, of: Pid) -> NoteKind {
    let Note { pid, kind } = soon(watch);
    assert_eq!(pid, of, "{kind:?}");
    kind
}

/// Whether nothing more comes. The stream ends in the hold in which the last note is sent, a moment after it.
fn is_over(watch: &Watch) -> bool {
    watch.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected)
}
