//! A root that is killed leaves nobody behind.

use std::error::Error;
use std::time::Duration;

use greenproc::{Command, Mailbox, Process, RecvError, Runtime, Signal};
use greenproc_supervisor::{Backoff, ChildSpec, Supervisor};

use crate::quantile::{median, quantile};
use crate::stopwatch::Stopwatch;
use crate::{Options, Row, in_units};

/// Supervisors below the root, each with its share of the children.
const SUPERVISORS: usize = 10;

/// Whoever is there so long after the root is gone is an orphan that was left running.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn measure(options: Options) -> Result<Vec<Row>, Box<dyn Error>> {
    let part = "killed";
    let runtime = Runtime::boot()?;
    let pause = Mailbox::<()>::new();
    let starting = start(&runtime, options.children, &pause)?;
    let (mut left, mut roots, mut all, mut most, mut whole) = (0, Vec::new(), Vec::new(), 0, 0);
    for _ in 0..options.runs {
        let up = Mailbox::new();
        let root = tree(options.children, &up);
        let child = runtime.spawn(Command::new("root", move |p| root.run(p)))?;
        // From before the first child to a little after the last.
        wait(&pause, starting.mul_f64(fastrand::f64() * 1.2));
        whole += usize::from(up.try_receive().is_some());
        most = most.max(runtime.stats().processes);
        let watch = Stopwatch::start();
        child.kill()?;
        let waited = child.wait()?;
        if waited.status.signal() != Some(Signal::KILL) {
            return Err(format!("the root ended by itself: {}", waited.status).into());
        }
        roots.push(watch.elapsed());
        while runtime.stats().processes > 1 && watch.elapsed() < PATIENCE {
            wait(&pause, Duration::from_micros(200));
        }
        all.push(watch.elapsed());
        let there = runtime.snapshot();
        left += there.processes.len() - 1;
        if there.processes.len() > 1 {
            eprintln!("{there}");
        }
    }
    let [roots, all] = [roots, all].map(|times| in_units(&times, 1e3));
    Ok(vec![
        Row::new(part, "trees killed", options.runs as f64, ""),
        Row::new(part, "most processes there at a kill", most as f64, ""),
        Row::new(part, "trees that were whole", whole as f64, ""),
        Row::new(part, "orphans left running", left as f64, "").exactly(0.0),
        Row::new(part, "a whole tree's start", starting.as_secs_f64() * 1e3, "ms"),
        Row::new(part, "kill until the root is reaped, median", median(&roots), "ms"),
        Row::new(part, "kill until nobody is there, median", median(&all), "ms"),
        Row::new(part, "kill until nobody is there, p99", quantile(&all, 0.99), "ms"),
    ])
}

/// How long the start of a whole tree takes.
fn start(runtime: &Runtime, children: usize, pause: &Mailbox<()>) -> Result<Duration, Box<dyn Error>> {
    let watch = Stopwatch::start();
    let tree = tree(children, &Mailbox::new()).start(runtime)?;
    let took = watch.elapsed();
    tree.process().kill()?;
    drop(tree.wait()?);
    while runtime.stats().processes > 1 {
        wait(pause, Duration::from_millis(1));
    }
    Ok(took)
}

/// The last child says that all are there.
fn tree(children: usize, up: &Mailbox<()>) -> Supervisor {
    let sleeper = |p: &Process| p.sleep(Duration::from_hours(1));
    let supervisor = |number| {
        let children =
            (0..children / SUPERVISORS - 1).map(|number| ChildSpec::new(format!("{number}"), sleeper));
        ChildSpec::supervisor(Supervisor::new(format!("supervisor {number}")).children(children))
    };
    let up = up.clone();
    Supervisor::new("root").backoff(Backoff::NONE).children((0..SUPERVISORS).map(supervisor)).child(
        ChildSpec::new("last", move |p| {
            let _ = up.post(());
            sleeper(p)
        }),
    )
}

fn wait(pause: &Mailbox<()>, time: Duration) {
    let _nothing = matches!(pause.receive_timeout(time), Err(RecvError::Timeout));
}
