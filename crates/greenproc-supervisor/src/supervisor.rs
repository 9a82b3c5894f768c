//! A supervisor as data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::event::Events;
use crate::intensity::Intensity;
use crate::spec::ChildSpec;

/// Who else is started again when a child is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Nobody.
    #[default]
    OneForOne,
    /// All: they are stopped in reverse order, and started in order.
    OneForAll,
    /// Those that come after it in the list.
    RestForOne,
}

/// Whether the supervisor ends with its [significant](ChildSpec::significant) children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoShutdown {
    /// No.
    #[default]
    Never,
    /// With the first of them that ends and is not started again.
    AnySignificant,
    /// With the last of them.
    AllSignificant,
}

/// In which order children are stopped when the supervisor ends, or starts all of them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopOrder {
    /// The last that was started first, each after the one before is gone.
    #[default]
    Reverse,
    /// All at once: for many children that know nothing of each other.
    Together,
}

/// A supervisor as data: its children, and what is done when one of them ends. It becomes a process by
/// [`start`](Supervisor::start), as the child of another one, or by [`run`](Supervisor::run).
///
/// The defaults are OTP's, but for the back-off, which OTP has not got: each child for itself, at most 1 restart in 5 s, no
/// auto-shutdown, children stopped in reverse order.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use greenproc::Runtime;
/// use greenproc_supervisor::{ChildSpec, Strategy, Supervisor};
/// use std::time::Duration;
/// let work = |p: &greenproc::Process| p.sleep(Duration::from_hours(1));
/// let runtime = Runtime::boot()?;
/// let supervisor = Supervisor::new("shop")
///     .strategy(Strategy::RestForOne)
///     .child(ChildSpec::new("database", work))
///     .child(ChildSpec::supervisor(
///         Supervisor::new("web").child(ChildSpec::new("listener", work)).child(ChildSpec::new("worker", work)),
///     ))
///     .start(&runtime)?;
/// assert_eq!(supervisor.count_children()?.active, 2);
/// let report = supervisor.shutdown()?;
/// assert!(report.unstopped.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until it is started"]
pub struct Supervisor {
    pub(crate) name: Arc<str>,
    pub(crate) children: Vec<ChildSpec>,
    pub(crate) settings: Settings,
    pub(crate) clock: Option<Clock>,
    pub(crate) events: Option<Events>,
    pub(crate) seed: Option<u64>,
}

/// What a supervisor goes by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) backoff: Backoff,
    pub(crate) auto_shutdown: AutoShutdown,
    pub(crate) stop_order: StopOrder,
    pub(crate) max_children: usize,
    pub(crate) stuck_after: Duration,
    #[cfg(feature = "racelab")]
    pub(crate) fault: Option<crate::racelab::Fault>,
}

impl Supervisor {
    /// One without children.
    pub fn new(name: impl Into<Arc<str>>) -> Supervisor {
        Supervisor {
            name: name.into(),
            children: Vec::new(),
            settings: Settings {
                strategy: Strategy::default(),
                intensity: Intensity::default(),
                backoff: Backoff::default(),
                auto_shutdown: AutoShutdown::default(),
                stop_order: StopOrder::default(),
                max_children: usize::MAX,
                stuck_after: Duration::from_secs(2),
                #[cfg(feature = "racelab")]
                fault: None,
            },
            clock: None,
            events: None,
            seed: None,
        }
    }

    /// Adds a child after those that are there.
    pub fn child(mut self, child: ChildSpec) -> Supervisor {
        self.children.push(child);
        self
    }

    /// Adds children: also many of a kind, as in a pool.
    ///
    /// ```
    /// use greenproc_supervisor::{ChildSpec, Supervisor};
    /// let pool = Supervisor::new("pool")
    ///     .children((0..8).map(|number| ChildSpec::new(format!("worker {number}"), |_| {})));
    /// ```
    pub fn children(mut self, children: impl IntoIterator<Item = ChildSpec>) -> Supervisor {
        self.children.extend(children);
        self
    }

    /// Who else is started again when a child is.
    pub fn strategy(mut self, strategy: Strategy) -> Supervisor {
        self.settings.strategy = strategy;
        self
    }

    /// How many restarts in which time are the most; one more, and the supervisor stops its children and ends with a failure.
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Supervisor {
        self.settings.intensity = Intensity { restarts, period };
        self
    }

    /// However often its children fail, it goes on.
    pub fn unlimited(mut self) -> Supervisor {
        self.settings.intensity = Intensity::UNLIMITED;
        self
    }

    /// How long children wait after a failure, if they do not say it themselves.
    pub fn backoff(mut self, backoff: Backoff) -> Supervisor {
        self.settings.backoff = backoff;
        self
    }

    /// Whether it ends with its significant children.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Supervisor {
        self.settings.auto_shutdown = auto_shutdown;
        self
    }

    /// In which order it stops its children.
    pub fn stop_order(mut self, order: StopOrder) -> Supervisor {
        self.settings.stop_order = order;
        self
    }

    /// How many children it may have, with those that are added later.
    pub fn max_children(mut self, max: usize) -> Supervisor {
        self.settings.max_children = max;
        self
    }

    /// After which time a child that was asked to end, and has not, is said to be [stuck](crate::EventKind::Stuck); a
    /// supervisor that ends waits no longer for one that was killed. The default is 2 s.
    pub fn stuck_after(mut self, time: Duration) -> Supervisor {
        self.settings.stuck_after = time;
        self
    }

    /// Where the tree's events go. Supervisors below it have the same unless they say otherwise.
    pub fn events(mut self, events: &Events) -> Supervisor {
        self.events = Some(events.clone());
        self
    }

    /// The clock that it goes by, and those below it.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Supervisor {
        self.clock = Some(clock.into());
        self
    }

    /// Where the randomness of its back-off begins, for tests.
    pub fn seed(mut self, seed: u64) -> Supervisor {
        self.seed = Some(seed);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
