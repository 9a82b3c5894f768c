//! Waits, on both sides.

use proptest::prelude::*;

use super::Pair;
use super::model::{Expected, Selected, Wish};
use crate::pid::Pid;
use crate::selector::WaitFlags;
use crate::tree::node::EventKind;
use crate::tree::{Found, NodeRef, Poll, Wanted, Who};

impl Pair {
    pub(super) fn wait(&mut self, pid: i32, mut wish: Wish, target: i32) -> Result<(), TestCaseError> {
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

    pub(super) fn take(
        &mut self,
        parent: i32,
        child: NodeRef,
        pid: i32,
        take: bool,
    ) -> Result<(), TestCaseError> {
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
}
