//! Which host process belongs to which process of the runtime.

use std::collections::BTreeMap;
use std::sync::Arc;

use greenproc::Pid;
use parking_lot::Mutex;

/// The host processes that run, by the pids of their processes in the runtime. Clones are the same table.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use greenproc::{Command, Runtime};
/// use greenproc_supervisor::host::{HostCommand, HostTable};
/// let runtime = Runtime::boot()?;
/// let table = HostTable::new();
/// let sleeper = HostCommand::new("sleep").arg("1000").table(&table);
/// let node = runtime.spawn(Command::new("sleeper", move |p| sleeper.run(p)))?;
/// let host_pid = loop {
///     if let Some(entry) = table.get(node.id()) {
///         break entry.host_pid; // the example has nothing else to do
///     }
/// };
/// assert!(host_pid > 0);
/// node.kill()?;
/// node.wait()?;
/// assert!(table.get(node.id()).is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct HostTable(Arc<Mutex<BTreeMap<Pid, HostEntry>>>);

/// A host process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The name of its process in the runtime.
    pub name: String,
    /// Its pid in the host.
    pub host_pid: i32,
}

impl HostTable {
    /// An empty one.
    pub fn new() -> HostTable {
        HostTable::default()
    }

    /// The host process of this process.
    pub fn get(&self, pid: Pid) -> Option<HostEntry> {
        self.0.lock().get(&pid).cloned()
    }

    /// All of them, lowest pid first.
    pub fn entries(&self) -> Vec<(Pid, HostEntry)> {
        self.0.lock().iter().map(|(&pid, entry)| (pid, entry.clone())).collect()
    }

    /// Enters one, for as long as what is returned lives.
    pub(super) fn enter(&self, pid: Pid, entry: HostEntry) -> Entered {
        self.0.lock().insert(pid, entry);
        Entered { table: self.clone(), pid }
    }
}

/// A line of the table, which goes with this.
pub(super) struct Entered {
    table: HostTable,
    pid: Pid,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.table.0.lock().remove(&self.pid);
    }
}
