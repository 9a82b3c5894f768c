//! Where a process has its actions: a table of its own, or one that it shares with others (row 20).
//!
//! A table of one's own is guarded by `p_smutex` and copied when it is first changed. One that is shared is a leaf, taken
//! under the `p_smutex` of whoever looks. What it says of SIGCHLD is mirrored in the tree and in the marks of each sharer;
//! it changes, with all its mirrors, in one hold of `proclist_lock`, in which the sharers' `p_smutex`es are taken one after
//! another (`docs/locking.md`).

use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::action::{Actions, How, SaFlags, SigAction};
use crate::command::{Command, FirstActions};
use crate::kernel::{Kernel, ProcListGuard};
use crate::locks::Leaf;
use crate::proc::Proc;
use crate::signal::{Disposition, Signal};
use crate::tree::{NodeRef, ProcTree, Seen, SeenBody};

/// The actions of a process that are not the default.
pub(crate) enum ActionTable {
    Own(Arc<Actions>),
    Shared(Arc<SharedActions>),
}

/// Actions of several processes.
pub(crate) struct SharedActions(Mutex<Leaf, Sharing>);

struct Sharing {
    actions: Actions,
    /// Who was let in. Some may have left since: each says itself whether it is in still. Changed under `proclist_lock`.
    sharers: Vec<NodeRef>,
}

/// What is done about a signal, without the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Default,
    Ignore,
    Handle,
}

impl Default for ActionTable {
    fn default() -> ActionTable {
        ActionTable::Own(Arc::default())
    }
}

impl ActionTable {
    /// Looks at an action. A copy of it must not be dropped under a lock: it may be the last.
    fn look<R>(&self, signal: Signal, look: impl FnOnce(Option<&SigAction>) -> R) -> R {
        match self {
            ActionTable::Own(actions) => look(actions.get(signal)),
            ActionTable::Shared(shared) => look(shared.0.lock().actions.get(signal)),
        }
    }

    pub(crate) fn get(&self, signal: Signal) -> SigAction {
        self.look(signal, |action| action.cloned().unwrap_or_default())
    }

    pub(crate) fn flags(&self, signal: Signal) -> SaFlags {
        self.look(signal, |action| action.map_or(SaFlags::empty(), |action| action.flags))
    }

    pub(crate) fn kind(&self, signal: Signal) -> Kind {
        self.look(signal, |action| match action.map(|action| &action.how) {
            None | Some(How::Default) => Kind::Default,
            Some(How::Ignore) => Kind::Ignore,
            Some(How::Handle(_)) => Kind::Handle,
        })
    }

    /// Sets an action; the former one is to be dropped after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn set(&mut self, signal: Signal, action: SigAction) -> SigAction {
        match self {
            ActionTable::Own(actions) => Arc::make_mut(actions).set(signal, action),
            ActionTable::Shared(shared) => shared.0.lock().actions.set(signal, action),
        }
    }

    /// The handler that a signal calls now, if it has one; it is reset in the same look if it says so, so that of several
    /// sharers one calls it.
    pub(crate) fn take_handler(&mut self, signal: Signal) -> Option<SigAction> {
        match self {
            ActionTable::Own(actions) => {
                let action = actions.get(signal).filter(|action| action.is_handler())?;
                if action.flags.contains(SaFlags::RESETHAND) {
                    take_handler(Arc::make_mut(actions), signal)
                } else {
                    Some(action.clone())
                }
            }
            ActionTable::Shared(shared) => take_handler(&mut shared.0.lock().actions, signal),
        }
    }

    /// What a child begins with that has its own.
    pub(crate) fn copy(&self) -> ActionTable {
        ActionTable::Own(match self {
            ActionTable::Own(actions) => Arc::clone(actions),
            ActionTable::Shared(shared) => Arc::new(shared.0.lock().actions.clone()),
        })
    }

    /// What is left of it after an exec: what ignores, in a table of one's own.
    pub(crate) fn ignored(&self) -> Option<ActionTable> {
        let ignored = match self {
            ActionTable::Own(actions) => actions.ignored(),
            ActionTable::Shared(shared) => shared.0.lock().actions.ignored(),
        };
        ignored.map(|actions| ActionTable::Own(Arc::new(actions)))
    }

    /// Makes it one that can be shared, if it is none yet.
    pub(crate) fn share(&mut self) -> Arc<SharedActions> {
        if let ActionTable::Own(actions) = self {
            // The copy has the same functions, so none is dropped here.
            let actions = Actions::clone(actions);
            *self = ActionTable::Shared(Arc::new(SharedActions(Mutex::new(Sharing {
                actions,
                sharers: Vec::new(),
            }))));
        }
        match self {
            ActionTable::Shared(shared) => Arc::clone(shared),
            ActionTable::Own(_) => unreachable!("it was just made one"),
        }
    }

    pub(crate) fn shared(&self) -> Option<&Arc<SharedActions>> {
        match self {
            ActionTable::Own(_) => None,
            ActionTable::Shared(shared) => Some(shared),
        }
    }
}

