//! What holds of a tree whenever nobody is in the middle of changing it, looked at without changing anything.
//!
//! Every operation on the tree keeps all of it, so a tree whose lock is free has it too. Builds without debug assertions
//! have nothing of this, but for the race lab, which looks at every point of every schedule: so it allocates nothing
//! while all is well.

mod families;
mod groups;
mod nodes;
#[cfg(test)]
mod tests;
mod tracing;
mod waiters;

use crate::tree::arena::{Chain, List, NodeId};
use crate::tree::{ProcTree, Seen};

/// What is wrong, in a sentence that names the processes concerned.
pub(crate) type Audited = Result<(), String>;

/// A tree with more processes is not looked at: that would take too long under `proclist_lock`.
const MOST: usize = 1_024;

/// Nor is one that has ever had so many, as all the places are looked through.
const MOST_PLACES: usize = 16 * MOST;

/// Says what is wrong, unless it holds.
pub(crate) fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Audited {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl ProcTree {
    /// Looks for what cannot be. The lock has to be the caller's, or all others have to stand still while it is free.
    pub(crate) fn audit(&self) -> Audited {
        let (_, more) = self.arena.page(0, MOST_PLACES);
        if more.is_some() || self.arena.len() > MOST {
            return Ok(());
        }
        self.audit_nodes()?;
        self.audit_groups()?;
        self.audit_tracing()?;
        self.all().try_for_each(|id| self.audit_listed(id))?;
        for id in self.all() {
            self.audit_family(id)?;
            self.audit_waiters(id)?;
        }
        Ok(())
    }

    /// Has somebody else look at each process too.
    pub(crate) fn audit_each(&self, mut look: impl FnMut(&Seen<'_>) -> Audited) -> Audited {
        self.all().filter_map(|id| self.see_place(id)).try_for_each(|seen| look(&seen))
    }

    /// All processes, dead or alive.
    fn all(&self) -> impl Iterator<Item = NodeId> {
        self.arena.page(0, MOST_PLACES).0
    }

    /// Visits the nodes of a list, each of which has to know the one before it.
    fn walk(&self, list: List, chain: Chain, mut visit: impl FnMut(NodeId) -> Audited) -> Audited {
        let (mut before, mut next) = (None, list.front());
        while let Some(id) = next {
            let link = self.node(id).link(chain);
            must(link.prev == before, || format!("{} is in two lists of {chain:?}", self.title(id)))?;
            visit(id)?;
            (before, next) = (Some(id), link.next);
        }
        must(list.tail == before, || format!("a list of {chain:?} does not end where it should"))
    }

    /// What a sentence calls a process.
    fn title(&self, id: NodeId) -> String {
        format!("process {}", self.node(id).pid)
    }
}
