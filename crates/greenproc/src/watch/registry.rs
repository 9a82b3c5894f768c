//! Who watches whom: plain data under `proclist_lock`.
//!
//! A process that is watched is in `watched` until it ends, and its record is marked (`Proc::is_observed`), so that the
//! lives of others cost one look at a mark. A watch that was dropped is gone at once; what is left of it in the lists of
//! processes that it tracked goes when those are looked at next.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;
#[cfg(feature = "async")]
use std::task::Waker;

use crossbeam_channel::{Receiver, Sender};
use greenproc_sync::atomic::{AtomicU64, Ordering};

use crate::pid::Pid;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::tree::IndexHasher;
use crate::watch::{Note, NoteFlags, NoteKind, Wakers};

/// How many notes may wait to be received before they coalesce.
pub(crate) const ROOM: usize = 1024;

/// How many processes one watch may have.
pub(crate) const MOST_PROCESSES: usize = 65_536;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WatchId(u64);

pub(crate) struct Watches {
    begun: HashMap<u64, Watching, BuildHasherDefault<IndexHasher>>,
    watched: HashMap<Pid, Vec<Interest>, BuildHasherDefault<IndexHasher>>,
    next: u64,
    most: usize,
    /// Tasks that await the end of a process through its handle.
    #[cfg(feature = "async")]
    awaited: HashMap<Pid, Vec<(u64, Waker)>, BuildHasherDefault<IndexHasher>>,
}

impl Default for Watches {
    fn default() -> Watches {
        Watches {
            begun: HashMap::default(),
            watched: HashMap::default(),
            next: 1,
            most: MOST_PROCESSES,
            #[cfg(feature = "async")]
            awaited: HashMap::default(),
        }
    }
}

/// One watch.
pub(crate) struct Watching {
    sender: Sender<Note>,
    flags: NoteFlags,
    /// How many notes were sent.
    sent: u64,
    /// How many processes it has that have not ended.
    processes: usize,
    coalesced: Arc<AtomicU64>,
    #[cfg(feature = "async")]
    waker: Option<Waker>,
}

/// What coalesces, of one process.
#[derive(Clone, Copy)]
enum Repeated {
    Fork,
    Exec,
    Signal,
    TrackError,
}

/// A watch of one process.
struct Interest {
    watch: WatchId,
    /// Which note of the watch was the last of each kind; the first note is number 1.
    last: [u64; 4],
}

/// A watch that has begun: the watcher's side of it.
pub(crate) struct Begun {
    pub(crate) id: WatchId,
    pub(crate) receiver: Receiver<Note>,
    pub(crate) coalesced: Arc<AtomicU64>,
}

impl Begun {
    /// A watch of a process that has ended: all that there is to tell, and the end of the stream.
    pub(crate) fn of_zombie(pid: Pid, flags: NoteFlags, status: ExitStatus) -> Begun {
        let (sender, receiver) = crossbeam_channel::unbounded();
        if flags.contains(NoteFlags::EXIT) {
            let _ = sender.send(Note { pid, kind: NoteKind::Exit { status } });
        }
        Begun { id: WatchId(0), receiver, coalesced: Arc::default() }
    }
}

impl Watching {
    fn push(&mut self, note: Note, wakers: &mut Wakers) {
        lab_touch!();
        // Nobody receives any more: the watch is about to be dropped.
        let _ = self.sender.send(note);
        self.sent += 1;
        self.call(wakers);
    }

    #[cfg(feature = "async")]
    fn call(&mut self, wakers: &mut Wakers) {
        if let Some(waker) = self.waker.take() {
            wakers.push(waker);
        }
    }

    #[cfg(not(feature = "async"))]
    #[allow(clippy::unused_self, reason = "the same face with and without the feature")]
    fn call(&mut self, _wakers: &mut Wakers) {}

