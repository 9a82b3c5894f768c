//! Groups and sessions have the members that say so, and at least one.

use crate::pid::Pid;
use crate::tree::ProcTree;
use crate::tree::arena::{Chain, NodeId};
use crate::tree::audit::{Audited, must};
use crate::tree::groups::{Group, GroupId, Groups};

impl Groups {
    pub(super) fn get(&self, id: GroupId) -> Option<&Group> {
        self.table.get(id.0 as usize)?.as_ref()
    }

    fn all(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        let places = self.table.iter().enumerate();
        places.filter_map(|(place, group)| group.as_ref().map(|group| (GroupId(place as u32), group)))
    }
}

impl ProcTree {
    pub(super) fn audit_groups(&self) -> Audited {
        let mut grouped = 0;
        for (id, group) in self.groups.all() {
            let mut members = 0;
            self.walk(group.members, Chain::Group, |member| {
                members += 1;
                must(self.node(member).group == id, || {
                    format!(
                        "{} is in the list of group {}, and in another group",
                        self.title(member),
                        group.pgid
                    )
                })
            })?;
            must(members > 0, || format!("group {} has no member", group.pgid))?;
            must(members == group.count, || {
                format!("group {} has {members} members, {} are counted", group.pgid, group.count)
            })?;
            must(self.groups.find(group.pgid) == Some(id), || {
                format!("group {} is not found by its number", group.pgid)
            })?;
            must(self.groups.sessions.contains_key(&group.session), || {
                format!("group {} is in session {}, which is gone", group.pgid, group.session)
            })?;
            grouped += members as usize;
        }
        must(grouped == self.arena.len(), || {
            let lost = self.all().find(|id| !self.is_listed_in_group(*id));
            let lost = lost.map_or_else(|| "somebody".to_owned(), |id| self.title(id));
            format!("{lost} is in no list of its group's members")
        })?;
        must(self.groups.by_number.len() == self.groups.all().count(), || {
            "a number leads to a group that is gone".to_owned()
        })?;
        for (&sid, &count) in &self.groups.sessions {
            let groups = self.groups.all().filter(|(_, group)| group.session == sid).count();
            must(groups == count as usize, || {
                format!("session {sid} has {groups} groups, {count} are counted")
            })?;
            must(groups > 0, || format!("session {sid} has no group"))?;
        }
        for (&sid, own) in &self.groups.terminals {
            must(self.groups.sessions.contains_key(&sid), || {
                format!("session {sid} is gone, and has a terminal")
            })?;
            must(own.foreground.is_none_or(|group| self.is_group_of(group, sid)), || {
                let group = own.foreground.unwrap_or(Pid::INIT);
                format!("group {group} is in the foreground of session {sid}, and is none of its groups")
            })?;
        }
        Ok(())
    }

    fn is_listed_in_group(&self, id: NodeId) -> bool {
        let group = self.groups.get(self.node(id).group);
        let first = group.and_then(|group| group.members.front());
        std::iter::successors(first, |&member| self.arena.next(Chain::Group, member))
            .any(|member| member == id)
    }
}
