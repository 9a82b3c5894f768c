//! A profile of a process by samples: where its CPU time goes (row 28).

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::atomic::Ordering;
use greenproc_sync::{Mutex, OnceLock};

use crate::call::{Call, args};
use crate::child::Child;
use crate::error::{Error, Result};
use crate::inspect::cpu_ns;
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::lwpctl::LwpState;
use crate::pid::LwpId;
use crate::proc::Proc;
use crate::process::Process;
use crate::ticker::{Key, TICK, Watched};

/// Where CPU time went, by samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// How much CPU time a sample stands for.
    pub interval: Duration,
    /// The places, that with the most samples first.
    pub places: Vec<Place>,
}

/// A place of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Where in the program the LWP had come to a checkpoint last, as `file:line:column`: the call of the runtime that it was in, or
    /// had been in before. `None` if it never had.
    pub checkpoint: Option<String>,
    /// What it was doing when it was looked at.
    pub state: LwpState,
    /// How many samples fell there.
    pub samples: u64,
}

impl Profile {
    /// All samples.
    pub fn samples(&self) -> u64 {
        self.places.iter().map(|place| place.samples).sum()
    }
}

impl fmt::Display for Profile {
    /// A line for each place, with its part of the whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.samples().max(1);
        for Place { checkpoint, state, samples } in &self.places {
            let share = 100.0 * *samples as f64 / all as f64;
            let checkpoint = checkpoint.as_deref().unwrap_or("before the first checkpoint");
            writeln!(f, "{share:>5.1} % {samples:>8} {state:?} {checkpoint}")?;
        }
        Ok(())
    }
}

/// The profile of a process, once it has one.
#[derive(Default)]
pub(crate) struct Profiler(OnceLock<Box<Mutex<Leaf, Samples>>>);

#[derive(Default)]
struct Samples {
    /// Zero: it stands.
    interval: Duration,
    /// The CPU time of each LWP that was counted.
    counted: HashMap<LwpId, u64>,
    places: HashMap<(Option<&'static Location<'static>>, LwpState), u64>,
    over: bool,
}

/// An LWP as it was found.
struct Found {
    lwp: LwpId,
    cpu_ns: u64,
    checkpoint: Option<&'static Location<'static>>,
    state: LwpState,
}

impl Profiler {
    /// Row 28: nothing is sampled any more. What was is kept for handles.
    pub(crate) fn tear_down(&self, kernel: &Kernel, process: &Proc) {
        let Some(samples) = self.0.get() else { return };
        samples.lock().over = true;
        self.end(kernel, process);
    }

    /// Another program begins, and is not profiled.
    pub(crate) fn end(&self, kernel: &Kernel, process: &Proc) {
        if self.0.get().is_none() {
            return;
        }
        kernel.timekeeper.ticker.unwatch(Key::Profile(process.pid));
    }

    fn profile(&self) -> Option<Profile> {
        let samples = self.0.get()?.lock();
        let mut places: Vec<Place> = samples
            .places
            .iter()
            .map(|(&(checkpoint, state), &samples)| Place {
                checkpoint: checkpoint.map(ToString::to_string),
                state,
                samples,
            })
            .collect();
        places.sort_by(|one, other| {
            other.samples.cmp(&one.samples).then_with(|| one.checkpoint.cmp(&other.checkpoint))
        });
        Some(Profile { interval: samples.interval, places })
    }
}

fn look(process: &Proc) -> Vec<Found> {
    let state = process.state.lock();
    let found = state.lwps.iter().filter_map(|lwp| {
        let seat = lwp.seat.as_ref()?;
        let checkpoint = seat.checkpoint.load(Ordering::Relaxed);
        Some(Found { lwp: lwp.id, cpu_ns: cpu_ns(lwp), checkpoint, state: lwp.place.into() })
    });
    found.collect()
}

impl Samples {
    /// Counts the CPU time that was used since the last look, in whole intervals, where each LWP was found.
    fn take(&mut self, found: &[Found]) {
        let interval = (self.interval.as_nanos() as u64).max(1);
        for Found { lwp, cpu_ns, checkpoint, state } in found {
            let counted = self.counted.entry(*lwp).or_default();
            let samples = cpu_ns.saturating_sub(*counted) / interval;
            if samples > 0 {
                *counted += samples * interval;
                *self.places.entry((*checkpoint, *state)).or_default() += samples;
            }
        }
        self.counted.retain(|lwp, _| found.iter().any(|found| found.lwp == *lwp));
    }
}

/// Samples a process; how long it need not be looked at again.
pub(crate) fn sample(process: &Arc<Proc>) -> Option<Duration> {
    let samples = process.extras()?.profiler.0.get()?;
    let found = look(process);
    let mut samples = samples.lock();
    if samples.over || samples.interval.is_zero() {
        return None;
    }
    samples.take(&found);
    Some(TICK)
}

impl Process {
    /// Samples from now on where the CPU time of the process goes: for each `interval` of it that an LWP has used, the place
    /// where it came to a checkpoint last is counted once. In place of a profile that was made before; an interval of zero
    /// ends it, and keeps what was counted. Children do not inherit it, and an exec ends it.
    ///
    /// It tells which calls of the runtime the time is spent between, without a tool of the host and while the program runs. It is
    /// looked at every 10 ms, so a shorter interval only weighs finer; LWPs that live shorter may be missed.
    ///
    /// # Errors
    /// - ESRCH: the process is exiting, or this was kept beyond its LWP's end.
    ///
    /// Source: POSIX-like `profil`, row 28 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// use std::time::Duration;
    /// # let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("busy", |p| {
    ///     p.profil(Duration::from_millis(1))?;
    ///     while p.profile().samples() < 20 {
    ///         p.checkpoint();
    ///     }
    ///     println!("{}", p.profile());
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn profil(&self, interval: Duration) -> Result<()> {
        self.gate(
            Call::Profil,
            || args![interval],
            || {
                self.check_live()?;
                self.refuse_if_exiting()?;
                let profiler = &self.record.need_extras().profiler;
                let found = look(&self.record);
                let keeper = &self.worker.kernel.timekeeper;
                let key = Key::Profile(self.record.pid);
                {
                    let mut samples = profiler.0.get_or_init(Box::default).lock();
                    if samples.over {
                        return Err(Error::Exiting { pid: self.record.pid });
                    }
                    if interval.is_zero() {
                        // What was used since the last look counts still.
                        samples.take(&found);
                    } else {
                        let counted = found.iter().map(|found| (found.lwp, found.cpu_ns)).collect();
                        *samples = Samples { interval, counted, ..Samples::default() };
                    }
                }
                if interval.is_zero() {
                    keeper.ticker.unwatch(key);
                } else {
                    keeper.ticker.watch(keeper, key, Watched::Profile(Arc::downgrade(&self.record)));
                }
                Ok(())
            },
        )
    }

    /// What was sampled so far; empty if nothing is.
    pub fn profile(&self) -> Profile {
        let profile = self.record.extras().and_then(|extras| extras.profiler.profile());
        profile.unwrap_or_default()
    }
}

impl Child {
    /// What was sampled of it so far, also after it has ended; empty if it never called [`Process::profil`].
    pub fn profile(&self) -> Profile {
        let profile = self.record().extras().and_then(|extras| extras.profiler.profile());
        profile.unwrap_or_default()
    }
}
