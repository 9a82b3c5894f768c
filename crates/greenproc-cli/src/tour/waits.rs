//! Scenes about waiting.

use crossbeam_channel::bounded;
use greenproc::{Command, ExitStatus, ProcessGroup, Runtime, WaitFlags, WaitFor};

use super::findings::{Errno, Findings};
use super::stage::{WATCHDOG, play};

pub(super) fn spawn_and_wait(runtime: &Runtime) -> greenproc::Result<Findings> {
    play(runtime, "parent", WATCHDOG, |process| {
        let mut findings = Findings::default();
        let child = process.spawn(Command::new("child", |_| 7))?;
        let waited = process.wait()?;
        findings.equal("who ended", format_args!("pid {}", child.id()), format_args!("pid {}", waited.pid));
        findings.equal("how", ExitStatus::exited(7), waited.status);
        findings.fails("a second wait", Errno::ECHILD, &process.wait());
        Ok(findings)
    })
}

pub(super) fn group(runtime: &Runtime) -> greenproc::Result<Findings> {
    play(runtime, "parent", WATCHDOG, |process| {
        let mut findings = Findings::default();
        let outsider = process.spawn(Command::new("outsider", |_| {}))?;
        // The outsider is dead before anybody else begins, and stays to be found.
        let seen = process.waitid(WaitFor::Pid(outsider.id()), WaitFlags::EXITED | WaitFlags::NOWAIT)?;
        findings.equal(
            "dead first",
            outsider.id(),
            seen.map_or_else(|| "nobody".to_owned(), |seen| seen.pid.to_string()),
        );
        let leader = process.spawn(Command::new("leader", |_| {}).process_group(ProcessGroup::New))?.id();
        let mut members = vec![leader];
        for name in ["second", "third"] {
            let member = Command::new(name, |_| {}).process_group(ProcessGroup::Join(leader));
            members.push(process.spawn(member)?.id());
        }
        let mut found = Vec::new();
        for _ in &members {
            let waited = process.wait4(WaitFor::Group(leader), WaitFlags::empty())?;
            found.extend(waited.map(|waited| waited.pid));
        }
        // In which order they end is theirs.
        found.sort();
        findings.equal("found by the group", list(&members), list(&found));
        let none = process.wait4(WaitFor::Group(leader), WaitFlags::empty());
        findings.fails("the group once more", Errno::ECHILD, &none);
        findings.equal("left for a wait for any", outsider.id(), process.wait()?.pid);
        Ok(findings)
    })
}

fn list(pids: &[greenproc::Pid]) -> String {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    pids.join(", ")
}

pub(super) fn no_hang(runtime: &Runtime) -> greenproc::Result<Findings> {
    play(runtime, "parent", WATCHDOG, |process| {
        let mut findings = Findings::default();
        let (gate, closed) = bounded::<()>(0);
        let child = process.spawn(Command::new("child", move |process| {
            // Until the gate is gone.
            let _ = process.recv(&closed);
            5
        }))?;
        let poll = || process.wait4(WaitFor::Child(&child), WaitFlags::NOHANG);
        findings.equal("while it lives", "nothing yet", said(poll()));
        drop(gate);
        let waited = process.waitid(WaitFor::Child(&child), WaitFlags::EXITED | WaitFlags::NOWAIT);
        findings.equal("once it may end", ExitStatus::exited(5), said(waited));
        findings.equal("the next poll", ExitStatus::exited(5), said(poll()));
        let none = process.wait4(WaitFor::Any, WaitFlags::NOHANG);
        findings.fails("and one for any", Errno::ECHILD, &none);
        Ok(findings)
    })
}

fn said(answer: greenproc::Result<Option<greenproc::Waited>>) -> String {
    match answer {
        Ok(Some(waited)) => waited.status.to_string(),
        Ok(None) => "nothing yet".to_owned(),
        Err(error) => error.to_string(),
    }
}
