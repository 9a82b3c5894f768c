//! Making a process: everything is reserved and claimed before anything of it can be seen.

use std::sync::Arc;

use greenproc_os::clock::Moment;

use crate::action_table::{ActionTable, SharedActions};
use crate::child::{Child, Origin};
use crate::command::{Command, FirstActions, More, ProcessGroup};
use crate::counters::Count;
use crate::descriptor::{self, Table};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::extras::Extras;
use crate::image::Environment;
use crate::kernel::{Kernel, ProcList};
use crate::ktrace::Fact;
use crate::limits::Pair;
use crate::pid::{LwpId, Pid};
use crate::proc::{Inherited, Proc};
use crate::process::Process;
use crate::signal::Signal;
use crate::signal_state::UNSTOPPABLE;
use crate::sigset::SigSet;
use crate::starts::ClassId;
use crate::threads::{LwpStart, Start};
use crate::tree::{Birth, LinkError, NodeRef};
use crate::watch::Wakers;
use crate::workdir::WorkDir;

/// Who may wait for a new process (decision 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Its parent.
    Parent,
    /// Its handle, until that is dropped.
    Handle,
}

/// Makes a child of `parent`: claims a pid, which answers ESRCH until the process is linked; then, in one hold of
/// `proclist_lock`, reserves a thread, links and queues the start (decision 24).
pub(crate) fn spawn(
    origin: Arc<Origin>,
    parent: &Arc<Proc>,
    parent_node: NodeRef,
    mut command: Command,
    owner: Owner,
    maker: Option<&Process>,
) -> Result<Child> {
    let kernel = &origin.kernel;
    command.check()?;
    kernel.programs.resolve(&mut command)?;
    let Command {
        name,
        body,
        group,
        new_session,
        mask,
        exit_signal,
        limits,
        stack_size,
        own_thread,
        mut more,
    } = command;
    let given = more.as_mut().and_then(|more| more.descriptors.take());
    let of_child = || limits.as_ref().map_or_else(|| parent.limits(), |limits| limits.soft);
    let descriptors = descriptor::for_child(parent.extras(), given, of_child)?;
    let class = match (stack_size, own_thread) {
        (None, false) => ClassId::DEFAULT,
        (size, own) => {
            let size = size.unwrap_or(kernel.config.stack_size);
            kernel.starts.lock().class(size, !own)
        }
    };
    if let Some(limits) = &limits {
        limits.check(&parent.limit_pair(), parent)?;
    }
    let inherited = Inherited { uid: parent.uid(), gid: parent.gid() };
    let more = more.map(|more| with_environment(more, parent)).transpose()?;
    let now = Moment::now();
    let record = kernel.claim(|pid| {
        let record = Proc::new(pid, name, inherited, class, now);
        match maker {
            Some(maker) => maker.worker.records.make(record),
            None => Arc::new(record),
        }
    })?;
    #[cfg(feature = "racelab")]
    record.marks.with_faults(&kernel.faults);
    let actions = more.as_ref().map_or(FirstActions::Copy, |(more, _)| more.shares.actions);
    let shared = (actions == FirstActions::Same).then(|| share_actions(kernel, parent));
    inherit_signals(kernel, parent, &record, maker.map(|maker| maker.lwp), mask, (actions, shared.as_ref()));
    if let Some(parents) = parent.extras() {
        Extras::inherit(parents, &record);
    }
    let traced = more.as_ref().and_then(|(more, _)| more.traced);
    furnish(kernel, parent, &record, (descriptors, more, limits));
    let pid = record.pid;
    if owner == Owner::Handle || new_session || exit_signal.is_some_and(|signal| signal != Signal::CHLD) {
        record.end_in_full();
    }
    let birth = Birth {
        record: Arc::clone(&record),
        exit_signal,
        held: owner == Owner::Handle,
        group: if new_session { None } else { group },
        new_session,
        user_limit: parent.limits().processes,
    };
    let mut list = kernel.lock_as_it_is();
    if list.admission.is_full() || birth.user_limit.is_some() || birth.group.is_some() {
        // What has departed may have made room, or have ended a group.
        kernel.enter_departures(&mut list);
    }
    match enter(&mut list, kernel, parent, parent_node, birth) {
        Ok(node) => {
            list.events.tell(pid, &record.first_name, EventKind::Spawned { parent: parent.pid });
            record.ktrace(None, || Fact::Spawned { parent: Some(parent.pid) });
            let observers =
                if parent.is_observed() { forked(&mut list, parent, &record) } else { Wakers::default() };
            if parent.is_frozen() {
                list.freeze_newborn(parent_node, node, &record);
            }
            if list.tree.is_swept() {
                kernel.reach_newborn(&mut list, node, &record);
            }
            if let Some(shared) = &shared {
                kernel.admit_sharer(&list, shared, parent_node, (node, &record));
            }
            if traced.is_some() || parent.has_signals() {
                kernel.trace_from_birth(&mut list, parent, parent_node, &record, node, traced);
            }
            let start = LwpStart { process: Arc::clone(&record), lwp: LwpId::MAIN, body, queued: now };
            drop(list);
            let call = kernel.starts.lock().push(class, Start::Lwp(start));
            kernel.answer(class, call);
            observers.wake();
            parent.count(Count::Spawn);
            Ok(Child::new(origin, record, node))
        }
        Err(error) => {
            // The body goes after the lock: its destructors are the user's.
            drop(list);
            if let Some(extras) = record.extras() {
                extras.disown(kernel, &record);
            }
            kernel.stop_hearing(&record);
            drop(kernel.pids.release(pid));
            Err(error)
        }
    }
}

