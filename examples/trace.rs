//! A debugger's view of a worker: its tracer sees each signal before it does anything, swallows one, changes one, and looks
//! at the worker once more when its end is decided.

use std::time::Duration;

use greenproc::{Command, Process, Runtime, SigAction, Signal, TraceOptions, TraceStop};

fn worker(p: &Process) -> greenproc::Result<i32> {
    p.sigaction(
        Signal::USR1,
        SigAction::handler(|_, info| println!("  worker: SIGUSR1 with {}", info.value)),
    )?;
    loop {
        // A handler ends the sleep with EINTR; the worker goes on.
        let _ = p.sleep(Duration::from_hours(1));
    }
}

fn tracer(p: &Process) -> greenproc::Result<()> {
    let child = p.spawn(Command::new("worker", worker).traced(TraceOptions::EXIT))?;
    let worker = p.tracee(child.id())?;
    let mut sent = [Signal::HUP, Signal::USR1, Signal::TERM].into_iter();
    loop {
        let waited = worker.wait(p)?;
        if waited.status.stopped_signal().is_none() {
            println!("tracer: the worker has ended: {}", waited.status);
            return Ok(());
        }
        let stop = worker.stop()?;
        println!("tracer: {stop}");
        let passed = match stop {
            // Nothing would have ended it but this.
            TraceStop::Signal(info) if info.signal == Signal::HUP => {
                println!("tracer: swallowed");
                None
            }
            TraceStop::Signal(mut info) if info.signal == Signal::USR1 => {
                info.value += 1;
                worker.set_pending(info)?;
                Some(info.signal)
            }
            TraceStop::Signal(info) => Some(info.signal),
            _ => None,
        };
        worker.cont(passed)?;
        match sent.next() {
            Some(Signal::USR1) => p.sigqueue(worker.id(), Signal::USR1, 41)?,
            Some(signal) => p.kill(worker.id(), signal)?,
            None => {}
        }
    }
}

fn main() -> greenproc::Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("tracer", tracer))?;
    println!("the tracer: {status}");
    Ok(())
}
