//! Who may use a terminal: job control, and the hang-up.
//!
//! Source: POSIX, General Terminal Interface, 11.1.3 and 11.1.4; row 30 of the kernel map.

use std::sync::Arc;

use greenproc_sync::MutexGuard;

use super::terminal::Terminal;
use crate::error::{Error, Result};
use crate::kernel::{Kernel, ProcList};
use crate::locks::Proclist;
use crate::pid::Pid;
use crate::process::Process;
use crate::siginfo::SigInfo;
use crate::signal::Signal;
use crate::wait_queue::{Waiter, Wakeups};

/// Whether a process may use a terminal.
enum Access {
    Granted,
    /// EIO: it is in the background, and stopping it would be of no use.
    Refused,
    /// Its group, which is in the background, is to be stopped by a signal.
    Background(Pid),
}

const BACKGROUND: Error =
    Error::Io { what: "the process is in the background, and cannot be stopped for that" };

type List<'a> = MutexGuard<'a, Proclist, ProcList>;

impl Kernel {
    /// Whether the caller is in the foreground, or what becomes of it if it is not.
    fn access(list: &List<'_>, process: &Process, terminal: &Arc<Terminal>, signal: Signal) -> Access {
        let session = process.record.sid();
        let controlling = list.tree.controlling(session);
        let Some(controlling) = controlling.filter(|own| Arc::ptr_eq(&own.terminal, terminal)) else {
            return Access::Granted;
        };
        let group = process.record.pgid();
        if controlling.foreground == Some(group) {
            return Access::Granted;
        }
        let deaf = {
            let state = process.record.state.lock();
            state.mask_of(process.lwp).contains(signal) || state.action(signal).is_ignore()
        };
        let orphaned = || process.record.node().is_some_and(|node| list.tree.is_orphaned(node));
        match signal {
            Signal::TTOU if deaf => Access::Granted,
            // Init is reached by no signal to its group.
            _ if deaf || process.record.pid == Pid::INIT || orphaned() => Access::Refused,
            _ => Access::Background(group),
        }
    }

    /// Sends a signal to the foreground group of a session, if this is still its terminal.
    pub(super) fn signal_foreground(&self, terminal: &Arc<Terminal>, session: Pid, signal: Signal) {
        let mut list = self.lock();
        let controlling = list.tree.controlling(session).filter(|own| Arc::ptr_eq(&own.terminal, terminal));
        if let Some(group) = controlling.and_then(|own| own.foreground) {
            self.signal_members(&mut list, group, signal);
        }
    }

    /// The other side of a terminal is gone: the leader of the session, if this is still its terminal, is told.
    pub(super) fn carrier_lost(&self, terminal: &Arc<Terminal>, session: Pid) {
        let mut list = self.lock();
        let controlling = list.tree.controlling(session).filter(|own| Arc::ptr_eq(&own.terminal, terminal));
        let leader = controlling.and_then(|_| self.find_live(session).ok());
        let Some(leader) = leader else { return };
        for signal in [Signal::HUP, Signal::CONT] {
            let _ = self.send_locked(&mut list, &leader, None, SigInfo::of_runtime(signal));
        }
    }

    /// Takes its terminal from a session: SIGHUP and SIGCONT to the foreground group. Costs a look at an empty table if no
    /// session has one.
    pub(crate) fn take_terminal(&self, list: &mut List<'_>, session: Pid) -> Option<Arc<Terminal>> {
        let own = list.tree.take_terminal(session)?;
        if let Some(group) = own.foreground {
            for signal in [Signal::HUP, Signal::CONT] {
                self.signal_members(list, group, signal);
            }
        }
        Some(own.terminal)
    }

    /// The leader of a session is about to be a zombie: its terminal is hung up (row 30). What was written stays to be
    /// shown: that is all the draining there is, so that nobody waits for it.
    pub(crate) fn hang_up(&self, list: &mut List<'_>, leader: Pid) -> [Wakeups; 2] {
        match self.take_terminal(list, leader) {
            Some(terminal) => [terminal.hang_up(), terminal.give_up()],
            None => Default::default(),
        }
    }
}

/// Does something with a terminal as soon as the caller may, in the hold of `proclist_lock` in which it may: who has lost
/// the foreground gets nothing that is typed after that. `waiter` is the caller, if it may be in a queue.
///
/// # Errors
/// - EIO: the caller is in the background, and its group orphaned or `signal`, for SIGTTIN, blocked or ignored.
/// - EINTR: the handler of a signal ran that does not let the call go on.
pub(crate) fn in_turn<T>(
    process: &Process,
    terminal: &Arc<Terminal>,
    signal: Option<Signal>,
    waiter: Option<&Waiter>,
    mut act: impl FnMut(&mut ProcList) -> T,
) -> Result<T> {
    loop {
        let kernel = &process.worker.kernel;
        let mut list = kernel.lock();
        let hung_up = terminal.state.lock().hung_up;
        let signal = signal.filter(|_| !hung_up);
        let access =
            signal.map_or(Access::Granted, |signal| Kernel::access(&list, process, terminal, signal));
        if let Access::Granted = access {
            return Ok(act(&mut list));
        }
        if let Some(waiter) = waiter {
            terminal.leave(waiter);
        }
        let (Access::Background(group), Some(signal)) = (access, signal) else { return Err(BACKGROUND) };
        kernel.signal_members(&mut list, group, signal);
        drop(list);
        process.heed()?;
    }
}
