//! A handle to a process, safe against its pid being used again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::atomic::{AtomicBool, Ordering};
use greenproc_sync::{Mutex, time};

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::{Process, pid_of};
use crate::selector::{WaitFlags, Waited};
use crate::signal::Signal;
use crate::spawn::Owner;
use crate::status::ExitStatus;
use crate::target;
use crate::tree::{NodeRef, WaitSlot, Wanted, Who};
use crate::wait::{self, Caller, Patience, Take, Unmet, Wait};
use crate::worker;

thread_local! {
    /// What a thread outside the runtime waits on.
    static SLOT: Arc<WaitSlot> = Arc::default();
}

/// A child process.
///
/// One that was made by [`Runtime::spawn`](crate::Runtime::spawn) belongs to this handle: it is reaped by the handle's
/// wait, from any thread, and by nobody else while the handle lives. One that was made by [`Process::spawn`] belongs
/// to that process: its first wait takes it, and only its own LWPs can wait through the handle.
///
/// Dropping the handle neither kills the process nor leaks it: what nobody holds, its parent reaps. One that was asked to
/// ([`kill_on_drop`](Child::kill_on_drop)) kills it.
///
/// Source: `std::process::Child`, decision 23 of the semantics page.
pub struct Child {
    origin: Arc<Origin>,
    record: Arc<Proc>,
    node: NodeRef,
    /// What a wait through this handle took.
    waited: Mutex<Leaf, Option<Box<Waited>>>,
    kills_on_drop: AtomicBool,
}

/// Where children come from: what all that one LWP makes have in common.
pub(crate) struct Origin {
    pub(crate) kernel: Arc<Kernel>,
    /// The process that made them, whose user decides whom a signal through their handles may reach; `None` if none did.
    pub(crate) maker: Option<Arc<Proc>>,
}

impl Child {
    pub(crate) fn new(origin: Arc<Origin>, record: Arc<Proc>, node: NodeRef) -> Child {
        let kills_on_drop = AtomicBool::new(false);
        Child { origin, record, node, waited: Mutex::new(None), kills_on_drop }
    }

    /// Its pid. May be in use again once it was reaped; the handle itself never means another process.
    pub fn id(&self) -> Pid {
        self.record.pid
    }

    pub(crate) fn set_kill_on_drop(&self, kill: bool) {
        self.kills_on_drop.store(kill, Ordering::Relaxed);
    }

    fn kills_on_drop(&self) -> bool {
        self.kills_on_drop.load(Ordering::Relaxed)
    }

    pub(crate) fn record(&self) -> &Arc<Proc> {
        &self.record
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        &self.origin.kernel
    }

    fn owner(&self) -> Owner {
        if self.origin.maker.is_some() { Owner::Parent } else { Owner::Handle }
    }

    pub(crate) fn node(&self) -> NodeRef {
        self.node
    }

    /// The process that made it, whose permissions count.
    pub(crate) fn maker(&self) -> Option<&Arc<Proc>> {
        self.origin.maker.as_ref()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record.first_name
    }

