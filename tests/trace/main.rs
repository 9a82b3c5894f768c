//! Tracing, and the stop on exit.
//!
//! | shown here | rows, decisions, mistakes |
//! |---|---|
//! | who may trace whom; a tracee keeps its parent, whose waits sleep | row 57, decision 8, mistake i |
//! | every signal but SIGKILL stops first; what the tracer makes of it | row 60, decision 9 |
//! | stops at spawn and exec; children are followed | decisions 8, 9 |
//! | stop on exit, with a tracer and without | row 8, mistake b |
//! | stops at the entry and the exit of calls, of which each LWP, in every state | PT_SYSCALL |
//! | all orders in which tracer, tracee and real parent end | rows 35, 36, 63, decisions 8, 9, mistakes c, d, g |

mod attach;
mod calls;
mod exit_stop;
mod following;
mod orders;
mod release;
mod signals;

use greenproc::{Child, Command, Process, Signal, TraceOptions, TraceStop, Tracee};

/// A child of `p` that sleeps until it is killed, traced by `p` and let go.
pub(crate) fn traced(p: &Process, options: TraceOptions) -> (Child, Tracee) {
    traced_as(p, options, |p| {
        loop {
            let _ = p.sleep(greenproc_tests::AN_HOUR);
        }
    })
}

/// A child of `p` that is traced from its birth, and let go.
pub(crate) fn traced_as(
    p: &Process,
    options: TraceOptions,
    body: impl FnOnce(&Process) + Send + 'static,
) -> (Child, Tracee) {
    let child = p.spawn(Command::new("traced", body).traced(options)).expect("room for a child");
    let tracee = p.tracee(child.id()).expect("it is traced");
    assert_eq!(stop(p, &tracee), TraceStop::Attached);
    tracee.cont(None).expect("it stands");
    (child, tracee)
}

/// Waits for the tracee's next stop.
#[track_caller]
pub(crate) fn stop(p: &Process, tracee: &Tracee) -> TraceStop {
    let waited = tracee.wait(p).expect("traced");
    assert_eq!(waited.pid, tracee.id());
    let stop = tracee.stop().unwrap_or_else(|error| panic!("{error}; {}", waited.status));
    assert_eq!(waited.status.stopped_signal(), Some(stop.signal()));
    stop
}

/// Waits for the tracee to come to stand for this signal.
#[track_caller]
pub(crate) fn stops_for(p: &Process, tracee: &Tracee, signal: Signal) {
    match stop(p, tracee) {
        TraceStop::Signal(info) => assert_eq!(info.signal, signal),
        other => panic!("{other}, not {signal}"),
    }
}

/// Kills a tracee that is a child of `p`, and takes its end.
#[track_caller]
pub(crate) fn end(p: &Process, tracee: &Tracee) {
    tracee.kill().expect("traced");
    assert_eq!(tracee.wait(p).expect("traced").status.signal(), Some(Signal::KILL));
}
