//! The limits of one process: those in force, and the hard ones.

use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::Mutex;

use super::Limits;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::proc::Proc;
use crate::ticker::{Key, Watched};

/// How many real-time signals may be pending for a process, unless its limits say otherwise.
pub(crate) const PENDING_DEFAULT: u32 = 1 << 20;

/// The limits in force, and how far they may be raised.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pair {
    pub(crate) soft: Limits,
    pub(crate) hard: Limits,
}

impl Pair {
    /// Whether a process may have these in place of `former`.
    ///
    /// # Errors
    /// - EINVAL: a soft limit is above its hard one.
    /// - EPERM: a hard limit is above the former one, and the process is not root's.
    pub(crate) fn check(&self, former: &Pair, process: &Proc) -> Result<()> {
        if !self.soft.is_within(&self.hard) {
            return Err(Error::Invalid { what: "a soft limit may not be above its hard limit" });
        }
        if !self.hard.is_within(&former.hard) && !process.as_root() {
            return Err(Error::NotPermitted { what: "only root raises a hard limit" });
        }
        Ok(())
    }
}

/// A process's own limits, once it has any.
#[derive(Default)]
pub(crate) struct Rlimits(Mutex<Leaf, State>);

#[derive(Clone, Copy, Default)]
struct State {
    pair: Pair,
    /// At how much CPU time SIGXCPU comes next.
    next_signal: Option<Duration>,
}

impl Rlimits {
    pub(crate) fn get(&self) -> Pair {
        self.0.lock().pair
    }

    /// In one hold, so that of two LWPs that raise a limit none goes beyond what the other has left.
    ///
    /// # Errors
    /// As [`Pair::check`].
    pub(crate) fn change(&self, pair: Pair, process: &Proc) -> Result<()> {
        let mut state = self.0.lock();
        pair.check(&state.pair, process)?;
        *state = State { pair, next_signal: pair.soft.cpu };
        Ok(())
    }

    pub(crate) fn give(&self, pair: Pair) {
        *self.0.lock() = State { pair, next_signal: pair.soft.cpu };
    }

    /// What a process that has used so much CPU time is due.
    pub(super) fn look(&self, used: Duration) -> super::cpu::Look {
        let mut state = self.0.lock();
        let hard = state.pair.hard.cpu;
        super::cpu::look(used, &mut state.next_signal, hard)
    }
}

impl Proc {
    /// The limits in force.
    pub(crate) fn limits(&self) -> Limits {
        self.limit_pair().soft
    }

    pub(crate) fn limit_pair(&self) -> Pair {
        self.extras().and_then(|extras| extras.limits.get()).map(|limits| limits.get()).unwrap_or_default()
    }

    /// Sees to it that limits that were just given are kept.
    pub(crate) fn enforce(self: &Arc<Proc>, kernel: &Kernel, pair: &Pair) {
        self.state.lock().pending_limit = pair.soft.pending_signals.unwrap_or(PENDING_DEFAULT);
        if pair.soft.cpu.is_some() || pair.hard.cpu.is_some() {
            kernel.timekeeper.ticker.watch(
                &kernel.timekeeper,
                Key::Cpu(self.pid),
                Watched::Cpu(Arc::downgrade(self)),
            );
        }
    }
}
