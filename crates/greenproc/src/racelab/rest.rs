//! What holds when nobody can go on.

use crate::kernel::Kernel;
use crate::racelab::Fault;
use crate::runtime::Runtime;

impl Runtime {
    /// What is wrong with a runtime of which every thread is at rest, if anything. For such a moment.
    pub fn audit_at_rest(&self) -> Option<String> {
        let kernel = self.kernel();
        let list = kernel.try_lock_as_it_is()?;
        if let Some(pid) = kernel.overlooked(&list) {
            return Some(format!("the end of pid {pid} waits to be seen, and everybody is at rest"));
        }
        let false_stop = list.tree.reports_false_stop();
        false_stop.map(|pid| format!("pid {pid} is reported as stopped, and does not stand still"))
    }
}

impl Kernel {
    /// Whether this mistake is planted.
    pub(crate) fn has_fault(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }
}
