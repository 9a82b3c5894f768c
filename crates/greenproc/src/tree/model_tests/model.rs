//! The model: processes in a plain list, in which everything is found by walking.

use std::collections::BTreeMap;

use crate::signal::Disposition;
use crate::tree::node::{Class, EventKind};

/// What the model knows of a process.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) parent: i32,
    /// When it came to that parent: children are kept, and given away, in this order.
    pub(super) joined: u64,
    pub(super) group: i32,
    pub(super) class: Class,
    pub(super) held: bool,
    pub(super) subreaper: bool,
    pub(super) sigchld: Disposition,
    pub(super) event: Option<EventKind>,
    pub(super) zombie: Option<i32>,
    /// In which order it got its event.
    pub(super) since: u64,
    pub(super) children_usage: u64,
    pub(super) tracer: Option<i32>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) processes: BTreeMap<i32, Plain>,
    pub(super) clock: u64,
}

impl Model {
    pub(super) fn children(&self, of: i32) -> impl Iterator<Item = (i32, &Plain)> {
        self.processes.iter().filter(move |(_, child)| child.parent == of).map(|(&pid, child)| (pid, child))
    }

    pub(super) fn is_live(&self, pid: i32) -> bool {
        self.processes.get(&pid).is_some_and(|process| process.zombie.is_none())
    }

    pub(super) fn reaper_of(&self, pid: i32) -> i32 {
        let mut ancestor = self.processes[&pid].parent;
        while ancestor > 1 {
            let process = &self.processes[&ancestor];
            if process.subreaper && process.zombie.is_none() {
                return ancestor;
            }
            ancestor = process.parent;
        }
        1
    }

    pub(super) fn matches(&self, parent: i32, wish: &Wish) -> Vec<(i32, Option<EventKind>)> {
        let meant = self.children(parent).filter(|(pid, child)| {
            !child.held
                && child.tracer != Some(parent)
                && (wish.all_classes || (child.class == Class::Alternative) == wish.alternative)
                && match wish.who {
                    Selected::Any => true,
                    Selected::Pid(wanted) => *pid == wanted,
                    Selected::Group(group) => child.group == group,
                }
        });
        // What others trace may still come, and is not there yet.
        meant.map(|(pid, child)| (pid, child.event.filter(|_| child.tracer.is_none()))).collect()
    }

    /// The same of those that it traces, whatever their exit signal is.
    pub(super) fn traced_matches(&self, tracer: i32, wish: &Wish) -> Vec<(i32, Option<EventKind>)> {
        let tracees = self.processes.iter().filter(|(_, process)| process.tracer == Some(tracer));
        let meant = tracees.filter(|(pid, tracee)| match wish.who {
            Selected::Any => true,
            Selected::Pid(wanted) => **pid == wanted,
            Selected::Group(group) => tracee.group == group,
        });
        meant.map(|(&pid, tracee)| (pid, tracee.event)).collect()
    }

    /// What a wait would find: the events it takes, oldest first per kind and class; or whether one could still come.
    pub(super) fn poll(&self, parent: i32, wish: &Wish) -> Expected {
        let traced = self.traced_matches(parent, wish);
        let matching = self.matches(parent, wish);
        let wanted = |kind: EventKind| match kind {
            EventKind::Dead => !wish.no_zombie,
            EventKind::Stopped => wish.stopped,
            EventKind::Continued => wish.continued,
        };
        let ready = |among: &[(i32, Option<EventKind>)]| -> Vec<i32> {
            among.iter().filter(|(_, event)| event.is_some_and(wanted)).map(|&(pid, _)| pid).collect()
        };
        let first = ready(&traced);
        let ready = if first.is_empty() { ready(&matching) } else { first };
        let is_elsewhere = |pid: i32| self.processes[&pid].tracer.is_some_and(|tracer| tracer != parent);
        let mut candidates = traced.iter().chain(&matching);
        let could = candidates.any(|(pid, _)| !wish.no_zombie || self.is_live(*pid) || is_elsewhere(*pid));
        match (ready.is_empty(), could) {
            (false, _) => Expected::OneOf(ready),
            (true, true) => Expected::Nothing,
            (true, false) => Expected::NoChild,
        }
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Removes a zombie whose parent ignores it, or that was waited for.
    pub(super) fn remove(&mut self, pid: i32) -> Plain {
        self.processes.remove(&pid).expect("in the model")
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    OneOf(Vec<i32>),
    Nothing,
    NoChild,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Selected {
    Any,
    Pid(i32),
    Group(i32),
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a wait, each of which is one")]
pub(super) struct Wish {
    pub(super) who: Selected,
    pub(super) alternative: bool,
    pub(super) all_classes: bool,
    pub(super) no_zombie: bool,
    pub(super) stopped: bool,
    pub(super) continued: bool,
    pub(super) take: bool,
}
