//! Watching a process that need not be a child: kqueue's `EVFILT_PROC` (row 33).
//!
//! A wait is for parents, and takes the child away. A watch is for everybody else: a monitor, a supervisor of somebody
//! else's children, a test. It takes nothing, disturbs nobody's wait, and any number of them can look at one process.

mod registry;
mod wakers;

#[cfg(feature = "async")]
mod next;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use greenproc_sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "async")]
pub use next::NextNote;
pub(crate) use registry::Watches;
pub(crate) use wakers::Wakers;

use crate::call::{Call, args};
use crate::child::Child;
use crate::error::{Error, Result};
use crate::kernel::{Kernel, ProcList, ProcListGuard};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::runtime::Runtime;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::table::Entry;
use crate::tree::{NodeRef, SeenBody};
use registry::WatchId;

bitflags::bitflags! {
    /// What a watch tells of.
    ///
    /// Source: kqueue, `EVFILT_PROC`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct NoteFlags: u32 {
        /// The process ended: [`NoteKind::Exit`].
        #[doc(alias = "NOTE_EXIT")]
        const EXIT = 1;
        /// It made a child: [`NoteKind::Fork`].
        #[doc(alias = "NOTE_FORK")]
        const FORK = 1 << 1;
        /// It replaced its body: [`NoteKind::Exec`].
        #[doc(alias = "NOTE_EXEC")]
        const EXEC = 1 << 2;
        /// A signal was posted to it: [`NoteKind::Signal`].
        #[doc(alias = "NOTE_SIGNAL")]
        const SIGNAL = 1 << 3;
        /// Its children are watched too, and theirs, with the same flags: [`NoteKind::Child`].
        #[doc(alias = "NOTE_TRACK")]
        const TRACK = 1 << 4;
    }
}

/// Something that a watch tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Of whom.
    pub pid: Pid,
    /// What.
    pub kind: NoteKind,
}

/// What a [`Note`] tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteKind {
    /// The process ended. Its zombie is there, unless its parent was faster or ignores its children. The last note of a
    /// process.
    Exit {
        /// How it ended.
        status: ExitStatus,
    },
    /// It made a child.
    Fork {
        /// The child.
        child: Pid,
    },
    /// It replaced its body, and keeps its pid.
    Exec,
    /// A signal was posted to it, whatever it does about it. A process whose end is decided is posted none.
    Signal {
        /// Which.
        signal: Signal,
    },
    /// The process is a child of one that is watched, and is watched itself from its first moment on. The first note of a
    /// process that is tracked.
    #[doc(alias = "NOTE_CHILD")]
    Child {
        /// Its parent.
        parent: Pid,
    },
    /// A child was made that is not watched, as the watch has as many processes as one may have
    /// ([`Watch::MOST_PROCESSES`]).
    #[doc(alias = "NOTE_TRACKERR")]
    TrackError {
        /// The child.
        child: Pid,
    },
}

/// Tells what happens to a process, and to those it makes if asked: a crossbeam receiver of [`Note`]s, usable in `select!`
/// and by [`Process::recv`].
///
/// **An end is never lost.** There is exactly one [`Exit`](NoteKind::Exit) of each watched process, and whether it is still
/// to come or has been is decided in the hold of the lock in which zombies are made: who begins to watch at any moment of
/// an exit hears of it, a watch of a zombie begins with its exit, and after the reaping it is ESRCH.
///
/// **Nobody is held up.** The runtime never waits for who watches. Up to [`ROOM`](Watch::ROOM) notes wait to be received;
/// beyond that, notes coalesce as those of kqueue: one that is of the same process and kind as a note that still waits
/// (an earlier fork, an earlier signal) is dropped and counted ([`coalesced`](Watch::coalesced)). Who receives a note and
/// then looks sees all that happened before. So a watch that nobody reads has a bounded size: at most `ROOM` notes, and six
/// for each process.
///
/// The stream ends (its channel disconnects) when every process it watches has ended. Dropping the watch ends it.
///
/// Source: kqueue, `EVFILT_PROC`; Linux `pidfd_open`.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, NoteFlags, NoteKind, Runtime};
/// let runtime = Runtime::boot()?;
/// let (release, held) = crossbeam_channel::bounded::<()>(0);
/// let child = runtime.spawn(Command::new("watched", move |p| { let _ = p.recv(&held); 7 }))?;
/// let watch = runtime.watch(child.id(), NoteFlags::EXIT)?;
/// drop(release);
/// let note = watch.recv().expect("it ends");
/// assert_eq!(note.pid, child.id());
/// assert!(matches!(note.kind, NoteKind::Exit { status } if status.code() == Some(7)));
/// assert!(watch.recv().is_err(), "nothing more will come");
/// assert_eq!(child.wait()?.status.code(), Some(7)); // the watch took nothing
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    kernel: Arc<Kernel>,
    id: WatchId,
    pid: Pid,
    receiver: Receiver<Note>,
    coalesced: Arc<AtomicU64>,
}

impl Watch {
    /// How many notes may wait before they coalesce.
    pub const ROOM: usize = registry::ROOM;

    /// How many processes that have not ended one watch may have.
    pub const MOST_PROCESSES: usize = registry::MOST_PROCESSES;

