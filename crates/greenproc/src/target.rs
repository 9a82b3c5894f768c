//! Whom a signal is for.

use std::sync::Arc;

use crate::counters::Count;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::kernel::{BATCH, Kernel};
use crate::pid::{LwpId, Pid};
use crate::proc::Proc;
use crate::siginfo::{SigCode, SigInfo};
use crate::signal::Signal;
use crate::table::Entry;

/// Whom a signal is for.
///
/// Source: POSIX `kill`. Typed, so that group 1 and "all" cannot be mixed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One process.
    Pid(Pid),
    /// Every process of a group, but init, which only a signal to its pid reaches.
    Group(Pid),
    /// Every process of the caller's group, but init. From outside any process: init's group.
    MyGroup,
    /// Every process but init and the caller.
    All,
}

impl From<Pid> for Target {
    fn from(pid: Pid) -> Target {
        Target::Pid(pid)
    }
}

pub(crate) fn kill(
    kernel: &Kernel,
    caller: Option<&Arc<Proc>>,
    target: Target,
    signal: Signal,
) -> Result<()> {
    match target {
        Target::Pid(pid) => match kernel.find(pid)? {
            Entry::Live(process) => send(kernel, caller, &process, signal),
            // A zombie takes it, and nothing happens (decision 3).
            Entry::Dead(_) => Ok(()),
        },
        Target::Group(group) => kill_group(kernel, caller, group, signal),
        Target::MyGroup => {
            kill_group(kernel, caller, caller.map_or(Pid::INIT, |caller| caller.pgid()), signal)
        }
        Target::All => {
            kill_all(kernel, caller, signal);
            Ok(())
        }
    }
}

/// Whether the target is there and might be signalled: signal 0.
pub(crate) fn exists(kernel: &Kernel, caller: Option<&Arc<Proc>>, target: Target) -> Result<()> {
    let group = match target {
        Target::Pid(pid) => {
            return match kernel.find(pid)? {
                Entry::Live(process) if !permits(caller, &process, Signal::HUP) => Err(FOREIGN),
                Entry::Live(_) | Entry::Dead(_) => Ok(()),
            };
        }
        Target::All => return Ok(()),
        Target::Group(group) => group,
        Target::MyGroup => caller.map_or(Pid::INIT, |caller| caller.pgid()),
    };
    let members = kernel.lock().tree.group_members(group).ok_or(Error::NoGroup { pgid: group })?;
    let open = members.is_empty() || members.iter().any(|member| permits(caller, member, Signal::HUP));
    if open { Ok(()) } else { Err(FOREIGN) }
}

/// Whether `caller` may send this signal: root may, and who acts for the same user; SIGCONT goes anywhere in a session.
/// What comes from outside any process may.
pub(crate) fn permits(caller: Option<&Arc<Proc>>, process: &Proc, signal: Signal) -> bool {
    let Some(caller) = caller else { return true };
    caller.uid() == process.uid()
        || (signal == Signal::CONT && caller.sid() == process.sid())
        || caller.as_root()
}

pub(crate) const FOREIGN: Error = Error::NotPermitted { what: "the process belongs to another user" };

/// What a signal says of who sent it.
pub(crate) fn info_from(caller: Option<&Arc<Proc>>, signal: Signal, code: SigCode) -> SigInfo {
    let (pid, uid) = caller.map_or((Pid::INIT, 0), |caller| (caller.pid, caller.uid()));
    SigInfo { code, pid, uid, ..SigInfo::of_runtime(signal) }
}

/// Posts a signal to one process, with an event for those who want it.
pub(crate) fn send(
    kernel: &Kernel,
    caller: Option<&Arc<Proc>>,
    process: &Arc<Proc>,
    signal: Signal,
) -> Result<()> {
    send_info(kernel, caller, process, None, info_from(caller, signal, SigCode::User))
}

/// The same, to one LWP or with a value.
pub(crate) fn send_info(
    kernel: &Kernel,
    caller: Option<&Arc<Proc>>,
    process: &Arc<Proc>,
    to: Option<LwpId>,
    info: SigInfo,
) -> Result<()> {
    if !permits(caller, process, info.signal) {
        return Err(FOREIGN);
    }
    kernel.tell(process, EventKind::Signalled { signal: info.signal });
    kernel.send(process, to, info)?;
    if let Some(caller) = caller {
        caller.count(Count::SignalSent);
    }
    process.count(Count::SignalReceived);
    Ok(())
}

fn kill_group(kernel: &Kernel, caller: Option<&Arc<Proc>>, group: Pid, signal: Signal) -> Result<()> {
    // In one hold: nobody joins or leaves the group in between, and no child of a member is missed.
    let members = kernel.lock().tree.group_members(group).ok_or(Error::NoGroup { pgid: group })?;
    // Who may not be signalled is passed over, unless that is everybody; who takes no more is said, when all were tried.
    let (mut reached, mut foreign, mut full) = (false, false, None);
    for member in members.iter().filter(|member| member.pid != Pid::INIT) {
        match send(kernel, caller, member, signal) {
            Ok(()) => reached = true,
            Err(Error::NotPermitted { .. }) => foreign = true,
            Err(error) => full = Some(error),
        }
    }
    match full {
        Some(error) => Err(error),
        None if foreign && !reached => Err(FOREIGN),
        None => Ok(()),
    }
}

fn kill_all(kernel: &Kernel, caller: Option<&Arc<Proc>>, signal: Signal) {
    let spared =
        |process: &Proc| process.pid == Pid::INIT || caller.is_some_and(|caller| caller.pid == process.pid);
    let mut from = Some(0);
    while let Some(start) = from {
        let (page, next) = kernel
            .lock()
            .tree
            .page(start, BATCH, |seen| seen.live().filter(|record| !spared(record)).map(Arc::clone));
        for process in page.iter().flatten() {
            // Who may not be signalled, or takes no more, is passed over.
            let _ = send(kernel, caller, process, signal);
        }
        from = next;
    }
}
