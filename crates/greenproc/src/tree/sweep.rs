//! Finding everybody below a process, in bounded holds of `proclist_lock`, so that nobody escapes between two of them.
//!
//! A sweep has its *region*: who was `seen`, and all below them. It begins with the root seen, so that the region is the
//! subtree. What keeps it whole while the lock is free between two batches:
//!
//! - who is born in the region (its parent, or an ancestor, was seen) is seen at once ([`ProcTree::sweep_newborn`]);
//! - who is given away by a process of the region is seen at once, wherever it goes (`give_away`);
//! - nothing else changes a parent.
//!
//! So nobody leaves the region but by being seen, and the part of it that was not seen only shrinks: the sweep ends, however
//! fast its processes multiply. Of everybody who was seen the children are looked at in turn; when none is left to be
//! looked at, all children of those seen were seen, which is the whole region.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::proc::Proc;
use crate::tree::ProcTree;
use crate::tree::arena::{Chain, NodeId, NodeRef};
use crate::tree::family::IndexHasher;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SweepId(u64);

/// The sweeps that are under way.
#[derive(Default)]
pub(crate) struct Sweeps {
    running: Vec<Sweep>,
    next: u64,
}

struct Sweep {
    id: SweepId,
    seen: HashSet<NodeRef, BuildHasherDefault<IndexHasher>>,
    /// They were seen, their children are to be looked at.
    left: Vec<NodeRef>,
    /// Whose children are being looked at, and which is the next.
    scan: Option<(NodeRef, Option<NodeId>)>,
}

/// What one hold of a sweep brought.
#[must_use]
pub(crate) struct Swept {
    /// Who was seen and has not ended.
    pub(crate) found: Vec<Arc<Proc>>,
    /// Nobody is left.
    pub(crate) done: bool,
}

impl Sweep {
    /// Sees a process; whether for the first time.
    fn see(&mut self, node: NodeRef) -> bool {
        self.seen.insert(node)
    }
}

impl ProcTree {
    /// Begins a sweep of everybody below `root`, which itself counts as seen.
    pub(crate) fn begin_sweep(&mut self, root: NodeRef) -> SweepId {
        let id = SweepId(self.sweeps.next);
        self.sweeps.next += 1;
        self.sweeps.running.push(Sweep {
            id,
            seen: std::iter::once(root).collect(),
            left: vec![root],
            scan: None,
        });
        id
    }

    /// Ends a sweep. What it knew is returned, to be dropped after unlocking.
    pub(crate) fn end_sweep(&mut self, id: SweepId) -> impl Sized + use<> {
        let place = self.sweeps.running.iter().position(|sweep| sweep.id == id);
        place.map(|place| self.sweeps.running.swap_remove(place))
    }

    /// Whether a sweep is under way.
    pub(crate) fn is_swept(&self) -> bool {
        !self.sweeps.running.is_empty()
    }

    /// Goes on with a sweep, for at most `batch` nodes.
    pub(crate) fn sweep(&mut self, id: SweepId, batch: usize) -> Swept {
        let mut swept = Swept { found: Vec::new(), done: true };
        let Some(place) = self.sweeps.running.iter().position(|sweep| sweep.id == id) else { return swept };
        // Out, to look at the tree and change the sweep at once.
        let mut sweep = self.sweeps.running.swap_remove(place);
        for _ in 0..batch {
            if !self.sweep_one(&mut sweep, &mut swept.found) {
                self.sweeps.running.push(sweep);
                return swept;
            }
        }
        self.sweeps.running.push(sweep);
        swept.done = false;
        swept
    }

    /// Looks at one node; whether there was one.
    fn sweep_one(&self, sweep: &mut Sweep, found: &mut Vec<Arc<Proc>>) -> bool {
        let Some((_, next)) = &mut sweep.scan else {
            let Some(parent) = sweep.left.pop() else { return false };
            if self.arena.holds(parent) {
                let first = self.node(parent.id).family.as_ref().and_then(|family| family.children.front());
                sweep.scan = Some((parent, first));
            }
            return true;
        };
        let Some(child) = *next else {
            sweep.scan = None;
            return true;
        };
        *next = self.arena.next(Chain::Siblings, child);
        let node = self.node(child);
        let reference = NodeRef { id: child, generation: node.generation };
        // The dead have nobody below them.
        if let Some(record) = node.live()
            && sweep.see(reference)
        {
            sweep.left.push(reference);
            found.push(Arc::clone(record));
        }
        true
    }

    /// A child is about to leave its parent: a scan that would come to it next goes on after it.
    pub(super) fn step_past(&mut self, child: NodeId) {
        for sweep in &mut self.sweeps.running {
            if let Some((_, next)) = &mut sweep.scan
                && *next == Some(child)
            {
                *next = self.arena.next(Chain::Siblings, child);
            }
        }
    }

    /// The sweeps in whose region a process is.
    fn sweeps_over(&self, node: NodeId) -> Vec<SweepId> {
        let running = self.sweeps.running.iter();
        running
            .filter(|sweep| self.line_of(node).any(|one| sweep.seen.contains(&one)))
            .map(|sweep| sweep.id)
            .collect()
    }

    /// A process and its ancestors, the nearest first.
    fn line_of(&self, node: NodeId) -> impl Iterator<Item = NodeRef> + '_ {
        let line = std::iter::successors(Some(node), |&id| self.node(id).parent);
        line.map(|id| NodeRef { id, generation: self.node(id).generation })
    }

    /// Whether a process is below another one, or that one itself.
    pub(crate) fn is_below(&self, node: NodeRef, root: NodeRef) -> bool {
        self.arena.holds(node) && self.line_of(node.id).any(|one| one == root)
    }

    /// A process was born: which sweeps it is in. They have seen it from here on.
    pub(crate) fn sweep_newborn(&mut self, node: NodeRef) -> Vec<SweepId> {
        let over = self.sweeps_over(node.id);
        for sweep in &mut self.sweeps.running {
            if over.contains(&sweep.id) {
                sweep.see(node);
            }
        }
        over
    }

    /// The children of `from` are about to be given away: in which sweeps they are.
    pub(super) fn sweeps_giving(&self, from: NodeId) -> Vec<SweepId> {
        if self.is_swept() { self.sweeps_over(from) } else { Vec::new() }
    }

    /// One of those children: it is seen, and who is below it will be. Says in which sweeps that is news.
    pub(super) fn sweep_given(
        &mut self,
        over: &[SweepId],
        child: NodeId,
        news: &mut Vec<(SweepId, Arc<Proc>)>,
    ) {
        let node = self.arena.get(child);
        let reference = NodeRef { id: child, generation: node.generation };
        let Some(record) = node.live() else { return };
        for sweep in self.sweeps.running.iter_mut().filter(|sweep| over.contains(&sweep.id)) {
            if sweep.see(reference) {
                sweep.left.push(reference);
                news.push((sweep.id, Arc::clone(record)));
            }
        }
    }
}
