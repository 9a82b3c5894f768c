//! What the tree has for the race lab: the faults that are planted in it.

use std::sync::Arc;

use crate::life::Life;
use crate::racelab::{Fault, Faults};
use crate::tree::arena::{NodeId, NodeRef};
use crate::tree::node::EventKind;
use crate::tree::{ProcTree, SeenBody};

#[derive(Default)]
pub(crate) struct TreeLab {
    pub(crate) faults: Arc<Faults>,
    /// Waiters are told of nothing.
    pub(crate) muted: bool,
    /// A group was looked for and not found, whatever has happened since.
    pub(crate) group_is_new: bool,
    /// Tracees that have changed their parent.
    pub(crate) adopted: Vec<NodeId>,
}

impl ProcTree {
    /// Whether this mistake is planted.
    pub(crate) fn has_fault(&self, fault: Fault) -> bool {
        self.lab.faults.has(fault)
    }

    /// Wakes everybody who waits for children of this one's parent, although nothing has happened: a mistake.
    pub(crate) fn wake_early(&mut self, child: NodeRef) {
        let Some(parent) = self.node(child.id).parent else { return };
        self.with_channel(parent, |_, channel| channel.tell_all(|_| true));
    }

    /// A process that has a stop to report and does not stand still.
    pub(crate) fn reports_false_stop(&self) -> Option<crate::Pid> {
        let (seen, _) = self.page(0, usize::MAX, |seen| {
            let SeenBody::Live(record) = seen.body else { return None };
            let reports = self.node(seen.node.id).event == Some(EventKind::Stopped);
            let stands = record.state.try_lock().is_none_or(|state| {
                // On its way out it stands in a way of its own.
                state.stop.is_some() || state.life == Life::ExitStop
            });
            (reports && !stands).then_some(seen.pid)
        });
        seen.into_iter().flatten().next()
    }
}
