//! Where scenes are played: a process of their own.

use std::time::Duration;

use greenproc::{Process, Runtime};

use super::findings::Findings;

/// Longer than any step of a scene takes. Only where something is broken does it end a wait.
pub(super) const WATCHDOG: Duration = Duration::from_secs(30);

/// Plays a scene as a process, and gives what it found.
pub(super) fn play(
    runtime: &Runtime,
    name: &'static str,
    patience: Duration,
    scene: impl FnOnce(&Process) -> greenproc::Result<Findings> + Send + 'static,
) -> greenproc::Result<Findings> {
    let (child, findings) = runtime.spawn_returning(name, scene)?;
    let Some(waited) = child.wait_timeout(patience)? else {
        child.kill()?;
        return Ok(ended("still runs".to_owned()));
    };
    findings.take().unwrap_or_else(|| Ok(ended(waited.status.to_string())))
}

fn ended(how: String) -> Findings {
    let mut findings = Findings::default();
    findings.equal("the scene", "goes to its end", how);
    findings
}
