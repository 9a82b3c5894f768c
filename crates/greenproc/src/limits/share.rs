//! The CPU time that a process and all its descendants share (row 65).
//!
//! A share is an account that is handed down: who is in it puts all children into it, so nobody leaves it by changing parents.
//! The living are looked at when somebody asks, the dead have left their final usage. A process that begins a share of its
//! own is in that one and in all in which it was.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use greenproc_sync::Mutex;
use greenproc_sync::atomic::{AtomicU64, Ordering};

use super::cpu;
use crate::inspect::usage_now;
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::signal::Signal;
use crate::ticker::{Key, Watched};
use crate::tree::NodeRef;
use crate::usage::Usage;

pub(crate) struct Share {
    id: u64,
    leader: Pid,
    /// The share in which the leader was before.
    outer: Option<Arc<Share>>,
    state: Mutex<Leaf, State>,
}

#[derive(Default)]
struct State {
    /// Who has not ended. A member leaves before its record goes.
    members: HashMap<Pid, Weak<Proc>>,
    /// What those used that have ended.
    dead: Usage,
    next_signal: Option<Duration>,
    hard: Option<Duration>,
    /// The hard limit was reached: nobody comes in alive.
    over: bool,
}

/// The share in which a process is, once it is in one.
#[derive(Default)]
pub(crate) struct Membership(Mutex<Leaf, Option<Arc<Share>>>);

impl Membership {
    pub(crate) fn share(&self) -> Option<Arc<Share>> {
        self.0.lock().clone()
    }

    pub(crate) fn join(&self, share: Arc<Share>) {
        let former = self.0.lock().replace(share);
        drop(former);
    }

    /// Sets the limit of the process's own share, which begins now if it has none.
    pub(crate) fn limit(
        &self,
        kernel: &Kernel,
        process: &Arc<Proc>,
        soft: Option<Duration>,
        hard: Option<Duration>,
    ) {
        let share = {
            let mut current = self.0.lock();
            let own = current.as_ref().filter(|share| share.leader == process.pid);
            match own {
                Some(own) => Arc::clone(own),
                None if soft.is_none() && hard.is_none() => return,
                None => {
                    let share = Share::begin(process, current.take());
                    *current = Some(Arc::clone(&share));
                    share
                }
            }
        };
        {
            let mut state = share.state.lock();
            (state.next_signal, state.hard) = (soft, hard);
        }
        let keeper = &kernel.timekeeper;
        keeper.ticker.watch(keeper, Key::Share(share.id), Watched::Share(Arc::downgrade(&share)));
    }
}

impl Share {
    fn begin(leader: &Arc<Proc>, outer: Option<Arc<Share>>) -> Arc<Share> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let members = HashMap::from([(leader.pid, Arc::downgrade(leader))]);
        Arc::new(Share {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            leader: leader.pid,
            outer,
            state: Mutex::new(State { members, ..State::default() }),
        })
    }

    /// This share and those around it.
    fn all(&self) -> impl Iterator<Item = &Share> {
        std::iter::successors(Some(self), |share| share.outer.as_deref())
    }

    /// Whether this is the share that the process itself began.
    pub(crate) fn is_led_by(&self, process: &Proc) -> bool {
        self.leader == process.pid
    }

    /// Takes a new process in, which nobody can see yet; whether it is to live.
    #[must_use = "who comes too late is killed"]
    pub(crate) fn enter(&self, process: &Arc<Proc>) -> bool {
        let mut lives = true;
        for share in self.all() {
            let mut state = share.state.lock();
            state.members.insert(process.pid, Arc::downgrade(process));
            lives &= !state.over;
        }
        lives
    }

    /// A process has ended, having used so much. Its part of the account stays, its place is given back.
    pub(crate) fn leave(&self, kernel: &Kernel, process: &Proc, usage: Usage) {
        for share in self.all() {
            let empty = {
                let mut state = share.state.lock();
                if state.members.remove(&process.pid).is_some() {
                    state.dead += usage;
                }
                state.members.is_empty()
            };
            if empty {
                // Nobody is left who could make another member.
                kernel.timekeeper.ticker.unwatch(Key::Share(share.id));
            }
        }
    }

    /// What all have used so far.
    pub(crate) fn usage(&self) -> Usage {
        let (mut usage, living) = self.reckon();
        for process in living {
            usage += usage_now(&process);
        }
        usage
    }

    /// What the dead have used, and the living, in one moment: who ends after it still has its final usage in its record.
    fn reckon(&self) -> (Usage, Vec<Arc<Proc>>) {
        let state = self.state.lock();
        (state.dead, state.members.values().filter_map(Weak::upgrade).collect())
    }

    /// Looks whether the share has come to its limit; how long it need not be looked at again.
    pub(crate) fn look_at(&self, kernel: &Kernel) -> Option<Duration> {
        let used = self.usage().total();
        let (look, members) = {
            let mut state = self.state.lock();
            let hard = state.hard;
            let look = cpu::look(used, &mut state.next_signal, hard);
            // From this hold on whoever comes in is killed at birth, and the others are in the list.
            state.over |= look.signal == Some(Signal::KILL);
            let members: Option<Vec<Arc<Proc>>> =
                look.signal.map(|_| state.members.values().filter_map(Weak::upgrade).collect());
            (look, members.unwrap_or_default())
        };
        if let Some(signal) = look.signal {
            for member in members {
                kernel.post(&member, signal);
            }
        }
        look.left.map(cpu::patience)
    }

    /// How many have not ended.
    #[cfg(test)]
    pub(crate) fn members(&self) -> usize {
        self.state.lock().members.len()
    }
}

impl Kernel {
    /// What a process and its descendants have used.
    pub(crate) fn subtree_usage(&self, process: &Proc, node: NodeRef) -> Usage {
        let share = process.extras().and_then(|extras| extras.share.share());
        match share.filter(|share| share.is_led_by(process)) {
            Some(share) => share.usage(),
            None => self.usage_below(node),
        }
    }

    /// The same for one that has no share, by the tree: whoever dies after this hold has its final usage in its record.
    pub(crate) fn usage_below(&self, node: NodeRef) -> Usage {
        let (living, mut usage) = self.lock().tree.subtree(node);
        for process in living {
            usage += usage_now(&process);
        }
        usage
    }
}
