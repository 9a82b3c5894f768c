//! Queued real-time signals, with their values: all arrive, in order.

use greenproc::{Command, Error, ExitStatus, Process, SaFlags, SigAction, SigSet, Signal};
use greenproc_sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;

use super::Stressor;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "signal",
    about: "Queued real-time signals, with their values: all arrive, in order",
    op: "a signal",
    checks: "each value arrives once and in its turn",
    unchecked: None,
    round,
};

/// The most signals to one process.
const BURST: u64 = 2_000;

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let wish = worker.rng.u64(1..=BURST).min(room);
    let signal = Signal::real_time(worker.rng.u8(0..8)).unwrap_or(Signal::USR1);
    let handled = worker.rng.bool();
    let receive = if handled { by_handler } else { by_waiting };
    let body = move |process: &Process| receive(process, signal, wish as i64);
    // Blocked from the beginning, so that the first cannot come too early.
    let Some(target) = worker.spawn(Command::new("target", body).signal_mask(signal))? else {
        return Ok(0);
    };
    for value in 0..wish as i64 {
        while let Err(error) = worker.process.sigqueue(target.id(), signal, value) {
            // The queue is full: the target has to take some first.
            let Error::Exhausted(_) = error else { return Err(error) };
            std::thread::yield_now();
        }
    }
    worker.reap_as(&target, ExitStatus::exited(0))?;
    Ok(wish)
}

/// Takes them one by one. 0 if they came in order.
fn by_waiting(process: &Process, signal: Signal, count: i64) -> greenproc::Result<i32> {
    for expected in 0..count {
        if process.sigtimedwait(signal, None)?.value != expected {
            return Ok(1);
        }
    }
    Ok(i32::from(!process.sigpending().is_empty()))
}

/// Lets a handler count them.
fn by_handler(process: &Process, signal: Signal, count: i64) -> greenproc::Result<i32> {
    let next = Arc::new(AtomicI64::new(0));
    let counter = Arc::clone(&next);
    let handler = move |_: &Process, info: &greenproc::SigInfo| {
        // One that is out of order leaves the count behind for ever: the sum is checked below.
        if counter.load(Ordering::Relaxed) == info.value {
            counter.fetch_add(1, Ordering::Relaxed);
        } else {
            counter.store(i64::MAX, Ordering::Relaxed);
        }
    };
    process.sigaction(signal, SigAction::handler(handler).flags(SaFlags::RESTART))?;
    while next.load(Ordering::Relaxed) < count {
        // EINTR each time.
        let _ = process.sigsuspend(SigSet::EMPTY);
    }
    Ok(i32::from(next.load(Ordering::Relaxed) != count))
}
