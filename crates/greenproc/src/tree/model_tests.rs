//! The tree against a sequential model that keeps everything in plain lists and counts by walking.

mod lives;
mod model;
mod steps;
mod tracing;
mod waits;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::pid::Pid;
use crate::signal::Disposition;
use crate::tree::node::{Class, EventKind};
use crate::tree::tests::{UID, planted};
use crate::tree::{NodeRef, ProcTree};
use model::{Model, Plain};
use steps::{Step, step};

/// The tree and the model side by side.
struct Pair {
    tree: ProcTree,
    model: Model,
    nodes: BTreeMap<i32, NodeRef>,
    next: i32,
}

impl Pair {
    fn new() -> Pair {
        let (tree, init) = planted();
        let mut model = Model::default();
        let init_plain = Plain {
            parent: 0,
            joined: 0,
            group: 1,
            class: Class::Alternative,
            held: false,
            subreaper: false,
            sigchld: Disposition::Default,
            event: None,
            zombie: None,
            since: 0,
            children_usage: 0,
            tracer: None,
        };
        model.processes.insert(1, init_plain);
        Pair { tree, model, nodes: BTreeMap::from([(1, init)]), next: 2 }
    }

    /// One of the pids that there are.
    fn pick(&self, choice: usize) -> i32 {
        let pids: Vec<i32> = self.model.processes.keys().copied().collect();
        pids[choice % pids.len()]
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Spawn { parent, alternative, held, new_group } => {
                let parent = self.pick(parent);
                self.spawn(parent, alternative, held, new_group)
            }
            Step::Die { who, code } => {
                let who = self.pick(who);
                self.die(who, code)
            }
            Step::Wait { who, wish, target } => {
                let (who, target) = (self.pick(who), self.pick(target));
                self.wait(who, wish, target)
            }
            Step::Event { who, stopped } => {
                let who = self.pick(who);
                self.event(who, if stopped { EventKind::Stopped } else { EventKind::Continued });
                Ok(())
            }
            Step::Regroup { caller, target, group } => {
                let (caller, target, group) = (self.pick(caller), self.pick(target), self.pick(group));
                self.regroup(caller, target, group)
            }
            Step::Ignore { who, how } => {
                let who = self.pick(who);
                if self.model.is_live(who) {
                    let before = self.tree.set_sigchld(self.nodes[&who], how);
                    let plain = self.model.processes.get_mut(&who).expect("picked");
                    prop_assert_eq!(before, std::mem::replace(&mut plain.sigchld, how));
                }
                Ok(())
            }
            Step::Subreaper { who, on } => {
                let who = self.pick(who);
                if self.model.is_live(who) {
                    self.tree.set_subreaper(self.nodes[&who], on);
                    self.model.processes.get_mut(&who).expect("picked").subreaper = on;
                }
                Ok(())
            }
            Step::Release { who } => {
                let who = self.pick(who);
                self.release(who)
            }
            Step::Attach { tracer, target } => {
                let (tracer, target) = (self.pick(tracer), self.pick(target));
                self.attach(tracer, target)
            }
            Step::Detach { who } => {
                let who = self.pick(who);
                if self.model.is_live(who) {
                    self.tree.untrace(self.nodes[&who].id);
                    self.detached(who);
                }
                Ok(())
            }
        }
    }

    /// What must hold after every step.
    fn check(&self) -> Result<(), TestCaseError> {
        #[cfg(any(debug_assertions, feature = "racelab"))]
        prop_assert_eq!(self.tree.audit(), Ok(()));
        prop_assert_eq!(self.tree.len(), self.model.processes.len());
        prop_assert_eq!(
            self.tree.zombies(),
            self.model.processes.values().filter(|p| p.zombie.is_some()).count()
        );
        prop_assert_eq!(self.tree.processes_of(UID) as usize, self.model.processes.len());
        let mut groups: Vec<i32> = self.model.processes.values().map(|process| process.group).collect();
        groups.sort_unstable();
        groups.dedup();
        prop_assert_eq!(self.tree.groups.len(), (groups.len(), 1));
        for (&pid, plain) in &self.model.processes {
            let node = self.nodes[&pid];
            prop_assert_eq!(self.tree.pgid(node).map(Pid::as_raw), Some(plain.group));
            prop_assert_eq!(self.tree.record(node).is_some(), plain.zombie.is_none());
            if let Some(record) = self.tree.record(node) {
                prop_assert_eq!(self.tree.tracer(node), plain.tracer.map(|tracer| self.nodes[&tracer]));
                prop_assert_eq!(record.ppid().map_or(0, Pid::as_raw), plain.parent);
                prop_assert_eq!(record.pgid().as_raw(), plain.group);
                let members = self.tree.group_members(record.pgid()).expect("its group");
                prop_assert!(members.iter().any(|member| Arc::ptr_eq(member, record)));
                prop_assert_eq!(
                    self.tree.reaped_usage(node).total().as_nanos(),
                    u128::from(plain.children_usage)
                );
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), ..ProptestConfig::default() })]

    #[test]
    fn the_tree_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.apply(step)?;
            pair.check()?;
        }
    }
}
