//! Restartable sequences: code that runs again if its LWP was interrupted in it (row 16).

use std::fmt;
use std::sync::Arc;

use greenproc_os::thread::OnCpu;
use greenproc_sync::atomic::{AtomicBool, AtomicU64, Ordering};
use greenproc_sync::{Mutex, OnceLock};

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::process::Process;

/// How often a sequence is begun before it is given up.
const ATTEMPTS: u32 = 128;

/// A restartable sequence of a process: a piece of code whose result is only used if its LWP was not interrupted while it ran.
///
/// Interrupted is an LWP that slept, stood still or ran a handler in it; and one whose thread was taken off its CPU, or handled a
/// signal of the host, where the C library has registered `rseq(2)` (glibc 2.35 and later). Then the result is dropped, and
/// the code runs again from its beginning.
///
/// It is for what belongs together: two clocks that are to be read at the same time, a measurement that nobody disturbed, an answer
/// together with the CPU on which it holds. It is no lock: others run meanwhile, and after the last look the LWP may be
/// interrupted again before it uses the result. What the code changes it changes each time it runs, so it should only compute.
///
/// They are dropped by an exec, and at the end of the process.
///
/// Source: NetBSD `rasctl`, row 16 of the kernel map.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// # use greenproc::{Command, Runtime};
/// use std::time::{Instant, SystemTime};
/// # let runtime = Runtime::boot()?;
/// # #[allow(clippy::disallowed_methods)]
/// let status = runtime.run(Command::new("both clocks", |p| {
///     let pair = p.sequence("both clocks")?;
///     let (_monotonic, _calendar) = pair.run(p, || (Instant::now(), SystemTime::now()))?;
///     greenproc::Result::Ok(())
/// }))?;
/// assert!(status.success());
/// # Ok(())
/// # }
/// ```
pub struct Sequence(Arc<Registered>);

struct Registered {
    of: Pid,
    name: &'static str,
    runs: AtomicU64,
    restarts: AtomicU64,
    /// The process has come to its end.
    over: AtomicBool,
}

/// The sequences of a process, once it has any.
#[derive(Default)]
pub(crate) struct Sequences(OnceLock<Box<Mutex<Leaf, Table>>>);

#[derive(Default)]
struct Table {
    all: Vec<Arc<Registered>>,
    over: bool,
}

impl Sequences {
    fn register(&self, sequence: &Arc<Registered>) -> bool {
        let mut table = self.0.get_or_init(Box::default).lock();
        if !table.over {
            table.all.push(Arc::clone(sequence));
        }
        !table.over
    }

    fn forget(&self, sequence: &Arc<Registered>) {
        if let Some(table) = self.0.get() {
            table.lock().all.retain(|registered| !Arc::ptr_eq(registered, sequence));
        }
    }

    /// Row 16: the sequences are dropped, and none may come; their handles do nothing any more.
    pub(crate) fn tear_down(&self) {
        if let Some(table) = self.0.get() {
            table.lock().over = true;
            self.purge();
        }
    }

    /// Another program has nothing to do with those of the one before.
    pub(crate) fn purge(&self) {
        let Some(table) = self.0.get() else { return };
        let all = std::mem::take(&mut table.lock().all);
        for sequence in all {
            sequence.over.store(true, Ordering::Relaxed);
        }
    }
}

impl Process {
    /// Registers a restartable sequence under a name that is for people. Any LWP of the process can run it; it is the process's until
    /// [`unregister`](Sequence::unregister), or the process's end.
    ///
    /// # Errors
    /// - ESRCH: the process is past the point of its end where they are dropped, or this was kept beyond its LWP's end.
    ///
    /// Source: NetBSD `rasctl(RAS_INSTALL)`.
    pub fn sequence(&self, name: &'static str) -> Result<Sequence> {
        self.gate(
            Call::Sequence,
            || args![name],
            || {
                self.check_live()?;
                let sequence = Arc::new(Registered {
                    of: self.record.pid,
                    name,
                    runs: AtomicU64::new(0),
                    restarts: AtomicU64::new(0),
                    over: AtomicBool::new(false),
                });
                if !self.record.need_extras().sequences.register(&sequence) {
                    return Err(Error::Exiting { pid: self.record.pid });
                }
                Ok(Sequence(sequence))
            },
        )
    }
}

impl Sequence {
    /// Runs `section`, again and again until it ran from its beginning to its end without an interruption of the calling LWP, and
    /// returns what it returned then. What it returned before is dropped.
    ///
    /// No checkpoint, but the section may come to some; it had better not: each sleep makes it run again.
    ///
    /// # Errors
    /// - EAGAIN: it was interrupted 128 times in a row: it takes longer than the host leaves a thread alone, or sleeps.
    /// - ESRCH: the sequence was dropped, or `process` is not the one that registered it, or was kept beyond its LWP's end.
    pub fn run<T>(&self, process: &Process, mut section: impl FnMut() -> T) -> Result<T> {
        let control = process.lwpctl()?;
        let sequence = &self.0;
        if sequence.of != process.record.pid || sequence.over.load(Ordering::Relaxed) {
            return Err(Error::NoProcess { pid: sequence.of.as_raw() });
        }
        for _ in 0..ATTEMPTS {
            let before = control.look().generation;
            let here = OnCpu::begin();
            let value = section();
            let stayed = here.is_none_or(|here| here.stands());
            if stayed && control.look().generation == before {
                sequence.runs.fetch_add(1, Ordering::Relaxed);
                return Ok(value);
            }
            sequence.restarts.fetch_add(1, Ordering::Relaxed);
        }
        Err(Error::WouldBlock { what: "the sequence was interrupted each time" })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.name
    }

    /// How often it came to its end uninterrupted.
    pub fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }

    /// How often it was interrupted.
    pub fn restarts(&self) -> u64 {
        self.0.restarts.load(Ordering::Relaxed)
    }

    /// Takes it out of its process before that ends.
    ///
    /// Source: NetBSD `rasctl(RAS_PURGE)`.
    pub fn unregister(self, process: &Process) {
        if let Some(extras) = process.record.extras() {
            extras.sequences.forget(&self.0);
        }
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence")
            .field("process", &self.0.of)
            .field("name", &self.0.name)
            .field("runs", &self.runs())
            .field("restarts", &self.restarts())
            .finish_non_exhaustive()
    }
}