    /// The same for a kind of note that coalesces: it is dropped if there is no room, and `last`, the one before it, still
    /// waits. Notes are received in their order, so the last ones sent are those that wait.
    fn push_or_coalesce(&mut self, note: Note, last: &mut u64, wakers: &mut Wakers) {
        lab_touch!();
        let waiting = self.sender.len();
        if waiting >= ROOM && *last > self.sent - waiting as u64 {
            self.coalesced.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.push(note, wakers);
        *last = self.sent;
    }
}

impl Watches {
    /// Begins to watch a process that has not ended.
    pub(crate) fn begin(&mut self, pid: Pid, flags: NoteFlags) -> Begun {
        let id = WatchId(self.next);
        self.next += 1;
        let (sender, receiver) = crossbeam_channel::unbounded();
        let coalesced: Arc<AtomicU64> = Arc::default();
        let watching = Watching {
            sender,
            flags,
            sent: 0,
            processes: 1,
            coalesced: Arc::clone(&coalesced),
            #[cfg(feature = "async")]
            waker: None,
        };
        self.begun.insert(id.0, watching);
        let interests = self.watched.entry(pid).or_default();
        interests.retain(|interest| self.begun.contains_key(&interest.watch.0));
        interests.push(Interest { watch: id, last: [0; 4] });
        Begun { id, receiver, coalesced }
    }

    /// Ends a watch. What is returned is dropped after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn remove(&mut self, id: WatchId, pid: Pid) -> Option<Watching> {
        let gone = self.begun.remove(&id.0)?;
        if let Some(interests) = self.watched.get_mut(&pid) {
            interests.retain(|interest| interest.watch != id);
            if interests.is_empty() {
                self.watched.remove(&pid);
            }
        }
        Some(gone)
    }

    /// Tells each watch of a process that wants to know. Says whom to wake.
    fn tell(&mut self, pid: Pid, wanted: NoteFlags, which: Repeated, kind: NoteKind) -> Wakers {
        let mut wakers = Wakers::default();
        let Some(interests) = self.watched.get_mut(&pid) else { return wakers };
        interests.retain_mut(|interest| {
            let Some(watching) = self.begun.get_mut(&interest.watch.0) else { return false };
            if watching.flags.intersects(wanted) {
                let last = &mut interest.last[which as usize];
                watching.push_or_coalesce(Note { pid, kind }, last, &mut wakers);
            }
            true
        });
        if interests.is_empty() {
            self.watched.remove(&pid);
        }
        wakers
    }

    pub(crate) fn signalled(&mut self, pid: Pid, signal: Signal) -> Wakers {
        self.tell(pid, NoteFlags::SIGNAL, Repeated::Signal, NoteKind::Signal { signal })
    }

    pub(crate) fn executed(&mut self, pid: Pid) -> Wakers {
        self.tell(pid, NoteFlags::EXEC, Repeated::Exec, NoteKind::Exec)
    }

    /// A process has a child. The child is watched from its first moment on by who tracks the parent; whether anybody does
    /// is said too.
    pub(crate) fn forked(&mut self, parent: Pid, child: Pid) -> (Wakers, bool) {
        let mut wakers = self.tell(parent, NoteFlags::FORK, Repeated::Fork, NoteKind::Fork { child });
        let mut tracked = Vec::new();
        let interests = self.watched.get_mut(&parent).map(Vec::as_mut_slice).unwrap_or_default();
        for interest in interests {
            let Some(watching) = self.begun.get_mut(&interest.watch.0) else { continue };
            if !watching.flags.contains(NoteFlags::TRACK) {
                continue;
            }
            if watching.processes >= self.most {
                let note = Note { pid: parent, kind: NoteKind::TrackError { child } };
                let last = &mut interest.last[Repeated::TrackError as usize];
                watching.push_or_coalesce(note, last, &mut wakers);
                continue;
            }
            watching.processes += 1;
            watching.push(Note { pid: child, kind: NoteKind::Child { parent } }, &mut wakers);
            tracked.push(Interest { watch: interest.watch, last: [0; 4] });
        }
        let is_tracked = !tracked.is_empty();
        if is_tracked {
            self.watched.insert(child, tracked);
        }
        (wakers, is_tracked)
    }

