//! A wait, resolved: whom it is for, and which of their events it takes.

use crate::pid::Pid;
use crate::selector::WaitFlags;
use crate::tree::arena::NodeRef;
use crate::tree::node::{Class, EventKind};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) who: Who,
    pub(crate) kinds: Kinds,
    /// Which classes of exit signal pass; a wait by handle takes both.
    pub(super) classes: [bool; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Any,
    /// One child, which a handle must not hold.
    Child(NodeRef),
    /// One process that a handle holds, whoever its parent is.
    Held(NodeRef),
    Group(Pid),
}

bitflags::bitflags! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Kinds: u8 {
        const DEAD = 1;
        const STOPPED = 2;
        const CONTINUED = 4;
        /// Stops of those that the caller traces.
        const TRAPPED = 8;
    }
}

impl From<EventKind> for Kinds {
    fn from(kind: EventKind) -> Kinds {
        match kind {
            EventKind::Dead => Kinds::DEAD,
            EventKind::Stopped => Kinds::STOPPED,
            EventKind::Continued => Kinds::CONTINUED,
        }
    }
}

impl Wanted {
    /// A wait that reports what the flags say. EXITED must have been put in by the caller where it goes without
    /// saying.
    pub(crate) fn new(who: Who, flags: WaitFlags) -> Wanted {
        let mut kinds = Kinds::empty();
        kinds.set(Kinds::DEAD, flags.contains(WaitFlags::EXITED) && !flags.contains(WaitFlags::NOZOMBIE));
        kinds.set(Kinds::STOPPED, flags.contains(WaitFlags::STOPPED));
        kinds.set(Kinds::CONTINUED, flags.contains(WaitFlags::CONTINUED));
        kinds.set(Kinds::TRAPPED, flags.contains(WaitFlags::TRAPPED));
        let classes = if flags.contains(WaitFlags::ALLSIG) {
            [true, true]
        } else {
            [!flags.contains(WaitFlags::ALTSIG), flags.contains(WaitFlags::ALTSIG)]
        };
        Wanted { who, kinds, classes }
    }

    /// A wait for the end of one process by its handle.
    pub(crate) fn held(node: NodeRef) -> Wanted {
        Wanted { who: Who::Held(node), kinds: Kinds::DEAD, classes: [true, true] }
    }

    /// The same as it is for those that the caller traces: whatever their exit signal is (row 57), and with their stops if
    /// either kind of stop is wanted (row 60).
    pub(crate) fn of_tracees(&self) -> Wanted {
        let stops = self.kinds.contains(Kinds::TRAPPED);
        let kinds = if stops { self.kinds | Kinds::STOPPED } else { self.kinds };
        Wanted { kinds, classes: [true, true], ..*self }
    }

    pub(crate) fn wants_dead(&self) -> bool {
        self.kinds.contains(Kinds::DEAD)
    }

    pub(crate) fn takes_class(&self, class: Class) -> bool {
        self.classes[class as usize]
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = Class> {
        Class::BOTH.into_iter().filter(|&class| self.takes_class(class))
    }
}
