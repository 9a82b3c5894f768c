//! What a supervisor decides: a machine without processes, clocks and locks.
//!
//! It is told what happened and when, and says what is to be done; [`driver`](crate::driver) does it. Everything about restarts is here, so
//! all orders of events can be tried in a test, and nothing is decided in two places.
//!
//! A child is *down*, *starting*, *up* or *stopping* ([`State`]). Each state has at most one deadline, which is gone with the
//! state: so a child that was terminated while it waited for its restart is not started by a timer that was forgotten.
//! What has an order (the first start, a restart of several, the end) is a [`Wave`].

mod child;
mod ends;
#[cfg(test)]
mod properties;
mod requests;
mod starts;
mod stops;
#[cfg(test)]
mod tests;
mod wave;
#[cfg(test)]
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use greenproc::{ExitStatus, Pid, Signal};

use crate::error::RequestError;
use crate::event::EventKind;
use crate::intensity::Window;
use crate::spec::ChildSpec;
use crate::supervisor::Settings;
use crate::watchdog::Heart;

pub(crate) use child::Child;
pub(crate) use child::{Down, State};
use wave::Wave;

/// A child's place in the order of the list; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u64);

impl Key {
    /// The timer of the wave.
    const WAVE: Key = Key(u64::MAX);
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// The supervisor's process runs.
    Begin,
    /// What [`Action::Start`] has led to.
    Spawned {
        key: Key,
        result: Result<Pid, String>,
    },
    Ready {
        key: Key,
        incarnation: u64,
    },
    /// The process of a child is gone, and its thread too.
    Exited {
        key: Key,
        status: ExitStatus,
        report: Option<String>,
    },
    /// The supervisor is to end.
    Stop,
    /// A deadline may have passed.
    Tick,
    Request {
        ticket: Ticket,
        request: Request,
    },
}

/// What somebody asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Start(Box<ChildSpec>),
    /// Of this life, or whichever there is.
    Terminate {
        id: Arc<str>,
        incarnation: Option<u64>,
    },
    Restart {
        id: Arc<str>,
    },
    Delete {
        id: Arc<str>,
    },
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Begin a life of the child, and say how that went ([`Input::Spawned`]).
    Start {
        key: Key,
    },
    Signal {
        key: Key,
        signal: Signal,
    },
    Tell {
        key: Option<Key>,
        kind: EventKind,
    },
    Answer {
        ticket: Ticket,
        answer: Result<Option<Key>, RequestError>,
    },
    /// All children are ready.
    Up,
    /// This one was given up on: it is still there.
    Unstopped {
        key: Key,
    },
    /// Abort the host process.
    Abort {
        key: Key,
    },
    /// Nobody knows the child any more.
    Forget {
        key: Key,
    },
    /// End.
    Exit(Outcome),
}

/// How a supervisor ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stopped,
    AutoShutdown,
    GaveUp { child: Arc<str> },
    StartFailed { child: Arc<str>, why: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The children of the list are being started for the first time.
    Starting,
    Running,
    Stopping(Outcome),
    Over,
}

#[derive(Debug)]
pub(crate) struct Machine {
    settings: Settings,
    children: BTreeMap<Key, Child>,
    keys: HashMap<Arc<str>, Key>,
    next_key: u64,
    window: Window,
    wave: Option<Wave>,
    phase: Phase,
    /// The deadline of each state that has one.
    timers: BTreeSet<(Duration, Key)>,
    actions: VecDeque<Action>,
    chance: fastrand::Rng,
    now: Duration,
}

impl Machine {
    pub(crate) fn new(settings: Settings, children: &[ChildSpec], seed: Option<u64>) -> Machine {
        let mut machine = Machine {
            window: Window::new(settings.intensity),
            settings,
            children: BTreeMap::new(),
            keys: HashMap::new(),
            next_key: 0,
            wave: None,
            phase: Phase::Starting,
            timers: BTreeSet::new(),
            actions: VecDeque::new(),
            chance: seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
            now: Duration::ZERO,
        };
        for spec in children {
            machine.add(spec.clone());
        }
        machine
    }

