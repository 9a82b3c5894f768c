//! Question: what does a call cost that many make all the time: `kill` by pid, a checkpoint, `getppid`, and the waits that find
//! nothing?
//!
//! The process that calls runs alone; nobody is woken, so the cost is that of the call. Criterion has a group for each question.
//! At the end a summary, measured in interleaved rounds, has a verdict beside each bar.
//!
//! ```text
//! cargo bench -p greenproc-benches --bench calls [-- FILTER]
//! ```

mod figure;
mod quantile;
mod stopwatch;

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use crossbeam_channel::{Sender, bounded};
use greenproc::{Command, Pid, Process, ProcessGroup, Runtime, SigAction, Signal, WaitFlags, WaitFor};

use figure::Figure;
use quantile::median;
use stopwatch::Stopwatch;

/// Makes a call so often, and says how long that took. With its own loop, as the call of a function costs as much as a checkpoint.
type Made = fn(&Scene<'_>, u64) -> Duration;

/// A question, and the calls that answer it, each with the project's bar in nanoseconds if there is one.
struct Question {
    asks: &'static str,
    calls: &'static [(&'static str, Option<f64>, Made)],
}

const QUESTIONS: [Question; 5] = [
    Question {
        asks: "what does kill by pid cost, to whom it changes nothing?",
        calls: &[
            ("kill, a signal that is ignored", Some(100.0), |scene, count| {
                repeat(count, || scene.p.kill(scene.ignoring, Signal::USR1))
            }),
            ("kill, a signal that is pending already", Some(100.0), |scene, count| {
                repeat(count, || scene.p.kill(scene.blocking, Signal::USR1))
            }),
            ("kill, a zombie", Some(100.0), |scene, count| {
                repeat(count, || scene.p.kill(scene.zombie, Signal::KILL))
            }),
        ],
    },
    Question {
        asks: "what does a checkpoint cost, when nothing is asked of the process?",
        calls: &[("checkpoint", Some(2.0), |scene, count| repeat(count, || scene.p.checkpoint()))],
    },
    Question {
        asks: "what does getppid cost?",
        calls: &[("getppid", Some(5.0), |scene, count| repeat(count, || scene.p.ppid()))],
    },
    Question {
        asks: "what does a process pay to be told who somebody is?",
        calls: &[
            ("getpid", None, |scene, count| repeat(count, || scene.p.pid())),
            ("getpgrp", None, |scene, count| repeat(count, || scene.p.pgid())),
            ("getsid", None, |scene, count| repeat(count, || scene.p.sid())),
            ("getpgid of another", None, |scene, count| {
                repeat(count, || scene.p.getpgid(Some(scene.ignoring)))
            }),
            ("current", None, |_, count| repeat(count, greenproc::current)),
        ],
    },
    Question {
        asks: "what does a wait cost that finds nothing?",
        calls: &[
            ("wait4(NOHANG), for a pid", None, |scene, count| {
                repeat(count, || scene.p.wait4(WaitFor::Pid(scene.ignoring), WaitFlags::NOHANG))
            }),
            ("wait4(NOHANG), for a group", None, |scene, count| {
                repeat(count, || scene.p.wait4(WaitFor::Group(scene.leader), WaitFlags::NOHANG))
            }),
            ("wait4(NOHANG), for who is no child", None, |scene, count| {
                repeat(count, || scene.p.wait4(WaitFor::Pid(Pid::INIT), WaitFlags::NOHANG))
            }),
        ],
    },
];

/// The summary measures each call in turn so often.
const ROUNDS: usize = 21;

/// So many calls at a time.
const CALLS: u64 = 100_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let runtime = Runtime::boot().expect("it boots");
    for Question { asks, calls } in &QUESTIONS {
        let mut group = criterion.benchmark_group(*asks);
        for &(name, _, call) in *calls {
            group.bench_function(name, |bencher| bencher.iter_custom(|count| measure(&runtime, call, count)));
        }
        group.finish();
    }
    criterion.final_summary();
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        summary(&runtime);
    }
}

/// Measures all calls in turn, and prints the medians.
fn summary(runtime: &Runtime) {
    let calls: Vec<_> = QUESTIONS.iter().flat_map(|question| question.calls).collect();
    let mut times = vec![Vec::with_capacity(ROUNDS); calls.len()];
    for _ in 0..ROUNDS {
        for (&&(_, _, call), times) in calls.iter().zip(&mut times) {
            times.push(measure(runtime, call, CALLS).as_nanos() as f64 / CALLS as f64);
        }
    }
    for (&&(name, bar, _), times) in calls.iter().zip(&times) {
        let figure = Figure::new(name, median(times), "ns");
        bar.map_or(figure, |bar| Figure::new(name, median(times), "ns").at_most(bar)).print("calls", false);
    }
}

/// A process that calls, and those whom its calls are about.
struct Scene<'p> {
    p: &'p Process,
    /// A child that sleeps, and ignores SIGUSR1.
    ignoring: Pid,
    /// A child that sleeps, and leads a group.
    leader: Pid,
    /// A child that sleeps, and has a SIGUSR1 pending that it blocks.
    blocking: Pid,
    zombie: Pid,
    /// Keep those that sleep.
    _alive: [Sender<()>; 3],
}

impl<'p> Scene<'p> {
    fn set(p: &'p Process) -> greenproc::Result<Scene<'p>> {
        let ignore = |p: &Process| p.sigaction(Signal::USR1, SigAction::IGNORE).map(drop);
        let (ignoring, one) = child(p, |command| command, ignore)?;
        let (leader, two) = child(p, |command| command.process_group(ProcessGroup::New), |_| Ok(()))?;
        let (blocking, three) = child(p, |command| command.signal_mask(Signal::USR1), |_| Ok(()))?;
        p.kill(blocking, Signal::USR1)?;
        let zombie = p.spawn(Command::new("zombie", |_| {}))?.id();
        drop(p.waitid(WaitFor::Pid(zombie), WaitFlags::EXITED | WaitFlags::NOWAIT)?);
        Ok(Scene { p, ignoring, leader, blocking, zombie, _alive: [one, two, three] })
    }
}

/// A child that has done what it begins with, and sleeps as long as the sender lives.
fn child(
    p: &Process,
    change: impl FnOnce(Command) -> Command,
    begin: fn(&Process) -> greenproc::Result<()>,
) -> greenproc::Result<(Pid, Sender<()>)> {
    let ((say, ready), (alive, end)) = (bounded(1), bounded(1));
    let command = Command::new("child", move |p| {
        begin(p)?;
        // The parent listens.
        let _ = say.send(());
        let _ = p.recv(&end);
        greenproc::Result::Ok(())
    });
    let child = p.spawn(change(command))?.id();
    let _ = p.recv(&ready);
    Ok((child, alive))
}

fn repeat<T>(count: u64, call: impl Fn() -> T) -> Duration {
    let watch = Stopwatch::start();
    for _ in 0..count {
        drop(black_box(call()));
    }
    watch.elapsed()
}

/// How long so many calls take, made by a process that runs for this.
fn measure(runtime: &Runtime, call: Made, count: u64) -> Duration {
    let (child, took) = runtime
        .spawn_returning("caller", move |p| greenproc::Result::Ok(call(&Scene::set(p)?, count)))
        .expect("room for one process");
    let _ = child.wait().expect("its handle owns it");
    took.take().expect("it returned").expect("no call fails")
}
