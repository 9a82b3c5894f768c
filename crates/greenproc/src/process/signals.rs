//! The process's own signals: actions, masks, and waiting for them.

use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::time;

use crate::action::SigAction;
use crate::call::{Call, args};
use crate::error::{Error, Exhausted, Result};
use crate::ktrace::Fact;
use crate::pid::{LwpId, Pid};
use crate::process::Process;
use crate::process::request::{MaskAfter, Met};
use crate::process::sleep::Slept;
use crate::siginfo::{SigCode, SigInfo};
use crate::signal::Signal;
use crate::signal_state::UNSTOPPABLE;
use crate::sigset::SigSet;
use crate::table::Entry;
use crate::target;

/// How a mask is changed.
///
/// Source: POSIX `sigprocmask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskHow {
    /// Blocks these too.
    #[doc(alias = "SIG_BLOCK")]
    Block,
    /// Blocks these no more.
    #[doc(alias = "SIG_UNBLOCK")]
    Unblock,
    /// Blocks exactly these.
    #[doc(alias = "SIG_SETMASK")]
    Set,
}

impl Process {
    /// Says what is to be done when a signal comes; returns what it was.
    ///
    /// The action is the process's, whichever LWP sets it, and children inherit it. A signal that is now ignored is
    /// pending no more. For SIGCHLD, [`IGNORE`](SigAction::IGNORE) and [`NO_CHILD_WAIT`](SigAction::NO_CHILD_WAIT) make
    /// children that end from now on leave no zombie: a wait for them sleeps until none is left, then says ECHILD, and
    /// their usage counts nowhere.
    ///
    /// # Errors
    /// - EINVAL: SIGKILL and SIGSTOP cannot be caught or ignored.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `sigaction`, row 40 of the kernel map, decisions 2 and 21 of the semantics page.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, SigAction, Signal};
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("careless", |p| {
    ///     p.sigaction(Signal::CHLD, SigAction::IGNORE)?;
    ///     p.spawn(Command::new("forgotten", |_| 1))?;
    ///     assert_eq!(p.wait().expect_err("it left no zombie").errno(), 10); // ECHILD
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sigaction(&self, signal: Signal, action: SigAction) -> Result<SigAction> {
        self.gate(
            Call::Sigaction,
            || args![signal],
            || {
                if UNSTOPPABLE.contains(signal) && !action.is_default() {
                    return Err(Error::Signal { signal, why: "it cannot be caught or ignored" });
                }
                let node = self.live_node()?;
                // SIGCHLD's action is the tree's business too, and changes there in the same hold.
                let list = (signal == Signal::CHLD).then(|| self.worker.kernel.lock());
                let disposition = action.disposition();
                let kernel = &self.worker.kernel;
                let (former, mut hears, shared) = {
                    let mut state = self.record.state.lock();
                    let former = state.set_action(signal, action);
                    let shared = state.shared_actions().map(Arc::clone);
                    (former, kernel.note_hearing(&self.record, &state), shared)
                };
                if let Some(mut list) = list {
                    list.tree.set_sigchld(node, disposition);
                    if let Some(shared) = &shared {
                        hears |= kernel.mirror_sigchld(&mut list, shared, node, disposition);
                    }
                    if hears {
                        kernel.enter_departures(&mut list);
                    }
                }
                Ok(former)
            },
        )
    }

    /// The action of a signal.
    ///
    /// Source: POSIX `sigaction` without a new action.
    pub fn action(&self, signal: Signal) -> SigAction {
        self.gate_sure(Call::Sigaction, || args![signal], |_| 0, || self.record.state.lock().action(signal))
    }

    /// Changes what the calling LWP blocks; returns what it blocked before. SIGKILL and SIGSTOP are never blocked.
    ///
    /// A signal that comes while it is blocked stays pending. What is pending and no longer blocked is met before this
    /// returns: a checkpoint in that case.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `pthread_sigmask`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, MaskHow, Runtime, SigSet, Signal};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("holds off", |p| {
    ///     p.sigmask(MaskHow::Block, Signal::USR1)?;
    ///     p.kill(p.pid(), Signal::USR1)?;
    ///     assert_eq!(p.sigpending(), SigSet::of(Signal::USR1));
    ///     p.sigmask(MaskHow::Unblock, Signal::USR1)?; // ends here
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert_eq!(status.signal(), Some(Signal::USR1));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn sigmask(&self, how: MaskHow, signals: impl Into<SigSet>) -> Result<SigSet> {
        let signals = signals.into();
        let former = self.gate(
            Call::Sigmask,
            || args![how, signals],
            || {
                self.check_live()?;
                let former = self.record.state.lock().mask_of(self.lwp);
                self.change_mask(match how {
                    MaskHow::Block => former | signals,
                    MaskHow::Unblock => former - signals,
                    MaskHow::Set => signals,
                });
                Ok(former)
            },
        )?;
        self.checkpoint();
        Ok(former)
    }

    /// What the calling LWP blocks.
    pub fn sigmask_now(&self) -> SigSet {
        self.gate_sure(Call::Sigmask, || args![], |_| 0, || self.record.state.lock().mask_of(self.lwp))
    }

    /// Sets the mask, without looking at what is pending; that is seen at the next checkpoint.
    pub(crate) fn change_mask(&self, mask: SigSet) -> SigSet {
        let kernel = &self.worker.kernel;
        let mut state = self.record.state.lock();
        let former = state.set_mask(self.lwp, mask);
        let hears = kernel.note_hearing(&self.record, &state);
        drop(state);
        if hears {
            drop(kernel.lock());
        }
        former
    }

    /// What is pending for the calling LWP and for the process.
    ///
    /// Source: POSIX `sigpending`.
    pub fn sigpending(&self) -> SigSet {
        self.gate_sure(Call::Sigpending, || args![], |_| 0, || self.record.state.lock().pending_for(self.lwp))
    }

    /// Sends the calling LWP a signal; unless it is blocked, it is met before this returns.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// - EAGAIN: as many real-time signals are pending as may be.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `raise`.
    #[track_caller]
    pub fn raise(&self, signal: Signal) -> Result<()> {
        self.tgkill(self.lwp, signal)?;
        self.checkpoint();
        Ok(())
    }

    /// Sends a signal to one LWP of this process. One that ends or stops does so with the whole process.
    ///
    /// # Errors
    /// - ESRCH: there is no such LWP, or this was kept beyond its LWP's end.
    /// - EAGAIN: as many real-time signals are pending as may be.
    ///
    /// Source: Linux `tgkill`, POSIX `pthread_kill`.
    pub fn tgkill(&self, lwp: LwpId, signal: Signal) -> Result<()> {
        self.gate(
            Call::Tgkill,
            || args![self.record.pid, lwp, signal],
            || {
                self.check_live()?;
                if self.record.state.lock().lwp(lwp).is_none() {
                    return Err(Error::NoLwp { lwp });
                }
                let info = target::info_from(Some(&self.record), signal, SigCode::Lwp);
                target::send_info(&self.worker.kernel, Some(&self.record), &self.record, Some(lwp), info)
            },
        )
    }

    /// Sends a signal with a value. Real-time signals queue, up to [`Limits::pending_signals`](crate::Limits); of the others
    /// one is kept.
    ///
    /// # Errors
    /// - ESRCH: nobody has that pid.
    /// - EPERM: the process acts for another user.
    /// - EAGAIN: as many real-time signals are pending as may be.
    ///
    /// Source: POSIX `sigqueue`, decision 11 of the semantics page.
    pub fn sigqueue(&self, pid: Pid, signal: Signal, value: i64) -> Result<()> {
        self.gate(
            Call::Sigqueue,
            || args![pid, signal, value],
            || {
                self.check_live()?;
                let kernel = &self.worker.kernel;
                let caller = Some(&self.record);
                match kernel.find(pid)? {
                    Entry::Dead(_) => Ok(()),
                    Entry::Live(process) => {
                        let info = SigInfo { value, ..target::info_from(caller, signal, SigCode::Queue) };
                        target::send_info(kernel, caller, &process, None, info)
                    }
                }
            },
        )
    }

    /// Blocks exactly `mask` and sleeps until a handler has run; then the former mask is back.
    ///
    /// A checkpoint. There is no moment between the change and the sleep in which a signal could be missed.
    ///
    /// # Errors
    /// - EINTR: always, once a handler has run, or SIGTERM has come and the process is polite about it.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `sigsuspend`.
    #[track_caller]
    pub fn sigsuspend(&self, mask: impl Into<SigSet>) -> Result<std::convert::Infallible> {
        self.enter();
        let mask = mask.into();
        self.gate(Call::Sigsuspend, || args![mask], || self.suspend(mask))
    }

    fn suspend(&self, mask: SigSet) -> Result<std::convert::Infallible> {
        self.check_live()?;
        let _doze = self.doze();
        let former = self.change_mask(mask);
        let back = MaskAfter::new(self, former);
        loop {
            if let Slept::Interrupted(request) = self.sleep_until(None, |_| false) {
                match self.meet(request) {
                    Met::Stood => {}
                    _ => break,
                }
            }
        }
        drop(back);
        Err(Error::Interrupted)
    }

    /// Sleeps until a handler has run.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// As [`sigsuspend`](Process::sigsuspend).
    ///
    /// Source: POSIX `pause`.
    #[track_caller]
    pub fn pause(&self) -> Result<std::convert::Infallible> {
        self.enter();
        self.gate(
            Call::Pause,
            || args![],
            || {
                let mask = self.record.state.lock().mask_of(self.lwp);
                self.suspend(mask)
            },
        )
    }

    /// Takes one of these signals, waiting for it if none is pending: the handler does not run, and it is met by nobody else.
    /// They should be blocked in every LWP of the process.
    ///
    /// A checkpoint. A signal that is pending beats a request.
    ///
    /// # Errors
    /// - EAGAIN: none came within `timeout`.
    /// - EINTR: the handler of another signal ran, or SIGTERM came and the process is polite about it.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `sigtimedwait`; without a time-out `sigwaitinfo`.
    #[track_caller]
    pub fn sigtimedwait(&self, signals: impl Into<SigSet>, timeout: Option<Duration>) -> Result<SigInfo> {
        self.enter();
        let wanted = signals.into() - UNSTOPPABLE;
        self.gate_value(
            Call::Sigtimedwait,
            || args![wanted],
            |info: &SigInfo| i64::from(info.signal.as_raw()),
            || {
                self.check_live()?;
                let deadline = timeout.and_then(|timeout| time::now().checked_add(timeout));
                let _doze = self.doze();
                self.await_signals(wanted);
                let mut taken = None;
                let result = loop {
                    let slept = self.sleep_until(deadline, |state| {
                        taken = state.take_pending(self.lwp, wanted);
                        taken.is_some()
                    });
                    match slept {
                        Slept::Done => break taken.ok_or(Error::Interrupted),
                        Slept::TimedOut => break Err(Exhausted::Timeout.into()),
                        Slept::Interrupted(request) => match self.meet(request) {
                            Met::Stood => {}
                            _ => break Err(Error::Interrupted),
                        },
                    }
                };
                if let Ok(info) = &result {
                    self.record.ktrace(Some(self.lwp), || Fact::Taken { signal: info.signal });
                }
                self.await_signals(SigSet::EMPTY);
                self.come_back();
                result
            },
        )
    }

    fn await_signals(&self, wanted: SigSet) {
        let mut state = self.record.state.lock();
        state.set_awaits(self.lwp, wanted);
        let hears = self.worker.kernel.note_hearing(&self.record, &state);
        drop(state);
        if hears {
            drop(self.worker.kernel.lock());
        }
    }
}
