//! Mistakes that can be planted.

use greenproc_sync::atomic::{AtomicU64, Ordering};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $name:literal;)+) => {
        /// A mistake that can be planted in a runtime, at the very place where it could be made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $doc])+ $fault,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Fault] = &[$(Fault::$fault),+];

            /// What the lab calls it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Fault::$fault => $name,)+
                }
            }

            /// What it is, in a sentence.
            pub const fn story(self) -> &'static str {
                match self {
                    $(Fault::$fault => concat!($($doc),+),)+
                }
            }

            /// The one with this name.
            pub fn from_name(name: &str) -> Option<Fault> {
                Fault::ALL.iter().copied().find(|fault| fault.name() == name)
            }
        }
    };
}

faults! {
    /// A waiter looks for children, lets go of the lock, and sleeps.
    CheckOutsideLock = "check-outside-lock";
    /// A waiter asks to be told of ends, but does not look at those that have departed by then.
    DeafWaiter = "deaf-waiter";
    /// A dead child is found in one hold of the lock and taken in the next.
    ReapInTwoSteps = "reap-in-two-steps";
    /// Who ends looks first whether somebody has to be told, and leaves its end afterwards.
    LookBeforeLeaving = "look-before-leaving";
    /// The parent is woken first; the zombie is there afterwards.
    NotifyBeforeState = "notify-before-state";
    /// Whether the exit has an owner is seen in one hold of the lock, and the owner is set in the next.
    ExitOwnerTwice = "exit-owner-twice";
    /// Who was woken for a child and only looked at it wakes nobody else.
    PeekKeepsWakeup = "peek-keeps-wakeup";
    /// Who was woken when its time was over leaves without a look, and wakes nobody else.
    TimeoutKeepsWakeup = "timeout-keeps-wakeup";
    /// Who reaps a child does not tell the others that wait for it.
    ReapTellsNobody = "reap-tells-nobody";
    /// Who ends looks up its parent first, and tells that one although the child has another by then.
    StaleParent = "stale-parent";
    /// A zombie changes its parent, and the new one is not told.
    InheritedUnannounced = "inherited-unannounced";
    /// A child changes its parent, and those who look without the lock see the former one.
    MirrorForgotten = "mirror-forgotten";
    /// The end of an ignored child is told to nobody.
    IgnoredTellsNobody = "ignored-tells-nobody";
    /// The end of an ignored child is told only if it was the last.
    IgnoredTellsLast = "ignored-tells-last";
    /// That a process has stopped is found in one hold of the lock, and its parent told in the next.
    StopInTwoHolds = "stop-in-two-holds";
    /// A pending stop is taken in one hold of the lock and done in the next.
    StopTakenFirst = "stop-taken-first";
    /// A tracer that ends gives dead tracees back without a word.
    TracerLeavesQuietly = "tracer-leaves-quietly";
    /// A child that somebody else traces is no child.
    TracedIsNoChild = "traced-is-no-child";
    /// Who waits in vfork is let go without its lock.
    LatchWithoutLock = "latch-without-lock";
    /// Who waits in vfork cannot be killed.
    VforkUnkillable = "vfork-unkillable";
    /// A child's handle signals whoever has the child's number.
    HandleByNumber = "handle-by-number";
    /// A place in the tree is used again, and an old handle finds the new process there.
    StaleNode = "stale-node";
    /// That a group is not there is seen in one hold of the lock, and it is made in the next.
    GroupMadeTwice = "group-made-twice";
    /// The number of a group that has lost its last member stays taken.
    GroupNumberStays = "group-number-stays";
    /// An LWP looks for requests, lets go of its lock, and sleeps.
    SleepWithoutLooking = "sleep-without-looking";
    /// An LWP says that it has left, and leaves then.
    NotifyBeforeLeaving = "notify-before-leaving";
    /// Who takes a start while more are waiting calls nobody.
    TakerCallsNobody = "taker-calls-nobody";
    /// A thread that goes to rest forgets what it was summoned for meanwhile.
    RestForgetsSummons = "rest-forgets-summons";
    /// The thread of a process that has ended looks at its place in the tree once more.
    TouchAfterZombie = "touch-after-zombie";
    /// An exec begins with a life of its own, whatever was decided about the former one.
    ExecForgetsDeath = "exec-forgets-death";
    /// Of two children that end, the parent is told of the first.
    ChildSignalsCoalesce = "child-signals-coalesce";
    /// A wait looks for requests once more when it has reaped a child, and forgets the child.
    LookAfterReap = "look-after-reap";
    /// A watch looks whether the process has ended, and begins in another hold of the lock.
    WatchInTwoHolds = "watch-in-two-holds";
    /// A tracer asks to be told of an end, but does not look at those that have departed by then.
    AttachOverlooksDeparted = "attach-overlooks-departed";
    /// Who was woken for a child and then asked to leave does that without a look, and wakes nobody else.
    KilledKeepsWakeup = "killed-keeps-wakeup";
    /// What a handle has reaped is noted in the next hold of the lock.
    NoteInNextHold = "note-in-next-hold";
    /// A timer that is due finds the process that it belongs to by its number.
    AlarmByNumber = "alarm-by-number";
    /// A child changes its parent, and what it has to report is not counted with the new one.
    CountStaysBehind = "count-stays-behind";
    /// A process is killed while it stands still, and is counted on among those that do.
    StopStaysCounted = "stop-stays-counted";
    /// A process that has a child by now ends as one that never had any.
    ParentEndsLightly = "parent-ends-lightly";
    /// A number leads to its process before that has a place in the tree.
    EmbryoAnswers = "embryo-answers";
    /// A shutdown tells everybody to end, and admits no new processes from then on.
    AdmitsWhileClosing = "admits-while-closing";
    /// A shutdown leaves the dead to the handles that own them.
    HeldOutliveInit = "held-outlive-init";
    /// An LWP tells who joins it, and leaves in the next hold of the lock.
    JoinerToldFirst = "joiner-told-first";
    /// Who has made a thread enters it as one that runs, although it may have left by then.
    LeftUnnoticed = "left-unnoticed";
    /// The end of a process with a thread of its own is seen before that thread has ended.
    BuriedUnjoined = "buried-unjoined";
    /// A process ends with its first LWP, whoever else is left.
    LeaderEndsProcess = "leader-ends-process";
    /// Who ends a process does not wait until the other LWPs have left.
    OthersNotAwaited = "others-not-awaited";
    /// An LWP that is made while its process ends is told nothing of that.
    LatecomerStays = "latecomer-stays";
    /// The marks of a process are read, changed, and written back, by whoever changes one of them.
    MarksInTwoSteps = "marks-in-two-steps";
    /// A process stops on exit and tells nobody.
    ExitStopUntold = "exit-stop-untold";
    /// A dead tracee goes back to who was its parent when its tracer took it.
    HandBackToFormer = "hand-back-to-former";
    /// A signal for an LWP that has left is kept for its process.
    SignalOutlivesLwp = "signal-outlives-lwp";
    /// A signal is posted with the locks in the other order.
    LockOrder = "lock-order";
}

/// Which faults are planted in a runtime. None, unless the lab says so.
#[derive(Debug, Default)]
pub struct Faults(AtomicU64);

impl Faults {
    /// Plants one.
    pub fn plant(&self, fault: Fault) {
        self.0.fetch_or(1 << fault as u64, Ordering::Relaxed);
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.0.load(Ordering::Relaxed) & 1 << fault as u64 != 0
    }
}
