//! `greenproc stress`: processes made, killed and reaped as fast as it goes, and a strict account of them.
//!
//! Each [stressor](stressors) has some [workers](mod@worker), which are processes. Each worker keeps a
//! [`ledger`] of whom it spawned and whom its waits returned; at the end those are compared with each
//! other and with what the runtime itself counted, and what the host process holds is compared with what it held before.
//! With `--verify` there is a second account, kept from what the runtime tells ([`book`]).

mod audit;
mod bars;
mod beside_host;
mod book;
mod idle;
mod latency;
mod ledger;
pub(crate) mod options;
mod output;
mod page;
mod plan;
mod report;
mod residue;
mod samples;
mod soak;
mod stressors;
mod text;
mod trend;
mod watch;
mod worker;

use std::io::Write as _;
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use greenproc::{Child, Command, Pid, Runtime, ShutdownReport, Stats};

use crate::failure::{Failure, after_writing};
use crate::ktrace::Trace;
use crate::quantity::{counted, rate};
use crate::style::Style;
use crate::{Verdict, accounting, host, lull};
use beside_host::BesideHost;
use book::Book;
use latency::Latencies;
use ledger::Account;
use options::{Choice, StressOptions};
use output::Output;
use plan::Plan;
use report::{Report, SecondAccount, StressorReport};
use residue::{RESIDENT_BOUND, Residue};
use soak::Soak;
use watch::{Ending, Watched};
use worker::Task;

/// How long init may take to reap the last orphans.
const LAST_ORPHANS: Duration = Duration::from_secs(10);

/// How long processes may take to end in the shutdown. All have ended by then, unless something is wrong.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the stressors and prints what they found.
pub(crate) fn run(options: &StressOptions) -> Result<Verdict, Failure> {
    if options.list {
        let chosen = Choice::stressors(&options.stressors);
        let written = output::print(|mut out| Ok(text::write_list(&mut out, Style::of_stdout(), &chosen)?));
        return after_writing(written, Verdict::Good);
    }
    let plan = Plan::of(options);
    let json = Output::create(options.json.as_deref().filter(|_| !options.json_to_stdout()))?;
    let html = Output::create(options.html.as_deref())?;
    let peers = options.peers.as_deref().map(page::read_peers).transpose()?.unwrap_or_default();
    let trace = Trace::create(options.trace.as_deref())?;
    let (report, recorded) = stress(&plan, options, trace)?;
    json.write(|out| report.write_json(out))?;
    html.write(|out| Ok(out.write_all(page::page(&report, &peers).as_bytes())?))?;
    let written = output::print(|mut out| {
        if options.json_to_stdout() {
            return report.write_json(&mut out);
        }
        Ok(report.write_text(&mut out, Style::of_stdout(), options.verify)?)
    });
    after_writing(written, Verdict::of(report.good).and(recorded))
}

fn stress(plan: &Plan, options: &StressOptions, trace: Trace) -> Result<(Report, Verdict), Failure> {
    host::settle()?;
    // A fork costs the more the more memory there is: now there is little.
    let beside_host = options.host.then(BesideHost::measure).transpose()?;
    let before = Residue::now();
    let records = options.accounting.as_deref();
    let runtime = trace.builder(accounting::builder(host::builder(), records)?).boot()?;
    let ended = end_of_workers(&runtime, plan, options);
    let traced = trace.write();
    let (report, shutdown) = host::unless_ended(&runtime, ended)?;
    let recorded = accounting::verdict(&runtime);
    drop(runtime);
    let growth = before.growth();
    let mut report = Report {
        leaked_threads: growth.threads,
        resident_growth_bytes: growth.resident,
        stuck: report.stuck + shutdown.stuck.len() as u64,
        host: beside_host,
        ..report
    };
    report.good = report.faults().is_empty();
    Ok((report, recorded.and(traced)))
}