/// With the environment that a command makes of the parent's.
fn with_environment(more: Box<More>, parent: &Proc) -> Result<(Box<More>, Option<Arc<Environment>>)> {
    let parents = parent.extras().and_then(|extras| extras.image.env());
    let env = more.strings.environment(parents)?;
    Ok((more, env))
}

/// What the command says besides of the process's descriptors, its program and its limits.
type Furniture = (Option<Table>, Option<(Box<More>, Option<Arc<Environment>>)>, Option<Box<Pair>>);

/// Gives the process what it has from its command, before anybody can see it.
fn furnish(kernel: &Arc<Kernel>, parent: &Proc, record: &Arc<Proc>, (descriptors, more, limits): Furniture) {
    if let Some(table) = descriptors {
        record.need_extras().descriptors.fill(table);
    }
    if let Some((more, env)) = more {
        if more.death_signal.is_some() {
            record.set_death_signal(more.death_signal);
        }
        if more.shares.directory {
            WorkDir::share(parent, record);
        }
        if let Some(policy) = &more.policy {
            record.restrict(policy);
        }
        if more.counted {
            record.start_counting();
        }
        if let Some(recorder) = &more.ktrace {
            drop(record.begin_ktrace(recorder));
        }
        record.need_extras().begin(*more, env);
    }
    if let Some(limits) = limits {
        record.need_extras().give_limits(*limits);
    }
    if let Some(extras) = record.extras() {
        extras.watch_over(kernel, record);
    }
}

/// The parent's actions, to be shared with a child.
fn share_actions(kernel: &Kernel, parent: &Proc) -> Arc<SharedActions> {
    let mut state = parent.state.lock();
    let shared = state.share_actions();
    // It hears no more than before, but it has something that its other children inherit.
    let _ = kernel.note_hearing(parent, &state);
    shared
}

/// The parent's actions, and the mask of the LWP that spawns, unless the command has one (decision 15). Most have neither.
fn inherit_signals(
    kernel: &Kernel,
    parent: &Proc,
    child: &Proc,
    maker: Option<LwpId>,
    mask: Option<SigSet>,
    (has, shared): (FirstActions, Option<&Arc<SharedActions>>),
) {
    let (actions, inherited) = if parent.has_signals() || shared.is_some() {
        let state = parent.state.lock();
        let actions = match shared {
            Some(shared) => Some(ActionTable::Shared(Arc::clone(shared))),
            None if has == FirstActions::Default => None,
            None => state.actions().map(ActionTable::copy),
        };
        (actions, maker.map_or(SigSet::EMPTY, |maker| state.mask_of(maker)))
    } else {
        (None, SigSet::EMPTY)
    };
    let mask = mask.unwrap_or(inherited) - UNSTOPPABLE;
    if actions.is_some() || !mask.is_empty() {
        let mut state = child.state.lock();
        state.inherit_signals(actions, mask);
        // It has no children yet of whom it could be told.
        let _ = kernel.note_hearing(child, &state);
    }
}

fn enter(
    list: &mut ProcList,
    kernel: &Kernel,
    parent: &Proc,
    parent_node: NodeRef,
    birth: Birth,
) -> Result<NodeRef> {
    list.admits()?;
    if parent.is_doomed() {
        return Err(Error::Exiting { pid: parent.pid });
    }
    list.admission.reserve()?;
    let (pid, session) = (birth.record.pid, birth.new_session);
    let leads = session || birth.group == Some(ProcessGroup::New);
    let linked = list.tree.link(parent_node, birth).map_err(|error| link_error(error, parent.pid));
    match linked {
        Ok(_) if leads => {
            kernel.pids.mark_group(pid);
            if session {
                kernel.pids.mark_session(pid);
            }
        }
        Ok(_) => {}
        Err(_) => list.admission.release(1),
    }
    list.spawned += u64::from(linked.is_ok());
    linked
}

/// Tells those who watch the parent; who tracks it watches the child too.
fn forked(list: &mut ProcList, parent: &Proc, child: &Proc) -> Wakers {
    let (wakers, tracked) = list.watches.forked(parent.pid, child.pid);
    if tracked {
        child.set_observed();
    }
    wakers
}

impl Kernel {
    /// Claims a pid, if need be one of a process whose end was not entered yet.
    fn claim(&self, make: impl FnOnce(Pid) -> Arc<Proc>) -> Result<Arc<Proc>> {
        self.pids.claim(make).or_else(|make| {
            drop(self.lock());
            self.pids.claim(make).map_err(|_| self.pids.exhausted().into())
        })
    }
}

fn link_error(error: LinkError, parent: Pid) -> Error {
    match error {
        LinkError::ParentExiting => Error::Exiting { pid: parent },
        LinkError::UserLimit(limit) => crate::error::Exhausted::UserProcesses { limit }.into(),
        LinkError::BadGroup => Error::NotPermitted { what: "there is no such group in this session" },
    }
}
