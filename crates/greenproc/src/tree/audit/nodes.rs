//! Each process by itself, and what is counted over all of them.

use std::collections::HashSet;

use smallvec::SmallVec;

use crate::pid::Pid;
use crate::tree::ProcTree;
use crate::tree::arena::{NodeId, NodeRef};
use crate::tree::audit::{Audited, must};
use crate::tree::node::{Body, EventKind};
use crate::usage::Usage;

impl ProcTree {
    pub(super) fn audit_nodes(&self) -> Audited {
        let (mut living, mut zombies, mut stopped) = (0, 0, 0);
        let mut pids = SmallVec::<[Pid; 16]>::new();
        for id in self.all() {
            self.audit_node(id)?;
            let node = self.node(id);
            let is_zombie = node.is_zombie();
            living += usize::from(!is_zombie);
            zombies += usize::from(is_zombie);
            stopped += usize::from(node.stopped);
            pids.push(node.pid);
        }
        pids.sort_unstable();
        let twice = pids.windows(2).find(|pair| pair[0] == pair[1]);
        twice.map_or(Ok(()), |pair| Err(format!("two processes have the pid {}", pair[0])))?;
        must(self.zombies == zombies, || {
            format!("{zombies} processes are dead, {} are counted", self.zombies)
        })?;
        must(self.arena.len() == living + zombies, || {
            format!("{} processes are there, {} are counted", living + zombies, self.arena.len())
        })?;
        must(self.stopped == stopped, || {
            format!("{stopped} processes stand still, {} are counted", self.stopped)
        })?;
        self.audit_users()?;
        self.audit_usage()
    }

    fn audit_node(&self, id: NodeId) -> Audited {
        let node = self.node(id);
        let Some(parent) = node.parent else {
            must(self.init == Some(id), || format!("{} has no parent", self.title(id)))?;
            return self.audit_mirror(id);
        };
        must(self.node(parent).live().is_some(), || {
            format!("{} is the child of process {}, which has ended", self.title(id), self.node(parent).pid)
        })?;
        let of_parent = || format!("the child of process {}", self.node(parent).pid);
        match &node.body {
            Body::Zombie(_) => {
                must(node.event == Some(EventKind::Dead), || {
                    format!("{} has ended, and nobody is told: it is {}", self.title(id), of_parent())
                })?;
                must(!node.stopped, || format!("{} has ended, and stands still", self.title(id)))?;
                must(node.family.is_none(), || format!("{} has ended, and has a family", self.title(id)))
            }
            Body::Live { record, .. } => {
                let event = node.event;
                must(event != Some(EventKind::Dead), || {
                    format!("{} lives, and is reported to be dead: it is {}", self.title(id), of_parent())
                })?;
                must(event.is_none_or(|event| (event == EventKind::Stopped) == node.stopped), || {
                    let stands = if node.stopped { "stands still" } else { "goes on" };
                    format!("{} {stands}, and is reported to be {event:?}", self.title(id))
                })?;
                let has_children =
                    node.family.as_ref().is_some_and(|family| family.children.front().is_some());
                must(!has_children || record.ends_in_full(), || {
                    format!("{} would end without giving its children away", self.title(id))
                })?;
                self.audit_mirror(id)
            }
            Body::Vacant => Ok(()),
        }
    }

    /// What a process says of itself without the lock is what the tree says.
    fn audit_mirror(&self, id: NodeId) -> Audited {
        let node = self.node(id);
        let Some(record) = node.live() else { return Ok(()) };
        let reference = NodeRef { id, generation: node.generation };
        must(record.node() == Some(reference) && record.pid == node.pid, || {
            format!("the record of {} is of another one", self.title(id))
        })?;
        let group = self.groups.get(node.group);
        let parent = node.parent.map(|parent| self.node(parent).pid);
        let claims = [
            ("parent", record.ppid(), parent),
            ("group", Some(record.pgid()), group.map(|group| group.pgid)),
            ("session", Some(record.sid()), group.map(|group| group.session)),
        ];
        claims.into_iter().try_for_each(|(what, said, is)| {
            must(said == is, || {
                let number = |pid: Option<Pid>| pid.map_or(0, Pid::as_raw);
                let (said, is) = (number(said), number(is));
                format!("{} says that its {what} is {said}, and in the tree it is {is}", self.title(id))
            })
        })
    }

    fn audit_users(&self) -> Audited {
        let uid_of = |id: NodeId| match &self.node(id).body {
            Body::Live { record, .. } => Some(record.uid()),
            Body::Zombie(zombie) => Some(zombie.uid),
            Body::Vacant => None,
        };
        let mut counted = 0;
        for (uid, count) in self.users.each() {
            counted += count as usize;
            let have = self.all().filter(|id| uid_of(*id) == Some(uid)).count();
            must(count as usize == have, || format!("user {uid} has {have} processes, {count} are counted"))?;
        }
        must(counted == self.arena.len(), || {
            let users: HashSet<Option<u32>> = self.all().map(uid_of).collect();
            format!("not all of the users {users:?} are counted")
        })
    }

    /// What those used that have ended is with a zombie, or with the one that reaped it, or nobody's (row 66).
    fn audit_usage(&self) -> Audited {
        if self.init.is_none() {
            return Ok(());
        }
        let mut found = self.ledger.nobodys;
        for id in self.all() {
            let node = self.node(id);
            if let Body::Zombie(zombie) = &node.body {
                found += zombie.usage;
                found += zombie.children_usage.as_deref().copied().unwrap_or_default();
            }
            found += node.family.as_ref().map_or_else(Usage::default, |family| family.reaped_usage);
        }
        must(found == self.ledger.ended, || {
            format!(
                "those that have ended used {:?}, and {:?} are accounted for",
                self.ledger.ended.total(),
                found.total()
            )
        })
    }
}
