//! Signals between processes: a handler, a mask, values that queue, and a wait that a handler lets go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use greenproc::{Command, Process, Result, Runtime, SaFlags, SigAction, Signal};

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("parent", parent))?;
    println!("the parent ended with {status}");
    assert!(status.success());
    Ok(())
}

fn parent(p: &Process) -> Result<()> {
    // A handler counts; RESTART lets the wait below go on.
    let pokes = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&pokes);
    let count = move |p: &Process, info: &greenproc::SigInfo| {
        counter.fetch_add(1, Ordering::Relaxed);
        println!("process {} was poked by process {}", p.pid(), info.pid);
    };
    p.sigaction(Signal::USR1, SigAction::handler(count).flags(SaFlags::RESTART))?;

    // The child begins with the signal blocked, so none comes too early for it.
    let numbers = Signal::real_time(0).unwrap_or(Signal::USR2);
    let child = p.spawn(Command::new("child", move |p| sum(p, numbers)).signal_mask(numbers))?;
    for number in 1..=100 {
        p.sigqueue(child.id(), numbers, number)?;
    }
    let waited = p.wait()?;
    println!(
        "the child added up {}; {} pokes",
        waited.status.code().unwrap_or(-1),
        pokes.load(Ordering::Relaxed)
    );
    assert_eq!(waited.status.code(), Some(5050));
    Ok(())
}

/// Takes a hundred values, in the order in which they were sent, and pokes the parent halfway.
fn sum(p: &Process, numbers: Signal) -> Result<i32> {
    let mut sum = 0;
    for place in 1..=100 {
        let info = p.sigtimedwait(numbers, None)?;
        assert_eq!(info.value, place);
        sum += place as i32;
        if place == 50 {
            p.kill(p.ppid(), Signal::USR1)?;
        }
    }
    Ok(sum)
}
