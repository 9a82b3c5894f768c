//! The runtime's own races: each a shape of a few processes that runs through the real code, and the faults that can be
//! planted in that code. Without a fault every order of it has to be clean; with one, some order has to fail.

mod alarms;
mod exit;
mod groups;
mod ignored;
mod locks;
mod lwps;
mod pids;
mod reparent;
mod shutdown;
mod stop;
mod threads;
mod trace;
mod vfork;
mod wait;
mod wakeups;

use greenproc::Runtime;
use greenproc::racelab::Fault;

use crate::check::Scenario;

/// A race of the process life cycle.
#[derive(Clone, Copy, Debug)]
pub struct Race {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The part of the life cycle that it is about.
    pub protocol: &'static str,
    /// What can go wrong, in plain words.
    pub story: &'static str,
    /// What must hold.
    pub invariant: &'static str,
    /// Where it was seen.
    pub source: &'static str,
    /// What can be planted: each of them is a buggy variant of the shape.
    pub faults: &'static [Fault],
    /// All its orders with two preemptions are tried by `hunt`.
    pub core: bool,
    /// The highest pid, where pids are to be used again.
    pub pid_max: Option<i32>,
    /// The shape ends its runtime itself.
    pub shuts_down: bool,
    /// The shape.
    pub(crate) body: fn(&Runtime),
}

impl Race {
    /// All of them, by protocol.
    pub fn all() -> impl Iterator<Item = &'static Race> {
        [
            wait::RACES,
            wakeups::RACES,
            exit::RACES,
            reparent::RACES,
            ignored::RACES,
            stop::RACES,
            trace::RACES,
            vfork::RACES,
            pids::RACES,
            groups::RACES,
            lwps::RACES,
            threads::RACES,
            alarms::RACES,
            shutdown::RACES,
            locks::RACES,
        ]
        .into_iter()
        .flatten()
    }

    /// The one with this name.
    pub fn find(name: &str) -> Option<&'static Race> {
        Race::all().find(|race| race.name == name)
    }

    /// The shape with the runtime's code as it is, or with a planted fault.
    pub fn scenario(&self, fault: Option<Fault>) -> Scenario {
        let scenario = Scenario::new(self.name, self.body);
        let scenario = match self.pid_max {
            Some(highest) => scenario.with_pid_max(highest),
            None => scenario,
        };
        let scenario = if self.shuts_down { scenario.that_shuts_down() } else { scenario };
        match fault {
            Some(fault) => scenario.with_fault(fault),
            None => scenario,
        }
    }
}