/// Lets the workers work and shuts the runtime down. What the host process holds afterwards is not in the report.
fn end_of_workers(
    runtime: &Runtime,
    plan: &Plan,
    options: &StressOptions,
) -> Result<(Report, ShutdownReport), Failure> {
    let at_boot = runtime.stats();
    let mut book = options.verify.then(|| Book::open(runtime));
    let (sender, endings) = unbounded();
    let workers = start_workers(runtime, plan, book.as_ref(), &sender)?;
    drop(sender);
    let mut auditor = audit::auditor(runtime);
    let watched = watch::watch(plan, runtime, &endings, &mut book, || auditor.look());
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
    // Before the end of init, which is no worker's.
    let second_account = book.map(|book| SecondAccount::of(book.close(&at_boot, &at_end)));
    let shutdown = runtime.shutdown(GRACE)?;
    let report = Report {
        failures,
        processes_left: left,
        second_account,
        soak: if options.soak { Soak::of(&watched.samples) } else { None },
        ..summary(plan, watched, &at_boot, &at_end)
    };
    Ok((report, shutdown))
}

fn start_workers(
    runtime: &Runtime,
    plan: &Plan,
    book: Option<&Book>,
    endings: &Sender<Ending>,
) -> Result<Vec<Child>, Failure> {
    let mut workers = Vec::with_capacity(plan.workers());
    for (number, squad) in plan.squads.iter().enumerate() {
        for task in &squad.tasks {
            let task = Task { unread: book.map(Book::unread), ..task.clone() };
            workers.push(runtime.spawn(worker(squad.stressor.name, number, task, endings.clone()))?);
        }
    }
    Ok(workers)
}

fn worker(name: &'static str, squad: usize, task: Task, endings: Sender<Ending>) -> Command {
    Command::new(name, move |process| {
        let result = worker::work(process, &task)?;
        // The watcher listens until all have ended.
        let _ = endings.send((squad, result));
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
fn summary(plan: &Plan, watched: Watched, at_boot: &Stats, at_end: &Stats) -> Report {
    let mut account = Account::default();
    let mut latencies = Latencies::default();
    let mut ops = 0;
    let mut stressors = std::collections::BTreeMap::new();
    for (squad, result) in plan.squads.iter().zip(&watched.results) {
        let its_ops = squad.gauge.ops();
        account += result.account;
        latencies += &result.latencies;
        ops += its_ops;
        let its_report = StressorReport {
            workers: squad.tasks.len() as u64,
            ops: its_ops,
            ops_per_second: rate(its_ops, watched.elapsed),
            account: result.account,
            unchecked: squad.stressor.unchecked,
            latency: report::percentiles(&result.latencies),
        };
        stressors.insert(squad.stressor.name, its_report);
    }
    let spawned = at_end.spawned - at_boot.spawned;
    let known = account.processes() - account.elsewhere + plan.workers() as u64;
    Report {
        good: false,
        seed: plan.seed,
        duration_seconds: watched.elapsed.as_secs_f64(),
        ops,
        ops_per_second: rate(ops, watched.elapsed),
        account,
        unaccounted: spawned.abs_diff(known),
        leaked_processes: at_end.processes.saturating_sub(at_boot.processes) as u64,
        leaked_pids: at_end.pids_in_use.saturating_sub(at_boot.pids_in_use) as u64,
        leaked_threads: 0,
        resident_growth_bytes: 0,
        resident_bound_bytes: RESIDENT_BOUND,
        stuck: watched.stuck,
        failures: Vec::new(),
        processes_left: Vec::new(),
        runtime_spawned: spawned,
        runtime_reaped: at_end.reaped - at_boot.reaped,
        stressors,
        second_account: None,
        latency: report::percentiles(&latencies),
        latencies,
        host: None,
        soak: None,
        order: plan.squads.iter().map(|squad| squad.stressor.name).collect(),
        samples: watched.samples,
    }
}
