//! One process as the tree sees it. Every field is guarded by `proclist_lock`.

use std::borrow::Cow;
use std::sync::Arc;

use greenproc_os::clock::Moment;

use crate::image::NameNow;
use crate::ktrace::{Fact, Recording};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::report::ExitReport;
use crate::signal::{Disposition, Signal};
use crate::status::ExitStatus;
use crate::tree::arena::{Chain, Link, NodeId};
use crate::tree::family::Family;
use crate::tree::groups::GroupId;
use crate::usage::Usage;

/// What neighbours and waits look at is the first cache line; the body follows.
#[repr(C, align(64))]
pub(crate) struct Node {
    /// Changes each time the place is used again.
    pub(crate) generation: u32,
    pub(crate) pid: Pid,
    pub(crate) parent: Option<NodeId>,
    pub(crate) group: GroupId,
    pub(super) links: [Link; 4],
    /// What the parent can still be told about this child.
    pub(crate) event: Option<EventKind>,
    pub(crate) exit_signal: Option<Signal>,
    /// Belongs to a handle: the parent's waits pass it over.
    pub(crate) held: bool,
    /// What it wants done about its children's ends.
    pub(crate) sigchld: Disposition,
    /// Adopts the orphans below it.
    pub(crate) subreaper: bool,
    /// It stands still, and its parent was told.
    pub(crate) stopped: bool,
    /// Somebody traces it: its events are the tracer's (`tracing.rs`).
    pub(crate) traced: bool,
    /// Present once it has had a child.
    pub(crate) family: Option<Box<Family>>,
    pub(crate) body: Body,
}

const _: () = assert!(std::mem::offset_of!(Node, body) <= 64, "all but the body is in the first cache line");

/// What stands behind a node.
pub(crate) enum Body {
    Vacant,
    Live {
        record: Arc<Proc>,
        /// Takes no more children: its exit has come to giving away those it has.
        closed: bool,
    },
    Zombie(Zombie),
}

/// What is left of a process between its end and its reaping.
pub(crate) struct Zombie {
    pub(crate) status: ExitStatus,
    pub(crate) usage: Usage,
    pub(crate) children_usage: Option<Box<Usage>>,
    pub(crate) report: Option<Arc<ExitReport>>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) started: Moment,
    /// The record, if a handle owns the process: where a shutdown leaves the status for it.
    pub(crate) record: Option<Arc<Proc>>,
    /// Where it is recorded what becomes of it.
    pub(crate) recording: Option<Arc<Recording>>,
}

/// What a child can have to report. One slot per child: a newer event replaces an older one (decision 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EventKind {
    Dead,
    Stopped,
    Continued,
}

impl EventKind {
    /// In the order in which a wait prefers them.
    pub(crate) const ALL: [EventKind; 3] = [EventKind::Dead, EventKind::Stopped, EventKind::Continued];
}

/// The two classes that WALTSIG and WALLSIG tell apart (row 57).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The exit signal is SIGCHLD.
    Child,
    /// It is another one, or none.
    Alternative,
}

impl Class {
    pub(crate) const BOTH: [Class; 2] = [Class::Child, Class::Alternative];
}

impl Node {
    pub(crate) fn vacant(generation: u32) -> Node {
        Node {
            generation,
            pid: Pid::INIT,
            parent: None,
            group: GroupId::default(),
            links: [Link::default(); 4],
            event: None,
            exit_signal: None,
            held: false,
            sigchld: Disposition::Default,
            subreaper: false,
            stopped: false,
            traced: false,
            body: Body::Vacant,
            family: None,
        }
    }

    /// Nobody is here any more; it is in no list. What stood behind it.
    pub(super) fn vacate(&mut self) -> Body {
        let body = std::mem::replace(&mut self.body, Body::Vacant);
        self.generation = self.generation.wrapping_add(1);
        self.parent = None;
        self.event = None;
        self.exit_signal = None;
        self.held = false;
        self.sigchld = Disposition::Default;
        self.subreaper = false;
        self.stopped = false;
        self.traced = false;
        self.family = None;
        body
    }

    pub(crate) fn class(&self) -> Class {
        if self.exit_signal == Some(Signal::CHLD) { Class::Child } else { Class::Alternative }
    }

    /// What it has to report to its parent, which for as long as it is traced is nothing.
    pub(crate) fn event_for_parent(&self) -> Option<EventKind> {
        self.event.filter(|_| !self.traced)
    }

    /// Its children leave no zombie (row 40).
    pub(crate) fn ignores_children(&self) -> bool {
        self.sigchld != Disposition::Default
    }

    pub(crate) fn is_zombie(&self) -> bool {
        matches!(self.body, Body::Zombie(_))
    }

    /// The record of a process that has not ended.
    pub(crate) fn live(&self) -> Option<&Arc<Proc>> {
        match &self.body {
            Body::Live { record, .. } => Some(record),
            Body::Zombie(_) | Body::Vacant => None,
        }
    }

    /// Its name; none if the place is vacant.
    pub(crate) fn name(&self) -> Option<NameNow<'_>> {
        match &self.body {
            Body::Live { record, .. } => Some(record.name()),
            Body::Zombie(zombie) => Some(NameNow::First(&zombie.name)),
            Body::Vacant => None,
        }
    }

    /// Notes a fact about the process, if it is recorded.
    pub(crate) fn ktrace(&self, fact: impl FnOnce() -> Fact) {
        match &self.body {
            Body::Live { record, .. } => record.ktrace(None, fact),
            Body::Zombie(Zombie { recording: Some(recording), .. }) => recording.note(None, fact()),
            Body::Zombie(_) | Body::Vacant => {}
        }
    }

    /// Whether it may still become somebody's parent.
    pub(crate) fn takes_children(&self) -> bool {
        matches!(self.body, Body::Live { closed: false, .. })
    }

    pub(crate) fn link(&self, chain: Chain) -> &Link {
        &self.links[chain as usize]
    }

    pub(crate) fn link_mut(&mut self, chain: Chain) -> &mut Link {
        &mut self.links[chain as usize]
    }
}
