//! The record of a process: what others may reach of it from its pid.
//!
//! The tree's side of a process is its node (`tree/node.rs`, under `proclist_lock`); this is the other side: what never
//! changes, the mirrors of tree facts that are read without a lock, and the run state under `p_smutex`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use greenproc_os::clock::Moment;
use greenproc_sync::atomic::{AtomicI32, AtomicU64, Ordering};
use greenproc_sync::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::life::Life;
use crate::limits::Limits;
use crate::locks::PSmutex;
use crate::lwp::{Finality, Lwp, Nudge};
use crate::pid::{LwpId, Pid};
use crate::report::ExitReport;
use crate::selector::Waited;
use crate::signal::Signal;
use crate::starts::ClassId;
use crate::status::ExitStatus;
use crate::term::Term;
use crate::threads::ThreadId;
use crate::tree::NodeRef;
use crate::usage::Usage;

/// What a child takes over from its parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) limits: Limits,
}

pub(crate) struct Proc {
    pub(crate) pid: Pid,
    pub(crate) name: Cow<'static, str>,
    pub(crate) inherited: Inherited,
    pub(crate) started: Moment,
    /// Which threads its LWPs run on.
    pub(crate) class: ClassId,
    /// The node, packed; zero while it is not linked. Written under `proclist_lock`.
    node: AtomicU64,
    /// Mirrors of the tree for `getppid`, `getpgid` and `getsid`. Written under `proclist_lock`.
    parent: AtomicI32,
    group: AtomicI32,
    session: AtomicI32,
    pub(crate) state: Mutex<PSmutex, ProcState>,
    /// The exit's owner waits here for the other LWPs, and joiners for theirs. Interlock: `p_smutex`.
    pub(crate) lwp_cv: Condvar<PSmutex>,
}

/// What `p_smutex` guards.
pub(crate) struct ProcState {
    pub(crate) life: Life,
    /// How the process ends; set with the exiting mark, never changed (rows 4 and 17).
    pub(crate) end: Option<End>,
    /// The LWP that runs the exit.
    pub(crate) exit_owner: Option<LwpId>,
    pub(crate) lwps: SmallVec<[Lwp; 1]>,
    pub(crate) next_lwp: u32,
    pub(crate) term: Term,
    /// What the LWPs used that have ended.
    pub(crate) usage: Usage,
    /// The threads that LWPs of an `own_thread` process have left, or are about to; joined before the zombie is seen.
    pub(crate) own_threads: Vec<ThreadId>,
    /// What the runtime itself reaped at shutdown, for the handle.
    pub(crate) last_word: Option<Box<Waited>>,
}

/// How a process ends.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) report: Option<Arc<ExitReport>>,
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> End {
        End { status, report: None }
    }
}

/// Why an LWP may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The process ends.
    Die,
    /// The LWP itself ends.
    Leave,
    /// A polite SIGTERM is to be looked at.
    Term,
}

/// What is left to do after LWPs were interrupted, when `p_smutex` is free again.
pub(crate) type Nudges = SmallVec<[Nudge; 1]>;

impl Proc {
    pub(crate) fn new(
        pid: Pid,
        name: Cow<'static, str>,
        inherited: Inherited,
        class: ClassId,
        now: Moment,
    ) -> Proc {
        Proc {
            pid,
            name,
            inherited,
            started: now,
            class,
            node: AtomicU64::new(0),
            parent: AtomicI32::new(0),
            group: AtomicI32::new(0),
            session: AtomicI32::new(0),
            state: Mutex::new(ProcState {
                life: Life::Embryo,
                end: None,
                exit_owner: None,
                lwps: SmallVec::from_buf([Lwp::queued(LwpId::MAIN)]),
                next_lwp: LwpId::MAIN.as_raw() + 1,
                term: Term::default(),
                usage: Usage::default(),
                own_threads: Vec::new(),
                last_word: None,
            }),
            lwp_cv: Condvar::new(),
        }
    }

