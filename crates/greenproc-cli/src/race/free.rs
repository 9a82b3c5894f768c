//! `greenproc race free`: the same shape on threads that nobody controls.

use std::io::{self, Write as _};

use greenproc_lab::Fault;
use serde::Serialize;

use super::names;
use super::options::FreeOptions;
use crate::Verdict;
use crate::failure::{Failure, after_writing};
use crate::quantity::{counted, grouped, time};

#[derive(Serialize)]
struct Report<'a> {
    race: &'a str,
    fault: Option<&'a str>,
    runs: u64,
    hung: u64,
    failed: u64,
    seconds: f64,
}

/// Runs it, and says how often it failed. A planted fault may show or not: both are as it should be.
pub(super) fn run(options: &FreeOptions) -> Result<Verdict, Failure> {
    let race = names::race(&options.name)?;
    let fault = names::fault(race, &options.variant)?;
    let free = race.scenario(fault).free(options.runs, options.time_limit);
    let bad = free.hung + free.failed;
    let verdict = Verdict::of(fault.is_some() || bad == 0);
    let report = Report {
        race: race.name,
        fault: fault.map(Fault::name),
        runs: free.runs,
        hung: free.hung,
        failed: free.failed,
        seconds: free.elapsed.as_secs_f64(),
    };
    let write = || {
        let mut out = io::stdout().lock();
        if options.output.json {
            serde_json::to_writer(&mut out, &report)?;
            writeln!(out)?;
        } else {
            let what = report.fault.map_or_else(String::new, |fault| format!(" with {fault} planted"));
            writeln!(
                out,
                "{}{what}: {} in {}",
                report.race,
                counted(free.runs, "free run"),
                time(free.elapsed)
            )?;
            writeln!(out, "{} hung, {} failed otherwise", grouped(free.hung), grouped(free.failed))?;
            if free.runs < options.runs {
                writeln!(out, "ended early: too many threads hang already")?;
            }
        }
        Ok(())
    };
    after_writing(write(), verdict)
}
