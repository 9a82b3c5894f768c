//! What a process has done at its end: exit hooks, and the personality's say in the status (rows 19 and 24).
//!
//! Both run on the LWP that owns the exit, when the other LWPs have left and the status is decided (mistake n), before
//! the zombie can be seen.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::call::{Call, args};
use crate::crash;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::locks::Leaf;
use crate::process::Process;
use crate::report::ExitReport;
use crate::status::ExitStatus;
use crate::termination::Termination;
use crate::worker::{Unwind, drop_isolated};

/// How a process ends, as its exit hooks and its personality are told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ending {
    /// The status that was decided.
    pub status: ExitStatus,
    /// What is known of a failure: the panic, or the error that the body returned.
    pub report: Option<Arc<ExitReport>>,
}

type Hook = Box<dyn FnOnce(&Process, &Ending) + Send>;

/// Says with which status a process ends that would end so.
pub(crate) type Personality = Arc<dyn Fn(&Process, &Ending) -> ExitStatus + Send + Sync>;

/// The exit hooks of a process.
#[derive(Default)]
pub(crate) struct ExitHooks(Mutex<Leaf, Hooks>);

#[derive(Default)]
struct Hooks {
    /// In the order of their registration.
    waiting: Vec<Hook>,
    /// The last one has run.
    over: bool,
}

/// The personality of a process, if it has one.
#[derive(Default)]
pub(crate) struct PersonalitySlot(Mutex<Leaf, Option<Personality>>);

impl ExitHooks {
    /// Registers a hook, unless the process is past them; then it comes back, to be dropped.
    fn register(&self, hook: Hook) -> std::result::Result<(), Hook> {
        let mut hooks = self.0.lock();
        if hooks.over {
            return Err(hook);
        }
        hooks.waiting.push(hook);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().waiting.is_empty()
    }

    /// Takes the hook that runs next; when there is none, hooks are over.
    fn next(&self) -> Option<Hook> {
        let mut hooks = self.0.lock();
        let next = hooks.waiting.pop();
        hooks.over = next.is_none();
        next
    }

    /// Runs the hooks, the last registered first; one that a hook registers comes next.
    pub(crate) fn run(&self, process: &Process) {
        let mut ending = None;
        while let Some(hook) = self.next() {
            let Some(ending) = ending.get_or_insert_with(|| ending_of(process)) else { return };
            isolated(process, || hook(process, ending));
        }
    }

    /// Takes the hooks away, which do not run: another body replaces the one that registered them. To be dropped without a
    /// lock.
    pub(crate) fn take(&self) -> impl Sized + use<> {
        std::mem::take(&mut self.0.lock().waiting)
    }
}

impl PersonalitySlot {
    pub(crate) fn get(&self) -> Option<Personality> {
        self.0.lock().clone()
    }

    /// Sets the personality; the former one is to be dropped without a lock.
    pub(crate) fn set(&self, personality: Option<Personality>) -> Option<Personality> {
        std::mem::replace(&mut *self.0.lock(), personality)
    }

    /// Lets the personality change the status of a process whose hooks have run.
    pub(crate) fn apply(&self, process: &Process) {
        let Some(personality) = self.get() else { return };
        let Some(ending) = ending_of(process) else { return };
        let Some(status) = isolated(process, || personality(process, &ending)) else { return };
        if let Some(end) = &mut process.record.state.lock().end {
            end.status = status.report().status;
        }
    }
}

fn ending_of(process: &Process) -> Option<Ending> {
    let end = process.record.state.lock().end.clone()?;
    Some(Ending { status: end.status, report: end.report })
}

/// Runs a function of a dying process; a panic in it is told as an event and stops nothing (decision 13). `None` if it did
/// not come to its end.
fn isolated<T>(process: &Process, function: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(function)) {
        Ok(value) => Some(value),
        // It called `exit`: the end is decided already, and only the function is over.
        Err(payload) if payload.is::<Unwind>() => None,
        Err(payload) => {
            process.worker.retire.set(true);
            let message = crash::message(&*payload);
            process.worker.kernel.tell(&process.record, EventKind::HookPanicked { message });
            drop_isolated(process, payload);
            None
        }
    }
}

impl Process {
    /// Runs `hook` when the process ends, however it ends: by returning, `exit`, a panic, a signal, SIGKILL too.
    ///
    /// It is the place for what has to be done once for the whole process whichever way it goes: removing a temporary
    /// file, giving a lease back, telling a supervisor why. Unlike a destructor on the body's stack it is told how the
    /// process ends, and runs after the destructors of every LWP.
    ///
    /// Hooks run on one LWP, the last registered first, when the status is decided and all other LWPs have left, and
    /// before anybody can see the zombie. What the process is and has used so far can be asked as ever. A panic in one is
    /// told as the event [`HookPanicked`](EventKind::HookPanicked), and the next one runs; `exit` in one ends only that
    /// hook. A call that would sleep returns EINTR, and `spawn` gives ESRCH: the process is exiting. A hook registered by
    /// a hook runs next. Children do not inherit hooks, and [`exec`](Process::exec) drops them without running them.
    ///
    /// # Errors
    /// - ESRCH: the hooks have run already, or this was kept beyond its LWP's end. `hook` is dropped.
    ///
    /// Source: C `atexit`, NetBSD `exithook_establish`, row 19 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// let (say, said) = crossbeam_channel::unbounded();
    /// let child = runtime.spawn(Command::new("tidy", move |p| {
    ///     p.on_exit(move |p, ending| say.send((p.pid(), ending.status)).expect("main listens"))?;
    ///     p.raise(Signal::KILL)
    /// }))?;
    /// let status = child.wait()?.status;
    /// assert_eq!(said.recv().expect("it ran"), (child.id(), status));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_exit(&self, hook: impl FnOnce(&Process, &Ending) + Send + 'static) -> Result<()> {
        self.gate(
            Call::Atexit,
            || args![],
            || {
                self.check_live()?;
                let registered = self.record.need_extras().hooks.register(Box::new(hook));
                registered.map_err(|hook| {
                    drop(hook);
                    Error::Exiting { pid: self.record.pid }
                })
            },
        )
    }
}

impl fmt::Debug for PersonalitySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PersonalitySlot").field(&self.get().is_some()).finish()
    }
}
