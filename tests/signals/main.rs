//! Signals that a process has its own mind about: actions, masks, queues, credentials and timers.
//!
//! | shown here | decisions, POSIX pages |
//! |---|---|
//! | handlers: what they are told, their flags and masks, how they end, who inherits them | decision 21, `sigaction` |
//! | masks: per LWP, inherited; whom a signal of the process goes to; what is pending | decision 15, `pthread_sigmask` |
//! | queues: order, count and limit; what coalesces; one SIGCHLD per child | decision 11, `sigqueue` |
//! | waiting: no gap, time-outs, what interrupts | `sigsuspend`, `pause`, `sigtimedwait` |
//! | which sleeps a handler ends, and which go on after it | `sigaction` with `SA_RESTART` |
//! | who may signal whom, and whose process one is | decisions 22, 23, `kill`, `setuid` |
//! | actions that are shared | row 20, `CLONE_SIGHAND` |
//! | timers | row 15, decision 15, `alarm`, `setitimer` |

mod credentials;
mod flags;
mod handlers;
mod masks;
mod queues;
mod restart;
mod shared;
mod timers;
mod waiting;

use std::time::Instant;

use crossbeam_channel::{Receiver, unbounded};
use greenproc::{LwpId, Pid, Process, Runtime, SigAction, SigInfo, Signal, State};
use greenproc_sync::time;
use greenproc_tests::PATIENCE;

/// A handler that tells what it was told.
pub(crate) fn noting() -> (SigAction, Receiver<SigInfo>) {
    let (note, noted) = unbounded();
    (SigAction::handler(move |_, info| note.send(*info).expect("the test listens")), noted)
}

/// A handler that does nothing.
pub(crate) fn nothing() -> SigAction {
    SigAction::handler(|_, _| {})
}

/// A real-time signal.
pub(crate) fn real_time(place: u8) -> Signal {
    Signal::real_time(place).expect("the host has as many")
}

/// Sends the caller's process a signal, which it meets at its next checkpoint or sleep, not here.
#[track_caller]
pub(crate) fn kill_myself(p: &Process, signal: Signal) {
    p.kill(p.pid(), signal).expect("it lives");
}

/// Waits until an LWP sleeps.
#[track_caller]
pub(crate) fn is_asleep(runtime: &Runtime, pid: Pid, lwp: LwpId) {
    let since = time::now();
    while state_of(runtime, pid, lwp) != Some(State::Sleeping) {
        is_in_time(since);
        std::thread::yield_now();
    }
}

#[track_caller]
fn is_in_time(since: Instant) {
    assert!(time::now() < since + PATIENCE, "it does not sleep");
}

fn state_of(runtime: &Runtime, pid: Pid, lwp: LwpId) -> Option<State> {
    let lwps = runtime.inspect(pid).ok()?.lwps;
    lwps.iter().find(|info| info.id == lwp).map(|info| info.state)
}
