//! Performance counters of a process: what the runtime did for it, and what it counts itself (row 34).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;

use greenproc_sync::atomic::{AtomicU64, Ordering};
use greenproc_sync::{Mutex, OnceLock};

use crate::child::Child;
use crate::error::{Error, Result};
use crate::inspect::usage_now;
use crate::locks::Leaf;
use crate::proc::Proc;
use crate::process::Process;
use crate::usage::Usage;

/// What was counted of a process, or of its ended children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls that it made, also those that failed or were refused.
    pub calls: u64,
    /// Children that it made.
    pub spawns: u64,
    /// Waits that returned a child.
    pub waits: u64,
    /// Sleeps of its LWPs in the runtime, and host calls inside [`Process::blocking`].
    pub sleeps: u64,
    /// Signals that it sent.
    pub signals_sent: u64,
    /// Signals that others sent to it; not those of the runtime itself.
    pub signals_received: u64,
    /// Handlers that ran.
    pub handlers_run: u64,
    /// What it used of the host. While it lives, the CPU time is that so far; faults and switches are those of its ended LWPs.
    pub usage: Usage,
    /// What it counts itself, by name.
    pub own: BTreeMap<&'static str, u64>,
}

impl AddAssign<&Counters> for Counters {
    fn add_assign(&mut self, other: &Counters) {
        self.calls += other.calls;
        self.spawns += other.spawns;
        self.waits += other.waits;
        self.sleeps += other.sleeps;
        self.signals_sent += other.signals_sent;
        self.signals_received += other.signals_received;
        self.handlers_run += other.handlers_run;
        self.usage += other.usage;
        for (&name, count) in &other.own {
            *self.own.entry(name).or_default() += count;
        }
    }
}

impl fmt::Display for Counters {
    /// A line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counters {
            calls,
            spawns,
            waits,
            sleeps,
            signals_sent,
            signals_received,
            handlers_run,
            usage,
            own,
        } = self;
        let counts = [
            ("calls", *calls),
            ("spawns", *spawns),
            ("waits", *waits),
            ("sleeps", *sleeps),
            ("signals sent", *signals_sent),
            ("signals received", *signals_received),
            ("handlers run", *handlers_run),
            ("page faults", usage.minor_faults() + usage.major_faults()),
            ("context switches", usage.voluntary_switches() + usage.involuntary_switches()),
        ];
        for (name, count) in counts.into_iter().chain(own.iter().map(|(&name, &count)| (name, count))) {
            writeln!(f, "{count:>12} {name}")?;
        }
        writeln!(f, "{:>12} microseconds of CPU time", usage.total().as_micros())
    }
}

/// A counter of the process's own, to be had by name from [`Process::counter`]. Clones count the same.
///
/// One that is kept beyond the end of its process counts for nobody.
#[derive(Clone, Debug)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Counts this many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the runtime counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Call,
    Spawn,
    Wait,
    Sleep,
    SignalSent,
    SignalReceived,
    HandlerRun,
}

const KINDS: usize = 7;

/// The counters of a process, once it counts.
#[derive(Default)]
pub(crate) struct CounterPart(OnceLock<Box<Counting>>);

#[derive(Default)]
struct Counting {
    counts: [AtomicU64; KINDS],
    own: Mutex<Leaf, BTreeMap<&'static str, Arc<AtomicU64>>>,
    /// Those of the children that have ended, and of theirs.
    children: Mutex<Leaf, Counters>,
    /// What was counted when the process had ended.
    saved: OnceLock<Counters>,
}

impl CounterPart {
    fn begin(&self) -> &Counting {
        self.0.get_or_init(Box::default)
    }

    /// A child counts if its parent does.
    pub(crate) fn hand_down(&self, child: &Proc) {
        if self.counts() {
            child.start_counting();
        }
    }

