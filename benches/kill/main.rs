//! Question: how long does it take from a kill until the victim's zombie is there, and until its waiter knows? Asked for a
//! victim in a sleep of the runtime and for one inside read(2), beside what one wake-up through a futex takes in the same
//! run: the floor for anything that sleeps.
//!
//! The zombie's moment is that of its `Exited` event, which is made in the hold that publishes it. Each victim has
//! reached its place, and its thread sleeps, before it is killed.
//!
//! ```text
//! cargo bench -p greenproc-benches --bench kill [-- --quick --json]
//! ```

#![allow(clippy::disallowed_methods, reason = "each victim is given time to fall asleep")]

#[path = "../futex_word.rs"]
mod futex_word;
#[path = "../quantile.rs"]
mod quantile;
mod wakeup;

use std::io::{self, Read as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use greenproc::{Child, Command, EventFilter, EventKind, EventStream, Pid, Process, Runtime, Signal, State};
use serde::Serialize;

use quantile::{median, quantile};
use wakeup::Wakeup;

/// Where the victim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Sleep,
    Read,
}

/// What was measured of one kind, in microseconds.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    count: usize,
    median_us: f64,
    p99_us: f64,
    /// The bound of the project for it, in microseconds, and which of the two numbers it is for.
    bound_us: Option<(&'static str, f64)>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let count = if has("--quick") { 300 } else { 3_000 };
    match measure(count) {
        Ok(rows) => {
            print(&rows, has("--json"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kill: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(rows: &[Row], json: bool) {
    if !json {
        println!("{:<28}{:>8}{:>12}{:>12}  bound", "", "times", "median", "p99");
    }
    for row in rows {
        if json {
            println!("{}", serde_json::to_string(row).unwrap_or_default());
            continue;
        }
        let bound = row.bound_us.map(|(of, bound)| format!("{of} {bound:.1} us")).unwrap_or_default();
        println!("{:<28}{:>8}{:>9.1} us{:>9.1} us  {bound}", row.name, row.count, row.median_us, row.p99_us);
    }
}

fn row(name: &'static str, times: &[Duration], bound_us: Option<(&'static str, f64)>) -> Row {
    let micros: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
    Row { name, count: times.len(), median_us: median(&micros), p99_us: quantile(&micros, 0.99), bound_us }
}

fn measure(count: usize) -> greenproc::Result<Vec<Row>> {
    let runtime = Runtime::boot()?;
    let events = runtime.events(EventFilter::EXITED);
    let wakeup = Wakeup::start();
    let mut floor = Vec::new();
    let mut published = [Vec::new(), Vec::new()];
    let mut waited = [Vec::new(), Vec::new()];
    // Interleaved, so that all have the machine in the same state.
    for _ in 0..count {
        floor.push(wakeup.measure().0);
        for (place, (published, waited)) in
            [Place::Sleep, Place::Read].into_iter().zip(published.iter_mut().zip(&mut waited))
        {
            published.push(until_published(&runtime, &events, place)?);
            waited.push(until_waited(&runtime, &events, place)?);
        }
    }
    let floor = row("futex wake", &floor, None);
    let sleep_bound = 3.0 * floor.median_us + 5.0;
    Ok(vec![
        row("sleep: kill to zombie", &published[0], Some(("median", sleep_bound))),
        row("read(2): kill to zombie", &published[1], Some(("p99", 1_000.0))),
        row("sleep: kill to wait", &waited[0], None),
        row("read(2): kill to wait", &waited[1], None),
        floor,
    ])
}

/// From the call of kill to the moment in which the zombie is published.
fn until_published(runtime: &Runtime, events: &EventStream, place: Place) -> greenproc::Result<Duration> {
    let victim = runtime.spawn(victim(place))?;
    settle(runtime, victim.id())?;
    let begin = Instant::now();
    victim.kill()?;
    let end = exit_of(events, victim.id());
    reap(&victim)?;
    Ok(end.saturating_duration_since(begin))
}

/// From the call of kill to the return of the wait of its parent.
fn until_waited(runtime: &Runtime, events: &EventStream, place: Place) -> greenproc::Result<Duration> {
    let (tell, told) = bounded(2);
    let (parent, end) = runtime.spawn_returning("parent", move |process: &Process| {
        let child = process.spawn(victim(place)).ok()?;
        tell.send(child.id()).ok()?;
        process.wait().ok().map(|_| Instant::now())
    })?;
    let pid = told.recv().unwrap_or(Pid::INIT);
    settle(runtime, pid)?;
    settle(runtime, parent.id())?;
    let begin = Instant::now();
    runtime.kill(pid, Signal::KILL)?;
    exit_of(events, parent.id());
    reap(&parent)?;
    let end = end.take().flatten().unwrap_or(begin);
    Ok(end.saturating_duration_since(begin))
}

/// Waits until a process sleeps, and a little longer, so that its thread has left its CPU.
fn settle(runtime: &Runtime, pid: Pid) -> greenproc::Result<()> {
    while runtime.inspect(pid)?.process.state != State::Sleeping {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_micros(200));
    Ok(())
}

/// When a process became a zombie.
fn exit_of(events: &EventStream, pid: Pid) -> Instant {
    loop {
        match events.recv() {
            Ok(event) if event.pid == pid && matches!(event.kind, EventKind::Exited { .. }) => {
                return event.time;
            }
            Ok(_) => {}
            // The runtime has ended, which no victim makes it do.
            Err(_) => return Instant::now(),
        }
    }
}

fn reap(child: &Child) -> greenproc::Result<()> {
    child.wait().map(drop)
}

fn victim(place: Place) -> Command {
    Command::new("victim", move |process| match place {
        Place::Sleep => drop(process.sleep(Duration::from_hours(1))),
        Place::Read => {
            let Ok((mut silent, _open)) = io::pipe() else { return };
            drop(process.blocking(|| silent.read(&mut [0])));
        }
    })
}
