//! A thousand waiters, each for another child: who wakes up when one of these ends?

use crossbeam_channel::{Receiver, Sender, bounded};
use greenproc::{Command, LwpHandle, Pid, Process, Runtime, State, WaitFlags, WaitFor};
use greenproc_os::clock;

use crate::figure::Figure;
use crate::harness::{Effort, Outcome};
use crate::stopwatch::Stopwatch;

const STACK: usize = 64 << 10;

pub(crate) fn measure(effort: Effort) -> Outcome<Vec<Figure>> {
    let count = effort.of(1_000);
    let runtime = Runtime::builder().stack_size(STACK).boot()?;
    let ((say, ready), (tell, told), (done, is_done)) = (bounded(1), bounded(1), bounded(0));
    // Counted, as that has the sleeps of its LWPs.
    let waiters =
        Command::new("waiters", move |p| drop(tell.send(wait_for_all(p, count, &say, &is_done)))).counted();
    let parent = runtime.spawn(waiters)?;
    let Ok(Stage { gates, back }) = ready.recv() else {
        return Err(format!("the parent has ended: {:?}", parent.wait()?).into());
    };
    // The waiters, and who waits for them.
    while asleep(&runtime, parent.id())? < count + 1 {
        std::thread::yield_now();
    }
    let before = parent.counters()?.sleeps;
    let watch = Stopwatch::start();
    // In an order that is not the one in which they came, and one after another, so that each end finds all others asleep.
    for (child, gate) in (0..count).map(|place| &gates[place * 7_919 % count]) {
        gate.send(())?;
        if back.recv()? != *child {
            return Err("another waiter is back than the one whose child has ended".into());
        }
    }
    let took = watch.elapsed();
    // Who was woken for an end that was not his has gone to sleep again; each has been woken for his own.
    let woken = count as u64 + parent.counters()?.sleeps - before;
    drop(done);
    let switches = told.recv()??;
    let _ = parent.wait()?;
    let each = |value: f64| value / count as f64;
    Ok(vec![
        Figure::new(format!("waiters of {count} that wake up for an end"), each(woken as f64), "")
            .at_most(1.0),
        Figure::new("times that a waiter gives up its CPU, its sleep included", each(switches as f64), ""),
        Figure::new("from the word to end until the waiter is back", each(took.as_secs_f64() * 1e6), "us"),
    ])
}

/// What the parent hands out.
struct Stage {
    /// The children, and what lets each end.
    gates: Vec<(Pid, Sender<()>)>,
    /// Whose waiter is back.
    back: Receiver<Pid>,
}

/// Has an LWP for each of so many children wait for it, until all is done; how often their threads left their CPUs for it.
fn wait_for_all(
    p: &Process,
    count: usize,
    stage: &Sender<Stage>,
    done: &Receiver<()>,
) -> Result<u64, String> {
    let failed = |error: greenproc::Error| error.to_string();
    let gates: Vec<(Pid, Sender<()>)> =
        (0..count).map(|_| living(p)).collect::<greenproc::Result<_>>().map_err(failed)?;
    let (tell, back) = bounded(count);
    let waiters = gates.iter().map(|&(child, _)| {
        let tell = tell.clone();
        p.spawn_lwp(move |p| {
            let before = clock::thread_usage().voluntary_switches;
            let found = p.wait4(WaitFor::Pid(child), WaitFlags::empty());
            let switches = clock::thread_usage().voluntary_switches - before;
            // Whoever measures listens until all are back.
            let _ = tell.send(child);
            found.map(|_| switches)
        })
    });
    let waiters: Vec<LwpHandle<_>> = waiters.collect::<greenproc::Result<_>>().map_err(failed)?;
    let _ = stage.send(Stage { gates, back });
    let _ = p.recv(done);
    waiters.into_iter().try_fold(0, |sum, waiter| {
        let switches = waiter.join(p).map_err(|error| error.to_string())?.map_err(failed)?;
        Ok(sum + switches)
    })
}

/// How many LWPs of a process sleep.
fn asleep(runtime: &Runtime, pid: Pid) -> greenproc::Result<usize> {
    let detail = runtime.inspect(pid)?;
    Ok(detail.lwps.iter().filter(|lwp| lwp.state == State::Sleeping).count())
}

/// A child that lives until it is told to end.
fn living(p: &Process) -> greenproc::Result<(Pid, Sender<()>)> {
    let (gate, is_open) = bounded(1);
    let child = p.spawn(Command::new("child", move |p| drop(p.recv(&is_open))))?;
    Ok((child.id(), gate))
}
