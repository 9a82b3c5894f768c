//! Tracers and tracees: signals seen first, calls stepped, tracees detached, killed, and left behind.

use crossbeam_channel::{Sender, bounded};
use greenproc::{
    Child, Command, ExitStatus, Pid, Process, Signal, TraceOptions, TraceStop, Tracee, WaitFlags, WaitFor,
};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "trace",
    about: "Tracers and tracees: signals seen first, calls stepped, tracees detached, killed, and left behind",
    op: "a tracee",
    checks: "the order of the stops and what each is for, how the tracee ends, and that its parent gets it back",
    unchecked: Some("at which step of an attachment the tracer of a tracee that is left behind ends"),
    round,
};

/// The most calls of a tracee that is stepped.
const CALLS: u8 = 8;

fn round(worker: &mut Worker<'_>, _room: u64) -> greenproc::Result<u64> {
    match worker.rng.u8(0..5) {
        0 => signals(worker),
        1 => calls(worker),
        2 => detached(worker),
        3 => killed(worker),
        _ => left_behind(worker),
    }
}

/// A tracee that stands before its first step, and the stop that says so.
fn from_birth(worker: &mut Worker<'_>, command: Command) -> greenproc::Result<Option<(Child, Tracee)>> {
    let Some(child) = worker.spawn(command.traced(TraceOptions::EXIT))? else { return Ok(None) };
    let tracee = worker.process.tracee(child.id())?;
    stands(worker, &tracee, |stop| matches!(stop, TraceStop::Attached))?;
    Ok(Some((child, tracee)))
}

/// The tracee stands next for this.
fn stands(
    worker: &mut Worker<'_>,
    tracee: &Tracee,
    what: impl Fn(&TraceStop) -> bool,
) -> greenproc::Result<()> {
    let waited = tracee.wait(worker.process)?;
    let stop = tracee.stop()?;
    worker.ledger.expect(waited.pid == tracee.id() && waited.status == ExitStatus::stopped(stop.signal()));
    worker.ledger.expect(what(&stop));
    Ok(())
}

/// It stands at its end, goes on, and is reaped.
fn ends(
    worker: &mut Worker<'_>,
    child: &Child,
    tracee: &Tracee,
    status: ExitStatus,
) -> greenproc::Result<()> {
    stands(worker, tracee, |stop| matches!(stop, TraceStop::Exiting(seen) if *seen == status))?;
    tracee.cont(None)?;
    worker.reap_as(child, status)
}

/// One signal is forgotten, another one comes.
fn signals(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let idle = Idle::any(&mut worker.rng);
    let Some((child, tracee)) = from_birth(worker, Command::new("tracee", move |p| idle.stay(p)))? else {
        return Ok(0);
    };
    tracee.cont(None)?;
    for (sent, passed) in [(Signal::USR1, None), (Signal::TERM, Some(Signal::TERM))] {
        child.signal(sent)?;
        stands(worker, &tracee, |stop| matches!(stop, TraceStop::Signal(info) if info.signal == sent))?;
        tracee.cont(passed)?;
    }
    ends(worker, &child, &tracee, ExitStatus::killed(Signal::TERM))?;
    Ok(1)
}

/// It stands before and after each of its calls.
fn calls(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let count = worker.rng.u8(1..=CALLS);
    let body = move |process: &Process| (0..count).try_for_each(|_| process.getpgid(None).map(drop));
    let Some((child, tracee)) = from_birth(worker, Command::new("stepped", body))? else { return Ok(0) };
    tracee.step_call(None)?;
    for _ in 0..count {
        for entry in [true, false] {
            stands(
                worker,
                &tracee,
                |stop| matches!(stop, TraceStop::Call(call) if call.result.is_none() == entry && call.call == greenproc::Call::Getpgid),
            )?;
            tracee.step_call(None)?;
        }
    }
    ends(worker, &child, &tracee, ExitStatus::exited(0))?;
    Ok(1)
}

/// Attached to while it is anywhere, and let go.
fn detached(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let idle = Idle::any(&mut worker.rng);
    let Some(child) = worker.spawn(Command::new("tracee", move |p| idle.stay(p)))? else { return Ok(0) };
    let tracee = worker.process.trace(child.id(), TraceOptions::empty())?;
    stands(worker, &tracee, |stop| matches!(stop, TraceStop::Attached))?;
    tracee.detach(None)?;
    worker.ledger.expect(tracee.stop().is_err());
    child.signal(Signal::TERM)?;
    worker.reap_as(&child, ExitStatus::killed(Signal::TERM))?;
    Ok(1)
}

/// Killed while it stands, or is about to.
fn killed(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let idle = Idle::any(&mut worker.rng);
    let Some(child) = worker.spawn(Command::new("tracee", move |p| idle.stay(p)))? else { return Ok(0) };
    let tracee = worker.process.trace(child.id(), TraceOptions::empty())?;
    if worker.rng.bool() {
        stands(worker, &tracee, |stop| matches!(stop, TraceStop::Attached))?;
    }
    tracee.kill()?;
    // The stop that nobody has waited for may come first.
    loop {
        let Some(waited) = worker.process.wait4(WaitFor::Child(&child), WaitFlags::empty())? else {
            continue;
        };
        if waited.status.stopped_signal().is_some() {
            continue;
        }
        worker.ledger.reaped(waited.pid);
        worker.ledger.expect(waited.status == ExitStatus::killed(Signal::KILL));
        return Ok(1);
    }
}

/// Its tracer is another process, and ends first: it is killed, or runs on if it may.
fn left_behind(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let options = if worker.rng.bool() { TraceOptions::DETACH_ON_EXIT } else { TraceOptions::empty() };
    let waits = worker.rng.bool();
    let idle = Idle::any(&mut worker.rng);
    let Some(child) = worker.spawn(Command::new("tracee", move |p| idle.stay(p)))? else { return Ok(0) };
    let (attached, is_attached) = bounded(1);
    let pid = child.id();
    let tracer = Command::new("tracer", move |process| attach(process, pid, options, waits, &attached));
    let Some(tracer) = worker.spawn(tracer)? else {
        child.kill()?;
        worker.reap_as(&child, ExitStatus::killed(Signal::KILL))?;
        return Ok(0);
    };
    worker.ledger.expect(worker.process.recv(&is_attached).is_ok());
    worker.reap_as(&tracer, ExitStatus::exited(0))?;
    let signal = if options.contains(TraceOptions::DETACH_ON_EXIT) {
        child.signal(Signal::TERM)?;
        Signal::TERM
    } else {
        Signal::KILL
    };
    worker.reap_as(&child, ExitStatus::killed(signal))?;
    Ok(1)
}

/// The body of a tracer that ends without a word.
fn attach(
    process: &Process,
    pid: Pid,
    options: TraceOptions,
    waits: bool,
    attached: &Sender<()>,
) -> greenproc::Result<()> {
    let tracee = process.trace(pid, options)?;
    let _ = attached.send(());
    if waits {
        let _its_stop = tracee.wait(process)?;
    }
    Ok(())
}
