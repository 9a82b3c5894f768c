//! Tracers and tracees, on both sides.

use proptest::prelude::*;

use super::Pair;
use crate::signal::Disposition;
use crate::tree::AttachError;

impl Pair {
    pub(super) fn attach(&mut self, tracer: i32, target: i32) -> Result<(), TestCaseError> {
        let result = self.tree.attach(self.nodes[&tracer], self.nodes[&target]);
        let mut above = std::iter::successors(Some(tracer), |pid| self.model.processes[pid].tracer).skip(1);
        let expected = if !self.model.is_live(tracer) {
            Err(AttachError::Exiting)
        } else if !self.model.is_live(target) {
            Err(AttachError::Gone)
        } else if tracer == target {
            Err(AttachError::Oneself)
        } else if target == 1 {
            Err(AttachError::Init)
        } else if self.model.processes[&target].tracer.is_some() {
            Err(AttachError::Traced)
        } else if above.any(|pid| pid == target) {
            Err(AttachError::Circle)
        } else {
            Ok(())
        };
        prop_assert_eq!(result, expected);
        if result.is_ok() {
            let plain = self.model.processes.get_mut(&target).expect("live");
            plain.tracer = Some(tracer);
            plain.event = None;
        }
        Ok(())
    }

    /// The process is traced no more; its zombie is its parent's from now on.
    pub(super) fn detached(&mut self, pid: i32) {
        let now = self.model.tick();
        let plain = self.model.processes.get_mut(&pid).expect("there");
        if plain.tracer.take().is_some() {
            if plain.zombie.is_none() {
                plain.event = None;
            }
            plain.since = now;
        }
    }

    /// A zombie goes back to its parent, which may ignore it.
    pub(super) fn handed_back(&mut self, pid: i32, gone: bool) -> Result<(), TestCaseError> {
        self.detached(pid);
        let plain = self.model.processes[&pid].clone();
        let ignored = !plain.held && self.model.processes[&plain.parent].sigchld != Disposition::Default;
        prop_assert_eq!(gone, ignored);
        if gone {
            self.model.remove(pid);
        }
        Ok(())
    }

    /// A tracer that ends lets go of all.
    pub(super) fn release_tracees(&mut self, tracer: i32) -> Result<(), TestCaseError> {
        loop {
            let batch = self.tree.last_tracees(self.nodes[&tracer], 2);
            prop_assert_eq!(
                !batch.is_empty(),
                self.model.processes.values().any(|p| p.tracer == Some(tracer))
            );
            for tracee in &batch {
                let pid = self.tree.node(tracee.id).pid.as_raw();
                if self.model.is_live(pid) {
                    self.tree.untrace(tracee.id);
                    self.detached(pid);
                } else {
                    let gone = self.tree.hand_back(*tracee).is_some();
                    self.handed_back(pid, gone)?;
                }
            }
            if batch.is_empty() {
                return Ok(());
            }
        }
    }
}
