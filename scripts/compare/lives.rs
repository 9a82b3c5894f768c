//! Lives for scripts/bench-compare, in words that every version of the runtime understands: `lives SCENARIO COUNT`
//! brings them about, and prints how many nanoseconds each took.

use std::time::{Duration, Instant};

use greenproc::{Command, Process, Result, Runtime, Signal};

/// How many there are at a time in the scenarios that have many.
const BATCH: u32 = 1000;

fn main() {
    let mut words = std::env::args().skip(1);
    let scenario = words.next().unwrap_or_default();
    let count: u32 = words.next().and_then(|count| count.parse().ok()).unwrap_or(BATCH);
    let deed: fn(&Process, u32) -> Result<Duration> = match scenario.as_str() {
        "batch1000" => batch,
        "sequential" => sequential,
        "kill" => kill,
        "pile" => pile,
        _ => panic!("scenarios: batch1000, sequential, kill, pile"),
    };
    let runtime = Runtime::boot().expect("a runtime");
    let (parent, took) = runtime
        .spawn_returning("parent", move |process| {
            // The first ones make threads and fill caches.
            deed(process, BATCH).and_then(|_| deed(process, count))
        })
        .expect("a process");
    assert!(parent.wait().expect("a wait").status.success());
    let took = took.take().expect("it has ended").expect("room for all");
    println!("{}", took.as_nanos() / u128::from(count));
}

/// A thousand made, then a thousand waited for.
fn batch(process: &Process, count: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count / BATCH {
        for _ in 0..BATCH {
            process.spawn(Command::new("short", |_| {}))?;
        }
        for _ in 0..BATCH {
            let _ = process.wait()?;
        }
    }
    Ok(start.elapsed())
}

/// One made and waited for after the other.
fn sequential(process: &Process, count: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        let _ = process.spawn(Command::new("short", |_| {}))?.wait()?;
    }
    Ok(start.elapsed())
}

/// One that waits for a signal killed after the other.
fn kill(process: &Process, count: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        let child = process.spawn(Command::new("victim", |process| drop(process.sigtimedwait(Signal::USR1, None))))?;
        child.signal(Signal::KILL)?;
        let _ = child.wait()?;
    }
    Ok(start.elapsed())
}

/// A thousand waited for by pid in another order than that in which they were made.
fn pile(process: &Process, count: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count / BATCH {
        let mut children = Vec::new();
        for _ in 0..BATCH {
            children.push(process.spawn(Command::new("zombie", |_| {}))?);
        }
        // Every third, then those between.
        for first in 0..3 {
            for child in children.iter().skip(first).step_by(3) {
                let _ = child.wait()?;
            }
        }
    }
    Ok(start.elapsed())
}
