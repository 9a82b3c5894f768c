//! The tree against a sequential model that keeps everything in plain lists and counts by walking.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::command::ProcessGroup;
use crate::pid::Pid;
use crate::selector::WaitFlags;
use crate::signal::{Disposition, Signal};
use crate::tree::node::{Class, EventKind};
use crate::tree::tests::{UID, birth, death, planted, record};
use crate::tree::{AttachError, Birth, Found, LinkError, NodeRef, Poll, ProcTree, RegroupError, Wanted, Who};

/// What the model knows of a process.
#[derive(Clone, Debug)]
struct Plain {
    parent: i32,
    /// When it came to that parent: children are kept, and given away, in this order.
    joined: u64,
    group: i32,
    class: Class,
    held: bool,
    subreaper: bool,
    sigchld: Disposition,
    event: Option<EventKind>,
    zombie: Option<i32>,
    /// In which order it got its event.
    since: u64,
    children_usage: u64,
    tracer: Option<i32>,
}

#[derive(Default)]
struct Model {
    processes: BTreeMap<i32, Plain>,
    clock: u64,
}

impl Model {
    fn children(&self, of: i32) -> impl Iterator<Item = (i32, &Plain)> {
        self.processes.iter().filter(move |(_, child)| child.parent == of).map(|(&pid, child)| (pid, child))
    }

    fn is_live(&self, pid: i32) -> bool {
        self.processes.get(&pid).is_some_and(|process| process.zombie.is_none())
    }

