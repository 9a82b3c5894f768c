//! A job runner: a queue, so many jobs at a time, limits of time and of CPU time, tries with back-off, and the CPU time of each
//! job. Whatever a job has started ends with it.
//!
//! ```text
//! cargo run -p greenproc-examples --example job_runner
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::time::Duration;

use greenproc::{Command, Limits, Process, Runtime};
use greenproc_supervisor::{
    AutoShutdown, Backoff, ChildSpec, EventKind, Events, RequestError, Restart, Supervisor, Tree,
};

/// How many jobs run at a time.
const AT_A_TIME: usize = 3;

type Work = fn(&Process, u64) -> Result<(), String>;

/// What the runner is asked for.
struct Job {
    name: &'static str,
    work: Work,
    /// How long one try may take.
    time: Duration,
    /// How often it is tried.
    tries: u32,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    tries: u64,
    cpu: Duration,
    last: String,
    succeeded: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::boot()?;
    let events = Events::bounded(1000);
    let runner = Supervisor::new("runner").max_children(AT_A_TIME).events(&events).start(&runtime)?;
    let queue = jobs();
    let names: Vec<&str> = queue.iter().map(|job| job.name).collect();
    let outcomes = run_all(&runner, &events, queue)?;

    println!("{:<10}{:>6}{:>9}  how it ended", "job", "tries", "CPU ms");
    for name in &names {
        let Outcome { tries, cpu, last, .. } = &outcomes[*name];
        println!("{name:<10}{tries:>6}{:>9}  {last}", cpu.as_millis());
    }
    assert!(runner.shutdown()?.is_clean());
    while runtime.stats().processes > 1 {
        std::thread::yield_now(); // who was killed comes to its end by itself
    }
    println!("nothing is left of them but init");

    let tries_of = |name: &str| outcomes[name].tries;
    let succeeded = |name: &&&str| outcomes[**name].succeeded;
    assert_eq!(names.iter().filter(succeeded).count(), names.len() - 3);
    assert_eq!((tries_of("flaky"), tries_of("broken"), tries_of("endless")), (3, 3, 2));
    Ok(())
}

/// Starts jobs as there is room for them, until all are done.
fn run_all(
    runner: &Tree,
    events: &Events,
    mut queue: VecDeque<Job>,
) -> Result<BTreeMap<String, Outcome>, Box<dyn Error>> {
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut running = 0;
    while running > 0 || !queue.is_empty() {
        while let Some(job) = queue.front() {
            match runner.start_child(job.spec()) {
                Ok(_) => {
                    running += 1;
                    queue.pop_front();
                }
                Err(RequestError::Full { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let event = events.recv()?;
        let EventKind::Exited { status, report, usage, .. } = &event.kind else { continue };
        let mut path = event.path.split('/').skip(1);
        let (Some(job), level) = (path.next(), path.next()) else { continue };
        match level {
            // A try of the job.
            Some(_) => {
                let outcome = outcomes.entry(job.to_owned()).or_default();
                outcome.tries += 1;
                outcome.cpu += usage.total();
                outcome.succeeded = status.success();
                outcome.last = report.as_ref().map_or_else(|| status.to_string(), ToString::to_string);
            }
            // The job itself: there is room for another.
            None => running -= 1,
        }
    }
    Ok(outcomes)
}

impl Job {
    /// Each job has a supervisor of its own, which tries it so often; its end is the job's.
    fn spec(&self) -> ChildSpec {
        let (work, time) = (self.work, self.time);
        let one_try = ChildSpec::with_life("try", move |p, life| {
            life.ready();
            p.alarm(time).map_err(|error| error.to_string())?; // SIGALRM ends it
            work(p, life.incarnation())
        });
        let job = Supervisor::new(self.name)
            .intensity(self.tries - 1, Duration::from_hours(1))
            .backoff(Backoff { first: Duration::from_millis(20), ..Backoff::default() })
            .auto_shutdown(AutoShutdown::AnySignificant)
            .child(
                one_try
                    .restart(Restart::Transient)
                    .significant()
                    .limits(Limits { cpu: Some(Duration::from_millis(200)), ..Limits::default() }),
            );
        ChildSpec::supervisor(job).restart(Restart::Temporary)
    }
}

fn jobs() -> VecDeque<Job> {
    let time = Duration::from_secs(10);
    let short = Duration::from_millis(50);
    VecDeque::from([
        Job { name: "sum", work: sum, time, tries: 1 },
        Job { name: "flaky", work: flaky, time, tries: 5 },
        Job { name: "broken", work: broken, time, tries: 3 },
        Job { name: "endless", work: endless, time: short, tries: 2 },
        Job { name: "spinning", work: spinning, time, tries: 1 },
        Job { name: "forking", work: forking, time, tries: 1 },
        Job { name: "product", work: product, time, tries: 1 },
    ])
}

fn sum(p: &Process, _: u64) -> Result<(), String> {
    let mut sum = 0_u64;
    for number in 0..1_000_000_u64 {
        sum = std::hint::black_box(sum.wrapping_add(number));
        p.checkpoint(); // about a nanosecond
    }
    (sum == 499_999_500_000).then_some(()).ok_or_else(|| format!("{sum} is wrong"))
}

fn product(p: &Process, _: u64) -> Result<(), String> {
    let product = (1..=20_u64).inspect(|_| p.checkpoint()).product::<u64>();
    (product == 2_432_902_008_176_640_000).then_some(()).ok_or_else(|| format!("{product} is wrong"))
}

fn flaky(_: &Process, attempt: u64) -> Result<(), String> {
    if attempt < 3 { Err("the other side did not answer".to_owned()) } else { Ok(()) }
}

fn broken(_: &Process, _: u64) -> Result<(), String> {
    Err("no such file".to_owned())
}

fn endless(p: &Process, _: u64) -> Result<(), String> {
    p.sleep(Duration::from_hours(1)).map_err(|error| error.to_string())
}

fn spinning(p: &Process, _: u64) -> Result<(), String> {
    loop {
        p.checkpoint();
    }
}

/// Leaves two processes behind, one of them in a session of its own: both are killed when the job ends.
fn forking(p: &Process, _: u64) -> Result<(), String> {
    for helper in ["helper", "daemon"] {
        let command = Command::new(helper, |p| p.sleep(Duration::from_hours(1)));
        let command = if helper == "daemon" { command.new_session() } else { command };
        p.spawn(command).map_err(|error| error.to_string())?;
    }
    Ok(())
}
