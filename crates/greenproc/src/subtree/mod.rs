//! What is done to everybody below a process.
//!
//! A signal to a group or to all reaches those who are there when it is sent; who forks at that moment escapes. A sweep of a
//! subtree (`tree/sweep.rs`) reaches everybody: those who are there, those who are born meanwhile, and those who move
//! because their parents end. Each is reached once, in holds of `proclist_lock` of a bounded length.

mod child;
mod death_signal;
mod freeze;
mod frozen;

pub use freeze::Freeze;
pub(crate) use frozen::Freezes;

use std::sync::Arc;

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::kernel::{BATCH, Kernel, Phase, ProcListGuard};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::siginfo::{SigCode, SigInfo};
use crate::signal::Signal;
use crate::subtree::frozen::FreezeId;
use crate::target;
use crate::tree::{NodeRef, SweepId, Swept};

/// Whom a signal to a whole subtree reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Killed {
    /// How many processes the signal was posted to: each once, those included that were born meanwhile. Who was ending
    /// already is not counted.
    pub count: usize,
    /// How many the caller may not signal. Those below them were tried all the same.
    pub refused: usize,
    /// The first of those.
    pub first_refused: Option<Pid>,
}

/// A sweep that is under way, and what it does.
pub(crate) struct Sweeping {
    id: SweepId,
    caller: Option<Arc<Proc>>,
    deed: Deed,
    reached: Killed,
}

/// What is done to each process of a subtree.
#[derive(Clone, Copy)]
enum Deed {
    Signal(SigInfo),
    Freeze(FreezeId),
}

/// Whether the root of a subtree is meant too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Meant,
    Spared,
}

impl Process {
    /// Sends a signal to everybody below this process, which must be one that adopts the orphans below it
    /// ([`set_child_subreaper`](Process::set_child_subreaper), or init): so that whoever was made below it is below it
    /// still. The caller is spared. With SIGKILL this is how a supervisor ends all that a job has started, however it forks.
    ///
    /// **Nobody escapes**: whoever is below the caller when the call begins, or is born there before it returns, gets the
    /// signal once. If that ends it, it makes no child any more either, also not one whose spawn is under way: after the
    /// call with SIGKILL nobody below the caller is there but such as are ending, and the caller's waits find them one by
    /// one, until ECHILD. Children that other LWPs of the caller make meanwhile are reached as well.
    ///
    /// Stopped processes, those with a thread of their own and those whose bodies have not begun are reached like all
    /// others; zombies take no signal. It does not wait for anybody, and is no checkpoint.
    ///
    /// # Errors
    /// - EINVAL: the process is no subreaper.
    /// - EPERM: there are processes below it, and it may signal none of them. If it may signal some, that is done, and
    ///   [`Killed::refused`] counts the others.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: FreeBSD `procctl(PROC_REAP_KILL)`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("supervisor", |p| {
    ///     p.set_child_subreaper(true)?;
    ///     p.spawn(Command::new("job", |p| {
    ///         let _ = p.spawn(Command::new("helper", |p| p.sleep(std::time::Duration::from_hours(1))));
    ///         p.sleep(std::time::Duration::from_hours(1))
    ///     }))?;
    ///     let killed = p.reap_kill(Signal::KILL)?;
    ///     let mut ended = 0;
    ///     while p.wait().is_ok() {
    ///         ended += 1;
    ///     }
    ///     assert_eq!(ended, killed.count); // one or two: the helper may not have been made
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reap_kill(&self, signal: Signal) -> Result<Killed> {
        self.gate(
            Call::ReapKill,
            || args![signal],
            || {
                let node = self.live_node()?;
                let kernel = &self.worker.kernel;
                if self.record.pid != Pid::INIT && !kernel.lock().tree.is_subreaper(node) {
                    return Err(Error::Invalid {
                        what: "only a process that adopts orphans knows all that was made below it",
                    });
                }
                kernel.signal_subtree(Some(&self.record), node, Root::Spared, signal)
            },
        )
    }
}

