//! A little strace: what a worker asks of the runtime, and what came of it. Besides it breaks something: the worker's first
//! child cannot be made. Does it try again?

use std::time::Duration;

use greenproc::{Call, Command, Error, Process, Runtime, Signal, TraceOptions, TraceStop};

const EAGAIN: i32 = 11;

fn worker(p: &Process) -> greenproc::Result<i32> {
    p.setpgid(None, None)?;
    let child = loop {
        match p.spawn(Command::new("helper", |_| 7)) {
            Err(error) if error.errno() == EAGAIN => p.sleep(Duration::from_millis(1))?,
            child => break child?,
        }
    };
    let status = child.wait()?.status;
    // There is no such process.
    assert!(matches!(p.getpgid(Some(child.id())), Err(Error::NoProcess { .. })));
    p.exit(status.code().unwrap_or(1));
}

fn strace(p: &Process) -> greenproc::Result<()> {
    let child = p.spawn(Command::new("worker", worker).traced(TraceOptions::empty()))?;
    let worker = p.tracee(child.id())?;
    let mut broken = false;
    loop {
        let waited = worker.wait(p)?;
        if waited.status.stopped_signal().is_none() {
            println!("+++ {} +++", waited.status);
            return Ok(());
        }
        let mut signal: Option<Signal> = None;
        match worker.stop()? {
            // A call that does not come back.
            TraceStop::Call(call) if call.call == Call::Exit => println!("{call} = ?"),
            TraceStop::Call(call) if call.result.is_some() => println!("{call}"),
            TraceStop::Call(call) if call.call == Call::Spawn && !broken => {
                worker.skip_call(EAGAIN)?;
                broken = true;
            }
            TraceStop::Signal(info) => {
                println!("--- {} ---", info.signal);
                signal = Some(info.signal);
            }
            _ => {}
        }
        worker.step_call(signal)?;
    }
}

fn main() -> greenproc::Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("strace", strace))?;
    println!("the tracer: {status}");
    Ok(())
}