    /// The process that the watch began with.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// How many notes were dropped because one of the same process and kind still waited to be received.
    pub fn coalesced(&self) -> u64 {
        self.coalesced.load(Ordering::Relaxed)
    }
}

impl Deref for Watch {
    type Target = Receiver<Note>;

    fn deref(&self) -> &Receiver<Note> {
        lab_touch!();
        &self.receiver
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let gone = self.kernel.lock().watches.remove(self.id, self.pid);
        // Its waker is the user's.
        drop(gone);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("pid", &self.pid)
            .field("waiting", &self.receiver.len())
            .finish_non_exhaustive()
    }
}

impl Process {
    /// Watches a process, which need not be a child: what happens to it comes through the [`Watch`].
    ///
    /// # Errors
    /// - EINVAL: no flag was given.
    /// - ESRCH: nobody has this pid, its process was reaped, or this was kept beyond its LWP's end.
    /// - EPERM: the process acts for another user, and the caller is not root's.
    ///
    /// Source: kqueue, `EVFILT_PROC`.
    pub fn watch(&self, pid: Pid, flags: NoteFlags) -> Result<Watch> {
        self.gate(
            Call::Kevent,
            || args![pid],
            || {
                self.check_live()?;
                self.worker.kernel.watch(Some(&self.record), pid, None, flags)
            },
        )
    }
}

impl Runtime {
    /// [`Process::watch`] from any thread, with nobody's permission to ask for.
    ///
    /// # Errors
    /// - EINVAL: no flag was given.
    /// - ESRCH: nobody has this pid, or its process was reaped.
    pub fn watch(&self, pid: Pid, flags: NoteFlags) -> Result<Watch> {
        self.kernel().watch(None, pid, None, flags)
    }
}

impl Child {
    /// Watches it. Unlike a wait this takes nothing, and it does not matter who the parent is.
    ///
    /// # Errors
    /// - EINVAL: no flag was given.
    /// - ESRCH: it was reaped, even if its pid is in use again.
    /// - EPERM: a process made the handle, is not root's, and this one acts for another user.
    pub fn watch(&self, flags: NoteFlags) -> Result<Watch> {
        self.kernel().watch(self.maker(), self.id(), Some(self.node()), flags)
    }
}

impl Kernel {
    /// Begins a watch. Whether there is still something to come is decided in one hold of `proclist_lock` (mistake o).
    fn watch(
        self: &Arc<Kernel>,
        caller: Option<&Arc<Proc>>,
        pid: Pid,
        node: Option<NodeRef>,
        flags: NoteFlags,
    ) -> Result<Watch> {
        if flags.is_empty() {
            return Err(Error::Invalid { what: "a watch needs a flag that says what it is to tell" });
        }
        let gone = || Error::NoProcess { pid: pid.as_raw() };
        let entry = if node.is_none() { self.pids.find(pid) } else { None };
        let node = node.or_else(|| match &entry {
            Some(Entry::Live(process)) => process.node(),
            Some(Entry::Dead(node)) => Some(*node),
            None => None,
        });
        let node = node.ok_or_else(gone)?;
        let mut list = self.lock();
        let ProcList { tree, watches, .. } = &mut *list;
        let seen = tree.see(node).ok_or_else(gone)?;
        let uid = match seen.body {
            SeenBody::Live(process) => process.uid(),
            SeenBody::Dead(zombie) => zombie.uid,
        };
        if caller.is_some_and(|caller| caller.uid() != 0 && caller.uid() != uid) {
            return Err(Error::NotPermitted { what: "the process belongs to another user" });
        }
        #[cfg(feature = "racelab")]
        if planted!(self, WatchInTwoHolds)
            && let SeenBody::Live(process) = seen.body
        {
            let process = Arc::clone(process);
            drop(list);
            let mut list = self.lock();
            process.set_observed();
            let registry::Begun { id, receiver, coalesced } = list.watches.begin(pid, flags);
            return Ok(Watch { kernel: Arc::clone(self), id, pid, receiver, coalesced });
        }
        let begun = match seen.body {
            SeenBody::Live(process) => {
                process.set_observed();
                watches.begin(pid, flags)
            }
            SeenBody::Dead(zombie) => registry::Begun::of_zombie(pid, flags, zombie.status),
        };
        self.enter_departures(&mut list);
        drop(list);
        let registry::Begun { id, receiver, coalesced } = begun;
        Ok(Watch { kernel: Arc::clone(self), id, pid, receiver, coalesced })
    }

    /// Tells those who watch a process of a signal that was posted to it. Under `proclist_lock`.
    pub(crate) fn note_signal(&self, list: &mut ProcListGuard<'_>, process: &Proc, signal: Signal) {
        if process.is_observed() {
            let wakers = list.watches.signalled(process.pid, signal);
            self.timekeeper.wake(wakers);
        }
    }

    /// Tells those who watch a process that it has replaced its body. Called without a lock.
    pub(crate) fn note_exec(&self, process: &Proc) {
        if process.is_observed() {
            let wakers = self.lock().watches.executed(process.pid);
            wakers.wake();
        }
    }
}
