//! That a process is recorded: the part of its extras that says where its facts go, and what becomes of that.
//!
//! A mark in the record says whether there is a recording, so that who is not recorded pays for a look at that. In the hold
//! that makes the zombie (row 22) the recording is taken from the process and left with the zombie, which has yet to be
//! adopted or reaped. Facts about a process may come from any thread, and under any lock that is no leaf.

use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::call::{Call, args};
use crate::error::Result;
use crate::ktrace::{Fact, Facts, Recorder};
use crate::locks::Leaf;
use crate::pid::{LwpId, Pid};
use crate::proc::Proc;
use crate::process::Process;

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

    fn set(&self, recorder: &Recorder, process: &Proc) {
        let name = (&**process.name()).into();
        let recording = Recording { recorder: recorder.clone(), pid: process.pid, name };
        let former = self.0.lock().replace(Arc::new(recording));
        // If it was the last of its recorder, all that was recorded goes with it.
        drop(former);
    }

    /// A child is recorded as its parent is, before anybody can see it.
    pub(crate) fn hand_down(&self, child: &Proc) {
        let inherited = self.get().filter(|recording| recording.recorder.facts().contains(Facts::INHERIT));
        if let Some(parents) = inherited {
            child.begin_ktrace(&parents.recorder);
        }
    }
}

impl Proc {
    /// Records the process from here on.
    pub(crate) fn begin_ktrace(&self, recorder: &Recorder) {
        self.need_extras().ktrace.set(recorder, self);
        self.mark_recorded(true, recorder.facts().contains(Facts::CALLS));
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
            extras.ktrace.set(&recording.recorder, self);
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

impl Process {
    /// Records the process from here on, with what it makes from here on if [`Facts::INHERIT`] is among the recorder's facts. If
    /// it was recorded before, by another recorder or with other facts, that ends. There is no end to this one but the
    /// process's.
    ///
    /// # Errors
    /// - the errno of the policy that it is under, if that refuses [`Call::Ktrace`].
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: NetBSD `ktrace(2)`, row 22 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::ktrace::{Fact, Recorder};
    /// use greenproc::{Call, Command, Runtime};
    /// let recorder = Recorder::new(100);
    /// let its = recorder.clone();
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("later", move |p| {
    ///     p.getpgid(None)?; // not recorded
    ///     p.ktrace(&its)?;
    ///     p.setsid().map(drop)
    /// }))?;
    /// let calls: Vec<Call> = recorder.records().into_iter().filter_map(|record| match record.fact {
    ///     Fact::Called { call, .. } => Some(call),
    ///     _ => None,
    /// }).collect();
    /// assert_eq!(calls, [Call::Setsid]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ktrace(&self, recorder: &Recorder) -> Result<()> {
        self.gate(
            Call::Ktrace,
            || args![],
            || {
                self.check_live()?;
                self.record.begin_ktrace(recorder);
                self.record.ktrace(Some(self.lwp), || Fact::Attached);
                Ok(())
            },
        )
    }
}
