//! What holds of a runtime whenever nobody has `proclist_lock`, looked at without changing anything.
//!
//! The tree has most of it ([`ProcTree::audit`](crate::tree::ProcTree::audit)); here is what else has to agree with it: the
//! pid table, the counters, the ends on their way, the LWPs. Whatever somebody else has in his hands at the moment is not
//! looked at.

#[cfg(test)]
mod tests;

use crate::departures::Departure;
use crate::kernel::{Kernel, ProcList};
use crate::life::Life;
use crate::lwp::Place;
use crate::proc::Proc;
use crate::runtime::Runtime;
use crate::tree::{Audited, Seen, must};

impl Runtime {
    /// What is wrong with the runtime, if anything, in a sentence. Takes `proclist_lock` like any other operation, for so
    /// long as it takes to look at up to a thousand processes.
    #[doc(hidden)]
    pub fn audit_running(&self) -> Option<String> {
        let kernel = self.kernel();
        let list = kernel.lock();
        kernel.audit(&list).err()
    }
}

impl Kernel {
    pub(crate) fn audit(&self, list: &ProcList) -> Audited {
        list.tree.audit()?;
        // Init is neither spawned nor reaped.
        let others = list.tree.len() as u64 - u64::from(list.init.is_some());
        must(list.spawned == list.reaped + others, || {
            format!(
                "{} processes were spawned and {} reaped, and {others} are there",
                list.spawned, list.reaped
            )
        })?;
        let to_come = |departure: &Departure| {
            must(list.tree.record(departure.node).is_some(), || {
                let pid = list.tree.see(departure.node).map(|seen| seen.pid);
                format!("the end of process {pid:?} is on its way, and was entered before")
            })
        };
        list.departing.iter().try_for_each(to_come)?;
        self.departures.audit_each(to_come)?;
        list.tree.audit_each(|seen| {
            self.audit_numbers(seen)?;
            seen.live().map_or(Ok(()), |record| audit_lwps(record))
        })
    }

    /// The numbers that a process carries are taken.
    fn audit_numbers(&self, seen: &Seen<'_>) -> Audited {
        let Seen { pid, pgid, sid, .. } = *seen;
        let taken = |number| self.pids.carriers(number);
        must(taken(pid).is_none_or(|carriers| carriers.process == Some(seen.node)), || {
            format!("the number {pid} does not lead to process {pid}")
        })?;
        must(taken(pgid).is_none_or(|carriers| carriers.group), || {
            format!("process {pid} is in group {pgid}, and that number may be used again")
        })?;
        must(taken(sid).is_none_or(|carriers| carriers.session), || {
            format!("process {pid} is in session {sid}, and that number may be used again")
        })
    }
}

/// A process that has not ended has an LWP that will see to its end.
fn audit_lwps(record: &Proc) -> Audited {
    let Some(state) = record.state.try_lock() else { return Ok(()) };
    let pid = record.pid;
    let decided = matches!(state.life, Life::Exiting | Life::ExitStop);
    must(decided == state.end.is_some(), || {
        format!(
            "process {pid} is {:?}, and its end is {:?}",
            state.life,
            state.end.as_ref().map(|end| end.status)
        )
    })?;
    let stays = state.lwps.iter().any(|lwp| lwp.place != Place::Leaving);
    must(state.life == Life::Zombie || state.exit_owner.is_some() || stays, || {
        format!("process {pid} is {:?}, and no LWP is left that would end it", state.life)
    })?;
    must(state.exit_owner.is_none() || decided || state.life == Life::Zombie, || {
        format!("process {pid} is {:?}, and an LWP ends it", state.life)
    })
}
