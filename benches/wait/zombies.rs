//! The parent's side of a pile: the zombies, and the waits that are timed.

use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use greenproc::{Command, Pid, Process, ProcessGroup, WaitFlags, WaitFor};

use super::brood::{BROOD, Brood};
use super::kind::Kind;
use super::random::Random;
use super::roster::{GroupIndex, Roster};
use crate::stopwatch::Stopwatch;

/// Over how many process groups the zombies are spread.
const GROUPS: usize = 16;

/// Waits that are timed in one go; the pile never shrinks by more.
const TIMED_AT_ONCE: usize = 64;

/// The zombies of one parent.
pub(crate) struct Zombies<'p> {
    parent: &'p Process,
    brood: Brood,
    roster: Roster,
    random: Random,
    groups: Vec<Pid>,
    /// Each keeps the leader of a group alive, so that groups stay what they are while zombies come and go.
    _leaders: Vec<Sender<()>>,
}

impl<'p> Zombies<'p> {
    /// Makes a pile of this size.
    pub(crate) fn pile_up(parent: &'p Process, size: usize) -> greenproc::Result<Zombies<'p>> {
        let mut random = Random::seeded(size as u64);
        scatter(parent, size, &mut random)?;
        let (mut groups, mut leaders) = (Vec::new(), Vec::new());
        for _ in 0..GROUPS {
            let (alive, end) = bounded(1);
            let leader = Command::new("leader", move |p| drop(p.recv(&end)));
            groups.push(parent.spawn(leader.process_group(ProcessGroup::New))?.id());
            leaders.push(alive);
        }
        let mut zombies = Zombies {
            parent,
            brood: Brood::new(),
            roster: Roster::default(),
            random,
            groups,
            _leaders: leaders,
        };
        while zombies.roster.len() < size {
            let missing = (size - zombies.roster.len()).min(BROOD);
            let groups: Vec<GroupIndex> = (0..missing).map(|place| place % GROUPS).collect();
            zombies.refill(&groups)?;
        }
        Ok(zombies)
    }

    /// Waits that often, and says how long the waits took; the pile is as large as before.
    pub(crate) fn measure(&mut self, kind: Kind, waits: usize) -> greenproc::Result<Duration> {
        let mut total = Duration::ZERO;
        let mut left = waits;
        while left > 0 {
            let now = left.min(TIMED_AT_ONCE);
            total += self.take(kind, now)?;
            left -= now;
        }
        Ok(total)
    }

    /// Takes zombies, timed, and makes as many new ones in the same groups.
    fn take(&mut self, kind: Kind, count: usize) -> greenproc::Result<Duration> {
        let mut emptied = Vec::with_capacity(count);
        let mut selectors = Vec::with_capacity(count);
        for _ in 0..count {
            selectors.push(match kind {
                Kind::Any => WaitFor::Any,
                Kind::Group => WaitFor::Group(self.groups[self.random.below(GROUPS)]),
                Kind::Pid => {
                    let (pid, group) = self.roster.remove_random(&mut self.random);
                    emptied.push(group);
                    WaitFor::Pid(pid)
                }
            });
        }
        let mut taken = Vec::with_capacity(count);
        let stopwatch = Stopwatch::start();
        for &selector in &selectors {
            taken.extend(self.parent.wait4(selector, WaitFlags::empty())?.map(|waited| waited.pid));
        }
        let time = stopwatch.elapsed();
        if kind != Kind::Pid {
            emptied.extend(taken.into_iter().filter_map(|pid| self.roster.remove(pid)));
        }
        assert_eq!(emptied.len(), count, "every wait takes a zombie of the pile");
        self.refill(&emptied)?;
        Ok(time)
    }

    /// Adds a zombie to each of these groups.
    fn refill(&mut self, groups: &[GroupIndex]) -> greenproc::Result<()> {
        let leaders: Vec<Pid> = groups.iter().map(|&group| self.groups[group]).collect();
        let pids = self.brood.raise(self.parent, &leaders, &mut self.random)?;
        for (pid, &group) in pids.into_iter().zip(groups) {
            self.roster.insert(pid, group);
        }
        Ok(())
    }
}

/// Makes so many zombies and takes them in random order, so that the memory that the pile will use is given out in no
/// order, as in a runtime that has run for a while. Else the oldest zombies of a fresh pile lie side by side, and waits
/// for them are cheaper than they will ever be again.
fn scatter(parent: &Process, size: usize, random: &mut Random) -> greenproc::Result<()> {
    let mut pids = (0..size)
        .map(|_| Ok(parent.spawn(Command::new("s", |_| {}))?.id()))
        .collect::<greenproc::Result<Vec<Pid>>>()?;
    random.shuffle(&mut pids);
    for pid in pids {
        drop(parent.wait4(WaitFor::Pid(pid), WaitFlags::empty())?);
    }
    Ok(())
}
