//! Halting: how a tracee comes to stand for its tracer by itself.

use std::sync::Arc;

use greenproc_sync::time;

use crate::kernel::Kernel;
use crate::pid::{LwpId, Pid};
use crate::proc::Proc;
use crate::process::Process;
use crate::trace::{TraceOptions, TraceStop, Traced};

impl Kernel {
    /// Halts a traced process for the next signal that the LWP has to meet; whether it was traced. The signal is taken in
    /// the hold that halts, so nobody finds it gone and the process not halted.
    pub(crate) fn halt_for_signal(&self, process: &Arc<Proc>, lwp: LwpId) -> bool {
        let mut list = self.lock();
        let change = {
            let mut state = process.state.lock();
            if !state.is_traced() {
                return false;
            }
            state.halt_for_signal(lwp, time::now())
        };
        if let Some(change) = change {
            self.tell_change(&mut list, process, change);
        }
        true
    }
}

impl Process {
    /// Stands still here for the tracer, if there is one that wants this; whether it did.
    pub(super) fn halt(&self, is_wanted: impl Fn(&Traced) -> bool, why: &TraceStop) -> bool {
        let kernel = &self.worker.kernel;
        loop {
            let halted = {
                // Nobody begins to trace, and nobody ends it, between the look and the stop.
                let _list = kernel.lock();
                let mut state = self.record.state.lock();
                if !state.traced().is_some_and(&is_wanted) {
                    return false;
                }
                // What stops it already comes first.
                let free = !state.is_stopped();
                let change = state.halt(why.clone(), None, time::now());
                debug_assert_eq!(change, None, "the LWP that halts runs");
                free
            };
            // Should it be dying, there is nothing to stand for, and it is not stopped.
            self.stand_still();
            if halted {
                return true;
            }
        }
    }

    /// It has made a child.
    pub(crate) fn halt_after_spawn(&self, child: Pid) {
        // Where it may not unwind, it does not stand either.
        if self.record.has_signals() && self.may_unwind() {
            self.halt(|traced| traced.options.contains(TraceOptions::SPAWN), &TraceStop::Spawned(child));
        }
    }

    /// It has replaced its body, and has one LWP.
    pub(crate) fn halt_after_exec(&self) {
        if self.record.has_signals() {
            self.halt(|traced| traced.options.contains(TraceOptions::EXEC), &TraceStop::Executed);
        }
    }
}
