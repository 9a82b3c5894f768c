//! A parent and its children: each knows the other, and the buckets have what there is.

use crate::tree::ProcTree;
use crate::tree::arena::{Chain, List, NodeId};
use crate::tree::audit::{Audited, must};
use crate::tree::family::{Bucket, Buckets};
use crate::tree::groups::GroupId;
use crate::tree::node::{Body, Class, EventKind};
use crate::tree::tracing::CLASS;

/// As what a process waits for another.
#[derive(Clone, Copy)]
pub(super) enum Tie {
    Parent,
    Tracer,
}

/// What a wait sees of a process.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidate {
    group: GroupId,
    class: Class,
    event: Option<EventKind>,
}

impl ProcTree {
    pub(super) fn audit_family(&self, parent: NodeId) -> Audited {
        let Some(family) = &self.node(parent).family else { return Ok(()) };
        self.walk(family.children, Chain::Siblings, |child| {
            must(self.node(child).parent == Some(parent), || {
                let other =
                    self.node(child).parent.map_or_else(|| "nobody's".to_owned(), |id| self.title(id));
                format!(
                    "{} is in the list of {}, and its parent is {other}",
                    self.title(child),
                    self.title(parent)
                )
            })
        })?;
        let children = family.children;
        let all =
            || std::iter::successors(children.front(), |&child| self.arena.next(Chain::Siblings, child));
        self.audit_buckets(&family.waits, parent, Tie::Parent, &all)
    }

    /// A child is in the list of its parent: it has neighbours there that know it, or is at the end.
    pub(super) fn audit_listed(&self, child: NodeId) -> Audited {
        let Some(parent) = self.node(child).parent else { return Ok(()) };
        let list = self.node(parent).family.as_ref().map_or_else(List::default, |family| family.children);
        let link = *self.node(child).link(Chain::Siblings);
        let before = match link.prev {
            Some(prev) => self.arena.next(Chain::Siblings, prev),
            None => list.front(),
        };
        let after = match link.next {
            Some(next) => self.node(next).link(Chain::Siblings).prev,
            None => list.tail,
        };
        must(before == Some(child) && after == Some(child), || {
            format!("{} is not in the list of {}, its parent", self.title(child), self.title(parent))
        })
    }

    /// The buckets count and queue those for whom the owner waits, each in the bucket of its group and class, by the
    /// event that it has. One that gives its children away waits for nobody.
    pub(super) fn audit_buckets<I: Iterator<Item = NodeId>>(
        &self,
        buckets: &Buckets,
        owner: NodeId,
        tie: Tie,
        all: &impl Fn() -> I,
    ) -> Audited {
        if buckets.closed {
            return must(self.gives_children_away(owner), || {
                format!("{} looks for nobody any more, and gives no children away", self.title(owner))
            });
        }
        self.audit_bucket(&buckets.any, None, owner, tie, all)?;
        let first = buckets.first_group.map(|group| (group, &buckets.first));
        let others = buckets.others.iter().map(|(&group, bucket)| (group, bucket));
        let mut grouped = 0;
        for (group, bucket) in first.into_iter().chain(others) {
            self.audit_bucket(bucket, Some(group), owner, tie, all)?;
            grouped += members(bucket);
        }
        must(grouped == members(&buckets.any), || {
            format!("not all that {} waits for are in the bucket of their group", self.title(owner))
        })
    }

    fn audit_bucket<I: Iterator<Item = NodeId>>(
        &self,
        bucket: &Bucket,
        group: Option<GroupId>,
        owner: NodeId,
        tie: Tie,
        all: &impl Fn() -> I,
    ) -> Audited {
        let chain = if group.is_none() { Chain::AnyEvent } else { Chain::GroupEvent };
        let place = || {
            let group = group.and_then(|group| self.groups.get(group));
            let group = group.map_or_else(String::new, |group| format!(" of group {}", group.pgid));
            format!("what {} waits for{group}", self.title(owner))
        };
        let is_here =
            |seen: Candidate, class| seen.class == class && group.is_none_or(|group| seen.group == group);
        for class in Class::BOTH {
            let set = &bucket.0[class as usize];
            let mut members = 0;
            let mut events = [0_u32; 3];
            for id in all() {
                let Some(seen) = self.candidate(id, owner, tie).filter(|seen| is_here(*seen, class)) else {
                    continue;
                };
                members += 1;
                if let Some(event) = seen.event {
                    events[event as usize] += 1;
                }
            }
            must(set.members == members, || {
                format!(
                    "{members} processes are in {}, {} are counted, in class {class:?}",
                    place(),
                    set.members
                )
            })?;
            for kind in EventKind::ALL {
                let mut queued = 0;
                self.walk(set.queues[kind as usize], chain, |id| {
                    queued += 1;
                    let seen = self.candidate(id, owner, tie);
                    must(seen.is_some_and(|seen| is_here(seen, class) && seen.event == Some(kind)), || {
                        format!("{} is queued as {kind:?} in {}, and is not that", self.title(id), place())
                    })
                })?;
                let there = events[kind as usize];
                must(queued == there, || {
                    format!("{there} processes are {kind:?} in {}, {queued} are queued", place())
                })?;
            }
            let dead = events[EventKind::Dead as usize];
            must(set.zombies == dead, || {
                format!("{dead} processes are dead in {}, {} are counted", place(), set.zombies)
            })?;
        }
        Ok(())
    }

    fn gives_children_away(&self, id: NodeId) -> bool {
        matches!(self.node(id).body, Body::Live { closed: true, .. })
    }

    /// What the waits of `owner` see of a process, if they do.
    fn candidate(&self, id: NodeId, owner: NodeId, tie: Tie) -> Option<Candidate> {
        let node = self.node(id);
        match tie {
            Tie::Parent => {
                let own_tracee = node.traced && self.tracer_of(id) == Some(owner);
                let seen = node.parent == Some(owner) && !node.held && !own_tracee;
                seen.then(|| Candidate {
                    group: node.group,
                    class: node.class(),
                    event: node.event_for_parent(),
                })
            }
            Tie::Tracer => (self.tracer_of(id) == Some(owner)).then_some(Candidate {
                group: node.group,
                class: CLASS,
                event: node.event,
            }),
        }
    }
}

fn members(bucket: &Bucket) -> u32 {
    bucket.0.iter().map(|set| set.members).sum()
}