impl Kernel {
    /// Sends a signal to everybody below a process, and to that one itself unless it is spared.
    fn signal_subtree(
        &self,
        caller: Option<&Arc<Proc>>,
        root: NodeRef,
        who: Root,
        signal: Signal,
    ) -> Result<Killed> {
        let info = target::info_from(caller, signal, SigCode::User);
        self.sweep_subtree(self.lock(), caller, root, who, Deed::Signal(info))
    }

    /// Does something to everybody below a process, and to that one itself unless it is spared, beginning in the hold that the
    /// caller has.
    fn sweep_subtree<'k>(
        &'k self,
        mut list: ProcListGuard<'k>,
        caller: Option<&Arc<Proc>>,
        root: NodeRef,
        who: Root,
        deed: Deed,
    ) -> Result<Killed> {
        let id = list.tree.begin_sweep(root);
        list.sweeping.push(Sweeping { id, caller: caller.map(Arc::clone), deed, reached: Killed::default() });
        if who == Root::Meant
            && let Some(record) = list.tree.record(root).map(Arc::clone)
        {
            self.reach(&mut list, id, &record);
        }
        loop {
            let Swept { found, done } = list.tree.sweep(id, BATCH);
            for record in &found {
                self.reach(&mut list, id, record);
            }
            if done {
                let known = list.tree.end_sweep(id);
                let place = list.sweeping.iter().position(|sweeping| sweeping.id == id);
                let sweeping = place.map(|place| list.sweeping.swap_remove(place));
                drop(list);
                drop((found, known));
                let reached = sweeping.map(|sweeping| sweeping.reached).unwrap_or_default();
                if reached.count == 0 && reached.refused > 0 {
                    return Err(target::FOREIGN);
                }
                return Ok(reached);
            }
            drop(list);
            drop(found);
            list = self.lock();
        }
    }

    /// Does what a sweep is for to one process that it has come to.
    fn reach(&self, list: &mut ProcListGuard<'_>, id: SweepId, process: &Arc<Proc>) {
        let Some(place) = list.sweeping.iter().position(|sweeping| sweeping.id == id) else { return };
        let Sweeping { caller, deed, reached, .. } = &mut list.sweeping[place];
        let deed = *deed;
        let signal = match deed {
            Deed::Signal(info) => info.signal,
            Deed::Freeze(_) => Signal::STOP,
        };
        if !target::permits(caller.as_ref(), process, signal) {
            reached.refused += 1;
            reached.first_refused.get_or_insert(process.pid);
            return;
        }
        let is_ending = || process.state.lock().life.begin_exit().is_none();
        let info = match deed {
            Deed::Signal(info) => info,
            Deed::Freeze(freeze) => {
                reached.count += 1;
                // A shutdown that has begun meanwhile wants nobody to stand still.
                if let Some(node) = process.node().filter(|_| list.phase == Phase::Running) {
                    list.freeze_one(freeze, node, process);
                }
                return;
            }
        };
        if !is_ending() {
            reached.count += 1;
            list.events.tell(
                process.pid,
                &process.name(),
                crate::EventKind::Signalled { signal: info.signal },
            );
            // Who has as many signals pending as may be takes no more.
            let _ = self.send_locked(list, process, None, info);
        }
        if is_ending() {
            process.set_doomed();
        }
    }

    /// A process was born while sweeps are under way: those reach it that it is in.
    pub(crate) fn reach_newborn(&self, list: &mut ProcListGuard<'_>, node: NodeRef, process: &Arc<Proc>) {
        for id in list.tree.sweep_newborn(node) {
            self.reach(list, id, process);
        }
    }

    /// Processes were given away that sweeps had not come to.
    pub(crate) fn reach_given(&self, list: &mut ProcListGuard<'_>, given: &[(SweepId, Arc<Proc>)]) {
        for (id, process) in given {
            self.reach(list, *id, process);
        }
    }
}
