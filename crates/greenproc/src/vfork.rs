//! vfork: a child that its parent's LWP waits for until it has executed a program or ended (row 29, decision 10).
//!
//! The latch belongs to the waiting LWP: its interlock is the `p_smutex` of that LWP's process, as of any other sleep, so a
//! kill and a stop find the LWP there, and who else has to do with the child makes no difference (mistake l).

use std::sync::Arc;

use greenproc_sync::Mutex;
use greenproc_sync::atomic::{AtomicBool, Ordering};

use crate::call::{Call, Visit, args, pid_value};
use crate::child::Child;
use crate::command::Command;
use crate::error::Result;
use crate::locks::Leaf;
use crate::pid::LwpId;
use crate::proc::{Proc, Request};
use crate::process::Process;
use crate::process::sleep::Slept;
use crate::spawn::{self, Owner};

/// What an LWP waits on in `vfork`.
pub(crate) struct Latch {
    process: Arc<Proc>,
    lwp: LwpId,
    /// Written under the `p_smutex` of `process`.
    released: AtomicBool,
    /// Who is notified without the lock: a mistake.
    #[cfg(feature = "racelab")]
    careless: Option<Arc<crate::lwp::Seat>>,
}

/// The latch of the LWP that a process holds up, if it does.
#[derive(Default)]
pub(crate) struct LatchSlot(Mutex<Leaf, Option<Arc<Latch>>>);

impl Latch {
    fn release(&self) {
        #[cfg(feature = "racelab")]
        if let Some(seat) = &self.careless {
            self.released.store(true, Ordering::Relaxed);
            seat.sleep_cv.notify_one();
            return;
        }
        let mut state = self.process.state.lock();
        self.released.store(true, Ordering::Relaxed);
        if let Some(seat) = state.lwp(self.lwp).and_then(|lwp| lwp.seat.as_ref()) {
            seat.sleep_cv.notify_one();
        }
    }
}

impl LatchSlot {
    /// Before anybody can see the process.
    pub(crate) fn hold(&self, latch: Arc<Latch>) {
        *self.0.lock() = Some(latch);
    }

    /// Whether an LWP waits for the process to execute a program or end.
    pub(crate) fn is_held(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Lets the LWP go. Called without a lock.
    pub(crate) fn release(&self) {
        let latch = self.0.lock().take();
        if let Some(latch) = latch {
            latch.release();
        }
    }
}

impl Process {
    /// Makes a child process, and sleeps until the child has replaced its body by [`exec`](Process::exec) or ended.
    ///
    /// It is a spawn with a hand-over: until then the child may use what the calling LWP has lent it, and when this
    /// returns, the child has either become what it was to be, or is known to have failed: it has ended, and its exit hooks
    /// have run and its values are gone. A shell makes its jobs so, to know that the program was found.
    ///
    /// Only the calling LWP sleeps. It can be killed meanwhile; the child lives on. When the process is stopped, the LWP
    /// counts as stopped where it is. Signals that have handlers are met when this has returned. Stop signals whose action
    /// is the default are discarded while the child holds its parent up, SIGSTOP too: nobody would be there to continue it.
    ///
    /// A checkpoint. If the LWP has to end and cannot unwind here (in [`critical`](Process::critical), in a destructor), it
    /// returns before the child is that far.
    ///
    /// # Errors
    /// As [`spawn`](Process::spawn).
    ///
    /// Source: POSIX.1-2001 `vfork`, decision 10 of the semantics page, row 29 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::builder().program("true", |_| {}).boot()?;
    /// runtime.run(Command::new("shell", |p| {
    ///     let child = p.vfork(Command::new("job", |p| match p.exec(Command::program("ture")) {
    ///         Err(error) => p.exit(if error.errno() == 2 { 127 } else { 126 }), // ENOENT
    ///         Ok(never) => match never {},
    ///     }))?;
    ///     // It has ended already, though it may not be a zombie yet.
    ///     assert_eq!(child.wait()?.status.code(), Some(127));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn vfork(&self, command: Command) -> Result<Child> {
        self.enter();
        let visit = self.pass(Call::Vfork, || args![&*command.name])?;
        Visit::leave(visit, self.lend_itself(command), |child| pid_value(child.id()))
    }

    fn lend_itself(&self, mut command: Command) -> Result<Child> {
        let node = self.live_node()?;
        self.refuse_if_exiting()?;
        let latch = Arc::new(Latch {
            process: Arc::clone(&self.record),
            lwp: self.lwp,
            released: AtomicBool::new(false),
            #[cfg(feature = "racelab")]
            careless: planted!(self.worker.kernel, LatchWithoutLock).then(|| Arc::clone(&self.worker.seat)),
        });
        command.more().latch = Some(Arc::clone(&latch));
        let child = spawn::spawn(self.origin(), &self.record, node, command, Owner::Parent, Some(self))?;
        self.halt_after_spawn(child.id());
        self.await_latch(&latch);
        Ok(child)
    }

    /// Sleeps until the latch is released. Requests but for a stop and the LWP's own end wait until then: the child is made,
    /// so there is no error to return.
    fn await_latch(&self, latch: &Latch) {
        let _doze = self.doze();
        loop {
            let slept = self.critical(|| self.sleep_until(None, |_| latch.released.load(Ordering::Relaxed)));
            match slept {
                Slept::Interrupted(Request::Stop) => self.stand_still(),
                #[cfg(feature = "racelab")]
                Slept::Interrupted(Request::Die) if planted!(self.worker.kernel, VforkUnkillable) => {
                    let mut state = self.record.state.lock();
                    while !latch.released.load(Ordering::Relaxed) {
                        self.worker.seat.sleep_cv.wait(&mut state);
                    }
                }
                Slept::Interrupted(_) if self.may_unwind() => Process::unwind(),
                Slept::Done | Slept::TimedOut | Slept::Interrupted(_) => break,
            }
        }
        self.come_back();
    }
}
