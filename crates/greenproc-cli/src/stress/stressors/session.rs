//! Sessions whose leader ends while a job of it stands still: the job is orphaned, and let go.

use greenproc::{Command, ExitStatus, Process, ProcessGroup, Signal, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "session",
    about: "Sessions whose leader ends while a job of it stands still: the job is orphaned, and let go",
    op: "a session",
    checks: "each stop is told to the leader; each job is let go, as else it would be left",
    unchecked: Some("the status of the jobs, which init reaps"),
    round,
};

fn round(worker: &mut Worker<'_>, _room: u64) -> greenproc::Result<u64> {
    let jobs = worker.rng.u8(1..=3);
    let idle = Idle::any(&mut worker.rng);
    let leader = Command::new("leader", move |p: &Process| lead(p, jobs, idle)).new_session();
    let Some(leader) = worker.spawn(leader)? else { return Ok(0) };
    let waited = worker.reap(WaitFor::Child(&leader), WaitFlags::empty())?;
    let code = waited.and_then(|waited| waited.status.code());
    // The value says how many jobs it left.
    worker.ledger.expect(code.is_some_and(|code| (0..=i32::from(jobs)).contains(&code)));
    worker.ledger.left_to_others(code.unwrap_or(0) as u64);
    Ok(1)
}

fn lead(process: &Process, jobs: u8, idle: Idle) -> greenproc::Result<i32> {
    const WRONG: i32 = 100;
    if process.sid() != process.pid() || process.setsid().is_ok() {
        return Ok(WRONG);
    }
    let mut left = 0;
    for _ in 0..jobs {
        let job = Command::new("job", move |p| idle.stay(p)).process_group(ProcessGroup::New);
        let Ok(job) = process.spawn(job) else { break };
        left += 1;
        process.kill(job.id(), Signal::TSTP)?;
        let seen = process.waitid(WaitFor::Pid(job.id()), WaitFlags::STOPPED)?;
        if seen.is_none_or(|seen| seen.status != ExitStatus::stopped(Signal::TSTP)) {
            return Ok(WRONG);
        }
    }
    // Each job gets SIGHUP and SIGCONT from here on, and ends.
    Ok(left)
}
