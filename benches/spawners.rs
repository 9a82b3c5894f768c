//! Work that one or several spawners do at the same time.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::{Child, Command, Process, Runtime};

/// Why a measurement came to nothing.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What each spawner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "not every benchmark has all of them")]
pub(crate) enum Spawner {
    /// A process.
    Process,
    /// An LWP of one process, which waits for any child, its own or another LWP's.
    Lwp,
    /// A process in a runtime of its own.
    Runtime,
}

/// Has each of so many spawners do the work, at the same time. How long it took, from the first one's beginning to the last
/// one's end. Where each has a runtime, there are as many of them; otherwise the first is used.
pub(crate) fn work<W>(
    runtimes: &[Runtime],
    (spawner, spawners): (Spawner, u32),
    work: W,
) -> Result<Duration, Failure>
where
    W: Fn(&Process) -> greenproc::Result<()> + Clone + Send + Sync + 'static,
{
    let line = Line::new();
    let runtime = runtimes.first().ok_or("no runtime")?;
    match spawner {
        Spawner::Process => {
            let line = line.clone();
            succeed(&[runtime.spawn(Command::new("spawners", move |p| {
                for _ in 0..spawners {
                    p.spawn(line.spawner(work.clone()))?;
                }
                line.start(spawners);
                for _ in 0..spawners {
                    drop(p.wait()?);
                }
                greenproc::Result::Ok(())
            }))?])?;
        }
        Spawner::Lwp => {
            let line = line.clone();
            succeed(&[runtime.spawn(Command::new("spawners", move |p| {
                let mut lwps = Vec::new();
                for _ in 0..spawners {
                    let (line, work) = (line.clone(), work.clone());
                    lwps.push(p.spawn_lwp(move |p| line.run(p, work))?);
                }
                line.start(spawners);
                for lwp in lwps {
                    // One that failed has not reported either.
                    let _ = lwp.join(p);
                }
                greenproc::Result::Ok(())
            }))?])?;
        }
        Spawner::Runtime => {
            let runtimes = runtimes.get(..spawners as usize).ok_or("too few runtimes")?;
            let spawn = |runtime: &Runtime| runtime.spawn(line.spawner(work.clone()));
            let children = runtimes.iter().map(spawn).collect::<Result<Vec<_>, _>>()?;
            line.start(spawners);
            succeed(&children)?;
        }
    }
    line.stretch(spawners as usize)
}

fn succeed(children: &[Child]) -> Result<(), Failure> {
    for child in children {
        let status = child.wait()?.status;
        if !status.success() {
            return Err(format!("a spawner ended with {status}").into());
        }
    }
    Ok(())
}

/// Where all spawners begin at the same time, and say when they were done.
#[derive(Clone)]
struct Line {
    ready: (Sender<()>, Receiver<()>),
    go: (Sender<()>, Receiver<()>),
    done: (Sender<Stretch>, Receiver<Stretch>),
}

/// When a spawner began and ended.
type Stretch = (Instant, Instant);

impl Line {
    fn new() -> Line {
        Line { ready: unbounded(), go: unbounded(), done: unbounded() }
    }

    /// Waits until that many are there, and lets them go.
    fn start(&self, spawners: u32) {
        for _ in 0..spawners {
            let _ = self.ready.1.recv();
        }
        for _ in 0..spawners {
            let _ = self.go.0.send(());
        }
    }

    fn spawner<W>(&self, work: W) -> Command
    where
        W: Fn(&Process) -> greenproc::Result<()> + Send + Sync + 'static,
    {
        let line = self.clone();
        Command::new("spawner", move |p| line.run(p, work))
    }

    #[allow(clippy::disallowed_methods, reason = "a benchmark's clock is the host's")]
    fn run(&self, p: &Process, work: impl Fn(&Process) -> greenproc::Result<()>) -> greenproc::Result<()> {
        let _ = self.ready.0.send(());
        let _ = self.go.1.recv();
        let begin = Instant::now();
        work(p)?;
        let _ = self.done.0.send((begin, Instant::now()));
        Ok(())
    }

    fn stretch(&self, spawners: usize) -> Result<Duration, Failure> {
        let stretches: Vec<_> = self.done.1.try_iter().collect();
        let begin = stretches.iter().map(|&(begin, _)| begin).min();
        let end = stretches.iter().map(|&(_, end)| end).max();
        match (begin, end) {
            (Some(begin), Some(end)) if stretches.len() == spawners => Ok(end - begin),
            _ => Err("a spawner has not reported".into()),
        }
    }
}
