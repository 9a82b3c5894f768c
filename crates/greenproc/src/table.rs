//! The pid table: from a number to a process, without `proclist_lock`.
//!
//! A number is taken while a process, a group or a session carries it (row 68). No guard of the map escapes this
//! file: look-ups return clones, and what leaves the map is returned, to be dropped where no lock is held.

use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as MapEntry;
#[cfg(any(debug_assertions, feature = "racelab"))]
use dashmap::try_result::TryResult;
use greenproc_sync::atomic::{AtomicI32, Ordering};

use crate::error::Exhausted;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::tree::{Freed, IndexHasher, NodeRef};

const SHARDS: usize = 64;

#[derive(Default)]
struct Slot {
    process: Option<Entry>,
    group: bool,
    session: bool,
}

/// Who has a pid.
#[derive(Clone)]
pub(crate) enum Entry {
    /// A process that has not ended, or of which that is not noted yet. It answers ESRCH until it is linked.
    Live(Arc<Proc>),
    /// One that has ended and was not reaped; its record is gone, its node is left.
    Dead(NodeRef),
}

/// Who carries a number.
#[cfg(any(debug_assertions, feature = "racelab"))]
pub(crate) struct Carriers {
    pub(crate) process: Option<NodeRef>,
    pub(crate) group: bool,
    pub(crate) session: bool,
}

impl Slot {
    fn is_free(&self) -> bool {
        self.process.is_none() && !self.group && !self.session
    }
}

pub(crate) struct PidTable {
    slots: DashMap<Pid, Slot, BuildHasherDefault<IndexHasher>>,
    max: i32,
    /// The last pid handed out. Pids go up cyclically, so a pid just freed is the last to be used again.
    last: CachePadded<AtomicI32>,
    #[cfg(feature = "racelab")]
    mark: greenproc_sync::lab::Mark,
}

impl PidTable {
    pub(crate) fn new(max: i32) -> PidTable {
        PidTable {
            slots: DashMap::with_capacity_and_hasher_and_shard_amount(
                0,
                BuildHasherDefault::default(),
                SHARDS,
            ),
            max,
            last: CachePadded::new(AtomicI32::new(0)),
            #[cfg(feature = "racelab")]
            mark: greenproc_sync::lab::Mark::new(),
        }
    }

    /// How many numbers are taken. Looks at every shard.
    pub(crate) fn used(&self) -> usize {
        lab_touch!(self.mark, Read);
        self.slots.len()
    }

    /// Claims the next free pid for the process that `make` returns for it (decision 24). The process can be looked up
    /// from here on, and answers ESRCH until it is linked. If no number is free, `make` is given back.
    pub(crate) fn claim<F: FnOnce(Pid) -> Arc<Proc>>(&self, make: F) -> Result<Arc<Proc>, F> {
        lab_point!("the claim of a pid");
        lab_touch!(self.mark, Write);
        for turn in 0..self.max {
            let pid = self.next();
            if let MapEntry::Vacant(vacant) = self.slots.entry(pid) {
                let process = make(pid);
                vacant.insert(Slot { process: Some(Entry::Live(Arc::clone(&process))), ..Slot::default() });
                return Ok(process);
            }
            // Most numbers are free until nearly none is: only who met one that is not counts them.
            if turn == 0 && self.used() >= self.max as usize {
                break;
            }
        }
        Err(make)
    }

    /// What a claim is told that finds no number free.
    pub(crate) fn exhausted(&self) -> Exhausted {
        Exhausted::Pids { max: self.max }
    }

    fn next(&self) -> Pid {
        let step = |last: i32| Some(if last >= self.max { 2.min(self.max) } else { last + 1 });
        let last = match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step) {
            Ok(last) | Err(last) => last,
        };
        step(last).and_then(Pid::new).unwrap_or(Pid::INIT)
    }

    /// Who has this pid.
    pub(crate) fn find(&self, pid: Pid) -> Option<Entry> {
        lab_point!("the look-up of a pid");
        lab_touch!(self.mark, Read);
        self.slots.get(&pid).and_then(|slot| slot.process.clone())
    }

    /// The process has ended: from here on its pid leads to its node, and the record may go. Called under `proclist_lock`, so that it comes
    /// before the reaping. What is returned is dropped by the caller, after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn entomb(&self, pid: Pid, node: NodeRef) -> Option<Entry> {
        lab_touch!(self.mark, Write);
        self.slots.get_mut(&pid).and_then(|mut slot| slot.process.replace(Entry::Dead(node)))
    }

    /// Gives the pid of a reaped process back. What is returned is dropped by the caller, after unlocking.
    pub(crate) fn release(&self, pid: Pid) -> Option<Entry> {
        lab_point!("the release of a pid");
        self.update(pid, |slot| slot.process.take())
    }

    /// A group now carries this number. Called under `proclist_lock`, so that it comes before the group's end.
    pub(crate) fn mark_group(&self, number: Pid) {
        lab_touch!(self.mark, Write);
        self.slots.entry(number).or_default().group = true;
    }

    /// A session now carries this number.
    pub(crate) fn mark_session(&self, number: Pid) {
        lab_touch!(self.mark, Write);
        self.slots.entry(number).or_default().session = true;
    }

    /// A group or a session ended. Called under `proclist_lock`.
    pub(crate) fn free(&self, freed: Freed) {
        if let Some(number) = freed.group {
            self.update(number, |slot| {
                slot.group = false;
                None
            });
        }
        if let Some(number) = freed.session {
            self.update(number, |slot| {
                slot.session = false;
                None
            });
        }
    }

    /// Who carries this number, as a process, a group and a session; `None` while somebody changes that.
    #[cfg(any(debug_assertions, feature = "racelab"))]
    pub(crate) fn carriers(&self, number: Pid) -> Option<Carriers> {
        match self.slots.try_get(&number) {
            TryResult::Present(slot) => {
                let process = match &slot.process {
                    Some(Entry::Live(process)) => process.node(),
                    Some(Entry::Dead(node)) => Some(*node),
                    None => None,
                };
                Some(Carriers { process, group: slot.group, session: slot.session })
            }
            TryResult::Absent => Some(Carriers { process: None, group: false, session: false }),
            TryResult::Locked => None,
        }
    }

    fn update(&self, number: Pid, change: impl FnOnce(&mut Slot) -> Option<Entry>) -> Option<Entry> {
        lab_touch!(self.mark, Write);
        let MapEntry::Occupied(mut entry) = self.slots.entry(number) else { return None };
        let taken = change(entry.get_mut());
        if entry.get().is_free() {
            let empty = entry.remove();
            debug_assert!(empty.is_free());
        }
        taken
    }
}