    /// Waits for its end, and reaps it. Once this handle has reaped it, every further call returns the same.
    ///
    /// A checkpoint, if an LWP of the same runtime calls it.
    ///
    /// # Errors
    /// - ECHILD: another wait took it, or its parent ignores its children; or the caller is not an LWP of the parent and
    ///   the handle does not own the process.
    /// - EDEADLK: the caller is that process.
    /// - EINTR: SIGTERM came first, and the calling process is polite about it.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// let child = runtime.spawn(Command::new("six", |_| 6))?;
    /// assert_eq!(child.wait()?.status.code(), Some(6));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Result<Waited> {
        self.wait_patiently(WaitFlags::EXITED, Patience::Forever)?.ok_or(Error::NoChild)
    }

    /// Reaps it if it has ended; `None` if it has not.
    ///
    /// # Errors
    /// ECHILD: as [`wait`](Child::wait).
    #[track_caller]
    pub fn try_wait(&self) -> Result<Option<Waited>> {
        self.wait_patiently(WaitFlags::EXITED, Patience::None)
    }

    /// [`wait`](Child::wait) with a time-out: `None` when it has passed.
    ///
    /// # Errors
    /// As [`wait`](Child::wait).
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Waited>> {
        let patience = time::now().checked_add(timeout).map_or(Patience::Forever, Patience::Until);
        self.wait_patiently(WaitFlags::EXITED, patience)
    }

    /// Kills it: SIGKILL.
    ///
    /// # Errors
    /// - ESRCH: it was reaped.
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)
    }

    /// Sends it a signal. A zombie takes it and nothing happens.
    ///
    /// # Errors
    /// - ESRCH: it was reaped, even if its pid is in use again.
    /// - EPERM: a process made the handle, and its user may not signal this one.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        match self.caller() {
            Some(process) => process.gate(Call::Kill, || args![self.id(), signal], || self.send(signal)),
            None => self.send(signal),
        }
    }

    fn send(&self, signal: Signal) -> Result<()> {
        if !self.kernel().lock().tree.holds(self.node) {
            return Err(Error::NoProcess { pid: self.record.pid.as_raw() });
        }
        #[cfg(feature = "racelab")]
        if planted!(self.kernel(), HandleByNumber) {
            let whoever = self.kernel().find_live(self.record.pid)?;
            return target::send(self.kernel(), self.maker(), &whoever, signal);
        }
        target::send(self.kernel(), self.maker(), &self.record, signal)
    }

    /// How it ended, once a wait through this handle has taken it.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.waited.lock().as_ref().map(|waited| waited.status)
    }

    /// The calling LWP's process, if it is one of the same runtime.
    pub(crate) fn caller(&self) -> Option<Process> {
        worker::current().filter(|process| Arc::ptr_eq(&process.worker.kernel, self.kernel()))
    }

    #[track_caller]
    fn wait_patiently(&self, flags: WaitFlags, patience: Patience) -> Result<Option<Waited>> {
        match self.caller() {
            Some(process) => {
                process.enter();
                process.gate_value(
                    Call::Wait4,
                    || args![self.id(), flags - WaitFlags::EXITED],
                    |found: &Option<Waited>| pid_of(found.as_ref()),
                    || self.wait_as(&process, flags, patience),
                )
            }
            None => self.wait_outside(flags, patience),
        }
    }

    /// Waits as an LWP of the same runtime.
    pub(crate) fn wait_as(
        &self,
        process: &Process,
        flags: WaitFlags,
        patience: Patience,
    ) -> Result<Option<Waited>> {
        if let Some(waited) = self.taken(flags) {
            return Ok(Some(waited));
        }
        if Arc::ptr_eq(&process.record, &self.record) {
            return Err(Error::Deadlock { what: "a process that waits for its own end" });
        }
        if !Arc::ptr_eq(&process.worker.kernel, self.kernel()) {
            return Err(Error::NoChild);
        }
        let (parent, wanted) = match self.owner() {
            Owner::Handle => (self.init()?, Wanted::held(self.node)),
            Owner::Parent => {
                let own = process.record.node().ok_or(Error::NotAProcess)?;
                // Whatever its exit signal is: this very child is meant.
                (own, Wanted::new(Who::Child(self.node), flags | WaitFlags::ALLSIG))
            }
        };
        match process.wait_wanted(parent, wanted, flags, patience, Some(&self.waited)) {
            Err(Error::NoChild) => self.last_word(flags).map(Some),
            other => other,
        }
    }

    fn wait_outside(&self, flags: WaitFlags, patience: Patience) -> Result<Option<Waited>> {
        if let Some(waited) = self.taken(flags) {
            return Ok(Some(waited));
        }
        if self.owner() == Owner::Parent {
            return Err(Error::NoChild);
        }
        let Ok(init) = self.init() else { return self.last_word(flags).map(Some) };
        let slot = SLOT.try_with(Arc::clone).unwrap_or_default();
        let wait = Wait {
            caller: Caller::Outside(slot),
            parent: init,
            wanted: Wanted::held(self.node),
            take: Take::Reap,
            patience,
            note: Some(&self.waited),
        };
        match wait::wait(self.kernel(), &wait) {
            Ok(waited) => Ok(Some(waited)),
            Err(Unmet::NotYet) => Ok(None),
            Err(Unmet::Interrupted(_)) => Err(Error::Interrupted),
            Err(Unmet::NoChild) => self.last_word(flags).map(Some),
        }
    }

    /// Where the caller looks for the child, to await its end.
    #[cfg(feature = "async")]
    pub(crate) fn to_await(&self) -> Result<(NodeRef, Wanted)> {
        if self.waited.lock().is_some() {
            return Err(Error::NoChild);
        }
        let caller = worker::current().filter(|process| Arc::ptr_eq(&process.worker.kernel, self.kernel()));
        if caller.as_ref().is_some_and(|process| Arc::ptr_eq(&process.record, &self.record)) {
            return Err(Error::Deadlock { what: "a process that waits for its own end" });
        }
        match self.owner() {
            Owner::Handle => Ok((self.init()?, Wanted::held(self.node))),
            Owner::Parent => {
                let own = caller.and_then(|process| process.record.node()).ok_or(Error::NoChild)?;
                let flags = WaitFlags::EXITED | WaitFlags::ALLSIG;
                Ok((own, Wanted::new(Who::Child(self.node), flags)))
            }
        }
    }

    /// What a wait through this handle took.
    #[cfg(feature = "async")]
    pub(crate) fn note(&self) -> &Mutex<Leaf, Option<Box<Waited>>> {
        &self.waited
    }

    /// The node of init, which is the parent of what handles own.
    fn init(&self) -> Result<NodeRef> {
        // It is there as long as it has a child, even if the runtime is down.
        self.kernel().lock().init.ok_or(Error::NoChild)
    }

    fn taken(&self, flags: WaitFlags) -> Option<Waited> {
        if !flags.contains(WaitFlags::EXITED) {
            return None;
        }
        self.waited.lock().as_deref().cloned()
    }

    /// What the runtime reaped for the handle when it shut down; else somebody else took it.
    pub(crate) fn last_word(&self, flags: WaitFlags) -> Result<Waited> {
        if let Some(waited) = self.taken(flags) {
            return Ok(waited);
        }
        let word = self.record.state.lock().past.as_mut().and_then(|past| past.last_word.take());
        word.map(|waited| (**self.waited.lock().insert(waited)).clone()).ok_or(Error::NoChild)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kills_on_drop() && self.abandon() {
            return;
        }
        if self.owner() == Owner::Parent {
            return;
        }
        let mut list = self.kernel().lock();
        let reaped = list.tree.release(self.node);
        if let Some(reaped) = &reaped {
            list.note_reaped(&self.kernel().pids, reaped);
        }
        drop(list);
        if let Some(reaped) = reaped {
            self.kernel().dispose_one(reaped);
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("pid", &self.record.pid)
            .field("name", &self.record.first_name)
            .finish_non_exhaustive()
    }
}
