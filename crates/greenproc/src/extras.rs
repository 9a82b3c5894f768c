//! What a process has besides its life: the parts that most processes never use, made when one is first needed.
//!
//! A process that uses none of them costs one pointer in its record, one look at it when it spawns and one when it ends.
//! Each part is a type of its own, in a file of its own, with a lock of its own where it needs one (a leaf: no user code
//! runs under it). Here is only which parts there are, what a child takes over, and in which order they go.

use std::sync::Arc;

use greenproc_sync::OnceLock;
use greenproc_sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::aio::Pool;
use crate::arena::ArenaSlot;
use crate::call::CallWatch;
use crate::command::More;
use crate::counters::{Count, CounterPart};
use crate::descriptor::Descriptors;
use crate::hooks::{ExitHooks, Personality, PersonalitySlot};
use crate::image::{Environment, Image};
use crate::ktrace::KtraceSlot;
use crate::limits::{Membership, Rlimits};
use crate::local::Locals;
use crate::lwp::Place;
use crate::lwpctl::LwpControls;
use crate::niceness::Niceness;
use crate::pid::LwpId;
use crate::proc::Proc;
use crate::process::Process;
use crate::profile::Profiler;
use crate::sequence::Sequences;
use crate::trace::ExitStop;
use crate::vfork::LatchSlot;
use crate::workdir::WorkDir;
use crate::worker::drop_isolated;

/// The parts. Each is empty until it is used.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) limits: OnceLock<Box<Rlimits>>,
    pub(crate) share: Membership,
    pub(crate) niceness: Niceness,
    pub(crate) lwpctl: LwpControls,
    pub(crate) sequences: Sequences,
    pub(crate) profiler: Profiler,
    pub(crate) counters: CounterPart,
    /// It did something that only root may.
    used_root: AtomicBool,
    pub(crate) aio: Pool,
    pub(crate) descriptors: Descriptors,
    pub(crate) workdir: WorkDir,
    pub(crate) hooks: ExitHooks,
    pub(crate) personality: PersonalitySlot,
    pub(crate) locals: Locals,
    pub(crate) arena: ArenaSlot,
    /// The signal that it gets when its parent ends; 0 for none. Written under `proclist_lock`.
    pub(crate) death_signal: AtomicI32,
    pub(crate) image: Image,
    pub(crate) latch: LatchSlot,
    pub(crate) exit_stop: ExitStop,
    pub(crate) calls: CallWatch,
    pub(crate) ktrace: KtraceSlot,
}

impl Extras {
    /// What a child takes over from its parent, before anybody can see it (decision 15).
    pub(crate) fn inherit(parents: &Extras, child: &Proc) {
        if let Some(personality) = parents.personality.get() {
            let _none = child.need_extras().personality.set(Some(personality));
        }
        if let Some(env) = parents.image.env() {
            child.need_extras().image.inherit(env);
        }
        WorkDir::hand_down(parents, child);
        parents.hand_limits_down(child);
        parents.niceness.hand_down(child);
        parents.counters.hand_down(child);
        parents.calls.hand_down(child);
        parents.ktrace.hand_down(child);
    }

    /// What the command says besides, before anybody can see the process.
    pub(crate) fn begin(&self, more: More, env: Option<Arc<Environment>>) {
        self.image.begin(more.strings.args, env);
        if let Some(latch) = more.latch {
            self.latch.hold(latch);
        }
        if let Some(personality) = more.personality {
            drop(self.personality.set(Some(personality)));
        }
        self.exit_stop.want(more.stop_on_exit);
    }

    /// The parts go, in the order of their rows (10 to 34). The other LWPs have left, the end is decided, and user code
    /// that runs here is isolated: a panic is reported and stops nothing (decision 13).
    pub(crate) fn tear_down(&self, process: &Process) {
        self.niceness.end(&process.worker);
        self.unwatch(&process.worker.kernel, &process.record);
        // 10.
        self.lwpctl.tear_down(process.lwp);
        // 11.
        self.aio.tear_down(process);
        // 16.
        self.sequences.tear_down();
        // 17.
        self.descriptors.close_all(process);
        // 18.
        self.workdir.tear_down();
        let watched = self.has_last_code();
        if watched {
            process.begin_last_code();
        }
        // 19.
        self.hooks.run(process);
        // 24. The hooks are told what was decided, whatever the personality makes of it.
        self.personality.apply(process);
        // 28.
        self.profiler.tear_down(&process.worker.kernel, &process.record);
        // 26, 32. What a value of the process still uses is in the arena, which goes last.
        process.worker.values.drop_all(process);
        self.locals.drop_all(process);
        self.arena.tear_down(process);
        if watched {
            process.end_last_code();
        }
        // 29. The process has nothing more that its parent may have lent it.
        self.latch.release();
    }

    /// Whether code of the user's is to run at the end, or what may have some in its destructors is to be dropped.
    fn has_last_code(&self) -> bool {
        !self.hooks.is_empty()
            || self.personality.get().is_some()
            || !self.locals.is_empty()
            || self.arena.used() > 0
    }

    /// Another body replaces the process's own: what it has no part in goes, as above, but the exit hooks do not run.
    pub(crate) fn exec(&self, process: &Process, personality: Option<Personality>) {
        // Who looks at the former LWP finds that it has ended.
        self.lwpctl.end(process.lwp);
        self.aio.cancel_waiting(process);
        self.descriptors.close_on_exec(process);
        drop_isolated(process, self.hooks.take());
        if personality.is_some() {
            drop_isolated(process, self.personality.set(personality));
        }
        self.sequences.purge();
        self.profiler.end(&process.worker.kernel, &process.record);
        process.worker.values.drop_all(process);
        self.locals.drop_all(process);
        self.arena.tear_down(process);
        self.locals.reopen();
        self.arena.reopen();
    }

    /// One of its LWPs leaves, before the process does.
    pub(crate) fn leave(&self, process: &Process) {
        self.niceness.end(&process.worker);
        self.lwpctl.end(process.lwp);
    }

    /// The calling LWP is somewhere else from now on.
    pub(crate) fn note_place(&self, lwp: LwpId, place: Place) {
        self.lwpctl.note(lwp, place.into());
        if !matches!(place, Place::Running | Place::Stopped) {
            self.counters.count(Count::Sleep);
        }
    }

    /// Notes, for its accounting record, that the process did what only root may.
    pub(crate) fn note_root(&self) {
        self.used_root.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_used_root(&self) -> bool {
        self.used_root.load(Ordering::Relaxed)
    }
}
