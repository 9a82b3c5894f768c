//! How the processes are, for who reads a schedule.

use std::fmt;

use crate::life::Life;
use crate::pid::Pid;
use crate::runtime::Runtime;
use crate::tree::{Seen, SeenBody};

/// A process, as it is told of beside a step of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictured {
    /// Its pid.
    pub pid: i32,
    /// Its parent's.
    pub ppid: i32,
    /// Its name.
    pub name: String,
    /// How it is, in a few words.
    pub state: String,
}

impl Pictured {
    fn of(seen: &Seen<'_>) -> Pictured {
        let (name, state) = match seen.body {
            SeenBody::Dead(zombie) => (zombie.name.to_string(), format!("Zombie, {}", zombie.status)),
            SeenBody::Live(record) => {
                let state = match record.state.try_lock() {
                    Some(state) if state.life == Life::Zombie => "Zombie, its end is on its way".to_owned(),
                    Some(state) => format!("{:?}, LWPs: {}", state.life, state.lwps.len()),
                    None => "is being changed".to_owned(),
                };
                (record.first_name.to_string(), state)
            }
        };
        let ppid = seen.ppid.map_or(0, Pid::as_raw);
        Pictured { pid: seen.pid.as_raw(), ppid, name, state }
    }
}

impl fmt::Display for Pictured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (child of {}): {}", self.pid, self.name, self.ppid, self.state)
    }
}

impl Runtime {
    /// How the processes in the tree are, by pid; `None` while somebody changes it. For a moment at which none of its
    /// threads runs.
    pub fn picture(&self) -> Option<Vec<Pictured>> {
        let list = self.kernel().try_lock_as_it_is()?;
        let (mut processes, _) = list.tree.page(0, usize::MAX, |seen| Pictured::of(&seen));
        processes.sort_by_key(|process| process.pid);
        Some(processes)
    }
}
