//! Whom a signal is for.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::kernel::{BATCH, Kernel};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::signal::{DefaultAction, Signal};
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
    check(signal)?;
    match target {
        Target::Pid(pid) => {
            match kernel.find(pid)? {
                Entry::Live(process) => send(kernel, &process, signal),
                // A zombie takes it, and nothing happens (decision 3).
                Entry::Dead(_) => {}
            }
            Ok(())
        }
        Target::Group(group) => kill_group(kernel, group, signal),
        Target::MyGroup => kill_group(kernel, caller.map_or(Pid::INIT, |caller| caller.pgid()), signal),
        Target::All => {
            kill_all(kernel, caller, signal);
            Ok(())
        }
    }
}

/// Whether the target is there: signal 0.
pub(crate) fn exists(kernel: &Kernel, caller: Option<&Arc<Proc>>, target: Target) -> Result<()> {
    let group = match target {
        Target::Pid(pid) => return kernel.find(pid).map(|_| ()),
        Target::All => return Ok(()),
        Target::Group(group) => group,
        Target::MyGroup => caller.map_or(Pid::INIT, |caller| caller.pgid()),
    };
    let members = kernel.proclist.lock().tree.group_members(group);
    members.map(|_| ()).ok_or(Error::NoGroup { pgid: group })
}

/// EINVAL for what this version cannot send.
pub(crate) fn check(signal: Signal) -> Result<()> {
    if signal.default_action() == DefaultAction::Stop {
        return Err(Error::Signal { signal, why: "stop signals are not part of this version" });
    }
    Ok(())
}

/// Posts a signal to one process, with an event for those who want it.
pub(crate) fn send(kernel: &Kernel, process: &Arc<Proc>, signal: Signal) {
    kernel.tell(process, EventKind::Signalled { signal });
    kernel.post(process, signal);
}

fn kill_group(kernel: &Kernel, group: Pid, signal: Signal) -> Result<()> {
    // In one hold: nobody joins or leaves the group in between, and no child of a member is missed.
    let members = kernel.proclist.lock().tree.group_members(group).ok_or(Error::NoGroup { pgid: group })?;
    for member in members.iter().filter(|member| member.pid != Pid::INIT) {
        send(kernel, member, signal);
    }
    Ok(())
}

fn kill_all(kernel: &Kernel, caller: Option<&Arc<Proc>>, signal: Signal) {
    let spared =
        |process: &Proc| process.pid == Pid::INIT || caller.is_some_and(|caller| caller.pid == process.pid);
    let mut from = Some(0);
    while let Some(start) = from {
        let (page, next) = kernel
            .proclist
            .lock()
            .tree
            .page(start, BATCH, |seen| seen.live().filter(|record| !spared(record)).map(Arc::clone));
        for process in page.iter().flatten() {
            send(kernel, process, signal);
        }
        from = next;
    }
}
