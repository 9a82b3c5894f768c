//! The runtime's own lock: lives per second, and how long it was held, for some numbers of CPUs, spawners and runtimes.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command as HostCommand, Stdio};

use greenproc::hold_times::HoldTimes;
use greenproc::{Command, Process, Runtime};
use serde::{Deserialize, Serialize};

use crate::pinning::Pinning;
use crate::quantile::median;
use crate::simulator::Lengths;
use crate::spawners::{self, Failure, Spawner};

/// How many lives exist at a time, of all spawners together: as many, so that they take as much of the caches.
const AT_A_TIME: u32 = 1000;

/// How many lives are a round.
const LIVES: u32 = 8 * AT_A_TIME;

/// What was measured of one setting. Times are in nanoseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) cpus: usize,
    pub(crate) spawners: u32,
    pub(crate) runtimes: usize,
    /// For a life, medians of the rounds.
    pub(crate) wall: f64,
    pub(crate) held: f64,
    pub(crate) holds: f64,
    /// (from, to, how many) holds.
    pub(crate) histogram: Vec<(f64, f64, u64)>,
}

impl Point {
    /// How long a hold lasts; as long in the mean as in the median of the rounds, in which no holder has lost its CPU.
    pub(crate) fn hold(&self) -> Lengths {
        let counted = Lengths::counted(self.histogram.iter().copied());
        counted.times(self.held / self.holds / counted.mean())
    }
}

/// Measures for as long as it is told to: for each line of the input a round of each setting. Then one line of JSON, a list
/// of points.
pub(crate) fn measure(pinning: Pinning) -> Result<(), Failure> {
    pinning.apply()?;
    let cpus = std::thread::available_parallelism()?.get();
    let mut settings: Vec<Setting> = Vec::new();
    for spawners in [1, 2, 4, 8] {
        settings.push(Setting::new(cpus, Spawner::Process, spawners)?);
    }
    if cpus > 1 {
        settings.push(Setting::new(cpus, Spawner::Runtime, cpus as u32)?);
    }
    for setting in &mut settings {
        // Fills caches of threads and memory before anything counts.
        for _ in 0..3 {
            setting.round()?;
        }
        setting.forget();
    }
    for line in std::io::stdin().lines() {
        line?;
        settings.iter_mut().try_for_each(Setting::round)?;
        println!("done");
    }
    let points = settings.into_iter().map(Setting::point).collect::<Result<Vec<_>, _>>()?;
    println!("{}", serde_json::to_string(&points)?);
    Ok(())
}

/// One number of spawners, and what was measured of it so far.
struct Setting {
    cpus: usize,
    spawner: Spawner,
    spawners: u32,
    runtimes: Vec<Runtime>,
    wall: Vec<f64>,
    held: Vec<f64>,
    holds: Vec<f64>,
    all: Option<HoldTimes>,
}

impl Setting {
    fn new(cpus: usize, spawner: Spawner, spawners: u32) -> Result<Setting, Failure> {
        let count = if spawner == Spawner::Runtime { spawners } else { 1 };
        let runtimes = (0..count).map(|_| Runtime::boot()).collect::<Result<Vec<_>, _>>()?;
        let (wall, held, holds) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Setting { cpus, spawner, spawners, runtimes, wall, held, holds, all: None })
    }

    fn forget(&mut self) {
        self.wall.clear();
        self.held.clear();
        self.holds.clear();
        self.all = None;
    }

    fn round(&mut self) -> Result<(), Failure> {
        let at_a_time = AT_A_TIME / self.spawners;
        let batches = LIVES / AT_A_TIME;
        let lives = f64::from(batches * at_a_time * self.spawners);
        let work = |batches| {
            let work = move |p: &Process| (0..batches).try_for_each(|_| batch(p, at_a_time));
            spawners::work(&self.runtimes, (self.spawner, self.spawners), work)
        };
        // The others had the machine meanwhile: the threads find their CPUs again, and the caches are filled.
        work(batches / 2)?;
        self.take()?;
        let time = work(batches)?;
        let times = self.take()?;
        self.wall.push(time.as_nanos() as f64 / lives);
        self.held.push(times.sum().as_nanos() as f64 / lives);
        self.holds.push(times.holds() as f64 / lives);
        match &mut self.all {
            Some(all) => all.add(&times),
            None => self.all = Some(times),
        }
        Ok(())
    }

    fn take(&self) -> Result<HoldTimes, Failure> {
        let mut times = self.runtimes.iter().map(Runtime::take_hold_times);
        let mut all = times.next().ok_or("no runtime")?;
        times.for_each(|times| all.add(&times));
        Ok(all)
    }

    fn point(self) -> Result<Point, Failure> {
        let all = self.all.ok_or("no round")?;
        Ok(Point {
            cpus: self.cpus,
            spawners: self.spawners,
            runtimes: self.runtimes.len(),
            wall: median(&self.wall),
            held: median(&self.held),
            holds: median(&self.holds),
            histogram: all.buckets().map(|bucket| (bucket.from_ns, bucket.to_ns, bucket.holds)).collect(),
        })
    }
}

fn batch(p: &Process, lives: u32) -> greenproc::Result<()> {
    for _ in 0..lives {
        p.spawn(Command::new("b", |_| {}))?;
    }
    for _ in 0..lives {
        drop(p.wait()?);
    }
    Ok(())
}

/// All points of both pinnings, their rounds in turn. Each is measured by a child, as a runtime reads at boot how many CPUs it
/// has.
pub(crate) fn measure_in_children(rounds: u32) -> Result<Vec<Point>, Failure> {
    let mut children = Pinning::ALL.into_iter().map(Measuring::start).collect::<Result<Vec<_>, _>>()?;
    for _ in 0..rounds {
        children.iter_mut().try_for_each(Measuring::round)?;
    }
    let points = children.into_iter().map(Measuring::end).collect::<Result<Vec<_>, _>>()?;
    Ok(points.concat())
}

struct Measuring {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Measuring {
    fn start(pinning: Pinning) -> Result<Measuring, Failure> {
        let measure = match pinning {
            Pinning::AllCpus => "--measure-all-cpus",
            Pinning::OneCpu => "--measure-one-cpu",
        };
        let mut command = HostCommand::new(std::env::current_exe()?);
        let mut child = command.arg(measure).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a child without pipes".into());
        };
        Ok(Measuring { child, input, output: BufReader::new(output).lines() })
    }

    fn round(&mut self) -> Result<(), Failure> {
        writeln!(self.input, "round")?;
        self.output.next().ok_or("the measuring child has ended")??;
        Ok(())
    }

    fn end(self) -> Result<Vec<Point>, Failure> {
        let Measuring { mut child, input, mut output } = self;
        drop(input);
        let points = serde_json::from_str(&output.next().ok_or("the measuring child says nothing")??)?;
        if !child.wait()?.success() {
            return Err("the measuring child failed".into());
        }
        Ok(points)
    }
}
