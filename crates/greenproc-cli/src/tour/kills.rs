//! Scenes about killing what does not look.

use std::io::{self, Read as _};
use std::sync::Arc;

use crossbeam_channel::bounded;
use greenproc::{Child, Command, ExitStatus, Process, Runtime, Signal, State, WaitFlags, WaitFor};
use greenproc_sync::atomic::{AtomicU64, Ordering};
use greenproc_sync::time;

use super::findings::Findings;
use super::stage::{WATCHDOG, play};
use crate::{lull, quantity};

pub(super) fn in_read(runtime: &Runtime) -> greenproc::Result<Findings> {
    let observer = runtime.clone();
    play(runtime, "parent", WATCHDOG, move |process| {
        let mut findings = Findings::default();
        let (mut silent, open) = match io::pipe() {
            Ok(pipe) => pipe,
            Err(error) => {
                findings.equal("a pipe of the host", "made", error);
                return Ok(findings);
            }
        };
        let (ready, is_ready) = bounded(1);
        let child = process.spawn(Command::new("reader", move |process| {
            // The parent waits for this.
            let _ = ready.send(());
            process.blocking(|| silent.read(&mut [0; 16])).map(drop)
        }))?;
        let _ = process.recv_timeout(&is_ready, WATCHDOG);
        findings.equal("before the kill", "state S", settled(&observer, &child, State::Sleeping));
        kill(process, &child, &mut findings)?;
        drop(open);
        Ok(findings)
    })
}

pub(super) fn in_loop(runtime: &Runtime) -> greenproc::Result<Findings> {
    let observer = runtime.clone();
    play(runtime, "parent", WATCHDOG, move |process| {
        let mut findings = Findings::default();
        let (ready, is_ready) = bounded(1);
        let turns = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&turns);
        let child = process.spawn(Command::new("busy", move |process| -> i32 {
            loop {
                if counted.fetch_add(1, Ordering::Relaxed) == 100_000 {
                    // The parent waits for this.
                    let _ = ready.send(());
                }
                process.checkpoint();
            }
        }))?;
        let _ = process.recv_timeout(&is_ready, WATCHDOG);
        findings.equal("before the kill", "state R", settled(&observer, &child, State::Running));
        kill(process, &child, &mut findings)?;
        findings
            .remark(format!("It had gone round {} times.", quantity::grouped(turns.load(Ordering::Relaxed))));
        Ok(findings)
    })
}

/// The state of the child once it is the expected one, or after the watchdog's patience. The child says that it is
/// about to read, and cannot say that it does.
fn settled(runtime: &Runtime, child: &Child, expected: State) -> String {
    let state = || runtime.inspect(child.id()).map(|detail| detail.process.state);
    lull::within(WATCHDOG, || state().is_ok_and(|state| state == expected));
    state().map_or_else(|error| error.to_string(), |state| format!("state {}", state.letter()))
}

fn kill(process: &Process, child: &Child, findings: &mut Findings) -> greenproc::Result<()> {
    let start = time::now();
    child.kill()?;
    match process.wait_timeout(WaitFor::Child(child), WaitFlags::empty(), WATCHDOG)? {
        Some(waited) => {
            let taken = time::now().saturating_duration_since(start);
            findings.equal("its end", ExitStatus::killed(Signal::KILL), waited.status);
            findings
                .remark(format!("From the kill to the end of the wait it took {}.", quantity::time(taken)));
        }
        None => findings.equal("its end", ExitStatus::killed(Signal::KILL), "none"),
    }
    Ok(())
}
