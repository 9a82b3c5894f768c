//! One signal to a group of ten thousand.

use std::time::Duration;

use greenproc::{Command, Pid, Process, ProcessGroup, Runtime, Signal, State, Target};

use crate::figure::Figure;
use crate::harness::{Effort, Outcome};
use crate::holds;
use crate::stopwatch::Stopwatch;

const STACK: usize = 64 << 10;

pub(crate) fn measure(effort: Effort) -> Outcome<Vec<Figure>> {
    let count = effort.of(10_000);
    let runtime = Runtime::builder().stack_size(STACK).boot()?;
    let within = runtime.clone();
    let (parent, stormed) = runtime
        .spawn_returning("parent", move |p| storm(p, &within, count).map_err(|error| error.to_string()))?;
    let _ = parent.wait()?;
    let Stormed { call, all, reaped, hold } = stormed.take().ok_or("the parent has ended")??;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    let mut figures = vec![
        Figure::new(format!("the call that kills a group of {count}, for each"), each(call), "us"),
        Figure::new("from the call until all are zombies, for each", each(all), "us"),
        Figure::new("waits for all of them then, each", each(reaped), "us"),
    ];
    if let Some(hold) = hold {
        let hold = hold.as_secs_f64() * 1e3;
        figures.push(Figure::new("proclist_lock at a stretch meanwhile", hold, "ms"));
    }
    Ok(figures)
}

struct Stormed {
    call: Duration,
    /// From the call on, until all have ended.
    all: Duration,
    reaped: Duration,
    /// How long `proclist_lock` was held at a stretch from the call on.
    hold: Option<Duration>,
}

fn storm(p: &Process, runtime: &Runtime, count: usize) -> Outcome<Stormed> {
    let sleeper = || Command::new("member", |p| drop(p.sleep(Duration::from_hours(1))));
    let group = p.spawn(sleeper().process_group(ProcessGroup::New))?.id();
    let others = (1..count).map(|_| Ok(p.spawn(sleeper().process_group(ProcessGroup::Join(group)))?.id()));
    let members: Vec<Pid> =
        std::iter::once(Ok(group)).chain(others).collect::<greenproc::Result<Vec<Pid>>>()?;
    for &member in &members {
        while runtime.inspect(member)?.process.state != State::Sleeping {
            std::thread::yield_now();
        }
    }
    let _ = holds::longest(runtime);
    let watch = Stopwatch::start();
    p.kill(Target::Group(group), Signal::KILL)?;
    let call = watch.elapsed();
    while runtime.stats().zombies < count {
        // Not all the time: the look disturbs those who end.
        p.sleep(Duration::from_millis(1))?;
    }
    let all = watch.elapsed();
    let hold = holds::longest(runtime);
    let watch = Stopwatch::start();
    for _ in 0..count {
        let _ = p.wait()?;
    }
    Ok(Stormed { call, all, reaped: watch.elapsed(), hold })
}
