//! The child that measures under one pinning, and its parent's side.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::contender::{BATCH, Contender, Failure, Pattern};
use crate::external::External;
use crate::options::Options;
use crate::ours::Greenproc;
use crate::pinning::Pinning;
use crate::plan::{Peer, Plan};
use crate::rounds;
use crate::row::Row;

/// Measures in this OS process and writes each row as a line of JSON. Nothing has started a thread before.
pub(crate) fn measure(pinning: Pinning, options: &Options) -> Result<(), Failure> {
    pinning.apply()?;
    for pattern in Pattern::ALL.into_iter().filter(|&pattern| options.only.takes_pattern(pattern)) {
        // Both afresh each time: what one comparison leaves behind (threads, memory that fork copies) is not in the next
        // one.
        for program in &options.external {
            let mut theirs = External::start(program)?;
            let plan = Plan::of_unknown(pattern, theirs.live(pattern, BATCH)?, options.effort);
            compare((pattern, &program.name, pinning), plan, &mut theirs)?;
        }
        for peer in Peer::ALL.into_iter().filter(|&peer| options.only.takes(pattern, peer)) {
            if options.external.is_empty() {
                let plan = Plan::of(pattern, peer, options.effort);
                compare((pattern, peer.name(), pinning), plan, &mut *peer.start()?)?;
            }
        }
    }
    Ok(())
}

fn compare(what: (Pattern, &str, Pinning), plan: Plan, theirs: &mut dyn Contender) -> Result<(), Failure> {
    let mut ours = Greenproc::boot()?;
    let row = rounds::compare(what, plan, &mut ours, theirs)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&row)?)?;
    Ok(out.flush()?)
}

/// Has a child measure under this pinning, and hands each row over as soon as it is there.
pub(crate) fn measure_in_child(
    pinning: Pinning,
    options: &Options,
    mut take: impl FnMut(&Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut child =
        Command::new(env::current_exe()?).args(options.for_child(pinning)).stdout(Stdio::piped()).spawn()?;
    let rows = BufReader::new(child.stdout.take().ok_or("the measuring child has no output")?);
    for line in rows.lines() {
        take(&serde_json::from_str(&line?)?)?;
    }
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the measuring child ({pinning}) failed: {status}").into())
    }
}