fn take_handler(actions: &mut Actions, signal: Signal) -> Option<SigAction> {
    let action = actions.get(signal).filter(|action| action.is_handler())?.clone();
    if action.flags.contains(SaFlags::RESETHAND) {
        // What it says of children stays, as the tree has it.
        let flags = action.flags - SaFlags::RESETHAND;
        let reset = SigAction { how: How::Default, flags, mask: action.mask };
        // The caller has the function: it is not dropped here.
        drop(actions.set(signal, reset));
    }
    Some(action)
}

impl SharedActions {
    /// Lets processes in. Under `proclist_lock`.
    pub(crate) fn admit(&self, tree: &ProcTree, nodes: [NodeRef; 2]) {
        let mut sharing = self.0.lock();
        if sharing.sharers.len() == sharing.sharers.capacity() {
            let lives =
                |node: &NodeRef| tree.see(*node).is_some_and(|seen| matches!(seen.body, SeenBody::Live(_)));
            sharing.sharers.retain(lives);
        }
        for node in nodes {
            if !sharing.sharers.contains(&node) {
                sharing.sharers.push(node);
            }
        }
    }

    /// Who was let in. Under `proclist_lock`.
    pub(crate) fn sharers(&self) -> Vec<NodeRef> {
        self.0.lock().sharers.clone()
    }
}

impl Kernel {
    /// What a shared table says of SIGCHLD has changed: the others that share it have it in the tree and in their marks, from
    /// this hold of `proclist_lock` on. Whether one of them is to be told of deaths that it was not told of before.
    pub(crate) fn mirror_sigchld(
        &self,
        list: &mut ProcListGuard<'_>,
        shared: &Arc<SharedActions>,
        changed_by: NodeRef,
        disposition: Disposition,
    ) -> bool {
        let mut hears = false;
        for node in shared.sharers().into_iter().filter(|&node| node != changed_by) {
            let Some(Seen { body: SeenBody::Live(record), .. }) = list.tree.see(node) else { continue };
            let record = Arc::clone(record);
            let state = record.state.lock();
            // One that ends, or has executed another program, has left.
            if state.shared_actions().is_some_and(|own| Arc::ptr_eq(own, shared)) {
                hears |= self.note_hearing(&record, &state);
                drop(state);
                list.tree.set_sigchld(node, disposition);
            }
        }
        hears
    }

    /// A child that shares its parent's actions is in the tree now.
    pub(crate) fn admit_sharer(
        &self,
        list: &ProcListGuard<'_>,
        shared: &SharedActions,
        parent: NodeRef,
        (node, record): (NodeRef, &Proc),
    ) {
        shared.admit(&list.tree, [parent, node]);
        // They may have changed since it was made. It has no children yet of whom it could be told.
        let _ = self.note_hearing(record, &record.state.lock());
    }
}

impl Command {
    /// Has the process share its parent's table of signal actions: what one of them sets with
    /// [`sigaction`](crate::Process::sigaction) holds for the other too, until one ends or executes another program.
    ///
    /// For helpers that are to behave like their parent whatever it learns later: a handler that is replaced, a signal that
    /// is ignored from some moment on. A function runs in the process that was signalled; masks and what is pending are each
    /// one's own. A child without this has a copy.
    ///
    /// Source: Linux `clone`, `CLONE_SIGHAND`; row 20 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, SigAction, Signal};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("parent", |p| {
    ///     let child = Command::new("child", |p| p.sigaction(Signal::USR1, SigAction::IGNORE).map(drop));
    ///     p.spawn(child.share_signal_actions())?.wait()?;
    ///     p.raise(Signal::USR1) // ignored here too
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn share_signal_actions(mut self) -> Command {
        self.more().shares.actions = FirstActions::Same;
        self
    }

    /// Has the process begin with the default action for each signal, from before anybody can signal it: no handler of its
    /// parent's runs in it. A child without this has a copy of the parent's actions.
    ///
    /// For what a parent with handlers runs that knows nothing of them, as a supervisor its children.
    ///
    /// Source: POSIX `posix_spawn`, `POSIX_SPAWN_SETSIGDEF`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, SigAction, Signal};
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("parent", |p| {
    ///     p.sigaction(Signal::TERM, SigAction::handler(|_, _| println!("the parent is asked to end")))?;
    ///     let child = p.spawn(Command::new("child", |p| p.pause().map(drop)).default_signal_actions())?;
    ///     child.signal(Signal::TERM)?;
    ///     assert_eq!(p.wait()?.status.signal(), Some(Signal::TERM));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn default_signal_actions(mut self) -> Command {
        self.more().shares.actions = FirstActions::Default;
        self
    }
}
