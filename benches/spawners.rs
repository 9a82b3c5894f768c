//! Lives brought about by one or several spawners at the same time.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::{Command, Process, Runtime};

/// Why a measurement came to nothing.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many lives of a batch exist at a time.
pub(crate) const BATCH: u32 = 1000;

/// How the lives of a spawner follow each other: as in the benchmark `peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// A batch is started, then waited for, then the next.
    Batch,
    /// One is started and waited for, then the next.
    Sequential,
}

impl Pattern {
    pub(crate) const ALL: [Pattern; 2] = [Pattern::Batch, Pattern::Sequential];

    /// The name in table and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Pattern::Batch => "batch1000",
            Pattern::Sequential => "sequential",
        }
    }

    /// Brings that many empty lives about and waits for each.
    pub(crate) fn live(self, p: &Process, lives: u32) -> greenproc::Result<()> {
        let (at_a_time, batches) = match self {
            Pattern::Batch => (BATCH, lives / BATCH),
            Pattern::Sequential => (1, lives),
        };
        for _ in 0..batches {
            for _ in 0..at_a_time {
                p.spawn(Command::new("b", |_| {}))?;
            }
            for _ in 0..at_a_time {
                drop(p.wait()?);
            }
        }
        Ok(())
    }
}

/// What each spawner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spawner {
    /// A process.
    Process,
    /// An LWP of one process, which waits for any child, its own or another LWP's.
    #[allow(dead_code, reason = "not every benchmark has them")]
    Lwp,
}

/// When a spawner began and ended.
type Stretch = (Instant, Instant);

/// Has that many spawners bring about `lives` lives each, at the same time. How long it took, from the first one's
/// beginning to the last one's end.
pub(crate) fn live(
    runtime: &Runtime,
    (spawner, spawners): (Spawner, u32),
    pattern: Pattern,
    lives: u32,
) -> Result<Duration, Failure> {
    let (report, reported) = unbounded();
    let body = move |p: &Process| match spawner {
        Spawner::Process => processes(p, spawners, pattern, lives, &report),
        Spawner::Lwp => lwps(p, spawners, pattern, lives, &report),
    };
    let status = runtime.run(Command::new("spawners", body))?;
    if !status.success() {
        return Err(format!("the spawners ended with {status}").into());
    }
    let stretches: Vec<Stretch> = reported.try_iter().collect();
    let begin = stretches.iter().map(|&(begin, _)| begin).min();
    let end = stretches.iter().map(|&(_, end)| end).max();
    match (begin, end) {
        (Some(begin), Some(end)) if stretches.len() == spawners as usize => Ok(end - begin),
        _ => Err("a spawner has not reported".into()),
    }
}

/// Each waits at the gate until all are there.
fn processes(
    p: &Process,
    spawners: u32,
    pattern: Pattern,
    lives: u32,
    report: &Sender<Stretch>,
) -> greenproc::Result<()> {
    let gate = Gate::new();
    for _ in 0..spawners {
        let (report, gate) = (report.clone(), gate.clone());
        p.spawn(Command::new("spawner", move |p| work(p, pattern, lives, &gate, &report)))?;
    }
    gate.open(spawners);
    for _ in 0..spawners {
        drop(p.wait()?);
    }
    Ok(())
}

fn lwps(
    p: &Process,
    spawners: u32,
    pattern: Pattern,
    lives: u32,
    report: &Sender<Stretch>,
) -> greenproc::Result<()> {
    let gate = Gate::new();
    let mut started = Vec::new();
    for _ in 0..spawners {
        let (report, gate) = (report.clone(), gate.clone());
        started.push(p.spawn_lwp(move |p| work(p, pattern, lives, &gate, &report))?);
    }
    gate.open(spawners);
    for lwp in started {
        // One that failed has not reported either.
        let _ = lwp.join(p);
    }
    Ok(())
}

fn work(
    p: &Process,
    pattern: Pattern,
    lives: u32,
    gate: &Gate,
    report: &Sender<Stretch>,
) -> greenproc::Result<()> {
    gate.pass();
    let begin = now();
    pattern.live(p, lives)?;
    // The receiver is there until all spawners have ended.
    let _ = report.send((begin, now()));
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "a benchmark's clock is the host's")]
fn now() -> Instant {
    Instant::now()
}

/// Who has arrived waits until it is opened.
#[derive(Clone)]
struct Gate {
    arrivals: (Sender<()>, Receiver<()>),
    passes: (Sender<()>, Receiver<()>),
}

impl Gate {
    fn new() -> Gate {
        Gate { arrivals: unbounded(), passes: unbounded() }
    }

    /// Waits until that many have arrived, and lets them pass.
    fn open(&self, arrivals: u32) {
        for _ in 0..arrivals {
            let _ = self.arrivals.1.recv();
        }
        for _ in 0..arrivals {
            let _ = self.passes.0.send(());
        }
    }

    fn pass(&self) {
        let _ = self.arrivals.0.send(());
        let _ = self.passes.1.recv();
    }
}
