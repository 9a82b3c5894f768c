//! The niceness of a process, handed to the host for the thread of each of its LWPs.
//!
//! A thread that was made nicer cannot be put back where the host does not permit that, so it is not used again after its LWP;
//! and as a new thread begins with the niceness of whoever makes it, a nice LWP makes none: the timekeeper does.

use greenproc_os::thread::{self, NICENESS, Tid};
use greenproc_sync::atomic::{AtomicI32, Ordering};

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::proc::Proc;
use crate::process::Process;
use crate::worker::{self, Worker};

/// What a process has said, if anything. Written under `p_smutex`.
pub(crate) struct Niceness(AtomicI32);

const UNSAID: i32 = i32::MIN;

impl Default for Niceness {
    fn default() -> Niceness {
        Niceness(AtomicI32::new(UNSAID))
    }
}

impl Niceness {
    fn get(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&said| said != UNSAID)
    }

    pub(crate) fn hand_down(&self, child: &Proc) {
        if let Some(said) = self.get() {
            child.need_extras().niceness.0.store(said, Ordering::Relaxed);
        }
    }

    /// An LWP begins on its thread, which others can find by now.
    pub(crate) fn begin(&self, worker: &Worker) {
        if let Some(said) = self.get() {
            worker.retire.set(true);
            // Where the host does not permit it any more the LWP runs as the thread is.
            let _ = thread::set_niceness(thread::tid(), said);
        }
    }

    /// An LWP ends: what its thread has become the next must not find.
    pub(crate) fn end(&self, worker: &Worker) {
        if self.get().is_some() {
            worker.retire.set(true);
        }
    }
}

/// Whether threads that the caller makes would be nice.
pub(crate) fn caller_is_nice() -> bool {
    let said = |process: &Process| process.record.extras().and_then(|extras| extras.niceness.get());
    worker::current().is_some_and(|process| said(&process).is_some())
}

impl Process {
    /// Makes the process nicer by this much, with all its LWPs, and those it will make: it leaves more of the CPU to others. Returns
    /// the new niceness, from -20 to 19; beyond that, the nearest is taken. Children inherit it.
    ///
    /// It is for work that can wait: a process with a niceness of 19 gets a small part of what one with 0 gets of the same
    /// CPU, and all of it if nobody else wants it. It is handed to the host, whose threads the LWPs are; a thread that was
    /// made nice is not used for another process after that.
    ///
    /// # Errors
    /// - EPERM: it would be less nice, and the process is not root's, or the host does not permit it. Nothing was changed.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `nice`; Linux `setpriority`, which keeps it per thread.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("background", |p| {
    ///     let before = p.niceness();
    ///     assert_eq!(p.nice(5)?, (before + 5).min(19));
    ///     p.spawn(Command::new("child", move |p| assert_eq!(p.niceness(), (before + 5).min(19))))?.wait().map(drop)
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "setpriority")]
    pub fn nice(&self, increment: i32) -> Result<i32> {
        self.gate_value(
            Call::Nice,
            || args![increment],
            |&nice| i64::from(nice),
            || {
                self.check_live()?;
                if increment < 0 && !self.record.as_root() {
                    return Err(LESS_NICE);
                }
                let niceness = &self.record.need_extras().niceness;
                let state = self.record.state.lock();
                let now = niceness.get().unwrap_or_else(host_niceness);
                let wanted = now.saturating_add(increment).clamp(*NICENESS.start(), *NICENESS.end());
                if wanted == now {
                    return Ok(now);
                }
                // The caller's own first: if the host refuses, it refuses at once.
                thread::set_niceness(thread::tid(), wanted).map_err(|_| LESS_NICE)?;
                niceness.0.store(wanted, Ordering::Relaxed);
                self.worker.retire.set(true);
                let others = state.lwps.iter().filter(|lwp| lwp.id != self.lwp);
                let tids: Vec<Tid> = others.filter_map(|lwp| lwp.seat.as_ref()?.tid()).collect();
                for tid in tids {
                    // The thread is this process's for as long as the lock is held.
                    let _ = thread::set_niceness(tid, wanted);
                }
                Ok(wanted)
            },
        )
    }

    /// How nice the process is, from -20 to 19.
    ///
    /// Source: POSIX `getpriority`.
    #[doc(alias = "getpriority")]
    pub fn niceness(&self) -> i32 {
        self.gate_sure(
            Call::Getpriority,
            || args![],
            |&nice| i64::from(nice),
            || {
                let said = self.record.extras().and_then(|extras| extras.niceness.get());
                said.unwrap_or_else(host_niceness)
            },
        )
    }
}

const LESS_NICE: Error =
    Error::NotPermitted { what: "only root makes a process less nice, if the host permits it" };

fn host_niceness() -> i32 {
    thread::niceness(thread::tid()).unwrap_or(0)
}
