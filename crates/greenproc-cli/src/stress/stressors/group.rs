//! Groups that are signalled at once: every member gets exactly one.

use greenproc::{
    Command, ExitStatus, Pid, Process, ProcessGroup, SigSet, Signal, Target, WaitFlags, WaitFor,
};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "group",
    about: "Groups that are signalled at once: every member gets exactly one",
    op: "a member of a group",
    checks: "each member ends by its one signal, and none has a second one",
    unchecked: None,
    round,
};

/// The largest group in most rounds.
const MEMBERS: u64 = 200;

/// The largest of all, and how seldom it is made.
const CROWD: u64 = 10_000;
const SELDOM: u32 = 100;

fn round(worker: &mut Worker<'_>, room: u64) -> greenproc::Result<u64> {
    let crowd = worker.rng.u32(0..SELDOM) == 0;
    let wish = if crowd { CROWD } else { worker.rng.u64(1..=MEMBERS) }.min(room);
    let fatal = worker.rng.bool();
    let blocked = if fatal { SigSet::EMPTY } else { SigSet::of(Signal::USR1) };
    let mut group: Option<Pid> = None;
    let mut members = 0;
    for _ in 0..wish {
        let place = group.map_or(ProcessGroup::New, ProcessGroup::Join);
        let body = move |p: &Process| if fatal { Idle::Sleep.stay(p) } else { take_one(p) };
        let member = Command::new("member", body).process_group(place).signal_mask(blocked);
        let Some(member) = worker.spawn(member)? else { break };
        group.get_or_insert(member.id());
        members += 1;
    }
    let Some(group) = group else { return Ok(0) };
    worker.process.kill(Target::Group(group), Signal::USR1)?;
    let expected = if fatal { ExitStatus::killed(Signal::USR1) } else { ExitStatus::exited(0) };
    for _ in 0..members {
        let waited = worker.reap(WaitFor::Group(group), WaitFlags::empty())?;
        worker.ledger.expect(waited.is_some_and(|waited| waited.status == expected));
    }
    let nobody = worker.process.wait4(WaitFor::Group(group), WaitFlags::NOHANG);
    worker.ledger.expect(matches!(nobody, Err(greenproc::Error::NoChild)));
    Ok(members)
}

/// Takes one signal, and looks that it was the only one.
fn take_one(process: &Process) -> greenproc::Result<i32> {
    process.sigtimedwait(Signal::USR1, None)?;
    Ok(i32::from(!process.sigpending().is_empty()))
}
