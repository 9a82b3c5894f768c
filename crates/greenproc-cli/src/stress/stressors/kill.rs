//! Kills, wherever the victim may be.

use std::io::{self, Read as _};

use crossbeam_channel::{Sender, bounded};
use greenproc::{Child, Command, ExitStatus, Process, Signal, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "kill",
    about: "Kills, wherever the victim may be",
    op: "a kill",
    checks: "each victim ends by the signal that was sent",
    unchecked: Some("that a signal finds its victim at the intended step of its way"),
    round,
};

/// Where the victim is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Sleep,
    /// In wait, with a child that lives.
    Wait,
    /// In read(2), of a pipe that nobody writes to.
    Read,
    /// In a loop with a checkpoint.
    Loop,
    /// Made, and perhaps not yet begun.
    Embryo,
}

const PLACES: [Place; 5] = [Place::Sleep, Place::Wait, Place::Read, Place::Loop, Place::Embryo];

fn round(worker: &mut Worker<'_>, _room: u64) -> greenproc::Result<u64> {
    let place = PLACES[worker.rng.usize(0..PLACES.len())];
    let signal = if worker.rng.bool() { Signal::KILL } else { Signal::TERM };
    let (ready, is_ready) = bounded(1);
    let Some(victim) = worker.spawn(Command::new("victim", move |process| suffer(process, place, &ready)))?
    else {
        return Ok(0);
    };
    // The kill comes just before the victim is in its place, or while it is there.
    if !matches!(place, Place::Embryo) && worker.process.recv(&is_ready).is_err() {
        return gave_up(worker, &victim);
    }
    if matches!(place, Place::Wait) {
        // Its child outlives it, for a moment.
        worker.ledger.left_to_others(1);
    }
    let kill = worker.stopwatch.moment();
    victim.signal(signal)?;
    worker.reap_as(&victim, ExitStatus::killed(signal))?;
    worker.stopwatch.killed(kill);
    Ok(1)
}

/// The victim could not get to its place, for want of a descriptor or of room for its child.
fn gave_up(worker: &mut Worker<'_>, victim: &Child) -> greenproc::Result<u64> {
    worker.ledger.refused();
    let waited = worker.reap(WaitFor::Child(victim), WaitFlags::empty())?;
    worker.ledger.expect(waited.is_some_and(|waited| waited.status.success()));
    Ok(0)
}

/// The body of the victim. Returns only if it could not get to its place.
fn suffer(process: &Process, place: Place, ready: &Sender<()>) {
    match place {
        Place::Sleep => {
            let _ = ready.send(());
            Idle::Sleep.stay(process)
        }
        Place::Loop => {
            let _ = ready.send(());
            Idle::Loop.stay(process)
        }
        Place::Embryo => Idle::Sleep.stay(process),
        Place::Read => {
            let Ok((mut silent, _open)) = io::pipe() else { return };
            let _ = ready.send(());
            loop {
                // It never returns: the other end stays open, and nobody writes.
                let _ = process.blocking(|| silent.read(&mut [0; 16]));
            }
        }
        Place::Wait => {
            // The child ends when its parent, and with it the gate, is gone.
            let (_gate, gone) = bounded::<()>(0);
            let child = Command::new("bereaved", move |process| drop(process.recv(&gone)));
            if process.spawn(child).is_err() {
                return;
            }
            let _ = ready.send(());
            loop {
                let _ = process.wait();
            }
        }
    }
}
