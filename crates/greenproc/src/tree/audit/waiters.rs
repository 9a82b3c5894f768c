//! Nobody sleeps in wait while something it waits for is there.
//!
//! One event tells one waiter. So a waiter may sleep beside an event that it could take as long as another one was told of that
//! event and has not looked yet; or as long as somebody who was told can be seen to have to pass it on, as what it was told
//! of is gone, or two were told of it. Ends that have departed are not in the tree yet, so they are nothing yet.

use std::sync::Arc;

use crate::lwp::{Place, Seat};
use crate::tree::ProcTree;
use crate::tree::arena::{NodeId, NodeRef};
use crate::tree::audit::{Audited, must};
use crate::tree::channel::{Told, WaitChannel, WaitSlot, Waiter};
use crate::tree::poll::Poll;
use crate::tree::wanted::{Wanted, Who};

impl ProcTree {
    pub(super) fn audit_waiters(&self, id: NodeId) -> Audited {
        let node = self.node(id);
        let Some(family) = node.family.as_ref().filter(|family| !family.channel.is_empty()) else {
            return Ok(());
        };
        let channel = &family.channel;
        let parent = NodeRef { id, generation: node.generation };
        for waiter in &channel.waiters {
            must((waiter.told != Told::Nothing) == waiter.slot.is_granted(), || {
                let told = if waiter.told == Told::Nothing { "nothing" } else { "something" };
                format!("a waiter of {} was told {told}, and believes the contrary", self.title(id))
            })?;
            if waiter.told != Told::Nothing {
                continue;
            }
            match self.poll(parent, &waiter.wanted) {
                Poll::Ready(child, kind) => {
                    let cared_for = self.is_told(channel, parent, child)
                        || self.somebody_passes_on(channel, parent)
                        || self.is_awake(id, &waiter.slot);
                    must(cared_for, || {
                        format!(
                            "a waiter of {} sleeps, and {}, for which it waits, is {kind:?}",
                            self.title(id),
                            self.title(child.id)
                        )
                    })?;
                }
                Poll::NoChild if Some(id) == self.init && waiter.wanted.who == Who::Any => {
                    // The built-in reaper waits for orphans to come.
                }
                Poll::NoChild => must(self.is_awake(id, &waiter.slot), || {
                    format!("a waiter of {} sleeps, and nothing is left that it waits for", self.title(id))
                })?,
                Poll::Nothing => {}
            }
        }
        Ok(())
    }

    /// Whether a waiter was told of this child that can take what it has.
    fn is_told(&self, channel: &WaitChannel, parent: NodeRef, child: NodeRef) -> bool {
        channel
            .waiters
            .iter()
            .any(|waiter| waiter.told == Told::Of(child) && self.fits(parent, waiter, child))
    }

    /// Whether a waiter was told of something that it will not find, so that it tells another one.
    fn somebody_passes_on(&self, channel: &WaitChannel, parent: NodeRef) -> bool {
        let waiters = &channel.waiters;
        waiters.iter().enumerate().any(|(place, waiter)| match waiter.told {
            Told::Of(child) => {
                !self.fits(parent, waiter, child)
                    || waiters[..place].iter().any(|other| other.told == waiter.told)
            }
            Told::Nothing | Told::Lost => false,
        })
    }

    /// Whether the child has something for the waiter.
    fn fits(&self, parent: NodeRef, waiter: &Waiter, child: NodeRef) -> bool {
        let (who, is_meant) = match waiter.wanted.who {
            Who::Any => (Who::Child(child), true),
            Who::Group(number) => (Who::Child(child), self.pgid(child) == Some(number)),
            one @ (Who::Child(meant) | Who::Held(meant)) => (one, meant == child),
        };
        is_meant && matches!(self.poll(parent, &Wanted { who, ..waiter.wanted }), Poll::Ready(..))
    }

    /// Whether a waiter of the parent's own has not gone to sleep, so that it looks once more; also if that cannot be told.
    fn is_awake(&self, parent: NodeId, slot: &Arc<WaitSlot>) -> bool {
        let Some(record) = self.node(parent).live() else { return false };
        let Some(state) = record.state.try_lock() else { return true };
        let sits_there = |seat: &Arc<Seat>| Arc::ptr_eq(&seat.slot, slot);
        let own = state.lwps.iter().find(|lwp| lwp.seat.as_ref().is_some_and(sits_there));
        own.is_some_and(|lwp| lwp.place != Place::Waiting)
    }
}
