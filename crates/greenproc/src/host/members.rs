//! The runtimes of this OS process that take something from the host.

use std::sync::Arc;
use std::time::Duration;

use greenproc_os::kick::Kick;
use greenproc_sync::Mutex;

use super::dispatcher;
use super::signals::{HostAction, HostSignals};
use crate::error::Result;
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::signal::Signal;

static MEMBERS: Mutex<Leaf, Vec<Member>> = Mutex::new(Vec::new());

/// A runtime that asked. It is here from its boot until it is down.
struct Member {
    kernel: Arc<Kernel>,
    plan: Plan,
}

/// What a runtime asked for, and the host lets it have.
pub(crate) struct Plan {
    signals: HostSignals,
    orphan_grace: Option<Duration>,
}

impl Plan {
    /// Checks what is asked for, and sees to it that the dispatcher is told of these signals.
    pub(crate) fn make(signals: HostSignals, orphan_grace: Option<Duration>, kick: Kick) -> Result<Plan> {
        signals.check(kick)?;
        let plan = Plan { signals, orphan_grace };
        if !plan.is_empty() {
            let asked = plan.signals.rules().iter().map(|&(signal, _)| signal);
            dispatcher::take(asked.chain(orphan_grace.map(|_| Signal::CHLD)), kick)?;
        }
        Ok(plan)
    }

    fn is_empty(&self) -> bool {
        self.signals.rules().is_empty() && self.orphan_grace.is_none()
    }

    fn action(&self, signal: Signal) -> Option<HostAction> {
        self.signals.rules().iter().find(|&&(asked, _)| asked == signal).map(|&(_, action)| action)
    }
}

/// From here on the runtime gets what it asked for.
pub(crate) fn join(kernel: &Arc<Kernel>, plan: Plan) {
    if plan.is_empty() {
        return;
    }
    let orphans = plan.orphan_grace.is_some();
    MEMBERS.lock().push(Member { kernel: Arc::clone(kernel), plan });
    if orphans {
        // There may be some that died before anybody listened for SIGCHLD.
        dispatcher::ring();
    }
}

/// The runtime is down. Called without a lock.
pub(crate) fn leave(kernel: &Kernel) {
    let left = {
        let mut members = MEMBERS.lock();
        let place = members.iter().position(|member| std::ptr::eq(&raw const *member.kernel, kernel));
        place.map(|place| members.swap_remove(place))
    };
    drop(left);
}

/// Who asked for this signal, and what is to be done about it.
pub(super) fn who_take(signal: Signal) -> Vec<(Arc<Kernel>, HostAction)> {
    let members = MEMBERS.lock();
    let taking = |member: &Member| Some((Arc::clone(&member.kernel), member.plan.action(signal)?));
    members.iter().filter_map(taking).collect()
}

/// How long a zombie of the host has to be left alone: as long as the most patient runtime asks for. `None` if orphans
/// are nobody's concern.
pub(super) fn orphan_grace() -> Option<Duration> {
    MEMBERS.lock().iter().filter_map(|member| member.plan.orphan_grace).max()
}