    fn reaper_of(&self, pid: i32) -> i32 {
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

    fn matches(&self, parent: i32, wish: &Wish) -> Vec<(i32, Option<EventKind>)> {
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
    fn traced_matches(&self, tracer: i32, wish: &Wish) -> Vec<(i32, Option<EventKind>)> {
        let tracees = self.processes.iter().filter(|(_, process)| process.tracer == Some(tracer));
        let meant = tracees.filter(|(pid, tracee)| match wish.who {
            Selected::Any => true,
            Selected::Pid(wanted) => **pid == wanted,
            Selected::Group(group) => tracee.group == group,
        });
        meant.map(|(&pid, tracee)| (pid, tracee.event)).collect()
    }

    /// What a wait would find: the events it takes, oldest first per kind and class; or whether one could still come.
    fn poll(&self, parent: i32, wish: &Wish) -> Expected {
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

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Removes a zombie whose parent ignores it, or that was waited for.
    fn remove(&mut self, pid: i32) -> Plain {
        self.processes.remove(&pid).expect("in the model")
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    OneOf(Vec<i32>),
    Nothing,
    NoChild,
}

#[derive(Clone, Copy, Debug)]
enum Selected {
    Any,
    Pid(i32),
    Group(i32),
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a wait, each of which is one")]
struct Wish {
    who: Selected,
    alternative: bool,
    all_classes: bool,
    no_zombie: bool,
    stopped: bool,
    continued: bool,
    take: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Spawn { parent: usize, alternative: bool, held: bool, new_group: bool },
    Die { who: usize, code: i32 },
    Wait { who: usize, wish: Wish, target: usize },
    Event { who: usize, stopped: bool },
    Regroup { caller: usize, target: usize, group: usize },
    Ignore { who: usize, how: Disposition },
    Subreaper { who: usize, on: bool },
    Release { who: usize },
    Attach { tracer: usize, target: usize },
    Detach { who: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_usize..64;
    let disposition =
        prop_oneof![Just(Disposition::Default), Just(Disposition::Ignore), Just(Disposition::NoChildWait)];
    let wish = (0..3_u8, any::<[bool; 6]>()).prop_map(
        |(who, [alternative, all_classes, no_zombie, stopped, continued, take])| {
            let who = match who {
                0 => Selected::Any,
                1 => Selected::Pid(0),
                _ => Selected::Group(0),
            };
            Wish { who, alternative, all_classes, no_zombie, stopped, continued, take }
        },
    );
    prop_oneof![
        6 => (who.clone(), any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.3))
            .prop_map(|(parent, alternative, held, new_group)| Step::Spawn { parent, alternative, held, new_group }),
        4 => (who.clone(), 0..16_i32).prop_map(|(who, code)| Step::Die { who, code }),
        6 => (who.clone(), wish, who.clone()).prop_map(|(who, wish, target)| Step::Wait { who, wish, target }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, stopped)| Step::Event { who, stopped }),
        2 => (who.clone(), who.clone(), who.clone())
            .prop_map(|(caller, target, group)| Step::Regroup { caller, target, group }),
        1 => (who.clone(), disposition).prop_map(|(who, how)| Step::Ignore { who, how }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, on)| Step::Subreaper { who, on }),
        1 => who.clone().prop_map(|who| Step::Release { who }),
        3 => (who.clone(), who.clone()).prop_map(|(tracer, target)| Step::Attach { tracer, target }),
        1 => who.prop_map(|who| Step::Detach { who }),
    ]
}

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

    fn attach(&mut self, tracer: i32, target: i32) -> Result<(), TestCaseError> {
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
    fn detached(&mut self, pid: i32) {
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
    fn handed_back(&mut self, pid: i32, gone: bool) -> Result<(), TestCaseError> {
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
    fn release_tracees(&mut self, tracer: i32) -> Result<(), TestCaseError> {
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

    fn spawn(
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

    fn die(&mut self, pid: i32, code: i32) -> Result<(), TestCaseError> {
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

    fn event(&mut self, pid: i32, kind: EventKind) {
        if pid == 1 || !self.model.is_live(pid) {
            return;
        }
        if kind != EventKind::Dead {
            self.tree.post_event(self.nodes[&pid].id, kind);
        }
        let now = self.model.tick();
        let plain = self.model.processes.get_mut(&pid).expect("live");
        plain.event = Some(kind);
        plain.since = now;
    }

    fn wait(&mut self, pid: i32, mut wish: Wish, target: i32) -> Result<(), TestCaseError> {
        if !self.model.is_live(pid) {
            return Ok(());
        }
        let who = match wish.who {
            Selected::Any => Who::Any,
            Selected::Pid(_) => {
                wish.who = Selected::Pid(target);
                Who::Child(self.nodes[&target])
            }
            Selected::Group(_) => {
                let group = self.model.processes[&target].group;
                wish.who = Selected::Group(group);
                Who::Group(Pid::new(group).expect("a group"))
            }
        };
        let mut flags = WaitFlags::EXITED;
        flags.set(WaitFlags::ALTSIG, wish.alternative);
        flags.set(WaitFlags::ALLSIG, wish.all_classes);
        flags.set(WaitFlags::NOZOMBIE, wish.no_zombie);
        flags.set(WaitFlags::STOPPED, wish.stopped);
        flags.set(WaitFlags::CONTINUED, wish.continued);
        let wanted = Wanted::new(who, flags);
        let parent = self.nodes[&pid];
        match (self.tree.poll(parent, &wanted), self.model.poll(pid, &wish)) {
            (Poll::Nothing, Expected::Nothing) | (Poll::NoChild, Expected::NoChild) => Ok(()),
            (Poll::Ready(child, kind), Expected::OneOf(ready)) => {
                let found = self.tree.node(child.id).pid.as_raw();
                prop_assert!(ready.contains(&found), "{} is not among {:?}", found, ready);
                let plain = self.model.processes[&found].clone();
                prop_assert_eq!(plain.event, Some(kind));
                // The oldest of its kind and class comes first; those that are traced are in one class.
                let one_class = plain.tracer.is_some();
                let older = ready.iter().find(|other| {
                    let other = &self.model.processes[other];
                    let same = one_class || other.class == plain.class;
                    other.event == Some(kind) && same && other.since < plain.since
                });
                prop_assert_eq!(older, None, "{} is not the oldest", found);
                if kind == EventKind::Dead {
                    self.take(pid, child, found, wish.take)?;
                }
                Ok(())
            }
            (poll, expected) => Err(TestCaseError::fail(format!("tree {poll:?}, model {expected:?}"))),
        }
    }

    fn take(&mut self, parent: i32, child: NodeRef, pid: i32, take: bool) -> Result<(), TestCaseError> {
        let code = self.model.processes[&pid].zombie.expect("dead");
        match self.tree.consume(child, !take) {
            Found::Seen(waited) => {
                prop_assert!(!take);
                prop_assert_eq!((waited.pid.as_raw(), waited.status.code()), (pid, Some(code)));
            }
            Found::HandedBack(waited, gone) => {
                prop_assert!(take);
                prop_assert_eq!((waited.pid.as_raw(), waited.status.code()), (pid, Some(code)));
                let plain = &self.model.processes[&pid];
                prop_assert_eq!(plain.tracer, Some(parent));
                prop_assert!(plain.held || plain.parent != parent);
                self.handed_back(pid, gone.is_some())?;
            }
            Found::Reaped(reaped) => {
                prop_assert!(take);
                prop_assert!(!self.model.processes[&pid].held && self.model.processes[&pid].parent == parent);
                prop_assert_eq!((reaped.pid.as_raw(), reaped.zombie.status.code()), (pid, Some(code)));
                let gone = self.model.remove(pid);
                let parent = self.model.processes.get_mut(&parent).expect("the waiter");
                parent.children_usage += (1 << code) + gone.children_usage;
            }
        }
        Ok(())
    }

    fn regroup(&mut self, caller: i32, target: i32, group: i32) -> Result<(), TestCaseError> {
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

    fn release(&mut self, pid: i32) -> Result<(), TestCaseError> {
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

    /// What must hold after every step.
    fn check(&self) -> Result<(), TestCaseError> {
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
