//! Waiters that come, look, take and give up in any order, while children change: whoever sleeps has nothing to take, or
//! somebody is on his way who will see to it (decision 27).

use std::sync::Arc;

use proptest::prelude::*;

use crate::pid::Pid;
use crate::selector::WaitFlags;
use crate::signal::{Disposition, Signal};
use crate::tree::node::EventKind;
use crate::tree::tests::{birth, death, planted, record};
use crate::tree::{Birth, NodeRef, Poll, ProcTree, WaitSlot, Wanted, Who};

const WAITERS: usize = 4;

/// Whom it happens to is the number modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Birth {
        alternative: bool,
    },
    Die(usize),
    Change {
        who: usize,
        stopped: bool,
    },
    Regroup(usize),
    Ignore(bool),
    Execute(usize),
    /// Somebody begins to wait.
    Enter {
        waiter: usize,
        who: usize,
        target: usize,
        flags: u8,
    },
    /// It looks, woken or not, as a wait does in its loop.
    Look {
        waiter: usize,
        take: bool,
    },
    /// Its time is over, or it is killed.
    GiveUp(usize),
    /// Somebody takes something who does not sleep for it.
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let child = 0..16_usize;
    prop_oneof![
        4 => any::<bool>().prop_map(|alternative| Step::Birth { alternative }),
        4 => child.clone().prop_map(Step::Die),
        3 => (child.clone(), any::<bool>()).prop_map(|(who, stopped)| Step::Change { who, stopped }),
        1 => child.clone().prop_map(Step::Regroup),
        1 => prop::bool::weighted(0.2).prop_map(Step::Ignore),
        1 => child.clone().prop_map(Step::Execute),
        6 => (0..WAITERS, child.clone(), child.clone(), any::<u8>())
            .prop_map(|(waiter, who, target, flags)| Step::Enter { waiter, who, target, flags }),
        6 => (0..WAITERS, prop::bool::weighted(0.8)).prop_map(|(waiter, take)| Step::Look { waiter, take }),
        2 => (0..WAITERS).prop_map(Step::GiveUp),
        2 => child.prop_map(Step::Take),
    ]
}

struct Waiting {
    tree: ProcTree,
    parent: NodeRef,
    children: Vec<NodeRef>,
    slots: [Arc<WaitSlot>; WAITERS],
    /// What each waits for, if it does.
    wanted: [Option<Wanted>; WAITERS],
    next: i32,
}

impl Waiting {
    fn new() -> Waiting {
        let (mut tree, init) = planted();
        let parent = tree.link(init, birth(&record(2))).expect("init takes children");
        Waiting {
            tree,
            parent,
            children: Vec::new(),
            slots: std::array::from_fn(|_| Arc::default()),
            wanted: [None; WAITERS],
            next: 3,
        }
    }

