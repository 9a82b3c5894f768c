//! All descendants of a process.

use std::sync::Arc;

use crate::proc::Proc;
use crate::tree::ProcTree;
use crate::tree::arena::{Chain, NodeId, NodeRef};
use crate::tree::node::Body;
use crate::usage::Usage;

impl ProcTree {
    /// The process and its descendants: those that have not ended, and what the others have used.
    pub(crate) fn subtree(&self, top: NodeRef) -> (Vec<Arc<Proc>>, Usage) {
        let (mut living, mut dead) = (Vec::new(), Usage::default());
        if !self.arena.holds(top) {
            return (living, dead);
        }
        // Depth first, with the stack on the heap: a tree may be as deep as there are pids.
        let mut left = vec![top.id];
        while let Some(id) = left.pop() {
            let node = self.node(id);
            match &node.body {
                Body::Live { record, .. } => living.push(Arc::clone(record)),
                Body::Zombie(zombie) => {
                    dead += zombie.usage;
                    dead += zombie.children_usage.as_deref().copied().unwrap_or_default();
                }
                Body::Vacant => {}
            }
            if let Some(family) = &node.family {
                dead += family.reaped_usage;
                left.extend(self.children(family.children.front()));
            }
        }
        (living, dead)
    }

    fn children(&self, first: Option<NodeId>) -> impl Iterator<Item = NodeId> {
        std::iter::successors(first, |&child| self.arena.next(Chain::Siblings, child))
    }
}
