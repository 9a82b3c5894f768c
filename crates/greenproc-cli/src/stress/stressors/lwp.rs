//! Processes with several LWPs, and the ways in which they end.

use fastrand::Rng;
use greenproc::{Command, ExitStatus, Process, Signal};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "lwp",
    about: "Processes with several LWPs, and the ways in which they end",
    op: "a process with its LWPs",
    checks: "the exit status, which says which LWP ended the process",
    unchecked: None,
    round,
};

/// How many LWPs a process has besides its main one, at most.
const LWPS: i32 = 4;

/// How a process with several LWPs ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The main LWP returns, while the others are anywhere.
    MainReturns,
    /// Another LWP calls `exit`, while the main one and the rest are anywhere.
    OtherExits,
    /// The main LWP joins them all and returns the sum of their values.
    Joined,
    /// The main LWP leaves by `exit_lwp`; the last of the others takes the process with it.
    MainLeaves,
    /// All call `exit`, each with a value of its own.
    Race,
    /// It is killed, while its LWPs begin and are anywhere.
    Killed,
}

const ENDINGS: [Ending; 6] = [
    Ending::MainReturns,
    Ending::OtherExits,
    Ending::Joined,
    Ending::MainLeaves,
    Ending::Race,
    Ending::Killed,
];

fn round(worker: &mut Worker<'_>, _room: u64) -> greenproc::Result<u64> {
    let ending = ENDINGS[worker.rng.usize(0..ENDINGS.len())];
    let lwps = worker.rng.i32(1..=LWPS);
    let mut rng = worker.rng.fork();
    let Some(child) =
        worker.spawn(Command::new("lwps", move |process| live(process, ending, lwps, &mut rng)))?
    else {
        return Ok(0);
    };
    match ending {
        Ending::MainReturns | Ending::OtherExits | Ending::Joined => {
            let sum = (1..=lwps).sum();
            worker.reap_as(&child, ExitStatus::exited(sum))?;
        }
        Ending::MainLeaves => worker.reap_as(&child, ExitStatus::exited(0))?,
        Ending::Race => {
            let waited = worker.reap(greenproc::WaitFor::Child(&child), greenproc::WaitFlags::empty())?;
            let code = waited.and_then(|waited| waited.status.code());
            worker.ledger.expect(code.is_some_and(|code| (0..=lwps).contains(&code)));
        }
        Ending::Killed => {
            child.kill()?;
            worker.reap_as(&child, ExitStatus::killed(Signal::KILL))?;
        }
    }
    Ok(1)
}

/// What the process does. The value it returns, or ends with, is the sum of 1 to `lwps` unless the ending says
/// otherwise.
fn live(process: &Process, ending: Ending, lwps: i32, rng: &mut Rng) -> i32 {
    let sum = (1..=lwps).sum();
    let mut handles = Vec::new();
    for number in 1..=lwps {
        let idle = Idle::any(rng);
        let body = move |process: &Process| match ending {
            Ending::Joined | Ending::MainLeaves => number,
            Ending::Race => process.exit(number),
            Ending::OtherExits if number == lwps => process.exit(sum),
            Ending::MainReturns | Ending::OtherExits | Ending::Killed => idle.stay(process),
        };
        // Refused if there is no room, or if the process is ending already.
        match process.spawn_lwp(body) {
            Ok(handle) => handles.push(handle),
            Err(_) => return without(process, ending, sum),
        }
    }
    match ending {
        Ending::MainReturns => sum,
        Ending::OtherExits | Ending::Killed => Idle::any(rng).stay(process),
        Ending::Joined => handles.into_iter().map(|handle| handle.join(process).unwrap_or(-1)).sum(),
        Ending::MainLeaves => process.exit_lwp(),
        Ending::Race => process.exit(0),
    }
}

/// Ends as the ending says, although not all LWPs could be made.
fn without(process: &Process, ending: Ending, sum: i32) -> i32 {
    match ending {
        Ending::MainLeaves | Ending::Race => 0,
        Ending::Killed => Idle::Receive.stay(process),
        Ending::MainReturns | Ending::OtherExits | Ending::Joined => sum,
    }
}
