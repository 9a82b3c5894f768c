//! The result of one comparison, as it goes from the measuring child to its parent and to `--json`.

use serde::{Deserialize, Serialize};

/// What greenproc's lives cost beside a peer's. Times are nanoseconds per life.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// `batch1000` or `sequential`.
    pub(crate) name: String,
    /// The peer's name.
    pub(crate) peer: String,
    /// Wall-clock time of ours, median of its phases.
    pub(crate) ours_ns: f64,
    /// Wall-clock time of the peer, median of its phases.
    pub(crate) peer_ns: f64,
    /// Ours over peer, median of the rounds' ratios, which need not be the ratio of the two medians.
    pub(crate) ratio: f64,
    /// A tenth of the rounds had a ratio below this one.
    pub(crate) p10: f64,
    /// A tenth of the rounds had a ratio above this one.
    pub(crate) p90: f64,
    /// CPU time of ours over all phases.
    pub(crate) ours_cpu_ns: f64,
    /// CPU time of the peer over all phases, host children included.
    pub(crate) peer_cpu_ns: f64,
    /// Whether all was confined to one CPU.
    pub(crate) pinned: bool,
    /// How many ratios there are.
    pub(crate) rounds: u32,
    /// Lives of ours in a phase.
    pub(crate) lives: u32,
    /// Lives of the peer in a phase.
    pub(crate) peer_lives: u32,
}
