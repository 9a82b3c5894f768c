//! A whole job is frozen, looked at, and let go on: a stop that nobody in the job, and no parent, can tell.
//!
//! ```text
//! cargo run -p greenproc-examples --example freeze
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use greenproc::{Command, Process, Result, Runtime, State, WaitFlags, WaitFor};

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let work = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&work);
    let job = runtime.spawn(Command::new("job", move |p| {
        for _ in 0..3 {
            let work = Arc::clone(&theirs);
            p.spawn(Command::new("worker", move |p| toil(p, &work)))?;
        }
        // No stop is ever reported to the job, although it asks for them.
        let flags = WaitFlags::EXITED | WaitFlags::STOPPED;
        let seen = p.waitid(WaitFor::Any, flags)?;
        assert!(seen.is_none_or(|seen| seen.status.stopped_signal().is_none()), "nobody was stopped");
        Result::Ok(())
    }))?;
    goes_on(&work);

    let freeze = job.freeze_tree()?;
    freeze.wait()?;
    let before = work.load(Ordering::SeqCst);
    let snapshot = runtime.snapshot();
    print!("frozen:\n{snapshot}");
    let frozen = snapshot.processes.iter().filter(|process| process.state == State::Frozen).count();
    assert_eq!(frozen, 4);
    assert_eq!(work.load(Ordering::SeqCst), before, "nobody works");

    // A second freeze of a part: it stays frozen when the whole goes on.
    let one = snapshot.processes.iter().find(|process| process.name == "worker").expect("there are three");
    let part = runtime.freeze_tree(one.pid)?;
    freeze.thaw();
    goes_on(&work);
    assert_eq!(runtime.snapshot().get(one.pid).map(|process| process.state), Some(State::Frozen));
    println!("thawed but for {}", one.pid);
    part.thaw();

    println!("killed: {}", job.kill_tree()?.count);
    let _ = job.wait()?;
    Ok(())
}

fn toil(p: &Process, work: &AtomicU64) {
    loop {
        work.fetch_add(1, Ordering::SeqCst);
        p.checkpoint();
    }
}

/// Waits until somebody has worked.
fn goes_on(work: &AtomicU64) {
    let before = work.load(Ordering::SeqCst);
    while work.load(Ordering::SeqCst) == before {
        std::thread::yield_now();
    }
}
