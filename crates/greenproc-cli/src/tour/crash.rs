//! The scene about a panic.

use crossbeam_channel::bounded;
use greenproc::{Command, ExitReport, ExitStatus, Runtime, Signal, WaitFlags, WaitFor};

use super::findings::Findings;
use super::stage::{WATCHDOG, play};

const LAST_WORDS: &str = "the disk is on fire";

pub(super) fn panic(runtime: &Runtime) -> greenproc::Result<Findings> {
    play(runtime, "parent", WATCHDOG, |process| {
        let mut findings = Findings::default();
        let (gate, closed) = bounded::<()>(0);
        let sibling = process.spawn(Command::new("sibling", move |process| {
            // Until the gate is gone.
            let _ = process.recv(&closed);
        }))?;
        let child = process.spawn(Command::new("unlucky", |_| -> i32 { panic!("{LAST_WORDS}") }))?;
        let Some(waited) = process.wait4(WaitFor::Child(&child), WaitFlags::empty())? else {
            findings.equal("its end", ExitStatus::dumped(Signal::ABRT), "none");
            return Ok(findings);
        };
        findings.equal("its end", ExitStatus::dumped(Signal::ABRT), waited.status);
        match waited.report.as_deref() {
            Some(ExitReport::Panic(crash)) => {
                findings.equal("its last words", LAST_WORDS, &crash.message);
                if let Some(location) = &crash.location {
                    findings.remark(format!("The crash report says where: {location}"));
                }
            }
            Some(_) | None => findings.equal("its last words", LAST_WORDS, "no crash report"),
        }
        let lives = process.wait4(WaitFor::Child(&sibling), WaitFlags::NOHANG)?.is_none();
        findings.equal("its sibling", "alive", if lives { "alive" } else { "dead" });
        drop(gate);
        findings.equal("and then", ExitStatus::exited(0), process.wait()?.status);
        Ok(findings)
    })
}
