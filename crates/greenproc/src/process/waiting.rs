//! Waiting for children.

use std::time::Duration;

use greenproc_sync::time;

use crate::call::{Call, args, pid_value};
use crate::counters::Count;
use crate::error::{Error, Result};
use crate::process::Process;
use crate::selector::{WaitFlags, WaitFor, Waited};
use crate::table::Entry;
use crate::tree::{NodeRef, Wanted, Who};
use crate::wait::{self, Caller, Note, Patience, Take, Unmet, Wait};

/// What `wait4` reports without being asked.
const ALWAYS: WaitFlags = WaitFlags::EXITED.union(WaitFlags::TRAPPED);

impl Process {
    /// Waits for any child to end, and reaps it.
    ///
    /// A checkpoint. The child that died first is found first, however many children there are.
    ///
    /// # Errors
    /// - ECHILD: there is no child to wait for.
    /// - EINTR: SIGTERM came, and the process is polite about it.
    ///
    /// Source: POSIX `wait`.
    #[track_caller]
    pub fn wait(&self) -> Result<Waited> {
        self.enter();
        let found = self.gated_wait(Call::Wait4, WaitFor::Any, ALWAYS, Patience::Forever)?;
        found.ok_or(Error::NoChild)
    }

    /// Waits for the end of the children that are meant, and, as the flags say, for stops and continues. Of those that the
    /// process traces, children or not, stops are always reported, and they come first.
    ///
    /// A checkpoint. `None` only under [`NOHANG`](WaitFlags::NOHANG), if nothing is there yet.
    ///
    /// # Errors
    /// - ECHILD: no child is meant, or none that could ever be reported under these flags; another wait took it; or
    ///   the children are ignored and the last one went.
    /// - EINTR: SIGTERM came before a child was ready, and the process is polite about it. A ready child beats it.
    ///
    /// Source: POSIX `waitpid`, Linux `wait4`, rows 52 to 62 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, WaitFlags, WaitFor};
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("parent", |p| {
    ///     let (release, held) = crossbeam_channel::bounded::<()>(0);
    ///     let child = p.spawn(Command::new("child", move |p| { let _ = p.recv(&held); }))?;
    ///     assert!(p.wait4(WaitFor::Any, WaitFlags::NOHANG)?.is_none());
    ///     drop(release);
    ///     let waited = p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty())?.expect("no NOHANG");
    ///     assert!(waited.status.success());
    ///     assert_eq!(p.wait().expect_err("no child is left").errno(), 10); // ECHILD
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn wait4(&self, who: WaitFor<'_>, flags: WaitFlags) -> Result<Option<Waited>> {
        self.enter();
        self.gated_wait(Call::Wait4, who, flags | ALWAYS, Patience::Forever)
    }

    /// Waits for exactly the events that the flags name.
    ///
    /// A checkpoint. `None` only under [`NOHANG`](WaitFlags::NOHANG).
    ///
    /// # Errors
    /// - EINVAL: none of EXITED, STOPPED, CONTINUED and TRAPPED was given.
    /// - ECHILD, EINTR: as [`wait4`](Process::wait4). Without EXITED a zombie does not count.
    ///
    /// Source: POSIX `waitid`, decision 4 of the semantics page.
    #[track_caller]
    pub fn waitid(&self, who: WaitFor<'_>, flags: WaitFlags) -> Result<Option<Waited>> {
        const EVENTS: WaitFlags =
            WaitFlags::EXITED.union(WaitFlags::STOPPED).union(WaitFlags::CONTINUED).union(WaitFlags::TRAPPED);
        if !flags.intersects(EVENTS) {
            return Err(Error::InvalidWaitFlags { bits: flags.bits() });
        }
        self.enter();
        self.gated_wait(Call::Waitid, who, flags, Patience::Forever)
    }

    /// [`wait4`](Process::wait4) with a time-out: `None` when it has passed. A ready child beats it.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// ECHILD, EINTR: as [`wait4`](Process::wait4).
    #[track_caller]
    pub fn wait_timeout(
        &self,
        who: WaitFor<'_>,
        flags: WaitFlags,
        timeout: Duration,
    ) -> Result<Option<Waited>> {
        // A time-out beyond the clock's range is none.
        let patience = time::now().checked_add(timeout).map_or(Patience::Forever, Patience::Until);
        self.enter();
        self.gated_wait(Call::Wait4, who, flags | ALWAYS, patience)
    }

    fn gated_wait(
        &self,
        call: Call,
        who: WaitFor<'_>,
        flags: WaitFlags,
        patience: Patience,
    ) -> Result<Option<Waited>> {
        self.gate_value(
            call,
            || args![&who, if call == Call::Wait4 { flags - ALWAYS } else { flags }],
            |found: &Option<Waited>| pid_of(found.as_ref()),
            || self.wait_for(who, flags, patience),
        )
    }

    fn wait_for(&self, who: WaitFor<'_>, flags: WaitFlags, patience: Patience) -> Result<Option<Waited>> {
        let node = self.live_node()?;
        let kernel = &self.worker.kernel;
        let who = match who {
            WaitFor::Any => Who::Any,
            WaitFor::MyGroup => Who::Group(self.record.pgid()),
            WaitFor::Group(group) => Who::Group(group),
            WaitFor::Child(child) => return child.wait_as(self, flags, patience),
            WaitFor::Pid(pid) => {
                let node = match kernel.pids.find(pid) {
                    Some(Entry::Live(child)) => child.node(),
                    Some(Entry::Dead(node)) => Some(node),
                    None => None,
                };
                Who::Child(node.ok_or(Error::NoChild)?)
            }
        };
        self.wait_wanted(node, Wanted::new(who, flags), flags, patience, None)
    }

    /// Waits as this LWP among the children of `parent`.
    pub(crate) fn wait_wanted(
        &self,
        parent: NodeRef,
        wanted: Wanted,
        flags: WaitFlags,
        patience: Patience,
        note: Note<'_>,
    ) -> Result<Option<Waited>> {
        let take = if flags.contains(WaitFlags::NOWAIT) { Take::Peek } else { Take::Reap };
        let patience = if flags.contains(WaitFlags::NOHANG) { Patience::None } else { patience };
        loop {
            let caller = Caller::Lwp(self);
            let found =
                wait::wait(&self.worker.kernel, &Wait { caller, parent, wanted, take, patience, note });
            if let Err(Unmet::Interrupted(request)) = found {
                self.meet(request).go_on()?;
                continue;
            }
            if found.is_ok() && planted!(self.worker.kernel, LookAfterReap) {
                self.heed()?;
            }
            self.come_back();
            return match found {
                Ok(waited) => {
                    self.record.count(Count::Wait);
                    Ok(Some(waited))
                }
                Err(Unmet::NotYet) => Ok(None),
                Err(_) => Err(Error::NoChild),
            };
        }
    }
}

/// What a wait returns, as a number.
pub(crate) fn pid_of(found: Option<&Waited>) -> i64 {
    found.map_or(0, |waited| pid_value(waited.pid))
}
