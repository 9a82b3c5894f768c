//! What others need to know of a process without its lock: one bit each, in one word of its record.
//!
//! The marks are written under different locks (what SIGCHLD means to it under its `p_smutex`, most others under
//! `proclist_lock`), so a change of some leaves the others as they are, whatever becomes of those meanwhile (mistake p).

use greenproc_sync::atomic::{AtomicU16, Ordering, fence};

use crate::action::SaFlags;
use crate::proc::{Proc, ProcState};
use crate::signal::Signal;

const HEARS_OF_DEATHS: u16 = 1;
const HEARS_OF_STOPS: u16 = 2;
/// It has actions or masks that a child would inherit.
const HAS_SIGNALS: u16 = 4;
/// Somebody watches it, or awaits its end in a task. Written under `proclist_lock`.
const OBSERVED: u16 = 8;
/// It gets a signal when its parent ends. Written under `proclist_lock`, as those below.
const MOURNING: u16 = 16;
/// A sweep has ended it: it makes no child any more.
const DOOMED: u16 = 32;
/// Its handle was dropped and has killed it: nobody will wait for it.
const ABANDONED: u16 = 64;
/// It is frozen, and so is what it still makes.
const FROZEN: u16 = 256;
/// Its end is more than a status: it has had a child, leads a session, belongs to a handle, or somebody watches it.
const ENDS_IN_FULL: u16 = 128;
/// It is under a policy.
const POLICY: u16 = 512;
/// Its tracer has let it go on until the entry or the exit of its next call. Written under `proclist_lock`.
const STEPPED: u16 = 1024;
/// Facts about it are recorded.
const RECORDED: u16 = 2048;
/// Its calls are among them.
const RECORDED_CALLS: u16 = 4096;
/// Its calls are counted.
const COUNTED_CALLS: u16 = 8192;
/// Somebody looks at its calls. Each who does has a mark of its own, so that none takes it from another.
const WATCHED_CALLS: u16 = POLICY | STEPPED | RECORDED_CALLS | COUNTED_CALLS;
/// What `replace_hearing` says; the other marks are left as they are.
const HEARING: u16 = HEARS_OF_DEATHS | HEARS_OF_STOPS | HAS_SIGNALS;

/// The marks of one process, none at first.
#[derive(Default)]
pub(crate) struct Marks(
    AtomicU16,
    /// Mistakes that the race lab has planted.
    #[cfg(feature = "racelab")]
    std::sync::OnceLock<std::sync::Arc<crate::racelab::Faults>>,
);

#[cfg(feature = "racelab")]
impl Marks {
    /// These mistakes may be planted. Before anybody can see the process.
    pub(crate) fn with_faults(&self, faults: &std::sync::Arc<crate::racelab::Faults>) {
        let _set_once = self.1.set(std::sync::Arc::clone(faults));
    }

    pub(crate) fn has_fault(&self, fault: crate::racelab::Fault) -> bool {
        self.1.get().is_some_and(|faults| faults.has(fault))
    }
}

impl Proc {
    /// Whether a signal is to be posted to it when its parent ends.
    pub(crate) fn is_mourning(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & MOURNING != 0
    }

    pub(crate) fn mark_mourning(&self, mourning: bool) {
        self.set_marks(MOURNING, if mourning { MOURNING } else { 0 });
    }

    /// Whether it makes no child any more, although its exit has not come to that yet.
    pub(crate) fn is_doomed(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & DOOMED != 0
    }

    pub(crate) fn set_doomed(&self) {
        self.set_marks(DOOMED, DOOMED);
    }

