//! Freezing a subtree and letting it go.

use std::fmt;
use std::sync::Arc;

use greenproc_sync::time;

use crate::call::{Call, args};
use crate::child::Child;
use crate::error::{Error, Result};
use crate::kernel::{BATCH, Kernel, ProcList};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::runtime::Runtime;
use crate::subtree::frozen::FreezeId;
use crate::subtree::{Deed, Root};
use crate::table::Entry;
use crate::tree::NodeRef;
use crate::wait_queue::{self, Wakeups};
use crate::worker;

/// A subtree that stands still until this is dropped, or [`thaw`](Freeze::thaw) is called.
///
/// A frozen process does what a stopped one does (decision 16 of the semantics page): each LWP stands still at its next
/// checkpoint, in place of its next sleep, or where it sleeps; no handler runs, and signals stay pending. Unlike a stop by
/// SIGSTOP it is nobody's business: no parent is told, no wait finds it, SIGCONT does not end it, and a shell's job control
/// goes on beneath. Snapshots show the state `F`. SIGKILL ends a frozen process as it ends any other.
///
/// **Nobody escapes**: whoever is in the subtree when the call begins is frozen, and so is who is born there, for as long as
/// the freeze lasts; also one whose spawn was under way. What was frozen stays so if it gets another parent.
///
/// Freezes can overlap, in any way: a process goes on when it is in none. So who freezes a part of a frozen subtree keeps it
/// frozen when the whole is thawed.
///
/// A freeze ends with its owner: if that is killed, it unwinds, and the drop thaws. A shutdown thaws everybody.
///
/// Source: Linux `cgroup.freeze`.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Runtime, State};
/// let runtime = Runtime::boot()?;
/// let (tell, told) = crossbeam_channel::bounded(0);
/// let child = runtime.spawn(Command::new("counts", move |p| {
///     for number in 0.. {
///         let _ = tell.try_send(number);
///         p.checkpoint();
///     }
/// }))?;
/// let first: i32 = told.recv().expect("it counts");
/// let freeze = child.freeze_tree()?;
/// freeze.wait()?; // all stand still
/// assert!(told.try_recv().is_err(), "and nobody counts");
/// assert_eq!(runtime.snapshot().get(child.id()).expect("it is there").state, State::Frozen);
/// freeze.thaw();
/// assert!(told.recv().expect("it counts on") > first);
/// child.kill()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it thaws"]
pub struct Freeze {
    kernel: Arc<Kernel>,
    id: FreezeId,
    root: Pid,
    refused: usize,
}

impl Freeze {
    /// The root of the subtree.
    pub fn root(&self) -> Pid {
        self.root
    }

    /// How many processes of the subtree the caller may not stop: they go on.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// Whether all stand still.
    pub fn is_complete(&self) -> bool {
        self.kernel.lock().freezes.stands_still(self.id, None)
    }

    /// Waits until all stand still. Code that comes to no checkpoint holds it up.
    ///
    /// A checkpoint, if an LWP calls it: a signal ends the wait.
    ///
    /// # Errors
    /// - EINTR: a handler ran that does not let calls go on, or SIGTERM came and the process is polite about it. The
    ///   subtree is being frozen all the same.
    #[track_caller]
    pub fn wait(&self) -> Result<()> {
        let process = worker::current();
        if let Some(process) = &process {
            process.enter();
        }
        wait_queue::wait_for(
            process.as_ref(),
            |me| self.kernel.lock().freezes.stands_still(self.id, Some(me)).then_some(()),
            |me| self.kernel.lock().freezes.give_up(self.id, me),
        )
    }

    /// Lets the subtree go on, but for those who are in another freeze, or stopped by a signal. So does the drop.
    pub fn thaw(self) {
        drop(self);
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        self.kernel.thaw(self.id);
        let wakeups = self.kernel.lock().freezes.end(self.id);
        wakeups.wake();
    }
}

impl fmt::Debug for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freeze")
            .field("root", &self.root)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

impl Process {
    /// Freezes a process and everybody below it. Does not wait until they stand still: [`Freeze::wait`] does.
    ///
    /// # Errors
    /// - ESRCH: nobody has this pid, its process was reaped, or this was kept beyond its LWP's end.
    /// - EPERM: the caller may stop nobody of them. Who may not be stopped otherwise is passed over and counted
    ///   ([`Freeze::refused`]).
    /// - EDEADLK: the caller is one of them.
    /// - EAGAIN, ESHUTDOWN: the runtime is shutting down, or down.
    pub fn freeze_tree(&self, pid: Pid) -> Result<Freeze> {
        self.gate(
            Call::Freeze,
            || args![pid],
            || {
                self.check_live()?;
                let kernel = &self.worker.kernel;
                kernel.freeze_subtree(Some(&self.record), kernel.find_node(pid)?, pid)
            },
        )
    }
}

