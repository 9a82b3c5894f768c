//! What the children's processes have to tell.

use std::sync::Arc;

use crossbeam_channel::Sender;
use greenproc::{ExitStatus, Pid, Process};
use greenproc_supervisor::host::{HostStream, HostUsage};

/// How many may wait to be told. Then who has more to tell waits too: nothing is lost, and nothing piles up.
pub(super) const ROOM: usize = 1024;

/// Something that a child did.
#[derive(Debug)]
pub(super) struct News {
    /// The names of its supervisors but the first, and its own: `workers/queue`.
    pub(super) child: Arc<str>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// Its program of the host runs.
    Running { pid: Pid, host_pid: i32 },
    /// It wrote a line.
    Line { stream: HostStream, text: String },
    /// It wrote more lines than it may.
    Suppressed { stream: HostStream, lines: u64 },
    /// Its program of the host has ended.
    Ended { status: ExitStatus, usage: HostUsage },
    /// It is not well, and is stopped because of that.
    Unhealthy { why: String },
}

/// Where a child tells its news.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    pub(super) child: Arc<str>,
    pub(super) sender: Sender<News>,
}

impl Teller {
    /// Tells it. A checkpoint; nobody listens when the tree has been stopped.
    pub(super) fn tell(&self, p: &Process, what: What) {
        let _ = p.send(&self.sender, News { child: Arc::clone(&self.child), what });
    }
}
