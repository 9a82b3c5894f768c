//! The record of a process: what others may reach of it from its pid.
//!
//! The tree's side of a process is its node (`tree/node.rs`, under `proclist_lock`); this is the other side: what never
//! changes, the mirrors of tree facts that are read without a lock, and the run state under `p_smutex`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use greenproc_os::clock::Moment;
use greenproc_sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use greenproc_sync::{Condvar, Mutex, OnceLock};
use smallvec::SmallVec;

use crate::extras::Extras;
use crate::image::{Name, NameNow};
use crate::life::Life;
use crate::limits::PENDING_DEFAULT;
use crate::locks::PSmutex;
use crate::lwp::{Finality, Lwp, Nudge};
use crate::marks::Marks;
use crate::pid::{LwpId, Pid};
use crate::report::ExitReport;
use crate::selector::Waited;
use crate::signal::Signal;
use crate::signal_state::Signals;
use crate::standstill::Stop;
use crate::starts::ClassId;
use crate::status::ExitStatus;
use crate::term::Term;
use crate::threads::ThreadId;
use crate::timers::Timers;
use crate::tree::NodeRef;
use crate::usage::Usage;

/// What a child takes over from its parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// In this order, as a life goes from the CPU of its parent to another one and back, and takes along each cache line that it
/// touches there: what every life looks at comes first, next to its run state.
#[repr(C)]
pub(crate) struct Proc {
    pub(crate) pid: Pid,
    /// Which threads its LWPs run on.
    pub(crate) class: ClassId,
    uid: AtomicU32,
    gid: AtomicU32,
    /// What it was called when it was made.
    pub(crate) first_name: Cow<'static, str>,
    pub(crate) started: Moment,
    /// Mirrors of the tree for `getppid`, `getpgid` and `getsid`. Written under `proclist_lock`.
    parent: AtomicI32,
    group: AtomicI32,
    session: AtomicI32,
    /// What others need to know of it without its lock: what SIGCHLD means to it (written under `p_smutex`), and whether
    /// its end is a matter of the tree.
    pub(crate) marks: Marks,
    /// The node, packed; zero while it is not linked. Written under `proclist_lock`.
    node: AtomicU64,
    /// What most processes never need.
    extras: OnceLock<Box<Extras>>,
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
    /// Its actions and what is pending, once there is anything.
    pub(crate) signals: Option<Box<Signals>>,
    pub(crate) stop: Option<Stop>,
    /// Which signal the parent was last told of that stopped it: what a wait reports, also of one that was killed since.
    pub(crate) stopped_by: Option<Signal>,
    /// How many real-time signals may be pending.
    pub(crate) pending_limit: u32,
    pub(crate) timers: Option<Box<Timers>>,
    /// What is left of LWPs that are gone, if there is anything.
    pub(crate) past: Option<Box<Past>>,
}

/// What is left of LWPs that are gone, while the record is there.
#[derive(Default)]
pub(crate) struct Past {
    /// What they used.
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
    /// The process is stopped.
    Stop,
    /// A signal that it does not block is pending.
    Signal,
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
            first_name: name,
            uid: AtomicU32::new(inherited.uid),
            gid: AtomicU32::new(inherited.gid),
            marks: Marks::default(),
            started: now,
            class,
            node: AtomicU64::new(0),
            parent: AtomicI32::new(0),
            group: AtomicI32::new(0),
            session: AtomicI32::new(0),
            extras: OnceLock::new(),
            state: Mutex::new(ProcState {
                life: Life::Embryo,
                end: None,
                exit_owner: None,
                lwps: SmallVec::from_buf([Lwp::queued(LwpId::MAIN)]),
                next_lwp: LwpId::MAIN.as_raw() + 1,
                term: Term::default(),
                signals: None,
                stop: None,
                stopped_by: None,
                pending_limit: PENDING_DEFAULT,
                timers: None,
                past: None,
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

    /// What it has besides its life, if anything was ever needed.
    pub(crate) fn extras(&self) -> Option<&Extras> {
        self.extras.get().map(|extras| &**extras)
    }

    /// What it is called, since its last exec if it had one.
    pub(crate) fn name(&self) -> NameNow<'_> {
        self.renamed().map_or(NameNow::First(&self.first_name), NameNow::Later)
    }

    /// What it is called since its exec.
    pub(crate) fn renamed(&self) -> Option<Arc<Name>> {
        self.extras().and_then(|extras| extras.image.name())
    }

    /// Whether another body has replaced its first one.
    pub(crate) fn has_executed(&self) -> bool {
        self.extras().is_some_and(|extras| extras.image.has_executed())
    }

    /// What it has besides its life, made now if nothing was there yet.
    pub(crate) fn need_extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    /// The user it acts for (decision 22).
    pub(crate) fn uid(&self) -> u32 {
        self.uid.load(Ordering::Relaxed)
    }

    /// Whether it may do what only root may. Asked only where that decides, so that it can be noted (row 21).
    pub(crate) fn as_root(&self) -> bool {
        let root = self.uid() == 0;
        if root {
            self.need_extras().note_root();
        }
        root
    }

    pub(crate) fn gid(&self) -> u32 {
        self.gid.load(Ordering::Relaxed)
    }

    /// Under `proclist_lock`, where a user's processes are counted.
    pub(crate) fn set_uid(&self, uid: u32) {
        self.uid.store(uid, Ordering::Relaxed);
    }

    pub(crate) fn set_gid(&self, gid: u32) {
        self.gid.store(gid, Ordering::Relaxed);
    }

    /// The parent; `None` for init.
    pub(crate) fn ppid(&self) -> Option<Pid> {
        Pid::new(self.parent.load(Ordering::SeqCst))
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

    pub(crate) fn need_past(&mut self) -> &mut Past {
        self.past.get_or_insert_default()
    }

    /// What the LWPs used that have ended.
    pub(crate) fn past_usage(&self) -> Usage {
        self.past.as_ref().map(|past| past.usage).unwrap_or_default()
    }

    /// The threads that are to be joined.
    pub(crate) fn take_own_threads(&mut self) -> Vec<ThreadId> {
        self.past.as_mut().map(|past| std::mem::take(&mut past.own_threads)).unwrap_or_default()
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
        let end = end.into();
        lab_note!("{:?} -> {exiting:?}: {:?}", self.life, end.status);
        self.life = exiting;
        self.end = Some(end);
        self.timers = None;
        // Death ends a stop; those who stand still are interrupted below.
        self.stop = None;
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
}