    /// Whether it is to be reaped as soon as it has ended.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & ABANDONED != 0
    }

    pub(crate) fn set_abandoned(&self) {
        self.set_marks(ABANDONED | ENDS_IN_FULL, ABANDONED | ENDS_IN_FULL);
    }

    /// Whether it is in a freeze.
    pub(crate) fn is_frozen(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & FROZEN != 0
    }

    /// Under `proclist_lock`. Who freezes waits for everybody to stand still or to be gone, so from here on its end is told
    /// at once; whoever froze it then enters what has departed.
    pub(crate) fn freeze(&self) {
        self.set_marks(FROZEN | ENDS_IN_FULL, FROZEN | ENDS_IN_FULL);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn thaw(&self) {
        self.set_marks(FROZEN, 0);
    }

    /// Whether somebody looks at its calls. Read by its own LWPs at every call, so no more than a hint to others.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.marks.0.load(Ordering::Relaxed) & WATCHED_CALLS != 0
    }

    /// Whether it is under a policy. Read as [`is_watched`](Proc::is_watched) is.
    pub(crate) fn is_restricted(&self) -> bool {
        self.marks.0.load(Ordering::Relaxed) & POLICY != 0
    }

    pub(crate) fn mark_restricted(&self, restricted: bool) {
        self.set_marks(POLICY, if restricted { POLICY } else { 0 });
    }

    /// Whether it is to stop for its tracer at its calls. Under `proclist_lock`, where it is written, that is certain.
    pub(crate) fn is_stepped(&self) -> bool {
        self.marks.0.load(Ordering::Relaxed) & STEPPED != 0
    }

    pub(crate) fn mark_stepped(&self, stepped: bool) {
        if self.is_stepped() != stepped {
            self.set_marks(STEPPED, if stepped { STEPPED } else { 0 });
        }
    }

    pub(crate) fn mark_counted(&self) {
        self.set_marks(COUNTED_CALLS, COUNTED_CALLS);
    }

    /// Whether facts about it are recorded.
    #[inline]
    pub(crate) fn is_recorded(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & RECORDED != 0
    }

    pub(crate) fn mark_recorded(&self, recorded: bool, calls: bool) {
        let marks = if recorded { RECORDED } else { 0 } | if calls { RECORDED_CALLS } else { 0 };
        self.set_marks(RECORDED | RECORDED_CALLS, marks);
    }

    /// Notes what SIGCHLD means to the process, after that has changed; what it meant before is returned. Under its
    /// `p_smutex`, by [`Kernel::note_hearing`](crate::kernel::Kernel::note_hearing).
    pub(crate) fn replace_hearing(&self, state: &ProcState) -> bool {
        let mut hears = if state.has_signals() { HAS_SIGNALS } else { 0 };
        if state.hears_of_children() {
            hears |= HEARS_OF_DEATHS;
            if !state.action_flags(Signal::CHLD).contains(SaFlags::NOCLDSTOP) {
                hears |= HEARS_OF_STOPS;
            }
        }
        self.set_marks(HEARING, hears) & HEARS_OF_DEATHS != 0
    }

    /// It is told nothing more; whether it was told of deaths before.
    pub(crate) fn stop_hearing(&self) -> bool {
        self.hears_of_deaths() && self.set_marks(HEARS_OF_DEATHS | HEARS_OF_STOPS, 0) & HEARS_OF_DEATHS != 0
    }

    /// Sets those of `mask` that are in `marks`, and takes the others of `mask` away; what was there before.
    fn set_marks(&self, mask: u16, marks: u16) -> u16 {
        #[cfg(feature = "racelab")]
        if planted!(self.marks, MarksInTwoSteps) {
            let former = self.marks.0.load(Ordering::SeqCst);
            lab_point!("the change of a mark");
            self.marks.0.store((former & !mask) | marks, Ordering::SeqCst);
            return former;
        }
        let change = |former: u16| Some((former & !mask) | marks);
        self.marks.0.fetch_update(Ordering::SeqCst, Ordering::Acquire, change).unwrap_or_default()
    }

    /// Whether somebody watches it or awaits its end. Under `proclist_lock`, where it is written, that is certain.
    pub(crate) fn is_observed(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & OBSERVED != 0
    }

    /// Under `proclist_lock`, by who then enters what has departed.
    pub(crate) fn set_observed(&self) {
        self.set_marks(OBSERVED | ENDS_IN_FULL, OBSERVED | ENDS_IN_FULL);
        fence(Ordering::SeqCst);
    }

    /// Its end is to be entered into the tree at once. Said before it runs, by itself, or under `proclist_lock` by who
    /// then enters what has departed.
    pub(crate) fn end_in_full(&self) {
        if !self.ends_in_full() {
            self.set_marks(ENDS_IN_FULL, ENDS_IN_FULL);
        }
    }

    pub(crate) fn ends_in_full(&self) -> bool {
        self.marks.0.load(Ordering::SeqCst) & ENDS_IN_FULL != 0
    }

    /// Whether SIGCHLD of a child's death is more than nothing to it.
    pub(crate) fn hears_of_deaths(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & HEARS_OF_DEATHS != 0
    }

    /// Whether a child has anything of signals to inherit.
    pub(crate) fn has_signals(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & HAS_SIGNALS != 0
    }

    pub(crate) fn hears_of_stops(&self) -> bool {
        self.marks.0.load(Ordering::Acquire) & HEARS_OF_STOPS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::{POLICY, STEPPED};
    use crate::proc::Proc;
    use crate::tree::tests::record;
    use greenproc_sync::atomic::Ordering;

    /// Changes one mark again and again, and finds it each time as it left it.
    fn change(process: &Proc, mark: u16) {
        for round in 0..2_000_000 {
            let marks = if round % 2 == 0 { mark } else { 0 };
            process.set_marks(mark, marks);
            assert_eq!(process.marks.0.load(Ordering::Relaxed) & mark, marks, "after {round} changes");
        }
    }

    /// Mistake p: who changes a mark holds a lock, but not the one under which another is changed.
    #[test]
    fn marks_that_are_changed_at_once_are_not_lost() {
        let process = record(2);
        std::thread::scope(|scope| {
            scope.spawn(|| change(&process, POLICY));
            scope.spawn(|| change(&process, STEPPED));
        });
    }
}
