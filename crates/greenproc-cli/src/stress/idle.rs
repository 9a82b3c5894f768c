//! Ways to wait for what never comes.

use std::time::Duration;

use fastrand::Rng;
use greenproc::Process;

/// Longer than any run.
const FOR_EVER: Duration = Duration::from_hours(100 * 365 * 24);

/// Where an LWP is until it is made to leave.
#[derive(Clone, Copy, Debug)]
pub(super) enum Idle {
    Sleep,
    Receive,
    Loop,
}

impl Idle {
    pub(super) fn any(rng: &mut Rng) -> Idle {
        match rng.u8(0..3) {
            0 => Idle::Sleep,
            1 => Idle::Receive,
            _ => Idle::Loop,
        }
    }

    /// Stays there.
    pub(super) fn stay(self, process: &Process) -> ! {
        loop {
            match self {
                // Neither returns but for a reason that the next turn meets.
                Idle::Sleep => drop(process.sleep(FOR_EVER)),
                Idle::Receive => drop(process.recv(&crossbeam_channel::never::<()>())),
                Idle::Loop => {
                    process.checkpoint();
                    // A loop that only spins would take the CPU from the one that is to end it.
                    std::thread::yield_now();
                }
            }
        }
    }
}
