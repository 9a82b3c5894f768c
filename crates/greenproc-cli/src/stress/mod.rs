//! `greenproc stress`: processes made, killed and reaped as fast as it goes, and a strict account of them.
//!
//! Each stressor has some worker processes. Each worker keeps a [`ledger`](ledger::Ledger) of whom it spawned and
//! whom its waits returned; at the end those are compared with each other and with what the runtime itself counted,
//! and what the host process holds is compared with what it held before.

mod audit;
mod group;
mod idle;
mod kill;
mod ledger;
mod lwp;
mod orphan;
mod plan;
mod report;
mod residue;
mod session;
mod signal;
mod spawn;
mod stopcont;
mod watch;
mod worker;
mod zombie;

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use greenproc::{Child, Command, Pid, Runtime, ShutdownReport, Stats};
use greenproc_sync::time;

use crate::cli::StressOptions;
use crate::failure::{Failure, after_writing};
use crate::ktrace::Trace;
use crate::quantity::{counted, rate};
use crate::style::Style;
use crate::{Verdict, accounting, host, lull};
use ledger::Account;
use plan::Plan;
use report::{Report, StressorReport};
use residue::{RESIDENT_BOUND, Residue};
use watch::{Ending, Watched};
use worker::Task;

/// How long init may take to reap the last orphans.
const LAST_ORPHANS: Duration = Duration::from_secs(10);

/// How long processes may take to end in the shutdown. All have ended by then, unless something is wrong.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the stressors and prints what they found.
pub(crate) fn run(options: &StressOptions) -> Result<Verdict, Failure> {
    let plan = Plan::of(options);
    let trace = Trace::create(options.trace.as_deref())?;
    let (report, recorded) = stress(&plan, options.accounting.as_deref(), trace)?;
    let write = || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if options.json {
            report.write_json(&mut out)?;
        } else {
            report.write_text(&mut out, Style::of_stdout())?;
        }
        Ok(out.flush()?)
    };
    after_writing(write(), Verdict::of(report.good).and(recorded))
}

fn stress(plan: &Plan, records: Option<&Path>, trace: Trace) -> Result<(Report, Verdict), Failure> {
    host::settle()?;
    let before = Residue::now();
    let runtime = trace.builder(accounting::builder(host::builder(), records)?).boot()?;
    let ended = end_of_workers(&runtime, plan);
    let traced = trace.write();
    let (report, shutdown) = host::unless_ended(&runtime, ended)?;
    let recorded = accounting::verdict(&runtime);
    drop(runtime);
    let growth = before.growth();
    let mut report = Report {
        leaked_threads: growth.threads,
        resident_growth_bytes: growth.resident,
        stuck: report.stuck + shutdown.stuck.len() as u64,
        ..report
    };
    report.good = report.faults().is_empty();
    Ok((report, recorded.and(traced)))
}

/// Lets the workers work and shuts the runtime down. What the host process holds afterwards is not in the report.
fn end_of_workers(runtime: &Runtime, plan: &Plan) -> Result<(Report, ShutdownReport), Failure> {
    let at_boot = runtime.stats();
    let (sender, endings) = unbounded();
    let start = time::now();
    let workers = start_workers(runtime, plan, &sender)?;
    drop(sender);
    let mut auditor = audit::auditor(runtime);
    let watched = watch::watch(plan, start, &endings, || auditor.look());
    let mut failures = failures(&workers, watched.stuck)?;
    lull::within(LAST_ORPHANS, || {
        let now = runtime.stats();
        // Init gives a pid back after it has reaped its process.
        now.processes <= at_boot.processes && now.pids_in_use <= at_boot.pids_in_use
    });
    auditor.look();
    failures.extend(auditor.found());
    let at_end = runtime.stats();
    let left = processes_left(runtime);
    let shutdown = runtime.shutdown(GRACE)?;
    let report = Report {
        stuck: watched.stuck,
        failures,
        processes_left: left,
        ..summary(plan, &watched, &at_boot, &at_end)
    };
    Ok((report, shutdown))
}