    /// The node in the tree; `None` if the process is not linked yet. It may be stale in the hands of a handle.
    pub(crate) fn node(&self) -> Option<NodeRef> {
        NodeRef::from_bits(self.node.load(Ordering::Acquire))
    }

    pub(crate) fn mirror(&self, node: NodeRef, parent: Option<Pid>, group: Pid, session: Pid) {
        self.parent.store(parent.map_or(0, Pid::as_raw), Ordering::Relaxed);
        self.group.store(group.as_raw(), Ordering::Relaxed);
        self.session.store(session.as_raw(), Ordering::Relaxed);
        self.node.store(node.to_bits(), Ordering::Release);
    }

    /// The parent; `None` for init.
    pub(crate) fn ppid(&self) -> Option<Pid> {
        Pid::new(self.parent.load(Ordering::Relaxed))
    }

    pub(crate) fn pgid(&self) -> Pid {
        Pid::new(self.group.load(Ordering::Relaxed)).unwrap_or(self.pid)
    }

    pub(crate) fn sid(&self) -> Pid {
        Pid::new(self.session.load(Ordering::Relaxed)).unwrap_or(Pid::INIT)
    }
}

impl ProcState {
    pub(crate) fn lwp(&mut self, id: LwpId) -> Option<&mut Lwp> {
        self.lwps.iter_mut().find(|lwp| lwp.id == id)
    }

    /// Sets the exiting mark with the end it stands for, and makes every LWP but the caller look (rows 7 and 50). Later
    /// callers change nothing: the first end wins.
    pub(crate) fn begin_exit(
        &mut self,
        end: impl Into<End>,
        caller: Option<LwpId>,
        now: impl FnOnce() -> Instant,
    ) -> Nudges {
        let Some(exiting) = self.life.begin_exit() else { return Nudges::new() };
        self.life = exiting;
        self.end = Some(end.into());
        if let Some(seat) = caller.and_then(|id| self.lwp(id)).and_then(|lwp| lwp.seat.as_ref()) {
            // Should it swallow its unwinding, it meets the request again at its next checkpoint.
            seat.attention.store(true, Ordering::Relaxed);
        }
        if caller.is_some() && self.lwps.len() == 1 {
            return Nudges::new();
        }
        let now = now();
        self.lwps
            .iter_mut()
            .filter(|lwp| Some(lwp.id) != caller)
            .map(|lwp| lwp.interrupt(Finality::Final, now))
            .collect()
    }

    /// Posts a signal; what it does was decided by its action (rows 13 and 52: a dying process takes it and does
    /// nothing).
    pub(crate) fn post(&mut self, signal: Signal, now: Instant) -> Nudges {
        if self.life.begin_exit().is_none() {
            return Nudges::new();
        }
        if signal == Signal::TERM && self.term.is_polite() {
            self.term.post();
            let handled = self.term.is_pending();
            return self
                .lwps
                .iter_mut()
                .map(|lwp| {
                    // A function runs on the first LWP that looks; those who poll are all woken to do so.
                    lwp.nudged = !handled;
                    lwp.interrupt(Finality::Passing, now)
                })
                .collect();
        }
        let status = match signal.default_action() {
            crate::DefaultAction::Core => ExitStatus::dumped(signal),
            crate::DefaultAction::Terminate => ExitStatus::killed(signal),
            crate::DefaultAction::Stop | crate::DefaultAction::Continue | crate::DefaultAction::Ignore => {
                return Nudges::new();
            }
        };
        self.begin_exit(status, None, || now)
    }

    /// What the LWP has to meet before it goes on, the most final first. Clears its attention mark if nothing.
    pub(crate) fn request(&mut self, id: LwpId) -> Option<Request> {
        let dying = self.life.begin_exit().is_none();
        let term = self.term.is_pending();
        let lwp = self.lwp(id)?;
        if dying {
            return Some(Request::Die);
        }
        if lwp.leaving {
            return Some(Request::Leave);
        }
        if term || lwp.nudged {
            return Some(Request::Term);
        }
        lwp.asked_at = None;
        if let Some(seat) = &lwp.seat {
            seat.attention.store(false, Ordering::Relaxed);
        }
        None
    }
}
