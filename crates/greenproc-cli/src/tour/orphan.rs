//! The scene about the child whose parent died.

use crossbeam_channel::bounded;
use greenproc::{Command, EventFilter, Pid, Runtime};

use super::findings::Findings;
use super::stage::{WATCHDOG, play};

pub(super) fn orphan(runtime: &Runtime) -> greenproc::Result<Findings> {
    let reaped = runtime.events(EventFilter::REAPED);
    let observer = runtime.clone();
    play(runtime, "grandparent", WATCHDOG, move |process| {
        let mut findings = Findings::default();
        // The orphan tells its pid and its parent's, waits until its parent is gone, and tells again.
        let (tell, told) = bounded(2);
        let (parent_stays, parent_may_go) = bounded::<()>(0);
        let (orphan_stays, orphan_may_go) = bounded::<()>(0);
        let parent = process.spawn(Command::new("parent", move |process| {
            let orphan = Command::new("orphan", move |process| {
                // The grandparent listens for as long as it runs.
                let _ = tell.send((process.pid(), process.ppid()));
                let _ = process.recv(&orphan_may_go);
                let _ = tell.send((process.pid(), process.ppid()));
            });
            let orphan = process.spawn(orphan)?;
            let _ = process.recv(&parent_may_go);
            drop(orphan);
            greenproc::Result::Ok(())
        }))?;
        let before = process.recv_timeout(&told, WATCHDOG);
        drop(parent_stays);
        let buried = process.wait()?;
        findings.show(&observer.snapshot().tree());
        drop(orphan_stays);
        let after = process.recv_timeout(&told, WATCHDOG);
        let (Ok((orphan, before)), Ok((_, after))) = (before, after) else {
            findings.equal("the orphan", "tells of its parents", "silence");
            return Ok(findings);
        };
        findings.equal(
            "dead and reaped",
            format_args!("pid {}", parent.id()),
            format_args!("pid {}", buried.pid),
        );
        findings.equal(
            "its parent before",
            format_args!("pid {}", parent.id()),
            format_args!("pid {before}"),
        );
        findings.equal("its parent after", format_args!("pid {}, init", Pid::INIT), name(after));
        let mut seen = "not reaped";
        while let Ok(event) = process.recv_timeout(&reaped, WATCHDOG) {
            if event.pid == orphan {
                seen = "reaped";
                break;
            }
        }
        findings.equal("its zombie", "reaped", seen);
        Ok(findings)
    })
}

fn name(pid: Pid) -> String {
    if pid == Pid::INIT { format!("pid {pid}, init") } else { format!("pid {pid}") }
}