impl Runtime {
    /// [`Process::freeze_tree`] from any thread. With [`Pid::INIT`] it is the whole runtime.
    ///
    /// # Errors
    /// - ESRCH: nobody has this pid, or its process was reaped.
    /// - EDEADLK: the caller is an LWP of one of them.
    /// - EAGAIN, ESHUTDOWN: the runtime is shutting down, or down.
    pub fn freeze_tree(&self, pid: Pid) -> Result<Freeze> {
        self.kernel().freeze_subtree(None, self.kernel().find_node(pid)?, pid)
    }
}

impl Child {
    /// Freezes it and everybody below it. As [`Process::freeze_tree`], from any thread.
    ///
    /// # Errors
    /// - ESRCH: it was reaped.
    /// - EPERM, EDEADLK, EAGAIN, ESHUTDOWN: as [`Process::freeze_tree`], with the permissions of who made the handle.
    pub fn freeze_tree(&self) -> Result<Freeze> {
        let freeze = || self.kernel().freeze_subtree(self.maker(), self.node(), self.id());
        match self.caller() {
            Some(process) => process.gate(Call::Freeze, || args![self.id()], freeze),
            None => freeze(),
        }
    }
}

impl Kernel {
    /// The node of who has this pid.
    fn find_node(&self, pid: Pid) -> Result<NodeRef> {
        let node = match self.find(pid)? {
            Entry::Live(process) => process.node(),
            Entry::Dead(node) => Some(node),
        };
        node.ok_or(Error::NoProcess { pid: pid.as_raw() })
    }

    fn freeze_subtree(
        self: &Arc<Kernel>,
        caller: Option<&Arc<Proc>>,
        root: NodeRef,
        pid: Pid,
    ) -> Result<Freeze> {
        let inside = worker::current().filter(|process| Arc::ptr_eq(&process.worker.kernel, self));
        let mut list = self.lock();
        list.admits()?;
        if !list.tree.holds(root) {
            return Err(Error::NoProcess { pid: pid.as_raw() });
        }
        if inside.and_then(|process| process.record.node()).is_some_and(|node| list.tree.is_below(node, root))
        {
            return Err(Error::Deadlock { what: "a process that freezes itself" });
        }
        let id = list.freezes.begin();
        let mut freeze = Freeze { kernel: Arc::clone(self), id, root: pid, refused: 0 };
        // An error drops the freeze, which thaws.
        let reached = self.sweep_subtree(list, caller, root, Root::Meant, Deed::Freeze(id))?;
        freeze.refused = reached.refused;
        // Those that ended before they were marked are entered with this hold, and not waited for.
        let wakeups = self.lock().freezes.complete(id);
        wakeups.wake();
        Ok(freeze)
    }

    /// Lets everybody go on whom this freeze holds, in batches. Who is born meanwhile of one that it still holds is held by it
    /// too, and is let go in turn; of one that it has let go, it is free.
    fn thaw(&self, id: FreezeId) {
        loop {
            let mut list = self.lock();
            let (released, done) = list.freezes.release(id, BATCH);
            let released: Vec<Arc<Proc>> =
                released.into_iter().filter_map(|node| list.tree.record(node).map(Arc::clone)).collect();
            for process in &released {
                process.thaw();
                let nudges = process.state.lock().thaw(time::now());
                self.nudge_locked(&list, process, nudges);
            }
            drop(list);
            drop(released);
            if done {
                return;
            }
        }
    }

    /// Lets everybody go on: the runtime is shutting down, and nobody is frozen any more.
    pub(crate) fn thaw_all(&self) {
        let all = self.lock().freezes.all();
        for id in all {
            self.thaw(id);
        }
    }
}

impl ProcList {
    /// Freezes one process. One whose end is decided ends, but what it still makes is frozen.
    pub(super) fn freeze_one(&mut self, id: FreezeId, node: NodeRef, process: &Proc) {
        let still = process.state.lock().freeze(time::now());
        if self.freezes.join(id, node, !still) {
            process.freeze();
        }
    }

    /// A process was born of a frozen one.
    pub(crate) fn freeze_newborn(&mut self, parent: NodeRef, node: NodeRef, process: &Proc) {
        for id in self.freezes.of(parent) {
            self.freeze_one(id, node, process);
        }
    }

    /// A process has ended, which may have been frozen.
    pub(crate) fn note_frozen_gone(&mut self, process: &Proc, node: NodeRef) -> Wakeups {
        if process.is_frozen() { self.freezes.gone(node) } else { Wakeups::default() }
    }
}
