//! How the children are, as their supervisors' events tell it.

use std::collections::BTreeMap;

use greenproc::Signal;
use greenproc_supervisor::{Event, EventKind, Restart, Shutdown};
use greenproc_sync::{Mutex, lock_order};

use super::plan::{Plan, Work};

lock_order! {
    /// How the children are.
    BoardLock = "board",
}

/// How the children are: written by who reads the events, read by whoever is asked from outside.
pub(super) struct Board(Mutex<BoardLock, State>);

struct State {
    /// Those that are programs, by path.
    children: BTreeMap<String, Child>,
    is_up: bool,
    is_stopping: bool,
}

struct Child {
    restart: Restart,
    shutdown: Shutdown,
    /// It is ready, or has ended for good.
    is_fine: bool,
    /// In its last life: its time to stop was over.
    had_to_be_killed: bool,
}

/// Something that an event changed for the tree as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// For the first time all children are ready.
    Up,
}

impl Board {
    pub(super) fn of(plan: &Plan) -> Board {
        let mut children = BTreeMap::new();
        enter(&mut children, plan, &plan.name);
        Board(Mutex::new(State { children, is_up: false, is_stopping: false }))
    }

    /// Notes an event of this tree.
    pub(super) fn note(&self, event: &Event, root: &str) -> Option<Turn> {
        let mut state = self.0.lock();
        if &*event.path == root && matches!(event.kind, EventKind::Up) && !state.is_up {
            state.is_up = true;
            return Some(Turn::Up);
        }
        let child = state.children.get_mut(&*event.path)?;
        match event.kind {
            EventKind::Started { .. } => {
                child.is_fine = false;
                child.had_to_be_killed = false;
            }
            EventKind::StartFailed { .. } | EventKind::Restarting { .. } => child.is_fine = false,
            EventKind::Ready { .. } => child.is_fine = true,
            EventKind::Exited { status, .. } => {
                child.is_fine = match child.restart {
                    Restart::Permanent => false,
                    Restart::Transient => status.success(),
                    Restart::Temporary => true,
                };
            }
            EventKind::Stopping { signal: Signal::KILL, .. } if child.shutdown != Shutdown::Kill => {
                child.had_to_be_killed = true;
            }
            _ => {}
        }
        None
    }

    pub(super) fn note_stop(&self) {
        self.0.lock().is_stopping = true;
    }

    /// Who is neither ready nor done; `None` if the tree is on its way down.
    pub(super) fn not_ready(&self) -> Option<Vec<String>> {
        let state = self.0.lock();
        let waiting = state.children.iter().filter(|(_, child)| !child.is_fine);
        (!state.is_stopping).then(|| waiting.map(|(path, _)| path.clone()).collect())
    }

    /// Who had to be killed in its last life, as the time to stop was over.
    pub(super) fn killed(&self) -> Vec<String> {
        let state = self.0.lock();
        let killed = state.children.iter().filter(|(_, child)| child.had_to_be_killed);
        killed.map(|(path, _)| path.clone()).collect()
    }
}

fn enter(children: &mut BTreeMap<String, Child>, plan: &Plan, path: &str) {
    for child in &plan.children {
        let path = format!("{path}/{}", child.name);
        match &child.work {
            Work::Supervisor(plan) => enter(children, plan, &path),
            Work::Program(_) => {
                let (restart, shutdown) = (child.restart, child.shutdown);
                children.insert(path, Child { restart, shutdown, is_fine: false, had_to_be_killed: false });
            }
        }
    }
}