    /// Decides what comes of it.
    pub(crate) fn step(&mut self, now: Duration, input: Input) {
        self.now = now;
        match input {
            Input::Begin => self.begin(),
            Input::Spawned { key, result } => self.spawned(key, result),
            Input::Ready { key, incarnation } => self.is_ready(key, incarnation),
            Input::Exited { key, status, report } => self.exited(key, status, report.as_deref()),
            Input::Stop => self.stop_all(Outcome::Stopped),
            Input::Tick => self.look_at_the_clock(),
            Input::Request { ticket, request } => self.request(ticket, request),
        }
    }

    /// What is to be done next.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When it has to be told how late it is.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|&(deadline, _)| deadline)
    }

    pub(crate) fn child(&self, key: Key) -> Option<&Child> {
        self.children.get(&key)
    }

    /// What the child's watchdog listens to in the life that is about to begin.
    pub(crate) fn set_heart(&mut self, key: Key, heart: Arc<Heart>) {
        self.at(key).heart = Some(heart);
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = (Key, &Child)> {
        self.children.iter().map(|(&key, child)| (key, child))
    }

    pub(crate) fn key(&self, id: &str) -> Option<Key> {
        self.keys.get(id).copied()
    }

    fn add(&mut self, spec: ChildSpec) -> Key {
        let key = Key(self.next_key);
        self.next_key += 1;
        self.keys.insert(Arc::clone(&spec.id), key);
        self.children.insert(key, Child::new(spec));
        key
    }

    fn forget(&mut self, key: Key) {
        self.leave_wave(key);
        self.set_timer(key, None);
        if let Some(child) = self.children.remove(&key) {
            self.keys.remove(&child.spec.id);
            self.actions.push_back(Action::Forget { key });
        }
    }

    fn tell(&mut self, key: impl Into<Option<Key>>, kind: EventKind) {
        self.actions.push_back(Action::Tell { key: key.into(), kind });
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<Option<Key>, RequestError>) {
        self.actions.push_back(Action::Answer { ticket, answer });
    }

    fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Stopping(_) | Phase::Over)
    }

    /// A child that is in the list.
    fn at(&mut self, key: Key) -> &mut Child {
        self.children.get_mut(&key).expect("its key leaves all sets with it")
    }

    /// The one deadline of a child's state, or of the wave.
    fn set_timer(&mut self, key: Key, deadline: Option<Duration>) {
        let slot = if key == Key::WAVE {
            match &mut self.wave {
                Some(wave) => &mut wave.timer,
                None => return,
            }
        } else {
            match self.children.get_mut(&key) {
                Some(child) => &mut child.timer,
                None => return,
            }
        };
        if let Some(former) = std::mem::replace(slot, deadline) {
            self.timers.remove(&(former, key));
        }
        if let Some(deadline) = deadline {
            self.timers.insert((deadline, key));
        }
    }

    /// A child gets into another state, with another deadline.
    fn set(&mut self, key: Key, state: State, deadline: Option<Duration>) {
        self.at(key).state = state;
        self.set_timer(key, deadline);
    }

    fn look_at_the_clock(&mut self) {
        while let Some(&(deadline, key)) = self.timers.first() {
            if deadline > self.now {
                return;
            }
            self.set_timer(key, None);
            if key == Key::WAVE {
                self.advance();
                continue;
            }
            match self.at(key).state {
                State::Down(Down::Waiting { .. }) => self.start(key),
                State::Down(_) => unreachable!("who is down for good has no deadline"),
                State::Starting { .. } => self.was_not_ready_in_time(key),
                State::Up { .. } => self.look_at_the_watchdog(key),
                State::Stopping { .. } => self.next_rung(key),
            }
        }
    }
}
