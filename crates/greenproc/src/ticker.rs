//! The ticker: what is looked at every few milliseconds while it is there, by the timekeeper.
//!
//! It serves what the host tells nobody: how much CPU time other threads have used. Each thing that is watched says after a look
//! how long nothing can happen; the tick comes when the first of them is due, 10 ms after the last at the earliest, and
//! not at all while nothing is watched.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use greenproc_sync::{Mutex, time};

use crate::kernel::Kernel;
use crate::limits::{self, Share};
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::profile;
use crate::timekeeper::Timekeeper;

/// The shortest time between two looks.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The longest: what is watched may change its mind, and no clock is to be overflowed.
const LONGEST: Duration = Duration::from_hours(1);

/// What is watched, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Cpu(Pid),
    Profile(Pid),
    Share(u64),
}

/// What is looked at. Whoever is watched says when it goes; should it not, it is not found any more at the next look.
#[derive(Clone)]
pub(crate) enum Watched {
    /// The CPU limit of a process.
    Cpu(Weak<Proc>),
    /// Where the CPU time of a process goes.
    Profile(Weak<Proc>),
    /// That of a share.
    Share(Weak<Share>),
}

#[derive(Default)]
pub(crate) struct Ticker(Mutex<Leaf, Watches>);

#[derive(Default)]
struct Watches {
    all: HashMap<Key, Watch>,
    /// When the next tick comes, if one does.
    next: Option<Instant>,
    serial: u64,
}

struct Watch {
    due: Instant,
    /// Tells it from one that was there before under the same key.
    serial: u64,
    watched: Watched,
}

impl Ticker {
    /// Watches something from the next tick on, in place of what was watched under that key.
    pub(crate) fn watch(&self, keeper: &Timekeeper, key: Key, watched: Watched) {
        let due = time::now() + TICK;
        let sooner = {
            let mut watches = self.0.lock();
            watches.serial += 1;
            let serial = watches.serial;
            watches.all.insert(key, Watch { due, serial, watched });
            watches.move_up(due)
        };
        if sooner {
            keeper.tick_at(due);
        }
    }

    pub(crate) fn unwatch(&self, key: Key) {
        let watch = self.0.lock().all.remove(&key);
        drop(watch);
    }

    /// How much is watched.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().all.len()
    }
}

impl Watches {
    /// Has the next tick come then, unless it comes earlier; whether that is news to the timekeeper.
    fn move_up(&mut self, due: Instant) -> bool {
        let sooner = self.next.is_none_or(|next| due < next);
        if sooner {
            self.next = Some(due);
        }
        sooner
    }
}

/// Looks at all that is due.
pub(crate) fn tick(kernel: &Arc<Kernel>, at: Instant) {
    let ticker = &kernel.timekeeper.ticker;
    let now = time::now();
    let due: Vec<(Key, u64, Watched)> = {
        let mut watches = ticker.0.lock();
        // One that was overtaken by an earlier one.
        if watches.next != Some(at) {
            return;
        }
        watches.next = None;
        let due = watches.all.iter().filter(|(_, watch)| watch.due <= now);
        due.map(|(&key, watch)| (key, watch.serial, watch.watched.clone())).collect()
    };
    let looked: Vec<(Key, u64, Option<Duration>)> =
        due.into_iter().map(|(key, serial, watched)| (key, serial, watched.look(kernel))).collect();
    let next = {
        let mut watches = ticker.0.lock();
        let now = time::now();
        for (key, serial, patience) in looked {
            let Some(watch) = watches.all.get_mut(&key).filter(|watch| watch.serial == serial) else {
                continue;
            };
            match patience {
                Some(patience) => watch.due = now + patience.clamp(TICK, LONGEST),
                None => drop(watches.all.remove(&key)),
            }
        }
        let first = watches.all.values().map(|watch| watch.due).min();
        first.filter(|&first| watches.move_up(first.max(now + TICK))).and(watches.next)
    };
    if let Some(next) = next {
        kernel.timekeeper.tick_at(next);
    }
}

impl Watched {
    /// How long nothing can happen; `None` if nothing will.
    fn look(&self, kernel: &Arc<Kernel>) -> Option<Duration> {
        match self {
            Watched::Cpu(process) => limits::look_at(kernel, &process.upgrade()?),
            Watched::Profile(process) => profile::sample(&process.upgrade()?),
            Watched::Share(share) => share.upgrade()?.look_at(kernel),
        }
    }
}
