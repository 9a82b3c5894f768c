//! Children that fail all the time, and a sibling that has to notice nothing.

use std::error::Error;
use std::time::Duration;

use greenproc::{Mailbox, Process, RecvError, Runtime};
use greenproc_os::memory;
use greenproc_supervisor::{Backoff, ChildSpec, EventKind, Events, ManualClock, Supervisor, Tree};

use crate::quantile::quantile;
use crate::stopwatch::Stopwatch;
use crate::{Options, Row, in_units};

const CHILDREN: usize = 100;

/// How long a life is: a hundred children that are back at once fail ten thousand times a second.
const LIFE: Duration = Duration::from_millis(10);

/// Between two pings.
const PAUSE: Duration = Duration::from_millis(1);

/// How much the memory in RAM may grow from the second second to the last: what an allocator with an arena for each
/// of some hundred threads does not give back.
const GROWTH_MB: f64 = 8.0;

/// What a run showed.
struct Run {
    restarts: u64,
    seconds: f64,
    pings: Vec<Duration>,
    growth_mb: f64,
    left: usize,
}

pub(crate) fn measure(options: Options) -> Result<Vec<Row>, Box<dyn Error>> {
    let time = Duration::from_secs(options.seconds);
    let mut rows = Vec::new();
    for (part, shared) in [("storm, own threads", false), ("storm, shared threads", true)] {
        let run = storm(without_end(shared), time, || {}, restarts_of)?;
        rows.push(Row::new(part, "restarts achieved of 10,000 offered", run.rate(), "per s"));
        rows.extend(run.rows(part));
    }
    let part = "storm, defaults";
    let events = Events::bounded(20_000);
    let mut seen = GaveUp::default();
    let run = storm(by_default().events(&events), time, || seen.look(&events), |_| 0)?;
    let rate = seen.times as f64 / run.seconds;
    rows.push(Row::new(part, "times it gave up", rate, "per s"));
    rows.push(Row::new(part, "times not at the second failure", seen.wrong as f64, "").exactly(0.0));
    rows.push(Row::new(part, "events that found no room", events.dropped() as f64, "").exactly(0.0));
    rows.extend(run.rows(part));
    let off = waits_off_the_formula()?;
    rows.push(Row::new(part, "waits off the formula, by the manual clock", off as f64, "").exactly(0.0));
    Ok(rows)
}

impl Run {
    fn rate(&self) -> f64 {
        self.restarts as f64 / self.seconds
    }

    fn rows(&self, part: &'static str) -> Vec<Row> {
        let pings = in_units(&self.pings, 1e3);
        vec![
            Row::new(part, "pings answered by a sibling", pings.len() as f64, ""),
            Row::new(part, "a ping, median", quantile(&pings, 0.5), "ms"),
            Row::new(part, "a ping, p99.9", quantile(&pings, 0.999), "ms").at_most(100.0),
            Row::new(part, "growth of the memory in RAM", self.growth_mb, "MB").at_most(GROWTH_MB),
            Row::new(part, "processes left", self.left as f64, "").exactly(0.0),
        ]
    }
}

/// Without limit and back-off.
fn without_end(shared: bool) -> Supervisor {
    let child = move |number| {
        let spec = ChildSpec::new(format!("{number}"), |p| p.sleep(LIFE).map(|()| 1));
        if shared { spec.shared_thread() } else { spec }
    };
    Supervisor::new("storm").unlimited().backoff(Backoff::NONE).children((0..CHILDREN).map(child))
}

/// As it is by default.
fn by_default() -> Supervisor {
    let child = |number| ChildSpec::new(format!("{number}"), |p: &Process| p.sleep(LIFE).map(|()| 1));
    Supervisor::new("storm").children((0..CHILDREN).map(child))
}

/// Runs a storm beside a sibling; `at_end` says how many restarts there were.
fn storm(
    storm: Supervisor,
    time: Duration,
    mut at_ping: impl FnMut(),
    at_end: impl FnOnce(&Tree) -> u64,
) -> Result<Run, Box<dyn Error>> {
    let runtime = Runtime::boot()?;
    let (pings, pongs) = (Mailbox::new(), Mailbox::new());
    let (theirs, answers) = (pings.clone(), pongs.clone());
    let sibling = ChildSpec::new("sibling", move |_: &Process| {
        while theirs.receive().is_ok() {
            let _ = answers.post(());
        }
    });
    let tree = Supervisor::new("root")
        .unlimited()
        .backoff(Backoff::NONE)
        .child(sibling)
        .child(ChildSpec::supervisor(storm))
        .start(&runtime)?;
    let watch = Stopwatch::start();
    let (mut times, mut settled) = (Vec::new(), None);
    let pause = Mailbox::<()>::new();
    while watch.elapsed() < time {
        let ping = Stopwatch::start();
        pings.post(()).map_err(|()| "the sibling is gone")?;
        pongs.receive()?;
        times.push(ping.elapsed());
        at_ping();
        if settled.is_none() && watch.elapsed() > time / 10 {
            settled = memory::resident_bytes();
        }
        let _nothing = matches!(pause.receive_timeout(PAUSE), Err(RecvError::Timeout));
    }
    let seconds = watch.elapsed().as_secs_f64();
    let after = memory::resident_bytes();
    let restarts = at_end(&tree);
    let report = tree.shutdown()?;
    if !report.is_clean() {
        return Err(report.to_string().into());
    }
    let growth = after.unwrap_or_default() as f64 - settled.unwrap_or_default() as f64;
    Ok(Run {
        restarts,
        seconds,
        pings: times,
        growth_mb: growth / 1e6,
        left: runtime.stats().processes - 1, // init
    })
}

fn restarts_of(tree: &Tree) -> u64 {
    let children = tree.supervisor("storm").and_then(|storm| storm.which_children());
    children.map_or(0, |children| children.iter().map(|child| child.restarts).sum())
}

/// What the events of a storm by default have told.
#[derive(Default)]
struct GaveUp {
    times: u64,
    /// How often it was not at one failure more than it may start children again.
    wrong: u64,
    restarts: u32,
}

impl GaveUp {
    fn look(&mut self, events: &Events) {
        while let Some(event) = events.try_recv() {
            match event.kind {
                EventKind::Restarting { .. } => self.restarts += 1,
                EventKind::GaveUp { limit, .. } => {
                    self.times += 1;
                    self.wrong += u64::from(std::mem::take(&mut self.restarts) != limit.restarts);
                }
                _ => {}
            }
        }
    }
}

/// How many of fifty waits of a child that always fails are not what the formula says.
fn waits_off_the_formula() -> Result<usize, Box<dyn Error>> {
    let runtime = Runtime::boot()?;
    let (clock, events, backoff) = (ManualClock::new(), Events::bounded(1_000), Backoff::default());
    let seed = 6;
    let mut chance = fastrand::Rng::with_seed(seed);
    let tree = Supervisor::new("root")
        .unlimited()
        .seed(seed)
        .clock(&clock)
        .events(&events)
        .child(ChildSpec::new("failing", |_| 1))
        .start(&runtime)?;
    let (mut off, mut failures) = (0, 0);
    while failures < 50 {
        let EventKind::Restarting { after, .. } = events.recv()?.kind else { continue };
        failures += 1;
        off += usize::from(after != backoff.wait(failures, chance.f64()));
        clock.advance(after);
    }
    let _failed_all_the_time = tree.shutdown()?;
    Ok(off)
}
