//! Births, ends, events, groups and handles, on both sides.

use proptest::prelude::*;

use super::Pair;
use super::model::Plain;
use crate::command::ProcessGroup;
use crate::pid::Pid;
use crate::signal::{Disposition, Signal};
use crate::tree::node::{Class, EventKind};
use crate::tree::tests::{birth, death, record};
use crate::tree::{Birth, LinkError, RegroupError};

impl Pair {
    pub(super) fn spawn(
        &mut self,
        parent: i32,
        alternative: bool,
        held: bool,
        new_group: bool,
    ) -> Result<(), TestCaseError> {
        let pid = self.next;
        self.next += 1;
        let record = record(pid);
        let exit_signal = if alternative { None } else { Some(Signal::CHLD) };
        let group = new_group.then_some(ProcessGroup::New);
        let linked =
            self.tree.link(self.nodes[&parent], Birth { exit_signal, held, group, ..birth(&record) });
        if !self.model.is_live(parent) {
            prop_assert_eq!(linked, Err(LinkError::ParentExiting));
            return Ok(());
        }
        let node = linked.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        let class = if alternative { Class::Alternative } else { Class::Child };
        let group = if new_group { pid } else { self.model.processes[&parent].group };
        let plain = Plain {
            parent,
            joined: self.model.tick(),
            group,
            class,
            held,
            subreaper: false,
            sigchld: self.model.processes[&parent].sigchld,
            event: None,
            zombie: None,
            since: 0,
            children_usage: 0,
            tracer: None,
        };
        self.model.processes.insert(pid, plain);
        self.nodes.insert(pid, node);
        Ok(())
    }

    pub(super) fn die(&mut self, pid: i32, code: i32) -> Result<(), TestCaseError> {
        if pid == 1 || !self.model.is_live(pid) {
            return Ok(());
        }
        self.release_tracees(pid)?;
        let reaper = self.model.reaper_of(pid);
        let mut orphans: Vec<(u64, i32)> =
            self.model.children(pid).map(|(child, plain)| (plain.joined, child)).collect();
        orphans.sort_unstable();
        let mut reaped = Vec::new();
        while self.tree.has_children(self.nodes[&pid]) {
            // A small batch, so that several are needed.
            reaped.extend(self.tree.give_away(self.nodes[&pid], 2, false).reaped);
        }
        let mut vanished = Vec::new();
        for (_, orphan) in orphans {
            let ignoring = self.model.processes[&reaper].sigchld != Disposition::Default;
            let now = self.model.tick();
            let plain = self.model.processes.get_mut(&orphan).expect("a child");
            plain.parent = reaper;
            plain.joined = now;
            plain.class = Class::Child;
            if plain.tracer.is_some() {
                // What it has to report is its tracer's.
            } else if plain.zombie.is_some() && !plain.held && ignoring {
                vanished.push(orphan);
            } else if plain.event.is_some() {
                plain.since = now;
            }
        }
        prop_assert_eq!(reaped.iter().map(|gone| gone.pid.as_raw()).collect::<Vec<_>>(), vanished.clone());
        for gone in vanished {
            self.model.remove(gone);
        }
        let buried = self.tree.zombify(self.nodes[&pid], death(code));
        let parent = self.model.processes[&pid].parent;
        let held = self.model.processes[&pid].held;
        let traced = self.model.processes[&pid].tracer.is_some();
        let ignored = !held && !traced && self.model.processes[&parent].sigchld != Disposition::Default;
        prop_assert_eq!(buried.reaped.is_some(), ignored);
        if ignored {
            self.model.remove(pid);
        } else {
            self.event(pid, EventKind::Dead);
            self.model.processes.get_mut(&pid).expect("dead").zombie = Some(code);
        }
        Ok(())
    }

    pub(super) fn event(&mut self, pid: i32, kind: EventKind) {
        if pid == 1 || !self.model.is_live(pid) {
            return;
        }
        if kind != EventKind::Dead {
            self.tree.post_change(self.nodes[&pid], kind);
        }
        let now = self.model.tick();
        let plain = self.model.processes.get_mut(&pid).expect("live");
        plain.event = Some(kind);
        plain.since = now;
    }

    pub(super) fn regroup(&mut self, caller: i32, target: i32, group: i32) -> Result<(), TestCaseError> {
        let pgid = Pid::new(group).expect("a pid");
        let result = self.tree.regroup(self.nodes[&caller], self.nodes[&target], pgid).map(|_| ());
        let mine = caller == target || self.model.processes[&target].parent == caller;
        let exists = self.model.processes.values().any(|process| process.group == group);
        let expected = if !self.model.is_live(caller) || !self.model.is_live(target) || !mine {
            Err(RegroupError::NotMine)
        } else if target == 1 {
            Err(RegroupError::SessionLeader)
        } else if !exists && group != target {
            Err(RegroupError::NoSuchGroup)
        } else {
            Ok(())
        };
        prop_assert_eq!(result, expected);
        if result.is_ok() {
            let moved = self.model.processes[&target].group != group;
            let clock = self.model.tick();
            let plain = self.model.processes.get_mut(&target).expect("live");
            plain.group = group;
            if moved {
                plain.since = clock;
            }
        }
        Ok(())
    }

    pub(super) fn release(&mut self, pid: i32) -> Result<(), TestCaseError> {
        let gone = self.tree.release(self.nodes[&pid]).map(|reaped| reaped.pid.as_raw());
        let plain = self.model.processes[&pid].clone();
        if !plain.held {
            prop_assert_eq!(gone, None);
            return Ok(());
        }
        let ignored = plain.zombie.is_some()
            && plain.tracer.is_none()
            && self.model.processes[&plain.parent].sigchld != Disposition::Default;
        prop_assert_eq!(gone, ignored.then_some(pid));
        if ignored {
            self.model.remove(pid);
        } else {
            let clock = self.model.tick();
            let plain = self.model.processes.get_mut(&pid).expect("held");
            plain.held = false;
            if plain.tracer.is_none() {
                plain.since = clock;
            }
        }
        Ok(())
    }
}
