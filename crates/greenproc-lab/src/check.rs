//! A scenario: what is explored.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::Duration;

use greenproc::racelab::{Fault, Faults};
use greenproc::{Builder, Error, PanicReport, Runtime};
use greenproc_sync::{lab, time};

use crate::explore::{Body, Options, Report, explore, explore_with};
use crate::failure::Failure;
use crate::free;
use crate::scheduler::{Abandoned, Scheduler, message};
use crate::state::Phase;

/// What free threads are given to come to rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is explored: a closure that is given a runtime.
#[derive(Clone)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) fault: Option<Fault>,
    faults: Arc<Faults>,
    pub(crate) pid_max: Option<i32>,
    shuts_down: bool,
    pub(crate) body: Body,
}

/// Explores a closure that uses a runtime and the primitives of `greenproc_sync`, in all orders with up to 2 preemptions.
///
/// The closure runs once for each schedule, each time with a runtime that was just booted; it has to do the same each
/// time. What it leaves running is ended afterwards. It must not wait for anything that the scheduler knows nothing of:
/// channels of other crates, `std::sync`, I/O.
///
/// # Panics
/// If a schedule fails: with the failure, the timeline, and the token that replays it.
///
/// ```
/// use greenproc::Command;
/// greenproc_lab::check(|runtime| {
///     let status = runtime.run(Command::new("child", |_| 3)).expect("a process");
///     assert_eq!(status.code(), Some(3));
/// });
/// ```
pub fn check(body: impl Fn(&Runtime) + Send + Sync + 'static) {
    let report = explore(&Scenario::new("check", body), &Options::default());
    if let Some(found) = report.found {
        panic!("{}\n{}\ntoken: {}", found.failure, found.timeline, found.token);
    }
}

/// Waits until nobody else can go on before the clock does, and looks whether all is well then. Nothing outside a schedule,
/// where nobody can tell: see [`settles`].
pub fn settle() {
    Scheduler::settle();
}

/// Whether this holds when all others have come to rest. Outside a schedule, where nobody can tell when that is: whether it
/// holds at some time within 5 seconds.
///
/// ```
/// use greenproc::Command;
/// greenproc_lab::check(|runtime| {
///     drop(runtime.spawn(Command::new("nobody's", |_| ())).expect("a process"));
///     let seen = runtime.clone();
///     assert!(greenproc_lab::settles(|| seen.stats().processes == 1), "only init is left");
/// });
/// ```
pub fn settles(holds: impl Fn() -> bool) -> bool {
    if Scheduler::current().is_some() {
        settle();
        return holds();
    }
    let begin = time::now();
    while !holds() {
        if begin.elapsed() >= PATIENCE {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

impl Scenario {
    /// A scenario of this name.
    pub fn new(name: impl Into<String>, body: impl Fn(&Runtime) + Send + Sync + 'static) -> Scenario {
        Scenario {
            name: name.into(),
            fault: None,
            faults: Arc::default(),
            pid_max: None,
            shuts_down: false,
            body: Arc::new(body),
        }
    }

    /// The same with a fault planted in the runtime.
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Scenario {
        Scenario { fault: Some(fault), ..self }
    }

    /// The same with so few pids.
    #[must_use]
    pub fn with_pid_max(self, highest: i32) -> Scenario {
        Scenario { pid_max: Some(highest), ..self }
    }

    /// The same, of a closure that shuts its runtime down itself.
    #[must_use]
    pub fn that_shuts_down(self) -> Scenario {
        Scenario { shuts_down: true, ..self }
    }

    /// Ends the runtime, unless the closure has; what is left of it.
    ///
    /// # Errors
    /// In a sentence.
    pub(crate) fn end(&self, runtime: &Runtime) -> Result<(), String> {
        match runtime.shutdown(Duration::from_secs(1)) {
            Ok(report) if report.is_clean() => Ok(()),
            Err(Error::InitEnded { .. }) if self.shuts_down => Ok(()),
            Ok(report) => Err(report.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What the first thread of a schedule runs.
    pub(crate) fn main(&self) -> Box<dyn FnOnce() + Send> {
        let scenario = self.clone();
        Box::new(move || one_life(&scenario))
    }

    /// Explores it.
    pub fn explore(&self, options: &Options) -> Report {
        explore(self, options)
    }

    /// Explores it, and tells of each schedule by the number that tells it from others.
    pub fn explore_each(&self, options: &Options, see: impl FnMut(u64)) -> Report {
        explore_with(self, options, see)
    }
}

/// What every runtime of a scenario has.
pub(crate) fn builder(pid_max: Option<i32>) -> Builder {
    let builder = Runtime::builder().panic_report(PanicReport::Silent).max_lwps(256);
    match pid_max {
        Some(highest) => builder.pid_max(highest),
        None => builder,
    }
}

/// Boots a runtime, runs the scenario, and ends the runtime again.
fn one_life(scenario: &Scenario) {
    let Scenario { fault, faults, pid_max, body, .. } = scenario;
    let scheduler = Scheduler::current().expect("this runs on a thread of a scheduler");
    faults.clear();
    let booted = builder(*pid_max)
        .race_lab(Arc::clone(faults))
        .spin(Duration::ZERO)
        .stack_size(16 << 10)
        // An idle thread that looks again and again whether it is still needed would keep the clock going.
        .keep_threads(Duration::from_secs(1 << 30))
        .boot();
    let runtime = match booted {
        Ok(runtime) => runtime,
        Err(error) => return scheduler.with(|state| state.fail(Failure::Panic(format!("boot: {error}")))),
    };
    watch_panics();
    if let Some(fault) = fault {
        faults.plant(*fault);
    }
    // Init and the timekeeper are to be at rest when it begins.
    settle();
    let (audited, rested, seen) = (runtime.clone(), runtime.clone(), runtime.clone());
    scheduler.with(|state| {
        state.audit = Some(Box::new(move || lab::uncontrolled(|| audited.audit())));
        state.rest_audit = Some(Box::new(move || lab::uncontrolled(|| rested.audit_at_rest())));
        state.look = Some(Box::new(move || lab::uncontrolled(|| seen.picture())));
        state.begin_exploring();
    });
    let result = catch_unwind(AssertUnwindSafe(|| body(&runtime)));
    faults.clear();
    let audits = scheduler.with(|state| {
        if let Err(payload) = &result
            && !payload.is::<Abandoned>()
        {
            state.fail(Failure::Panic(message(&**payload)));
        }
        if state.phase == Phase::Exploring {
            state.phase = Phase::Straight;
        }
        (state.audit.take(), state.rest_audit.take(), state.look.take())
    });
    drop(audits);
    let ended = catch_unwind(AssertUnwindSafe(|| scenario.end(&runtime)));
    match ended {
        Ok(Ok(())) => drop(runtime),
        Ok(Err(text)) => {
            scheduler.with(|state| {
                state.fail(Failure::Invariant(format!("the runtime does not shut down: {text}")));
            });
            std::mem::forget(runtime);
        }
        // It cannot be ended: its memory stays, its threads are brought to their ends one by one.
        Err(_) => std::mem::forget(runtime),
    }
}

/// A panic anywhere in a schedule is its failure: the runtime contains those of a process, so that nobody else would know.
pub(crate) fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if free::is_free() {
                // It is counted.
                return;
            }
            let Some(scheduler) = Scheduler::current() else { return before(info) };
            let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
            let text = message(info.payload());
            scheduler.with(|state| state.fail(Failure::Panic(format!("{text}{place}"))));
            if greenproc::current().is_ok() {
                // The crash report of the process; it writes nothing.
                before(info);
            }
        }));
    });
}