    /// A process has ended: its last note. A watch that has no other process ends.
    pub(crate) fn ended(&mut self, pid: Pid, status: ExitStatus) -> Wakers {
        let mut wakers = Wakers::default();
        self.call_awaiting(pid, &mut wakers);
        for interest in self.watched.remove(&pid).unwrap_or_default() {
            let Some(watching) = self.begun.get_mut(&interest.watch.0) else { continue };
            if watching.flags.contains(NoteFlags::EXIT) {
                watching.push(Note { pid, kind: NoteKind::Exit { status } }, &mut wakers);
            }
            watching.processes -= 1;
            if watching.processes == 0 {
                watching.call(&mut wakers);
                self.begun.remove(&interest.watch.0);
            }
        }
        wakers
    }

    #[cfg(not(feature = "async"))]
    #[allow(clippy::unused_self, reason = "the same face with and without the feature")]
    fn call_awaiting(&mut self, _pid: Pid, _wakers: &mut Wakers) {}
}

#[cfg(feature = "async")]
impl Watches {
    fn call_awaiting(&mut self, pid: Pid, wakers: &mut Wakers) {
        for (_, waker) in self.awaited.remove(&pid).unwrap_or_default() {
            wakers.push(waker);
        }
    }

    /// Wakes this task, or none, at the watch's next note. What is returned is dropped after unlocking: the former waker, or this
    /// one if the watch has ended.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn set_waker(&mut self, id: WatchId, waker: Option<Waker>) -> Option<Waker> {
        match self.begun.get_mut(&id.0) {
            Some(watching) => std::mem::replace(&mut watching.waker, waker),
            None => waker,
        }
    }

    /// Wakes this task when the process ends, which has not ended. `ticket` is the one of an earlier call; a former waker
    /// is returned, to be dropped after unlocking.
    pub(crate) fn await_end(&mut self, pid: Pid, ticket: Option<u64>, waker: Waker) -> (u64, Option<Waker>) {
        let awaiting = self.awaited.entry(pid).or_default();
        if let Some((ticket, former)) = awaiting.iter_mut().find(|(number, _)| Some(*number) == ticket) {
            return (*ticket, Some(std::mem::replace(former, waker)));
        }
        let ticket = self.next;
        self.next += 1;
        awaiting.push((ticket, waker));
        (ticket, None)
    }

    /// The task awaits the end no longer. Its waker is dropped after unlocking.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn forget(&mut self, pid: Pid, ticket: u64) -> Option<Waker> {
        let awaiting = self.awaited.get_mut(&pid)?;
        let place = awaiting.iter().position(|(number, _)| *number == ticket)?;
        let (_, waker) = awaiting.swap_remove(place);
        if awaiting.is_empty() {
            self.awaited.remove(&pid);
        }
        Some(waker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(raw: i32) -> Pid {
        Pid::new(raw).expect("a positive number")
    }

    fn kinds(begun: &Begun) -> Vec<(i32, NoteKind)> {
        begun.receiver.try_iter().map(|note| (note.pid.as_raw(), note.kind)).collect()
    }

    #[test]
    fn a_note_coalesces_only_with_one_that_still_waits() {
        let mut watches = Watches::default();
        let watch = watches.begin(pid(2), NoteFlags::FORK | NoteFlags::SIGNAL | NoteFlags::EXIT);
        for child in 0..ROOM as i32 {
            let _ = watches.forked(pid(2), pid(100 + child));
        }
        assert_eq!(watch.receiver.len(), ROOM);
        // There is a fork already, but no signal yet.
        let _ = watches.forked(pid(2), pid(5000));
        let _ = watches.signalled(pid(2), Signal::USR1);
        let _ = watches.signalled(pid(2), Signal::USR2);
        assert_eq!((watch.receiver.len(), watch.coalesced.load(Ordering::Relaxed)), (ROOM + 1, 2));
        // All but the signal are received: the next fork has none to coalesce with, the next signal has room.
        for _ in 0..ROOM {
            assert!(matches!(watch.receiver.recv().expect("waits").kind, NoteKind::Fork { .. }));
        }
        let _ = watches.forked(pid(2), pid(5001));
        let _ = watches.signalled(pid(2), Signal::TERM);
        let _ = watches.ended(pid(2), ExitStatus::exited(1));
        let expected = [
            (2, NoteKind::Signal { signal: Signal::USR1 }),
            (2, NoteKind::Fork { child: pid(5001) }),
            (2, NoteKind::Signal { signal: Signal::TERM }),
            (2, NoteKind::Exit { status: ExitStatus::exited(1) }),
        ];
        assert_eq!(kinds(&watch), expected);
        assert_eq!(watch.receiver.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
        assert!(watches.begun.is_empty() && watches.watched.is_empty());
    }

    #[test]
    fn an_end_finds_room_however_full_the_stream_is() {
        let mut watches = Watches::default();
        let watch = watches.begin(pid(2), NoteFlags::TRACK | NoteFlags::EXIT);
        for child in 0..2 * ROOM as i32 {
            let (_, tracked) = watches.forked(pid(2), pid(100 + child));
            assert!(tracked);
        }
        for child in 0..2 * ROOM as i32 {
            let _ = watches.ended(pid(100 + child), ExitStatus::exited(child));
        }
        let _ = watches.ended(pid(2), ExitStatus::exited(0));
        let notes = kinds(&watch);
        assert_eq!(notes.len(), 4 * ROOM + 1);
        assert_eq!(watch.coalesced.load(Ordering::Relaxed), 0);
        let ends = notes.iter().filter(|(_, kind)| matches!(kind, NoteKind::Exit { .. }));
        assert_eq!(ends.count(), 2 * ROOM + 1);
    }

    /// What `NOTE_TRACKERR` is for.
    #[test]
    fn a_watch_that_has_its_most_processes_says_which_child_it_has_not() {
        let mut watches = Watches { most: 2, ..Watches::default() };
        let watch = watches.begin(pid(2), NoteFlags::TRACK | NoteFlags::EXIT);
        assert!(watches.forked(pid(2), pid(3)).1);
        assert!(!watches.forked(pid(3), pid(4)).1);
        let _ = watches.ended(pid(4), ExitStatus::exited(4));
        let _ = watches.ended(pid(3), ExitStatus::exited(3));
        // There is room again.
        assert!(watches.forked(pid(2), pid(5)).1);
        let expected = [
            (3, NoteKind::Child { parent: pid(2) }),
            (3, NoteKind::TrackError { child: pid(4) }),
            (3, NoteKind::Exit { status: ExitStatus::exited(3) }),
            (5, NoteKind::Child { parent: pid(2) }),
        ];
        assert_eq!(kinds(&watch), expected);
    }

    #[test]
    fn a_dropped_watch_leaves_nothing_of_itself() {
        let mut watches = Watches::default();
        let tracking = watches.begin(pid(2), NoteFlags::TRACK);
        let other = watches.begin(pid(2), NoteFlags::FORK);
        let _ = watches.forked(pid(2), pid(3));
        drop(watches.remove(tracking.id, pid(2)));
        assert!(watches.remove(tracking.id, pid(2)).is_none(), "once");
        // Of the child the next look finds that nobody watches it.
        let (_, tracked) = watches.forked(pid(3), pid(4));
        assert!(!tracked);
        assert!(!watches.watched.contains_key(&pid(3)));
        drop(watches.remove(other.id, pid(2)));
        assert!(watches.begun.is_empty() && watches.watched.is_empty());
    }
}
