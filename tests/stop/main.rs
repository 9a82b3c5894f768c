//! Stop and continue, sessions, and groups that nobody in their session looks after.
//!
//! | shown here | decisions, mistakes |
//! |---|---|
//! | one event per stop and per continuation, by every wait; one slot per child | decisions 4, 5, mistakes a, d |
//! | SIGCHLD, the stream, the snapshot; the usage is real | decision 5, mistake g |
//! | the stop of several LWPs is one event; nobody returns to user code; nobody is kicked | decision 16, mistake j |
//! | death beats a stop; what is pending and what is discarded | decisions 5, 6 |
//! | storms, and all short sequences against a model | decisions 5, 6 |
//! | `setsid`, `getsid`, `setpgid` across sessions, the number of a session | decision 14, POSIX `setsid` |
//! | orphaned groups | POSIX `_exit`, "orphaned process group" |

mod discarded;
mod endings;
mod events;
mod lwps;
mod model;
mod notices;
mod orphans;
mod places;
mod sessions;
mod storms;

use greenproc::{Child, Command, ExitStatus, LwpId, Pid, Process, State, WaitFlags, WaitFor};
use greenproc::{EventKind, Signal};
use greenproc_sync::time;
use greenproc_tests::{Fixture, PATIENCE};

/// Stops and continuations, but no ends.
pub(crate) const CHANGES: WaitFlags = WaitFlags::STOPPED.union(WaitFlags::CONTINUED);

/// Comes to one checkpoint after another.
pub(crate) fn spin(p: &Process) {
    loop {
        p.checkpoint();
    }
}

/// A child of `p` that only computes.
pub(crate) fn spinning(p: &Process, change: impl FnOnce(Command) -> Command) -> Child {
    p.spawn(change(Command::new("spinning", spin))).expect("room for a child")
}

/// Waits until a child of `p` has stopped or gone on, and takes the event.
#[track_caller]
pub(crate) fn change(p: &Process, pid: Pid) -> ExitStatus {
    p.waitid(WaitFor::Pid(pid), CHANGES).expect("my child").expect("no NOHANG").status
}

/// What a wait for stops and continuations finds at once, and takes.
#[track_caller]
pub(crate) fn change_now(p: &Process, pid: Pid) -> Option<ExitStatus> {
    let found = p.waitid(WaitFor::Pid(pid), CHANGES | WaitFlags::NOHANG).expect("my child");
    found.map(|waited| waited.status)
}

/// Stops a child of `p`, and takes the event.
#[track_caller]
pub(crate) fn stop(p: &Process, child: &Child) {
    child.signal(Signal::STOP).expect("it lives");
    assert_eq!(change(p, child.id()), ExitStatus::stopped(Signal::STOP));
}

/// Stops a child of `p`, and leaves the event.
#[track_caller]
pub(crate) fn stop_untaken(p: &Process, child: &Child, signal: Signal) {
    child.signal(signal).expect("it lives");
    let flags = WaitFlags::STOPPED | WaitFlags::NOWAIT;
    let seen = p.waitid(WaitFor::Pid(child.id()), flags).expect("my child").expect("no NOHANG");
    assert_eq!(seen.status, ExitStatus::stopped(signal));
}

/// Continues a child of `p` that is stopped, and takes the event.
#[track_caller]
pub(crate) fn go_on(p: &Process, child: &Child) {
    child.signal(Signal::CONT).expect("it lives");
    assert_eq!(change_now(p, child.id()), Some(ExitStatus::resumed()));
}

/// Ends a child of `p`, in whatever state it is.
#[track_caller]
pub(crate) fn end(p: &Process, child: &Child) {
    child.kill().expect("it lives");
    let waited = p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty()).expect("my child");
    assert_eq!(waited.expect("no NOHANG").status, ExitStatus::killed(Signal::KILL));
}

/// Waits until something is so. Whoever makes it so runs without the help of the caller.
#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = time::now() + PATIENCE;
    while !done() {
        assert!(time::now() < end, "not {what} after {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// Waits until an LWP of a process is in this state.
#[track_caller]
pub(crate) fn until_lwp(fixture: &Fixture, pid: Pid, id: LwpId, state: State) {
    until(&format!("LWP {id} of process {pid} {state:?}"), || {
        let seen = fixture.inspect(pid).expect("it lives");
        seen.lwps.iter().any(|lwp| lwp.id == id && lwp.state == state)
    });
}

/// The letter that `ps` would show for a process.
#[track_caller]
pub(crate) fn letter(fixture: &Fixture, pid: Pid) -> char {
    fixture.snapshot().get(pid).expect("it was not reaped").state.letter()
}

/// What the stream tells of stops and continuations.
pub(crate) fn told(kind: &EventKind) -> Option<ExitStatus> {
    match kind {
        EventKind::Stopped { signal } => Some(ExitStatus::stopped(*signal)),
        EventKind::Continued => Some(ExitStatus::resumed()),
        _ => None,
    }
}
