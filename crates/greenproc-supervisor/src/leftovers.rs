//! What a process has started ends with it.

use greenproc::{Process, Signal};

/// Kills all below a process when it is dropped: at the end of the body, and when that is unwound by a kill.
pub(crate) struct Leftovers<'p>(&'p Process);

impl<'p> Leftovers<'p> {
    /// From here on orphans below the process stay below it, and end with it.
    pub(crate) fn below(process: &'p Process) -> greenproc::Result<Leftovers<'p>> {
        process.set_child_subreaper(true)?;
        Ok(Leftovers(process))
    }
}

impl Drop for Leftovers<'_> {
    fn drop(&mut self) {
        // It fails only if the process may not signal what it has started: that was given to another user.
        let _ = self.0.reap_kill(Signal::KILL);
    }
}
