//! What lives and kills cost here and in the host, measured in turn: only neighbours compare.

use std::io;
use std::time::Duration;

use greenproc::{Command, Process, Runtime, Signal};
use greenproc_os::host_fork::HostChild;
use greenproc_sync::time;
use serde::Serialize;

use super::idle::Idle;
use crate::failure::Failure;
use crate::host;

/// How often ours is measured; the host has one round more.
const ROUNDS: usize = 11;

/// How many of ours, and of the host's, in a round.
const OURS: u32 = 1000;
const HOSTS: u32 = 50;

/// How long the processes may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Both comparisons.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BesideHost {
    pub(super) rounds: usize,
    /// One made, ended and waited for after the other.
    pub(super) life: Pair,
    /// One that sleeps killed and waited for after the other; its making is not in it.
    pub(super) kill: Pair,
}

/// Ours and the host's. Times are nanoseconds each, medians of the rounds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pair {
    pub(super) ours_ns: f64,
    pub(super) host_ns: f64,
    /// Ours over the mean of the neighbouring rounds of the host's, the median of the rounds.
    pub(super) ratio: f64,
    pub(super) p10: f64,
    pub(super) p90: f64,
}

impl BesideHost {
    /// Measures both, in a runtime of its own.
    pub(super) fn measure() -> Result<BesideHost, Failure> {
        let runtime = host::builder().boot()?;
        let measured = measure(&runtime);
        let _all_have_ended = runtime.shutdown(GRACE)?;
        measured
    }

    /// Each with its name.
    pub(super) fn each(&self) -> [(&'static str, &Pair); 2] {
        [("life", &self.life), ("kill", &self.kill)]
    }
}

fn measure(runtime: &Runtime) -> Result<BesideHost, Failure> {
    let life = pair(|| ours(runtime, live), || hosts(host_life))?;
    let kill = pair(|| ours(runtime, kill), || hosts(host_kill))?;
    Ok(BesideHost { rounds: ROUNDS, life, kill })
}

/// Host, ours, host, ours, .., host.
fn pair(
    mut ours: impl FnMut() -> Result<f64, Failure>,
    mut hosts: impl FnMut() -> Result<f64, Failure>,
) -> Result<Pair, Failure> {
    let mut our_rounds = Vec::new();
    // The first of each fills the caches.
    hosts()?;
    ours()?;
    let mut host_rounds = vec![hosts()?];
    for _ in 0..ROUNDS {
        our_rounds.push(ours()?);
        host_rounds.push(hosts()?);
    }
    let neighbours = host_rounds.windows(2).map(|pair| f64::midpoint(pair[0], pair[1]));
    let mut ratios: Vec<f64> = our_rounds.iter().zip(neighbours).map(|(ours, host)| ours / host).collect();
    let quantile = |values: &mut Vec<f64>, tenths: usize| {
        values.sort_by(f64::total_cmp);
        values[(values.len() - 1) * tenths / 10]
    };
    Ok(Pair {
        ours_ns: quantile(&mut our_rounds, 5),
        host_ns: quantile(&mut host_rounds, 5),
        ratio: quantile(&mut ratios, 5),
        p10: quantile(&mut ratios, 1),
        p90: quantile(&mut ratios, 9),
    })
}

/// Nanoseconds for one of ours.
fn ours(runtime: &Runtime, deed: fn(&Process) -> greenproc::Result<Duration>) -> Result<f64, Failure> {
    let (parent, time) = runtime.spawn_returning("parent", deed)?;
    let status = parent.wait()?.status;
    let time = time.take().ok_or(Failure::EndedEarly { name: "parent", status })??;
    Ok(time.as_nanos() as f64 / f64::from(OURS))
}

fn live(process: &Process) -> greenproc::Result<Duration> {
    let start = time::now();
    for _ in 0..OURS {
        let _its_end = process.spawn(Command::new("short", |_| {}))?.wait()?;
    }
    Ok(time::now() - start)
}

fn kill(process: &Process) -> greenproc::Result<Duration> {
    let mut sum = Duration::ZERO;
    for _ in 0..OURS {
        let (ready, is_ready) = crossbeam_channel::bounded(1);
        let victim = process.spawn(Command::new("victim", move |process| {
            let _ = ready.send(());
            Idle::Sleep.stay(process)
        }))?;
        // As with the host's, it may not be asleep yet.
        let _ = process.recv(&is_ready);
        let start = time::now();
        victim.signal(Signal::KILL)?;
        let _its_end = victim.wait()?;
        sum += time::now() - start;
    }
    Ok(sum)
}

/// Nanoseconds for one of the host's.
fn hosts(deed: fn() -> io::Result<Duration>) -> Result<f64, Failure> {
    let refused =
        |error| Failure::Usage(format!("the host refuses a process: {error} (try it without --host)"));
    let mut sum = Duration::ZERO;
    for _ in 0..HOSTS {
        sum += deed().map_err(refused)?;
    }
    Ok(sum.as_nanos() as f64 / f64::from(HOSTS))
}

fn host_life() -> io::Result<Duration> {
    let start = time::now();
    HostChild::ending()?.wait()?;
    Ok(time::now() - start)
}

fn host_kill() -> io::Result<Duration> {
    let victim = HostChild::pausing()?;
    let start = time::now();
    victim.kill()?;
    victim.wait()?;
    Ok(time::now() - start)
}
