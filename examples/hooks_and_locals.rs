//! Code that was written with global state, run three times side by side: each run has its own, has a limit on its memory,
//! and leaves nothing behind, whichever way it ends.
//!
//! ```text
//! cargo run -p greenproc-examples --example hooks_and_locals
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use greenproc::{Command, ExitStatus, Limits, Local, LwpLocal, Process, Result, Runtime, Signal};

/// What a `static` would be in a program of its own.
static LINES: Local<AtomicU64> = Local::new(AtomicU64::default);

/// A buffer of each LWP, made once for many calls.
static BUFFER: LwpLocal<std::cell::RefCell<String>> = LwpLocal::new(std::cell::RefCell::default);

/// What a process is called, and what it does.
type Run = (&'static str, fn(&Process) -> Result<()>);

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let (say, said) = unbounded();

    let runs: [Run; 3] = [
        ("ends well", |p| count(p, 3)),
        ("is killed", |p| {
            count(p, 5)?;
            p.raise(Signal::KILL)
        }),
        ("takes too much", |p| {
            count(p, 1)?;
            let arena = p.arena()?;
            loop {
                // Leaked, and yet gone with the process.
                std::mem::forget(arena.bytes(1 << 20)?);
            }
        }),
    ];
    let limits = Limits { arena_bytes: Some(16 << 20), ..Limits::default() };
    let mut children = Vec::new();
    for (name, body) in runs {
        let say = say.clone();
        let command = Command::new(name, move |p| {
            p.on_exit(move |p, ending| report(p, ending.status, &say))?;
            body(p)
        });
        children.push(runtime.spawn(command.limits(limits))?);
    }
    for child in &children {
        let waited = child.wait()?;
        let why = waited.report.map_or_else(String::new, |report| format!(" ({report})"));
        println!("{:14} {}{why}", child.name(), waited.status);
    }
    let mut lines: Vec<_> = said.try_iter().collect();
    lines.sort_unstable();
    println!("lines counted by each: {lines:?}");
    assert_eq!(lines, [1, 3, 5]);

    let report = runtime.shutdown(Duration::from_secs(1))?;
    println!("shutdown: {report}");
    assert!(report.is_clean());
    Ok(())
}

/// Counts lines in the process's own counter, by way of the LWP's own buffer.
fn count(p: &Process, lines: usize) -> Result<()> {
    for line in 0..lines {
        BUFFER.with(p, |buffer| *buffer.borrow_mut() = format!("line {line}"))?;
        LINES.with(p, |count| count.fetch_add(1, Ordering::Relaxed))?;
    }
    Ok(())
}

/// The exit hook: runs however the process ends, and is told how.
fn report(p: &Process, status: ExitStatus, say: &Sender<u64>) {
    let lines = LINES.with(p, |count| count.load(Ordering::Relaxed)).unwrap_or(0);
    println!("process {} is about to end: {status}, {lines} lines", p.pid());
    let _ = say.send(lines);
}
