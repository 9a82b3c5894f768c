//! Many processes that end at the same moment, alone or with children of their own, which go to init meanwhile.

use crossbeam_channel::{Receiver, bounded};
use greenproc::{Command, Process, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "exit-storm",
    about: "Many processes that end at the same moment, alone or with children of their own, which go to init meanwhile",
    op: "a process",
    checks: "the exit status of each, which says how many children it had",
    unchecked: Some("the status of the children that init reaps"),
    round,
};

/// How many end at once, at most, in most rounds.
const STORM: u64 = 64;

/// The greatest of all, and how seldom it is.
const HURRICANE: u64 = 1000;
const SELDOM: u32 = 50;

/// How many children each may have.
const CHILDREN: u64 = 3;

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let seldom = worker.rng.u32(0..SELDOM) == 0;
    let wish = if seldom { HURRICANE } else { worker.rng.u64(1..=STORM) }.min(room);
    let (gate, gone) = bounded::<()>(0);
    let mut stormed = 0;
    let mut children = 0;
    while stormed < wish {
        let brood = worker.rng.u64(0..=CHILDREN).min(wish - stormed - 1);
        let gone = gone.clone();
        let Some(_) = worker.spawn(Command::new("parent", move |p| breed(p, brood, &gone)))? else { break };
        stormed += 1 + brood;
        children += 1;
    }
    if children == 0 {
        return Ok(0);
    }
    drop(gone);
    drop(gate);
    for _ in 0..children {
        let waited = worker.reap(WaitFor::Any, WaitFlags::empty())?;
        let code = waited.and_then(|waited| waited.status.code());
        worker.ledger.expect(code.is_some_and(|code| (0..=CHILDREN as i32).contains(&code)));
        // Where there was no room there are fewer.
        worker.ledger.left_to_others(code.unwrap_or(0) as u64);
    }
    Ok(stormed)
}

/// Makes the children, and ends with them when the gate is gone. Returns how many it has made.
fn breed(process: &Process, brood: u64, gone: &Receiver<()>) -> i32 {
    let mut made = 0;
    for _ in 0..brood {
        let gone = gone.clone();
        if process.spawn(Command::new("child", move |p| drop(p.recv(&gone)))).is_ok() {
            made += 1;
        }
    }
    let _ = process.recv(gone);
    made
}
