//! What a process has besides its life: the parts that most processes never use, made when one is first needed.
//!
//! A process that uses none of them costs one pointer in its record, one look at it when it spawns and one when it ends.
//! Each part is a type of its own, in a file of its own, with a lock of its own where it needs one (a leaf: no user code
//! runs under it). Here is only which parts there are, what a child takes over, and in which order they go.

#![allow(clippy::unused_self, reason = "the first part brings the uses")]

use greenproc_sync::atomic::{AtomicBool, Ordering};

use crate::proc::Proc;
use crate::process::Process;

/// The parts. Each is empty until it is used.
#[derive(Default)]
pub(crate) struct Extras {
    /// It did something that only root may.
    used_root: AtomicBool,
}

impl Extras {
    /// What a child takes over from its parent, before anybody can see it (decision 15).
    pub(crate) fn inherit(_parents: &Extras, _child: &Proc) {}

    /// The parts go, in the order of their rows (10 to 34). The other LWPs have left, the end is decided, and user code
    /// that runs here is isolated: a panic is reported and stops nothing (decision 13).
    pub(crate) fn tear_down(&self, _process: &Process) {}

    /// Notes, for its accounting record, that the process did what only root may.
    pub(crate) fn note_root(&self) {
        self.used_root.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_used_root(&self) -> bool {
        self.used_root.load(Ordering::Relaxed)
    }
}