    pub(crate) fn counts(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn count(&self, what: Count) {
        if let Some(counting) = self.0.get() {
            counting.counts[what as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Row 34: the counters are saved with the final usage, and added to those of the parent's children, if it counts.
    pub(crate) fn settle(&self, usage: Usage, parent: Option<&Arc<Proc>>) {
        let Some(counting) = self.0.get() else { return };
        let saved = counting.saved.get_or_init(|| counting.now(usage));
        let children = std::mem::take(&mut *counting.children.lock());
        let parent = parent.and_then(|parent| parent.extras()).and_then(|extras| extras.counters.0.get());
        if let Some(parent) = parent {
            let mut sum = parent.children.lock();
            *sum += saved;
            *sum += &children;
        }
    }
}

impl Counting {
    fn now(&self, usage: Usage) -> Counters {
        let count = |what: Count| self.counts[what as usize].load(Ordering::Relaxed);
        let own = self.own.lock();
        Counters {
            calls: count(Count::Call),
            spawns: count(Count::Spawn),
            waits: count(Count::Wait),
            sleeps: count(Count::Sleep),
            signals_sent: count(Count::SignalSent),
            signals_received: count(Count::SignalReceived),
            handlers_run: count(Count::HandlerRun),
            usage,
            own: own.iter().map(|(&name, count)| (name, count.load(Ordering::Relaxed))).collect(),
        }
    }
}

impl Proc {
    /// From here on the process counts. What it counts of its calls, the gate tells.
    fn begin_counting(&self) -> &Counting {
        let counting = self.need_extras().counters.begin();
        self.mark_counted();
        counting
    }

    /// Counts without being asked by its code.
    pub(crate) fn start_counting(&self) {
        let _counting = self.begin_counting();
    }

    /// Counts something, if the process counts.
    pub(crate) fn count(&self, what: Count) {
        if let Some(extras) = self.extras() {
            extras.counters.count(what);
        }
    }

    /// What was counted; `None` if the process does not count.
    fn counters(&self) -> Option<Counters> {
        let counting = self.extras()?.counters.0.get()?;
        if let Some(saved) = counting.saved.get() {
            return Some(saved.clone());
        }
        let usage = usage_now(self);
        Some(counting.now(usage))
    }
}

impl Process {
    /// Counts from now on what the runtime does for the process; children that are made from now on count too. There is no end to it
    /// but the process's. [`Command::counted`](crate::Command::counted) counts from the beginning.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    pub fn count(&self) -> Result<()> {
        self.check_live()?;
        self.record.start_counting();
        self.record.end_in_full();
        Ok(())
    }

    /// A counter of the process's own; each name has one, made when it is first asked for. The process counts from then on.
    ///
    /// What you count here is saved when the process ends and added to what its parent sees of its children, with all that the
    /// runtime counts: so a parent knows how many requests, retries or bytes its workers had, also of one that crashed.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: row 34 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, PanicReport, Runtime};
    /// # let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot()?;
    /// runtime.run(Command::new("parent", |p| {
    ///     p.count()?;
    ///     let worker = p.spawn(Command::new("worker", |p| {
    ///         let requests = p.counter("requests").expect("it lives");
    ///         for request in 0.. {
    ///             requests.add(1);
    ///             assert!(request < 3, "it crashes");
    ///         }
    ///     }))?;
    ///     assert!(!worker.wait()?.status.success());
    ///     assert_eq!(worker.counters().expect("it counted").own["requests"], 4);
    ///     assert_eq!(p.children_counters().own["requests"], 4);
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn counter(&self, name: &'static str) -> Result<Counter> {
        self.check_live()?;
        let counting = self.record.begin_counting();
        self.record.end_in_full();
        let counter = Arc::clone(counting.own.lock().entry(name).or_default());
        Ok(Counter(counter))
    }

    /// What was counted of the process so far; all zero if it does not count.
    pub fn counters(&self) -> Counters {
        self.record.counters().unwrap_or_default()
    }

    /// What was counted of the children that have ended, and of theirs. Each counts once, when it ends, for who is its parent then;
    /// if that one does not count, for nobody.
    ///
    /// Source: row 34 of the kernel map.
    pub fn children_counters(&self) -> Counters {
        let counting = self.record.extras().and_then(|extras| extras.counters.0.get());
        counting.map(|counting| counting.children.lock().clone()).unwrap_or_default()
    }
}

impl Child {
    /// What was counted of it: so far, or, once it has ended, in its whole life.
    ///
    /// # Errors
    /// - EINVAL: it does not count.
    pub fn counters(&self) -> Result<Counters> {
        self.record().counters().ok_or(Error::Invalid { what: "the process counts nothing" })
    }
}
