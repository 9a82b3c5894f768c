//! Making children.

use std::borrow::Cow;

use crate::call::{Call, Visit, args, pid_value};
use crate::child::Child;
use crate::command::Command;
use crate::error::Result;
use crate::process::Process;
use crate::returned::{self, Returned};
use crate::spawn;

impl Process {
    /// Makes a child process.
    ///
    /// The child belongs to this process: whichever wait of it comes first reaps the child, the handle's or another.
    ///
    /// # Errors
    /// - EINVAL: the name holds a NUL, the stack size is 0 or over 1 GiB, or a limit is above its hard limit.
    /// - ENAMETOOLONG: the name is longer than 255 bytes.
    /// - EAGAIN: no more native threads or pids may be had, the user has its limit of processes, or the runtime is
    ///   shutting down.
    /// - EPERM: the group to join is not there, or in another session; or a hard limit is above this process's, which is not
    ///   root's.
    /// - ESRCH: this process is exiting, or the `Process` was kept beyond its LWP's end.
    ///
    /// Source: POSIX `fork`, `posix_spawn`, decision 24 of the semantics page.
    pub fn spawn(&self, command: Command) -> Result<Child> {
        let visit = self.pass(Call::Spawn, || args![&*command.name])?;
        Visit::leave(visit, self.make_child(command), |child| pid_value(child.id()))
    }

    fn make_child(&self, command: Command) -> Result<Child> {
        let node = self.live_node()?;
        self.refuse_if_exiting()?;
        let child =
            spawn::spawn(self.origin(), &self.record, node, command, spawn::Owner::Parent, Some(self))?;
        self.halt_after_spawn(child.id());
        Ok(child)
    }

    /// Makes a child that computes a value; the value comes back through the second handle, unless the child ended
    /// otherwise.
    ///
    /// # Errors
    /// As [`spawn`](Process::spawn).
    pub fn spawn_returning<T: Send + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        body: impl FnOnce(&Process) -> T + Send + 'static,
    ) -> Result<(Child, Returned<T>)> {
        let (command, returned) = returned::command(name, body);
        self.spawn(command).map(|child| (child, returned))
    }
}
