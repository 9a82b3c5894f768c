//! What a decision is about.

use greenproc_sync::lab::ThreadNo;

/// Somebody who could go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Candidate {
    pub(crate) thread: ThreadNo,
    pub(crate) how: How,
    /// What it is about to do, and to which object.
    pub(crate) op: Op,
    pub(crate) object: u32,
}

/// Why somebody goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum How {
    /// Nothing keeps it.
    Goes,
    /// Its time-out is over, or is made to be.
    TimesOut,
    /// It wakes without a reason.
    Wakes,
}

/// What a thread is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Begin,
    Lock,
    TryLock,
    Sleep,
    Wake,
    Notify,
    Spawn,
    Join,
    Point,
    Fence,
    Spin,
}

/// The turn went from one thread to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handover {
    pub(crate) from: ThreadNo,
    pub(crate) to: ThreadNo,
    /// What the other one does, and to an object of which class.
    pub(crate) op: Op,
    pub(crate) class: &'static str,
}

impl Handover {
    /// Tells it from others, also between two builds.
    pub(crate) fn number(self) -> u64 {
        let mut digest = Digest::new();
        digest.mix(u64::from(self.from) << 32 | u64::from(self.to) << 16 | self.op as u64);
        self.class.bytes().for_each(|byte| digest.mix(u64::from(byte)));
        digest.0
    }
}

/// FNV-1a: the same on every machine and in every version.
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn number(&self) -> u64 {
        self.0
    }

    pub(crate) fn mix(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0100_0000_01b3);
    }
}

/// A choice between threads, or between possibilities.
#[derive(Debug)]
pub(crate) enum Decision<'a> {
    /// Who goes on. The first is the thread that had the turn, if `may_stay`.
    Threads { candidates: &'a [Candidate], may_stay: bool },
    /// Which of so many.
    Data { among: usize },
}

impl Decision<'_> {
    /// How many there are to choose from.
    pub(crate) fn among(&self) -> usize {
        match self {
            Decision::Threads { candidates, .. } => candidates.len(),
            Decision::Data { among } => *among,
        }
    }

    /// Whether this choice takes the turn from a thread that could have kept it, or lets somebody wake early.
    pub(crate) fn is_preemption(&self, chosen: usize) -> bool {
        match self {
            Decision::Threads { candidates, may_stay } => {
                chosen != 0 && (*may_stay || candidates[chosen].how != How::Goes)
            }
            Decision::Data { .. } => false,
        }
    }

    /// Tells decisions from each other: what a replay compares.
    pub(crate) fn digest(&self) -> u8 {
        let mut digest = Digest::new();
        match self {
            Decision::Threads { candidates, may_stay } => {
                digest.mix(u64::from(*may_stay));
                for candidate in *candidates {
                    digest.mix(u64::from(candidate.thread));
                    digest.mix(candidate.how as u64);
                    digest.mix(candidate.op as u64);
                }
            }
            Decision::Data { among } => digest.mix(0x100 + *among as u64),
        }
        ((digest.0 >> 32) ^ (digest.0 >> 12)) as u8 & 0xf
    }
}
