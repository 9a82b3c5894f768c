//! What a process wants done about its signals.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::process::Process;
use crate::siginfo::SigInfo;
use crate::signal::{Disposition, Signal};
use crate::sigset::SigSet;

/// A function that runs when a signal comes.
pub(crate) type Handler = Arc<dyn Fn(&Process, &SigInfo) + Send + Sync>;

bitflags::bitflags! {
    /// How a signal is handled.
    ///
    /// Source: POSIX `sigaction`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SaFlags: u32 {
        /// For SIGCHLD: children that stop or go on send none.
        #[doc(alias = "SA_NOCLDSTOP")]
        const NOCLDSTOP = 1;
        /// For SIGCHLD: children leave no zombie; the signal is still sent.
        #[doc(alias = "SA_NOCLDWAIT")]
        const NOCLDWAIT = 1 << 1;
        /// A call that the handler interrupts goes on afterwards, instead of returning EINTR.
        #[doc(alias = "SA_RESTART")]
        const RESTART = 1 << 2;
        /// The action becomes the default one when the handler is called.
        #[doc(alias = "SA_RESETHAND")]
        const RESETHAND = 1 << 3;
        /// The signal itself is not blocked while its handler runs.
        #[doc(alias = "SA_NODEFER")]
        const NODEFER = 1 << 4;
    }
}

/// What is to be done when a signal comes: the default, nothing, or a function.
///
/// A handler runs on an LWP of the process that does not block the signal: at a checkpoint, or in place of a sleep, which
/// then returns EINTR unless the flags say [`RESTART`](SaFlags::RESTART). While it runs, the signal and those of
/// [`mask`](SigAction::mask) are blocked. It may call what any code of the process may; a panic in it is the process's
/// SIGABRT.
///
/// Source: POSIX `sigaction`, decision 21 of the semantics page.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Runtime, SigAction, Signal};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::Arc;
/// let runtime = Runtime::boot()?;
/// let status = runtime.run(Command::new("handles", |p| {
///     let count = Arc::new(AtomicU32::new(0));
///     let counter = Arc::clone(&count);
///     p.sigaction(Signal::USR1, SigAction::handler(move |_, info| {
///         assert_eq!(info.signal, Signal::USR1);
///         counter.fetch_add(1, Ordering::Relaxed);
///     }))?;
///     p.raise(Signal::USR1)?;
///     assert_eq!(count.load(Ordering::Relaxed), 1);
///     greenproc::Result::Ok(())
/// }))?;
/// assert!(status.success());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct SigAction {
    pub(crate) how: How,
    pub(crate) flags: SaFlags,
    pub(crate) mask: SigSet,
}

#[derive(Clone, Default)]
pub(crate) enum How {
    #[default]
    Default,
    Ignore,
    Handle(Handler),
}

impl SigAction {
    /// The signal's default action.
    #[doc(alias = "SIG_DFL")]
    pub const DEFAULT: SigAction =
        SigAction { how: How::Default, flags: SaFlags::empty(), mask: SigSet::EMPTY };

    /// Nothing. For SIGCHLD: children leave no zombie, and no signal is sent.
    #[doc(alias = "SIG_IGN")]
    pub const IGNORE: SigAction =
        SigAction { how: How::Ignore, flags: SaFlags::empty(), mask: SigSet::EMPTY };

    /// For SIGCHLD: children leave no zombie; the signal is sent.
    #[doc(alias = "SA_NOCLDWAIT")]
    pub const NO_CHILD_WAIT: SigAction =
        SigAction { how: How::Default, flags: SaFlags::NOCLDWAIT, mask: SigSet::EMPTY };

    /// Calls `handler`.
    pub fn handler(handler: impl Fn(&Process, &SigInfo) + Send + Sync + 'static) -> SigAction {
        SigAction { how: How::Handle(Arc::new(handler)), ..SigAction::default() }
    }

    /// With these flags.
    #[must_use]
    pub fn flags(mut self, flags: SaFlags) -> SigAction {
        self.flags = flags;
        self
    }

    /// Blocks these signals too while the handler runs.
    #[must_use]
    pub fn mask(mut self, mask: impl Into<SigSet>) -> SigAction {
        self.mask = mask.into();
        self
    }

    /// Whether a function is to be called.
    pub fn is_handler(&self) -> bool {
        matches!(self.how, How::Handle(_))
    }

    /// Whether the signal is to be ignored.
    pub fn is_ignore(&self) -> bool {
        matches!(self.how, How::Ignore)
    }

    /// Whether it is the default action.
    pub fn is_default(&self) -> bool {
        matches!(self.how, How::Default)
    }

    /// What it means for the children, if it is SIGCHLD's.
    pub(crate) fn disposition(&self) -> Disposition {
        match self.how {
            How::Ignore => Disposition::Ignore,
            _ if self.flags.contains(SaFlags::NOCLDWAIT) => Disposition::NoChildWait,
            How::Default | How::Handle(_) => Disposition::Default,
        }
    }
}

/// Two handlers are equal if they are the same function object.
impl PartialEq for SigAction {
    fn eq(&self, other: &SigAction) -> bool {
        let same = match (&self.how, &other.how) {
            (How::Default, How::Default) | (How::Ignore, How::Ignore) => true,
            (How::Handle(one), How::Handle(another)) => Arc::ptr_eq(one, another),
            _ => false,
        };
        same && self.flags == other.flags && self.mask == other.mask
    }
}

impl fmt::Debug for SigAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Default => "default",
            How::Ignore => "ignore",
            How::Handle(_) => "handler",
        };
        f.debug_struct("SigAction").field("how", &how).field("flags", &self.flags).finish_non_exhaustive()
    }
}

/// The actions of a process that are not the default; shared with its children until one of them changes it.
#[derive(Clone, Default)]
pub(crate) struct Actions(BTreeMap<Signal, SigAction>);

impl Actions {
    pub(crate) fn get(&self, signal: Signal) -> Option<&SigAction> {
        self.0.get(&signal)
    }

    /// Those that ignore, if there are any.
    pub(crate) fn ignored(&self) -> Option<Actions> {
        let ignored = self.0.iter().filter(|(_, action)| action.is_ignore());
        let ignored: BTreeMap<_, _> = ignored.map(|(signal, action)| (*signal, action.clone())).collect();
        (!ignored.is_empty()).then_some(Actions(ignored))
    }

    /// Sets an action; the former one is to be dropped after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn set(&mut self, signal: Signal, action: SigAction) -> SigAction {
        let former = match action.how {
            How::Default if action.flags.is_empty() => self.0.remove(&signal),
            _ => self.0.insert(signal, action),
        };
        former.unwrap_or_default()
    }
}
