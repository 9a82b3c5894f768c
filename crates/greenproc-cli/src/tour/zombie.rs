//! Scenes about what is left of the dead.

use greenproc::{Command, Pid, Runtime, SigAction, Signal, Snapshot, State, WaitFlags, WaitFor};

use super::findings::{Errno, Findings};
use super::stage::{WATCHDOG, play};

pub(super) fn zombie(runtime: &Runtime) -> greenproc::Result<Findings> {
    let observer = runtime.clone();
    play(runtime, "parent", WATCHDOG, move |process| {
        let mut findings = Findings::default();
        let child = process.spawn(Command::new("child", |_| 3))?;
        // NOWAIT looks without reaping.
        process.waitid(WaitFor::Child(&child), WaitFlags::EXITED | WaitFlags::NOWAIT)?;
        let snapshot = observer.snapshot();
        findings.show(&snapshot);
        findings.equal("before the wait", "state Z", state_in(&snapshot, child.id()));
        let signalled = process
            .kill(child.id(), Signal::KILL)
            .map_or_else(|error| error.to_string(), |()| "no effect".into());
        findings.equal("SIGKILL to it", "no effect", signalled);
        findings.equal("the wait", "exit status: 3", process.wait()?.status);
        findings.equal("after the wait", "not there", state_in(&observer.snapshot(), child.id()));
        findings.fails("SIGKILL to it now", Errno::ESRCH, &process.kill(child.id(), Signal::KILL));
        Ok(findings)
    })
}

fn state_in(snapshot: &Snapshot, pid: Pid) -> String {
    let found = snapshot.processes.iter().find(|process| process.pid == pid);
    found.map_or_else(|| "not there".to_owned(), |process| format!("state {}", process.state.letter()))
}

pub(super) fn ignored(runtime: &Runtime) -> greenproc::Result<Findings> {
    let observer = runtime.clone();
    play(runtime, "parent", WATCHDOG, move |process| {
        let mut findings = Findings::default();
        process.sigaction(Signal::CHLD, SigAction::IGNORE)?;
        let mut children = Vec::new();
        for _ in 0..3 {
            children.push(process.spawn(Command::new("ignored", |_| {}))?.id());
        }
        findings.fails("the wait for three", Errno::ECHILD, &process.wait());
        findings.equal("zombies", 0, zombies_among(&observer.snapshot(), &children));
        Ok(findings)
    })
}

fn zombies_among(snapshot: &Snapshot, pids: &[Pid]) -> usize {
    snapshot.processes.iter().filter(|seen| seen.state == State::Zombie && pids.contains(&seen.pid)).count()
}
