//! Zombies: ended, and not waited for.

use std::time::Duration;

use greenproc::{Command, Process, Runtime};

use crate::figure::Figure;
use crate::harness::{Effort, Outcome};
use crate::resident;
use crate::stopwatch::Stopwatch;

/// The bar for one, in bytes.
const MOST_BYTES: f64 = 400.0;

pub(crate) fn a_million(effort: Effort) -> Outcome<Vec<Figure>> {
    let Pile { count, bytes, .. } = pile_up(effort.of(1_000_000))?;
    Ok(vec![Figure::new(format!("a zombie, of {count}"), bytes, "bytes").at_most(MOST_BYTES)])
}

pub(crate) fn five_million(effort: Effort) -> Outcome<Vec<Figure>> {
    let wanted = effort.of(5_000_000);
    let Pile { count, bytes, took, reaped, left } = pile_up(wanted)?;
    let each = |time: Duration| time.as_nanos() as f64 / count as f64;
    Ok(vec![
        Figure::new("zombies at once", count as f64, "").at_least(wanted as f64),
        Figure::new("each of them", bytes, "bytes").at_most(MOST_BYTES),
        Figure::new("each of them, from the first spawn until all are there", each(took), "ns"),
        Figure::new("each of them, reaped", each(reaped), "ns"),
        Figure::new("left of each when all are reaped", left, "bytes"),
    ])
}

struct Pile {
    count: usize,
    /// What each takes.
    bytes: f64,
    took: Duration,
    reaped: Duration,
    /// What is left of it after it was reaped.
    left: f64,
}

fn pile_up(count: usize) -> Outcome<Pile> {
    // Room for the parent, init and the first life.
    let runtime = Runtime::builder().pid_max(i32::try_from(count)? + 100).boot()?;
    let within = runtime.clone();
    let (parent, pile) = runtime
        .spawn_returning("parent", move |p| measure(p, &within, count).map_err(|error| error.to_string()))?;
    let _ = parent.wait()?;
    Ok(pile.take().ok_or("the parent has ended")??)
}

fn measure(p: &Process, runtime: &Runtime, count: usize) -> Outcome<Pile> {
    let _ = p.spawn(Command::new("a life", |_| {}))?.wait()?;
    let before = resident()?;
    let watch = Stopwatch::start();
    for number in 0..count {
        // A name of the process's own, of 8 bytes.
        let zombie = || Command::new(format!("z{number:07}"), |_| {});
        while let Err(error) = p.spawn(zombie()) {
            // As many wait for a thread as there may be LWPs.
            if error.errno() != libc::EAGAIN {
                return Err(error.into());
            }
            p.sleep(Duration::from_millis(1))?;
        }
    }
    while runtime.stats().zombies < count {
        // Not all the time: the look disturbs those who end.
        p.sleep(Duration::from_millis(1))?;
    }
    let took = watch.elapsed();
    let bytes = (resident()? - before) / count as f64;
    let watch = Stopwatch::start();
    for _ in 0..count {
        let _ = p.wait()?;
    }
    let reaped = watch.elapsed();
    Ok(Pile { count, bytes, took, reaped, left: (resident()? - before) / count as f64 })
}
