//! Which comparisons there are, and how much of each is enough.

use std::time::Duration;

use crate::contender::{BATCH, Contender, Failure, Pattern};
use crate::fork::Fork;
use crate::futex::FutexPingPong;
use crate::std_thread::StdThread;
use crate::tokio_peers::Tokio;

/// What greenproc is measured beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    TokioSpawn,
    TokioSpawnBlocking,
    StdThread,
    Fork,
    FutexPingPong,
}

impl Peer {
    pub(crate) const ALL: [Peer; 5] =
        [Peer::TokioSpawn, Peer::TokioSpawnBlocking, Peer::StdThread, Peer::Fork, Peer::FutexPingPong];

    /// The name in options, table and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Peer::TokioSpawn => "tokio_spawn",
            Peer::TokioSpawnBlocking => "tokio_spawn_blocking",
            Peer::StdThread => "std_thread",
            Peer::Fork => "fork",
            Peer::FutexPingPong => "futex_pingpong",
        }
    }

    /// Starts what the peer needs to run.
    pub(crate) fn start(self) -> Result<Box<dyn Contender>, Failure> {
        Ok(match self {
            Peer::TokioSpawn => Box::new(Tokio::spawning()?),
            Peer::TokioSpawnBlocking => Box::new(Tokio::spawning_blocking()?),
            Peer::StdThread => Box::new(StdThread),
            Peer::Fork => Box::new(Fork),
            Peer::FutexPingPong => Box::new(FutexPingPong::start()),
        })
    }
}

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Some minutes: for figures to quote.
    Full,
    /// Well under a minute: to see that all is well.
    Quick,
}

/// How long a phase should last at least.
const PHASE: Duration = Duration::from_millis(40);

/// How much of a comparison is enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Phases of ours; the peer has one more.
    pub(crate) rounds: u32,
    /// Of ours in a phase.
    pub(crate) lives: u32,
    /// Of the peer in a phase.
    pub(crate) peer_lives: u32,
}

impl Plan {
    /// A phase should last tens of milliseconds, so that starting it and the ticks of CPU time do not count; slow peers
    /// last longer than that anyway, and get as few lives as make a phase.
    pub(crate) const fn of(pattern: Pattern, peer: Peer, effort: Effort) -> Plan {
        let (rounds, lives) = match (effort, pattern) {
            (Effort::Full, Pattern::Batch) => (21, 60_000),
            (Effort::Full, Pattern::Sequential) => (21, 30_000),
            (Effort::Quick, _) => (7, 10_000),
        };
        let peer_lives = match (peer, effort, pattern) {
            (Peer::TokioSpawn, Effort::Full, _) => 60_000,
            (Peer::TokioSpawn, Effort::Quick, _) => 20_000,
            (Peer::TokioSpawnBlocking | Peer::FutexPingPong, Effort::Full, _) => 30_000,
            (Peer::TokioSpawnBlocking | Peer::FutexPingPong, Effort::Quick, _) => 4_000,
            (Peer::StdThread, Effort::Full, _) => 2_000,
            (Peer::StdThread, Effort::Quick, _) | (Peer::Fork, _, Pattern::Batch) => 1_000,
            (Peer::Fork, Effort::Full, Pattern::Sequential) => 300,
            (Peer::Fork, Effort::Quick, Pattern::Sequential) => 100,
        };
        Plan { rounds, lives, peer_lives }
    }

    /// Of a peer of which nothing is known but how long a batch of it took.
    pub(crate) fn of_unknown(pattern: Pattern, batch: Duration, effort: Effort) -> Plan {
        let known = Plan::of(pattern, Peer::TokioSpawn, effort);
        let batches = PHASE.as_nanos() / batch.as_nanos().max(1);
        let peer_lives = (batches as u32).saturating_mul(BATCH).clamp(BATCH, known.peer_lives);
        Plan { peer_lives, ..known }
    }
}
