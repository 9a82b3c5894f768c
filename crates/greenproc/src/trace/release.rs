//! What becomes of tracees: a zombie goes back to its parent, and the end of a tracer is the end of those it traces, or of
//! being traced.

use std::sync::Arc;

use greenproc_sync::time;

use crate::event::EventKind;
use crate::kernel::{BATCH, Kernel, Leftovers, ProcListGuard};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::standstill::Change;
use crate::trace::TraceOptions;
use crate::tree::{NodeRef, Reaped, SeenBody};

impl Kernel {
    /// A zombie was handed back: unless that reaped it, its parent is told as if it had ended now (row 63).
    pub(crate) fn announce_return(
        &self,
        list: &mut ProcListGuard<'_>,
        zombie: NodeRef,
        reaped: Option<Box<Reaped>>,
        leftovers: &mut Leftovers,
    ) {
        if let Some(reaped) = reaped {
            list.note_reaped(&self.pids, &reaped);
            leftovers.push(*reaped);
            return;
        }
        let Some((signal, parent)) = list.tree.exit_notice(zombie) else { return };
        let parent = Arc::clone(parent);
        let Some(seen) = list.tree.see(zombie) else { return };
        let SeenBody::Dead(zombie) = seen.body else { return };
        let info = SigInfo::of_child(signal, seen.pid, zombie.uid, zombie.status, &zombie.usage);
        let (pid, name) = (seen.pid, zombie.name.clone());
        list.events.tell(pid, &name, EventKind::ExitSignal { to: parent.pid, info });
        if signal != Signal::CHLD || parent.hears_of_deaths() {
            let _ = self.send_locked(list, &parent, None, info);
        }
    }

    /// Releases all that an exiting process traces, in batches between which the lock is free: the dead go back to their
    /// parents, the living are killed, or run on if they may (decision 9).
    pub(crate) fn release_tracees<'k>(
        &'k self,
        mut list: ProcListGuard<'k>,
        tracer: NodeRef,
        tracer_pid: Pid,
    ) -> ProcListGuard<'k> {
        while list.tree.has_tracees(tracer) {
            let mut leftovers = Leftovers::default();
            for tracee in list.tree.last_tracees(tracer, BATCH) {
                match list.tree.record(tracee).map(Arc::clone) {
                    None => {
                        let own = list.tree.parent_node(tracee) == Some(tracer);
                        let reaped = list.tree.hand_back(tracee);
                        // One's own moves to its next parent now, which is told then.
                        if !own || reaped.is_some() {
                            self.announce_return(&mut list, tracee, reaped, &mut leftovers);
                        }
                    }
                    Some(process) => self.orphan_tracee(&mut list, &process, tracee, tracer_pid),
                }
            }
            drop(list);
            self.dispose(leftovers);
            list = self.lock();
        }
        list
    }

    fn orphan_tracee(&self, list: &mut ProcListGuard<'_>, process: &Arc<Proc>, node: NodeRef, tracer: Pid) {
        let options = process.state.lock().traced().map_or(TraceOptions::empty(), |traced| traced.options);
        if options.contains(TraceOptions::DETACH_ON_EXIT) {
            let signal = process.state.lock().unanswered();
            self.detach_locked(list, process, node, signal, true);
            return;
        }
        list.tree.untrace(node.id);
        process.mark_stepped(false);
        process.state.lock().forget_tracer();
        list.events.tell(process.pid, &process.name(), EventKind::TraceeKilled { tracer });
        let _ = self.send_locked(list, process, None, SigInfo::of_runtime(Signal::KILL));
    }

    /// The process is its parent's again, and goes on, with this signal if with any. If job control stops it, and does so
    /// still, its parent is told.
    pub(crate) fn detach_locked(
        &self,
        list: &mut ProcListGuard<'_>,
        process: &Arc<Proc>,
        node: NodeRef,
        signal: Option<SigInfo>,
        job_control_stays: bool,
    ) {
        let orphaned = list.tree.is_orphaned(node);
        list.tree.untrace(node.id);
        process.mark_stepped(false);
        let (gone, stopped) = {
            let mut state = process.state.lock();
            let gone = state.detach(signal, job_control_stays, || orphaned, time::now());
            // It hears no more than before, so no end is waiting for it.
            let _ = self.note_hearing(process, &state);
            (gone, state.stands_for().map(Change::Stopped))
        };
        match stopped {
            Some(change) => self.tell_change(list, process, change),
            None => list.tree.forget_stop(node),
        }
        self.nudge_locked(list, process, gone.nudges);
    }
}
