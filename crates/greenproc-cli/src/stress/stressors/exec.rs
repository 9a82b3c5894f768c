//! A process that replaces its body again and again, alone, among other LWPs, in a race, or while it is killed.

use greenproc::{Command, ExitStatus, Pid, Process, Signal, WaitFlags, WaitFor};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "exec",
    about: "A process that replaces its body again and again, alone, among other LWPs, in a race, or while it is killed",
    op: "a process that executes up to eight times",
    checks: "pid, parent, arguments and name of each successor, and the last one's status",
    unchecked: Some("at which step of an exec a kill finds it"),
    round,
};

/// How often a process replaces its body, at most.
const STEPS: i32 = 8;

/// What a successor returns that does not find what it should.
const WRONG: i32 = 100;

/// Who is there when the body is replaced.
#[derive(Clone, Copy, Debug)]
enum Company {
    Alone,
    /// Other LWPs, which have to leave.
    Others,
    /// Another LWP executes, too.
    Rival,
    /// The worker kills it at some moment.
    Killer,
}

const COMPANIES: [Company; 4] = [Company::Alone, Company::Others, Company::Rival, Company::Killer];

fn round(worker: &mut Worker<'_>, _room: u64) -> greenproc::Result<u64> {
    let company = COMPANIES[worker.rng.usize(0..COMPANIES.len())];
    let steps = worker.rng.i32(1..=STEPS);
    let idle = Idle::any(&mut worker.rng);
    let me = worker.process.pid();
    let body = move |process: &Process| {
        let who = Who { pid: process.pid(), parent: me };
        replace(process, who, company, idle, steps)
    };
    let Some(child) = worker.spawn(Command::new("caterpillar", body))? else { return Ok(0) };
    if !matches!(company, Company::Killer) {
        worker.reap_as(&child, ExitStatus::exited(steps))?;
        return Ok(1);
    }
    for _ in 0..worker.rng.u8(0..8) {
        std::thread::yield_now();
    }
    child.kill()?;
    let waited = worker.reap(WaitFor::Child(&child), WaitFlags::empty())?;
    let killed = ExitStatus::killed(Signal::KILL);
    let may = |status| status == killed || status == ExitStatus::exited(steps);
    worker.ledger.expect(waited.is_some_and(|waited| may(waited.status)));
    Ok(1)
}

/// What stays the same.
#[derive(Clone, Copy)]
struct Who {
    pid: Pid,
    parent: Pid,
}

/// Replaces the body until no step is left; the last one's value is how many steps there were.
fn replace(process: &Process, who: Who, company: Company, idle: Idle, steps: i32) -> greenproc::Result<i32> {
    match company {
        Company::Alone | Company::Killer => {}
        // Where there is no room it is alone.
        Company::Others => drop(process.spawn_lwp(move |process: &Process| idle.stay(process))),
        Company::Rival => {
            drop(process.spawn_lwp(move |process: &Process| {
                process.exec(successor(who, company, idle, steps, 1)).map(|never| match never {})
            }));
        }
    }
    process.exec(successor(who, company, idle, steps, 1)).map(|never| match never {})
}

fn successor(who: Who, company: Company, idle: Idle, steps: i32, step: i32) -> Command {
    let body = move |process: &Process| -> greenproc::Result<i32> {
        let as_it_was = process.pid() == who.pid && process.ppid() == who.parent;
        if !as_it_was || *process.args() != [step.to_string()] || process.name() != "butterfly" {
            return Ok(WRONG);
        }
        if step == steps {
            return Ok(steps);
        }
        if matches!(company, Company::Others) {
            drop(process.spawn_lwp(move |process: &Process| idle.stay(process)));
        }
        process.exec(successor(who, company, idle, steps, step + 1)).map(|never| match never {})
    };
    Command::new("butterfly", body).arg(step.to_string())
}
