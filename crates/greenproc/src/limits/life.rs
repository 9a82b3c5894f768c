//! Limits in the life of a process: handed down, in force, given back.

use std::sync::Arc;

use greenproc_sync::time;

use super::{Limits, Pair};
use crate::extras::Extras;
use crate::kernel::Kernel;
use crate::proc::Proc;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::ticker::Key;
use crate::usage::Usage;

impl Extras {
    /// A child has its parent's limits, and is in its share.
    pub(crate) fn hand_limits_down(&self, child: &Proc) {
        if let Some(limits) = self.limits.get() {
            let Pair { soft, hard } = limits.get();
            // That one is the parent's: the child is in it, and has none of its own.
            let own = |limits| Limits { subtree_cpu: None, ..limits };
            child.need_extras().give_limits(Pair { soft: own(soft), hard: own(hard) });
        }
        if let Some(share) = self.share.share() {
            child.need_extras().share.join(share);
        }
    }

    pub(crate) fn give_limits(&self, pair: Pair) {
        self.limits.get_or_init(Box::default).give(pair);
    }

    /// What is inherited or given is in force from here on. Nobody can see the process yet.
    pub(crate) fn watch_over(&self, kernel: &Kernel, process: &Arc<Proc>) {
        if let Some(share) = self.share.share()
            && !share.enter(process)
        {
            // Those before it were killed: none escapes by making another.
            let killed = ExitStatus::killed(Signal::KILL);
            let nudges = process.state.lock().begin_exit(killed, None, time::now);
            kernel.nudge(process, nudges);
        }
        if let Some(limits) = self.limits.get() {
            let pair = limits.get();
            process.enforce(kernel, &pair);
            self.share.limit(kernel, process, pair.soft.subtree_cpu, pair.hard.subtree_cpu);
        }
        if self.counters.counts() || self.share.share().is_some() {
            // Others look at what its end adds to.
            process.end_in_full();
        }
    }

    /// Takes that back for a process that could not be linked.
    pub(crate) fn disown(&self, kernel: &Kernel, process: &Proc) {
        self.unwatch(kernel, process);
        self.leave_share(kernel, process, Usage::default());
    }

    /// The end of the process is decided: its CPU time is of no interest any more.
    pub(crate) fn unwatch(&self, kernel: &Kernel, process: &Proc) {
        if self.limits.get().is_some() {
            kernel.timekeeper.ticker.unwatch(Key::Cpu(process.pid));
        }
    }

    /// The process has ended, and its usage is final. In the hold in which that becomes visible.
    pub(crate) fn settle(&self, kernel: &Kernel, process: &Proc, usage: Usage, parent: Option<&Arc<Proc>>) {
        self.counters.settle(usage, parent);
        self.leave_share(kernel, process, usage);
    }

    fn leave_share(&self, kernel: &Kernel, process: &Proc, usage: Usage) {
        if let Some(share) = self.share.share() {
            share.leave(kernel, process, usage);
        }
    }
}
