//! The locks of the supervisors: leaves only. Decisions need none, since a supervisor's own process makes them alone.

greenproc_sync::lock_order! {
    /// Guards small values that never take another lock.
    pub(crate) Leaf = "supervisor_leaf",
}
