//! The end of a process that has nothing to take leave of, which most short ones are.

use std::sync::Arc;

use greenproc_sync::assert_no_locks_held;
use greenproc_sync::atomic::Ordering;

use crate::departures::Departure;
use crate::kernel::Kernel;
use crate::life::Life;
use crate::lwp::Leaving;
use crate::pid::{LwpId, Pid};
use crate::proc::{End, Proc, ProcState};
use crate::process::Process;
use crate::threads::Start;
use crate::tree::{Death, NodeRef};
use crate::worker::{Began, Ended};

/// Ends a process whose body has returned and which has nothing to take leave of: most short ones. All that the steps of [`exit`](super)
/// come to is then one hold of its `p_smutex` and an end that departs. Any other gets its `ended` back.
pub(super) fn end_plainly(process: &Process, ended: Ended, began: Began) -> Result<Option<Start>, Ended> {
    let (worker, record) = (&process.worker, &process.record);
    let kernel = &worker.kernel;
    let Ended::Returned(outcome) = ended else { return Err(ended) };
    let plain = process.lwp == LwpId::MAIN
        && record.pid != Pid::INIT
        && !record.ends_in_full()
        && record.extras().is_none()
        && kernel.interest.load(Ordering::Relaxed) == 0
        && !worker.own_thread()
        && !worker.lends_itself();
    let Some(usage) = plain.then(|| worker.short_usage(began)).flatten() else {
        return Err(Ended::Returned(outcome));
    };
    // Row 48: the dying LWP holds no lock of the runtime.
    assert_no_locks_held();
    let node = record.node().expect("a process that has not died is linked");
    let mut state = record.state.lock();
    if !state.is_plain() {
        return Err(Ended::Returned(outcome));
    }
    state.end = Some(End { status: outcome.status, report: outcome.report.map(Arc::new) });
    state.life = Life::Exiting;
    worker.take_back_seat(state.lwps.pop());
    let death = state.die(Some(usage));
    drop(state);
    kernel.stop_hearing(record);
    leave_behind(kernel, record, node, death, 1);
    Ok(worker.take_next())
}

impl ProcState {
    /// Whether there is nothing but one LWP, which nobody has asked for anything, that the end would have to see to.
    fn is_plain(&self) -> bool {
        self.life == Life::Active
            && self.lwps.len() == 1
            && self.lwps[0].leaving == Leaving::No
            && self.stop.is_none()
            && self.timers.is_none()
            && self.signals.is_none()
            && !self.term.has_handler()
    }
}

/// The end of a process that leaves nothing behind but its status, and what it used if that was more than a short life takes.
pub(super) fn leave_behind(kernel: &Kernel, record: &Proc, node: NodeRef, death: Death, threads: usize) {
    match Departure::of(node, death, threads) {
        Ok(departure) => kernel.depart(record, departure),
        Err(death) => {
            let mut list = kernel.lock();
            let ties = list.tree.ties_of(node);
            let remains = kernel.bury(&mut list, node, death, threads, &ties);
            drop(list);
            remains.dispose(kernel);
        }
    }
}
