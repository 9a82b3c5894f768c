//! The calling LWP's own process: what code inside a process can do.

mod blocking;
mod channel;
mod control;
mod credentials;
mod descriptors;
mod ids;
mod limits;
mod lwps;
pub(crate) mod request;
mod session;
mod signals;
pub(crate) mod sleep;
mod spawn;
mod terminal;
mod timers;
mod waiting;
mod workdir;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

pub use channel::{RecvError, SendError, SendFailure};
pub use lwps::{JoinError, LwpHandle};
pub use signals::MaskHow;
pub(crate) use waiting::pid_of;

use crate::child::Origin;
use crate::error::{Error, Result};
use crate::image::Name;
use crate::pid::LwpId;
use crate::proc::Proc;
use crate::tree::NodeRef;
use crate::worker::Worker;

/// The process of the calling LWP. Each LWP has its own; it cannot be sent to another thread.
///
/// A body gets it as its argument; code that was not handed one asks [`current`](crate::current). One that is kept
/// beyond its LWP's end does nothing any more: its calls give ESRCH.
#[derive(Clone)]
pub struct Process {
    pub(crate) worker: Rc<Worker>,
    pub(crate) record: Arc<Proc>,
    pub(crate) lwp: LwpId,
    serial: u64,
    /// Its name, if it has another than it was made with.
    renamed: Option<Arc<Name>>,
}

impl Process {
    pub(crate) fn new(worker: Rc<Worker>, record: Arc<Proc>, lwp: LwpId) -> Process {
        let serial = worker.serial.get();
        let renamed = record.renamed();
        Process { worker, record, lwp, serial, renamed }
    }

    /// The node of a process whose LWP is running; ESRCH for a `Process` kept beyond that.
    pub(crate) fn live_node(&self) -> Result<NodeRef> {
        self.check_live()?;
        self.record.node().ok_or(Error::NotAProcess)
    }

    /// ESRCH if this was kept beyond its LWP's end.
    /// What its children have in common. It lives, on its own thread.
    pub(crate) fn origin(&self) -> Arc<Origin> {
        let mut origin = self.worker.origin.borrow_mut();
        let make = || {
            let kernel = Arc::clone(&self.worker.kernel);
            Arc::new(Origin { kernel, maker: Some(Arc::clone(&self.record)) })
        };
        Arc::clone(origin.get_or_insert_with(make))
    }

    pub(crate) fn check_live(&self) -> Result<()> {
        if self.serial == self.worker.serial.get() { Ok(()) } else { Err(Error::NotAProcess) }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.record.pid)
            .field("name", &self.name())
            .field("lwp", &self.lwp)
            .finish_non_exhaustive()
    }
}
