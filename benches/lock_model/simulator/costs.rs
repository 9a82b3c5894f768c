//! What passing a lock on costs. Times are in nanoseconds.

/// The same for each of the locks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Costs {
    /// Added to a hold if another core had the lock last: the lines that it guards have to come from there.
    pub(crate) transfer: f64,
    /// From the release until one that looks has the lock.
    pub(crate) hand_over: f64,
    /// How long somebody looks before it sleeps.
    pub(crate) spin: f64,
    /// From the decision to sleep until it sleeps.
    pub(crate) fall_asleep: f64,
    /// What the one who gives the lock back pays for waking another, after it has given it back.
    pub(crate) wake: f64,
    /// From then until the woken one runs.
    pub(crate) wake_up: f64,
    /// How often a sleeper is handed the lock directly.
    pub(crate) fair: f64,
}
