//! What init runs unless the builder gave it something else: it waits for whatever becomes its child.

use crate::kernel::{BATCH, Leftovers, Turns};
use crate::lwp::Place;
use crate::pace::Doze;
use crate::process::Process;
use crate::selector::WaitFlags;
use crate::starts::Call;
use crate::tree::{Poll, Wanted, Who};

/// Reaps every child of init, and orphans as they come, until init is made to end.
pub(crate) fn run(init: &Process) {
    let kernel = &init.worker.kernel;
    let slot = &init.worker.seat.slot;
    let wanted = Wanted::new(Who::Any, WaitFlags::EXITED | WaitFlags::ALLSIG);
    let Some(node) = init.record.node() else { return };
    // Nobody else looks for what becomes of the orphans.
    let _listening = kernel.departures.listen(init.record.pid);
    kernel.lock().tree.enter_channel(node, slot, wanted);
    let mut turns = Turns::default();
    loop {
        init.checkpoint();
        let mut leftovers = Leftovers::default();
        let mut list = kernel.lock();
        list.tree.rearm(node, slot);
        for _ in 0..BATCH {
            let Poll::Ready(child, _) = list.tree.poll(node, &wanted) else { break };
            let reaped = list.tree.reap(child);
            list.note_reaped(&kernel.pids, &reaped);
            leftovers.push(reaped);
        }
        if leftovers.is_empty() {
            // Unlike a wait, this one sleeps without a child too: there will be orphans.
            let doze = Doze::begin(init.worker.pace());
            let call = doze.call(&kernel.starts, init.worker.class);
            if !matches!(call, Call::Nobody) {
                drop(list);
                kernel.answer(init.worker.class, call);
                continue;
            }
            let request = init.fall_asleep(&mut init.record.state.lock(), Place::Waiting);
            if request.is_none() {
                slot.cv.wait(&mut list);
                init.wake_up(&mut init.record.state.lock());
            } else {
                list.tree.leave_channel(node, slot, None);
            }
            drop(list);
            drop(doze);
            if let Some(request) = request {
                // What becomes of it, init goes on reaping.
                let _ = init.meet(request);
                kernel.lock().tree.enter_channel(node, slot, wanted);
            }
        } else {
            turns.unlock(list);
            kernel.dispose(leftovers);
        }
    }
}
