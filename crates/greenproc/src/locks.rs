//! The lock order of the runtime, declared once.
//!
//! An LWP may take a lock only while every lock it holds stands further up in this list; debug builds check it at
//! run time and name both acquisition sites. What each level guards:
//!
//! 1. `proclist_lock`: the whole process tree (parents, children, groups, sessions, wait events, waiters) and the event
//!    subscribers. One per runtime.
//! 2. `p_smutex`: the LWP list, run state and signal state of one process. Never two at once. Inspectors hold it for as
//!    long as they look, which makes it the original's `p_reflock` as well (row 12).
//! 3. `start_queue`: which LWPs wait for a thread, and which threads for an LWP. One per runtime.
//! 4. leaves: held for a few instructions, and nothing is taken under them. The shards of the pid table are leaves
//!    too, inside `table.rs`, and so are a channel's own locks.

greenproc_sync::lock_order! {
    /// Guards the process tree and the event subscribers.
    pub(crate) Proclist = "proclist_lock",
    /// Guards the LWPs, run state and signal state of one process.
    pub(crate) PSmutex = "p_smutex",
    /// Guards the start queue.
    pub(crate) StartQueue = "start_queue",
    /// Guards small values that never take another lock.
    pub(crate) Leaf = "leaf",
}
