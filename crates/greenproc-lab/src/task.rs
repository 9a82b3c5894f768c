//! A thread of a schedule, as the scheduler sees it.

use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::lab::{Mode, Site, ThreadNo};

use crate::baton::Baton;
use crate::candidate::Op;
use crate::object::Named;

pub(crate) struct Task {
    pub(crate) baton: Arc<Baton>,
    /// What it does, for who reads the schedule.
    pub(crate) name: String,
    pub(crate) want: Want,
    /// What its turn brought.
    pub(crate) outcome: Outcome,
    /// It is unwinding, so that it cannot be made to.
    pub(crate) unwinding: bool,
    /// How often it was made to unwind.
    pub(crate) raised: u32,
    /// How many objects it was the first to name.
    pub(crate) named: u32,
    pub(crate) site: Option<Site>,
}

impl Task {
    /// The thread, which is this one, names an object in this turn.
    pub(crate) fn names(&mut self, me: ThreadNo, step: u32) -> Named {
        self.named += 1;
        Named { by: me, nth: self.named, step }
    }
}

/// What a thread needs to go on. Moments are those of the virtual clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Its turn.
    Go {
        op: Op,
        object: u32,
    },
    /// That others go first.
    Spin,
    /// That nobody else can go on.
    Settle,
    Lock {
        lock: u32,
        mode: Mode,
        until: Option<Duration>,
    },
    Sleep {
        condvar: u32,
        lock: u32,
        until: Option<Duration>,
        told: bool,
    },
    Join {
        thread: ThreadNo,
        until: Option<Duration>,
    },
    /// Nothing any more.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has what it wanted.
    Done,
    /// The time was over first.
    TimedOut,
    /// The schedule has failed, and the thread is to unwind.
    Raise,
}

impl Want {
    pub(crate) fn until(&self) -> Option<Duration> {
        match self {
            Want::Lock { until, .. } | Want::Sleep { until, .. } | Want::Join { until, .. } => *until,
            Want::Go { .. } | Want::Spin | Want::Settle | Want::Ended => None,
        }
    }

    pub(crate) fn op(&self) -> (Op, u32) {
        match *self {
            Want::Go { op, object } => (op, object),
            Want::Spin | Want::Settle | Want::Ended => (Op::Spin, u32::MAX),
            Want::Lock { lock, .. } => (Op::Lock, lock),
            Want::Sleep { lock, .. } => (Op::Wake, lock),
            Want::Join { thread, .. } => (Op::Join, u32::from(thread)),
        }
    }
}
