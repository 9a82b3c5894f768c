//! That a process is recorded: the part of its extras that says where its facts go, and what becomes of that.
//!
//! A mark in the record says whether there is a recording, so that who is not recorded pays for a look at that. In the hold
//! that makes the zombie (row 22) the recording is taken from the process and left with the zombie, which has yet to be
//! adopted or reaped. Facts about a process may come from any thread, and under any lock that is no leaf.

use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::ktrace::{Fact, Facts, Recorder};
use crate::locks::Leaf;
use crate::pid::{LwpId, Pid};
use crate::proc::Proc;

/// Where the facts about one process go.
pub(crate) struct Recording {
    recorder: Recorder,
    pid: Pid,
    name: Arc<str>,
}

/// The recording of a process, if it has one. A part of its extras.
#[derive(Default)]
pub(crate) struct KtraceSlot(Mutex<Leaf, Option<Arc<Recording>>>);

impl Recording {
    pub(crate) fn note(&self, lwp: Option<LwpId>, fact: Fact) {
        if self.recorder.facts().contains(fact.kind()) {
            self.recorder.ring().push(self.pid, &self.name, lwp, fact);
        }
    }
}

impl KtraceSlot {
    fn get(&self) -> Option<Arc<Recording>> {
        self.0.lock().clone()
    }

    /// The former recording is returned: if it was the last of its recorder, all that was recorded goes with it.
    fn set(&self, recorder: &Recorder, process: &Proc, first: Option<Fact>) -> Option<Arc<Recording>> {
        let name = (&**process.name()).into();
        let recording = Recording { recorder: recorder.clone(), pid: process.pid, name };
        if let Some(first) = first {
            recording.note(None, first);
        }
        self.0.lock().replace(Arc::new(recording))
    }

    /// A child is recorded as its parent is, before anybody can see it.
    pub(crate) fn hand_down(&self, child: &Proc) {
        let inherited = self.get().filter(|recording| recording.recorder.facts().contains(Facts::INHERIT));
        if let Some(parents) = inherited {
            drop(child.begin_ktrace(&parents.recorder));
        }
    }
}

impl Proc {
    /// Records the process from here on. What is returned is the recording before this one, to be dropped without a lock.
    pub(crate) fn begin_ktrace(&self, recorder: &Recorder) -> Option<Arc<Recording>> {
        self.record_from(recorder, None)
    }

    /// The same for one that runs already: that it is attached is the first of its facts, whatever it does meanwhile.
    pub(crate) fn attach_ktrace(&self, recorder: &Recorder) -> Option<Arc<Recording>> {
        self.record_from(recorder, Some(Fact::Attached))
    }

    fn record_from(&self, recorder: &Recorder, first: Option<Fact>) -> Option<Arc<Recording>> {
        let former = self.need_extras().ktrace.set(recorder, self, first);
        self.mark_recorded(true, recorder.facts().contains(Facts::CALLS));
        former
    }

    /// Notes a fact about the process, or about one of its LWPs, if it is recorded.
    #[inline]
    pub(crate) fn ktrace(&self, lwp: Option<LwpId>, fact: impl FnOnce() -> Fact) {
        if self.is_recorded() {
            self.ktrace_it(lwp, fact());
        }
    }

    #[cold]
    fn ktrace_it(&self, lwp: Option<LwpId>, fact: Fact) {
        if let Some(recording) = self.extras().and_then(|extras| extras.ktrace.get()) {
            recording.note(lwp, fact);
        }
    }

    /// Another body replaces the process's own.
    pub(crate) fn ktrace_exec(&self, former: &str) {
        let Some(extras) = self.extras().filter(|_| self.is_recorded()) else { return };
        if let Some(recording) = extras.ktrace.get() {
            drop(extras.ktrace.set(&recording.recorder, self, None));
            self.ktrace_it(None, Fact::Executed { former: former.into() });
        }
    }

    /// Row 22: the process has ended, which is the last of its facts. What is returned is kept with the zombie.
    pub(crate) fn end_ktrace(&self, end: impl FnOnce() -> Fact) -> Option<Arc<Recording>> {
        if !self.is_recorded() {
            return None;
        }
        let recording = self.extras()?.ktrace.0.lock().take()?;
        self.mark_recorded(false, false);
        recording.note(None, end());
        Some(recording)
    }
}