    /// One of the children that were ever there, and those that live if so wanted.
    fn pick(&self, number: usize, living: bool) -> Option<NodeRef> {
        let there = self.children.iter().copied().filter(|node| !living || self.tree.record(*node).is_some());
        let there: Vec<NodeRef> = there.collect();
        (!there.is_empty()).then(|| there[number % there.len()])
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Birth { alternative } => {
                let exit_signal = Some(if alternative { Signal::USR1 } else { Signal::CHLD });
                let birth = Birth { exit_signal, ..birth(&record(self.next)) };
                self.next += 1;
                self.children.push(self.tree.link(self.parent, birth).expect("it takes children"));
            }
            Step::Die(who) => {
                if let Some(child) = self.pick(who, true) {
                    drop(self.tree.zombify(child, death(0)));
                }
            }
            Step::Change { who, stopped } => {
                if let Some(child) = self.pick(who, true) {
                    let kind = if stopped { EventKind::Stopped } else { EventKind::Continued };
                    self.tree.post_change(child, kind);
                }
            }
            Step::Regroup(who) => {
                if let Some(child) = self.pick(who, true) {
                    let own = self.tree.node(child.id).pid;
                    let pgid = if who % 2 == 0 { own } else { Pid::INIT };
                    let _ = self.tree.regroup(self.parent, child, pgid);
                }
            }
            Step::Ignore(ignored) => {
                let how = if ignored { Disposition::Ignore } else { Disposition::Default };
                self.tree.set_sigchld(self.parent, how);
            }
            Step::Execute(who) => {
                if let Some(child) = self.pick(who, true) {
                    self.tree.reset_exit_signal(child);
                }
            }
            Step::Enter { waiter, who, target, flags } => self.enter(waiter, who, target, flags),
            Step::Look { waiter, take } => self.look(waiter, take),
            Step::GiveUp(waiter) => {
                if self.wanted[waiter].take().is_some() {
                    self.tree.leave_channel(self.parent, &self.slots[waiter], None);
                }
            }
            Step::Take(who) => {
                let wanted = match self.pick(who, false) {
                    Some(child) => Wanted::new(Who::Child(child), WaitFlags::EXITED | WaitFlags::ALLSIG),
                    None => return,
                };
                if let Poll::Ready(child, _) = self.tree.poll(self.parent, &wanted) {
                    drop(self.tree.consume(child, false));
                }
            }
        }
    }

    fn enter(&mut self, waiter: usize, who: usize, target: usize, flags: u8) {
        if self.wanted[waiter].is_some() {
            return;
        }
        let target = self.pick(target, false);
        let who = match (who % 3, target) {
            (0, Some(child)) => Who::Child(child),
            (1, Some(child)) => Who::Group(self.tree.pgid(child).unwrap_or(Pid::INIT)),
            _ => Who::Any,
        };
        let kinds = [WaitFlags::STOPPED, WaitFlags::CONTINUED, WaitFlags::ALLSIG, WaitFlags::NOZOMBIE];
        let chosen = kinds.into_iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0);
        let flags = chosen.fold(WaitFlags::EXITED, |flags, (_, one)| flags | one);
        let wanted = Wanted::new(who, flags);
        match self.tree.poll(self.parent, &wanted) {
            Poll::Ready(child, _) => drop(self.tree.consume(child, false)),
            Poll::NoChild => {}
            Poll::Nothing => {
                self.tree.enter_channel(self.parent, &self.slots[waiter], wanted);
                self.wanted[waiter] = Some(wanted);
            }
        }
    }

    fn look(&mut self, waiter: usize, take: bool) {
        let Some(wanted) = self.wanted[waiter] else { return };
        let slot = &self.slots[waiter];
        match self.tree.poll(self.parent, &wanted) {
            Poll::Ready(child, _) => {
                if take {
                    drop(self.tree.consume(child, false));
                }
                self.tree.leave_channel(self.parent, slot, take.then_some(child));
            }
            Poll::NoChild => self.tree.leave_channel(self.parent, slot, None),
            Poll::Nothing => return self.tree.rearm(self.parent, slot),
        }
        self.wanted[waiter] = None;
    }

    /// Lets all look that were told, until nobody was.
    fn settle(&mut self) {
        while let Some(told) =
            (0..WAITERS).find(|&waiter| self.wanted[waiter].is_some() && self.slots[waiter].is_granted())
        {
            self.look(told, true);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), ..ProptestConfig::default() })]

    #[test]
    fn whoever_sleeps_has_nothing_to_take(steps in prop::collection::vec(step(), 1..100)) {
        let mut waiting = Waiting::new();
        for step in steps {
            waiting.apply(step);
            #[cfg(any(debug_assertions, feature = "racelab"))]
            prop_assert_eq!(waiting.tree.audit(), Ok(()), "after {:?}", step);
        }
        waiting.settle();
        for wanted in waiting.wanted.iter().flatten() {
            prop_assert_eq!(waiting.tree.poll(waiting.parent, wanted), Poll::Nothing);
        }
    }
}