fn start_workers(runtime: &Runtime, plan: &Plan, endings: &Sender<Ending>) -> Result<Vec<Child>, Failure> {
    let mut workers = Vec::with_capacity(plan.workers());
    for (number, stressor) in plan.stressors.iter().enumerate() {
        for task in &stressor.tasks {
            workers.push(runtime.spawn(worker(stressor.label(), number, task.clone(), endings.clone()))?);
        }
    }
    Ok(workers)
}

fn worker(name: String, stressor: usize, task: Task, endings: Sender<Ending>) -> Command {
    Command::new(name, move |process| {
        let account = worker::work(process, &task)?;
        // The watcher listens until all have ended.
        let _ = endings.send((stressor, account));
        greenproc::Result::Ok(())
    })
}

/// What went wrong with workers, in words. Where some are stuck, nobody is waited for: the shutdown deals with them.
fn failures(workers: &[Child], stuck: u64) -> Result<Vec<String>, Failure> {
    let mut failures = Vec::new();
    for worker in workers {
        let waited = if stuck > 0 { worker.try_wait()? } else { Some(worker.wait()?) };
        let Some(waited) = waited else {
            failures.push(format!("worker {} ({}) did not end", worker.id(), worker.name()));
            continue;
        };
        if !waited.status.success() {
            let reason = waited.report.as_ref().map(|report| format!(": {report}")).unwrap_or_default();
            failures.push(format!("worker {} ({}): {}{reason}", waited.pid, worker.name(), waited.status));
        }
    }
    Ok(failures)
}

/// Some of the processes that are there although all has ended, in words, for whoever has to find out why.
fn processes_left(runtime: &Runtime) -> Vec<String> {
    const ENOUGH: usize = 20;
    let snapshot = runtime.snapshot();
    let strangers = snapshot.processes.iter().filter(|process| process.pid != Pid::INIT);
    let told = strangers.take(ENOUGH).map(|process| {
        let state = process.state.letter();
        let lwps = counted(process.lwps as u64, "LWP");
        format!("{} ({}), child of {}, state {state}, {lwps}", process.pid, process.name, process.ppid)
    });
    told.collect()
}

/// What the workers and the runtime counted, side by side.
fn summary(plan: &Plan, watched: &Watched, at_boot: &Stats, at_end: &Stats) -> Report {
    let mut account = Account::default();
    let mut ops = 0;
    let mut report = Report {
        good: false,
        seed: plan.seed,
        duration_seconds: watched.elapsed.as_secs_f64(),
        ops,
        ops_per_second: 0.0,
        account,
        unaccounted: 0,
        leaked_processes: at_end.processes.saturating_sub(at_boot.processes) as u64,
        leaked_pids: at_end.pids_in_use.saturating_sub(at_boot.pids_in_use) as u64,
        leaked_threads: 0,
        resident_growth_bytes: 0,
        resident_bound_bytes: RESIDENT_BOUND,
        stuck: 0,
        failures: Vec::new(),
        processes_left: Vec::new(),
        runtime_spawned: at_end.spawned - at_boot.spawned,
        runtime_reaped: at_end.reaped - at_boot.reaped,
        stressors: std::collections::BTreeMap::new(),
    };
    for (stressor, &its_account) in plan.stressors.iter().zip(&watched.accounts) {
        let its_ops = stressor.gauge.ops();
        account += its_account;
        ops += its_ops;
        let its_report = StressorReport {
            workers: stressor.tasks.len() as u64,
            ops: its_ops,
            ops_per_second: rate(its_ops, watched.elapsed),
            account: its_account,
        };
        report.stressors.insert(stressor.label(), its_report);
    }
    report.account = account;
    report.ops = ops;
    report.ops_per_second = rate(ops, watched.elapsed);
    report.unaccounted = report.runtime_spawned.abs_diff(account.processes() + plan.workers() as u64);
    report
}
