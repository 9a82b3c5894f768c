//! Processes that are blocked, each on a native thread of its own.

use std::time::Duration;

use greenproc::{Command, Pid, Process, Runtime, Signal, State};
use greenproc_os::limits::HostLimits;
use greenproc_os::memory;

use crate::figure::Figure;
use crate::harness::{Effort, Outcome};
use crate::resident;
use crate::stopwatch::Stopwatch;

const STACK: usize = 64 << 10;

/// The bar for one, in bytes.
const MOST_BYTES: f64 = 12.0 * 1024.0;

/// How many there are to be at once, if the host has so many threads.
const MANY: usize = 30_000;

/// What is left to others of the host's threads.
const MARGIN: usize = 2_000;

/// How long threads are kept here that have nothing to do.
const KEPT: Duration = Duration::from_millis(500);

/// Whether the host is done with threads that have left is waited for as long as this.
const PATIENCE: Duration = Duration::from_secs(20);

/// What may be there still when the cache has shrunk: init's thread, the parent's, one or two that have just had work, and those
/// of the OS process itself.
const FEW_THREADS: f64 = 8.0;

pub(crate) fn ten_thousand(effort: Effort) -> Outcome<Vec<Figure>> {
    let count = effort.of(10_000);
    let Blocked { bytes, threads_left, bytes_left, .. } = block(count)?;
    Ok(vec![
        Figure::new(format!("a process in a sleep, of {count}"), bytes, "bytes").at_most(MOST_BYTES),
        Figure::new("native threads when they have ended and were kept", threads_left, "")
            .at_most(FEW_THREADS),
        Figure::new("left of each then, for the allocator to use again", bytes_left, "bytes"),
    ])
}

pub(crate) fn as_many_as_possible(effort: Effort) -> Outcome<Vec<Figure>> {
    let room = HostLimits::read().thread_capacity().saturating_sub(MARGIN);
    let wanted = effort.of(MANY).min(room);
    let Blocked { count, bytes, threads_left, came, went, .. } = block(wanted)?;
    let each = |time: Duration| time.as_micros() as f64 / count as f64;
    Ok(vec![
        Figure::new("processes in a sleep at once", count as f64, "").at_least(wanted as f64),
        Figure::new("each of them", bytes, "bytes"),
        Figure::new("each of them, from the first spawn until all sleep", each(came), "us"),
        Figure::new("each of them, killed and waited for", each(went), "us"),
        Figure::new("native threads when they have ended and were kept", threads_left, "")
            .at_most(FEW_THREADS),
    ])
}

struct Blocked {
    count: usize,
    /// What each takes.
    bytes: f64,
    came: Duration,
    went: Duration,
    threads_left: f64,
    /// What is left of each, and its thread.
    bytes_left: f64,
}

fn block(count: usize) -> Outcome<Blocked> {
    let runtime = Runtime::builder().stack_size(STACK).keep_threads(KEPT).boot()?;
    let within = runtime.clone();
    let (parent, blocked) = runtime
        .spawn_returning("parent", move |p| measure(p, &within, count).map_err(|error| error.to_string()))?;
    let _ = parent.wait()?;
    Ok(blocked.take().ok_or("the parent has ended")??)
}

fn measure(p: &Process, runtime: &Runtime, count: usize) -> Outcome<Blocked> {
    let _ = p.spawn(Command::new("a life", |_| {}))?.wait()?;
    let before = resident()?;
    let watch = Stopwatch::start();
    let sleepers: Vec<Pid> = (0..count)
        .map(|_| Ok(p.spawn(Command::new("sleeper", |p| drop(p.sleep(Duration::from_hours(1)))))?.id()))
        .collect::<greenproc::Result<_>>()?;
    for &sleeper in &sleepers {
        while runtime.inspect(sleeper)?.process.state != State::Sleeping {
            std::thread::yield_now();
        }
    }
    let came = watch.elapsed();
    let bytes = (resident()? - before) / count as f64;
    let watch = Stopwatch::start();
    for &sleeper in &sleepers {
        p.kill(sleeper, Signal::KILL)?;
    }
    for _ in &sleepers {
        let _ = p.wait()?;
    }
    let went = watch.elapsed();
    let watch = Stopwatch::start();
    let threads = || memory::thread_count().map_or(f64::INFINITY, |count| count as f64);
    while threads() > FEW_THREADS && watch.elapsed() < PATIENCE {
        p.sleep(KEPT / 10)?;
    }
    let bytes_left = (resident()? - before) / count as f64;
    Ok(Blocked { count, bytes, came, went, threads_left: threads(), bytes_left })
}
