//! A process that runs already comes to be recorded: because it asks for it, or because somebody else wants to see what it
//! does.

use std::sync::Arc;

use greenproc_sync::atomic::{Ordering, fence};

use crate::call::{Call, args};
use crate::child::Child;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::ktrace::{Fact, Recorder};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::runtime::Runtime;
use crate::signal::Signal;
use crate::target;
use crate::tree::NodeRef;

impl Process {
    /// Records the process from here on, with what it makes from here on if [`Facts::INHERIT`](crate::ktrace::Facts) is among
    /// the recorder's facts. If it was recorded before, by another recorder or with other facts, that ends. There is no end to
    /// this one but the process's.
    ///
    /// # Errors
    /// - the errno of the policy that it is under, if that refuses [`Call::Ktrace`].
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: NetBSD `ktrace(2)`, row 22 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::ktrace::{Fact, Recorder};
    /// use greenproc::{Call, Command, Runtime};
    /// let recorder = Recorder::new(100);
    /// let its = recorder.clone();
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("later", move |p| {
    ///     p.getpgid(None)?; // not recorded
    ///     p.ktrace(&its)?;
    ///     p.setsid().map(drop)
    /// }))?;
    /// let calls: Vec<Call> = recorder.records().into_iter().filter_map(|record| match record.fact {
    ///     Fact::Called { call, .. } => Some(call),
    ///     _ => None,
    /// }).collect();
    /// assert_eq!(calls, [Call::Setsid]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ktrace(&self, recorder: &Recorder) -> Result<()> {
        self.gate(
            Call::Ktrace,
            || args![],
            || {
                self.check_live()?;
                drop(self.record.begin_ktrace(recorder));
                self.record.ktrace(Some(self.lwp), || Fact::Attached);
                Ok(())
            },
        )
    }
}

impl Child {
    /// Records it from here on, as [`Process::ktrace`] does: for one that runs already, and has begun to be slow or to hang.
    /// From any thread. Its calls that are under way are not recorded to have begun.
    ///
    /// # Errors
    /// - ESRCH: it has ended.
    /// - EPERM: a process made the handle, is not root's, and this one acts for another user.
    ///
    /// Source: NetBSD `ktrace(2)`, `KTROP_SET`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::ktrace::{Fact, Recorder};
    /// use greenproc::{Command, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// let child = runtime.spawn(Command::new("runs", |p| p.sleep(std::time::Duration::from_hours(1))))?;
    /// let recorder = Recorder::new(100);
    /// child.ktrace(&recorder)?;
    /// child.kill()?;
    /// child.wait()?;
    /// let facts: Vec<Fact> = recorder.records().into_iter().map(|record| record.fact).collect();
    /// assert_eq!(facts.first(), Some(&Fact::Attached));
    /// assert!(facts.iter().any(|fact| matches!(fact, Fact::Posted { signal, .. } if *signal == Signal::KILL)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn ktrace(&self, recorder: &Recorder) -> Result<()> {
        let attach = || self.kernel().ktrace(self.maker(), self.node(), self.id(), recorder);
        match self.caller() {
            Some(process) => process.gate(Call::Ktrace, || args![self.id()], attach),
            None => attach(),
        }
    }
}

impl Runtime {
    /// [`Child::ktrace`] for whom there is no handle, from any thread.
    ///
    /// # Errors
    /// - ESRCH: nobody has this pid, or its process has ended.
    pub fn ktrace(&self, pid: Pid, recorder: &Recorder) -> Result<()> {
        let kernel = self.kernel();
        let node = kernel.find_live(pid)?.node().ok_or(Error::NoProcess { pid: pid.as_raw() })?;
        kernel.ktrace(None, node, pid, recorder)
    }
}

impl Kernel {
    /// In one hold of `proclist_lock`, in which nobody ends: who lives in it leaves its end to be recorded.
    fn ktrace(&self, caller: Option<&Arc<Proc>>, node: NodeRef, pid: Pid, recorder: &Recorder) -> Result<()> {
        let mut list = self.lock();
        let process = list.tree.record(node).map(Arc::clone).ok_or(Error::NoProcess { pid: pid.as_raw() })?;
        if !target::permits(caller, &process, Signal::KILL) {
            return Err(target::FOREIGN);
        }
        let former = process.attach_ktrace(recorder);
        // When it ended is recorded as of then, not as of the next who takes the lock.
        process.end_in_full();
        fence(Ordering::SeqCst);
        self.enter_departures(&mut list);
        drop(list);
        drop((process, former));
        Ok(())
    }
}
