//! Locks and condition variables, as the scheduler sees them.

use greenproc_sync::lab::{Kind, Mode, ThreadNo};

/// When something got its number.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) by: ThreadNo,
    /// How many the thread had named before.
    pub(crate) nth: u32,
    /// In which turn.
    pub(crate) step: u32,
}

pub(crate) struct ObjectState {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Counts those of one name.
    pub(crate) number: u32,
    pub(crate) named: Named,
    holder: Option<ThreadNo>,
    readers: Vec<ThreadNo>,
}

impl ObjectState {
    pub(crate) fn new(name: &'static str, kind: Kind, number: u32, named: Named) -> ObjectState {
        ObjectState { name, kind, number, named, holder: None, readers: Vec::new() }
    }

    pub(crate) fn is_free_for(&self, mode: Mode) -> bool {
        self.holder.is_none() && (mode == Mode::Shared || self.readers.is_empty())
    }

    pub(crate) fn take(&mut self, thread: ThreadNo, mode: Mode) {
        debug_assert!(self.is_free_for(mode), "{} is granted only when it is free", self.label());
        match mode {
            Mode::Exclusive => self.holder = Some(thread),
            Mode::Shared => self.readers.push(thread),
        }
    }

    pub(crate) fn release(&mut self, thread: ThreadNo, mode: Mode) {
        match mode {
            Mode::Exclusive => self.holder = None,
            Mode::Shared => {
                if let Some(place) = self.readers.iter().position(|reader| *reader == thread) {
                    self.readers.swap_remove(place);
                }
            }
        }
    }

    pub(crate) fn is_held_by(&self, thread: ThreadNo) -> bool {
        self.holder == Some(thread) || self.readers.contains(&thread)
    }

    pub(crate) fn label(&self) -> String {
        match self.kind {
            Kind::Lock => format!("{}#{}", self.name, self.number),
            Kind::Condvar => format!("cv({})#{}", self.name, self.number),
        }
    }
}
