//! The seam for a controlled scheduler: what a thread tells it, and asks of it, at every operation of this facade.
//!
//! Only there with the feature `racelab`. A thread that was put under control ([`controlled`]) passes each lock, wait,
//! notification, fence, start and join to its [`Controller`], which lets it go on when it is its turn; all other threads
//! go on as if the feature were not there. A lock of the facade is taken by a controlled thread only when the controller
//! has granted it, so the raw lock below is then free: if it is not, a thread outside shares it, and that is an error of
//! who set the schedule up.

use std::cell::Cell;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Numbers one thread of a schedule.
pub type ThreadNo = u16;

/// A place in the source.
pub type Site = &'static Location<'static>;

/// What decides which of its threads goes on.
///
/// Every method is called by the thread `me`, which holds the turn, and returns when it has the turn again.
pub trait Controller: Sync {
    /// Takes a lock; returns when it is the caller's.
    fn lock(&self, me: ThreadNo, lock: Object<'_>, mode: Mode, site: Site);
    /// The same until a moment of the virtual clock; whether it is the caller's.
    fn lock_until(&self, me: ThreadNo, lock: Object<'_>, mode: Mode, until: Instant, site: Site) -> bool;
    /// Takes a lock if it is free; whether it is the caller's.
    fn try_lock(&self, me: ThreadNo, lock: Object<'_>, mode: Mode, site: Site) -> bool;
    /// The lock is free again. The raw lock was released.
    fn unlock(&self, me: ThreadNo, lock: Object<'_>, mode: Mode);
    /// Sleeps on a condition variable. The raw lock was released; the lock is the caller's again on return. False if the
    /// time was over first.
    fn wait(&self, me: ThreadNo, condvar: Object<'_>, lock: Object<'_>, until: Option<Instant>) -> bool;
    /// Wakes one sleeper, or all; how many there were.
    fn notify(&self, me: ThreadNo, condvar: Object<'_>, all: bool, site: Site) -> usize;
    /// Starts a thread.
    fn spawn(&self, me: ThreadNo, entry: Box<dyn FnOnce() + Send>) -> ThreadNo;
    /// Waits for the end of a thread; false if the time was over first.
    fn join(&self, me: ThreadNo, thread: ThreadNo, until: Option<Instant>) -> bool;
    /// A place that matters to the order of things, other than those above.
    fn point(&self, me: ThreadNo, what: Point, site: Site);
    /// The caller reads or changes something that threads share and that is no point of its own; `None` for what cannot be
    /// told from other things.
    fn touch(&self, me: ThreadNo, value: Option<&Mark>, access: Access);
    /// The thread has come to where it may hold no lock.
    fn no_locks(&self, me: ThreadNo, site: Site);
    /// One of `among` possibilities.
    fn choose(&self, me: ThreadNo, among: usize, site: Site) -> usize;
    /// Something for who reads the schedule afterwards.
    fn note(&self, me: ThreadNo, text: &mut dyn FnMut() -> String, site: Site);
    /// What the calling thread does from here on, for who reads the schedule afterwards.
    fn rename(&self, me: ThreadNo, text: &mut dyn FnMut() -> String);
    /// The virtual clock.
    fn now(&self) -> Instant;
}

/// How a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// For one thread alone.
    Exclusive,
    /// For reading, with others.
    Shared,
}

impl Mode {
    /// What taking a lock so, or letting it go, is to the others.
    pub fn access(self) -> Access {
        match self {
            Mode::Exclusive => Access::Write,
            Mode::Shared => Access::Read,
        }
    }
}

/// What a point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// A fence: two threads that look at what the other has written.
    Fence,
    /// The thread spins: it makes no progress before another does.
    Spin,
    /// A place with a name.
    Named(&'static str),
}

/// What a thread does to something that others see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// It looks: two that only look do not matter to each other.
    Read,
    /// It may change it.
    Write,
}

/// A lock or a condition variable, as the controller is told of it.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Where the controller notes which one it is.
    pub tag: &'a Tag,
    /// What reports call it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// What an [`Object`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A mutex or a reader-writer lock.
    Lock,
    /// A condition variable.
    Condvar,
}

/// What a lock carries to be told from others. An address is not enough: it may be used again.
#[derive(Debug)]
pub struct Tag(AtomicU64);

impl Tag {
    pub(crate) const fn new() -> Tag {
        Tag(AtomicU64::new(0))
    }

    /// The number of the object in this schedule: `new` says which, if it has none yet.
    pub fn number(&self, schedule: u32, new: impl FnOnce() -> u32) -> u32 {
        let noted = self.0.load(Ordering::Relaxed);
        if (noted >> 32) as u32 == schedule {
            return noted as u32;
        }
        let number = new();
        self.0.store(u64::from(schedule) << 32 | u64::from(number), Ordering::Relaxed);
        number
    }
}

/// What a value that threads share without a lock carries to be told from others: a number in the schedule, and until it
/// has one, where it was made.
#[derive(Debug)]
pub struct Mark {
    /// Where the controller notes which one it is.
    pub tag: Tag,
    /// Where it was made.
    pub made: Site,
}

impl Mark {
    /// Of a value that is made here.
    #[track_caller]
    pub const fn new() -> Mark {
        Mark { tag: Tag::new(), made: Location::caller() }
    }

    /// The caller reads or changes the value.
    #[inline]
    pub fn touch(&self, access: Access) {
        if let Some(control) = control() {
            control.by.touch(control.me, Some(self), access);
        }
    }
}

impl Default for Mark {
    #[track_caller]
    fn default() -> Mark {
        Mark::new()
    }
}

/// The caller reads or changes something that threads share and that carries no mark: it is taken for all there is.
pub fn touch_unmarked() {
    if let Some(control) = control() {
        control.by.touch(control.me, None, Access::Write);
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Control {
    pub(crate) by: &'static dyn Controller,
    pub(crate) me: ThreadNo,
}

thread_local! {
    static CONTROL: Cell<Option<Control>> = const { Cell::new(None) };
}

/// Who controls the calling thread.
#[inline]
pub(crate) fn control() -> Option<Control> {
    CONTROL.get()
}

/// Runs `body` on the calling thread under the control of `by`, as its thread `me`.
///
/// To be called when the thread has its first turn.
pub fn controlled<T>(by: &'static dyn Controller, me: ThreadNo, body: impl FnOnce() -> T) -> T {
    let _back = PutBack(CONTROL.replace(Some(Control { by, me })));
    body()
}

/// Runs `body` on the calling thread without control: for who looks at a schedule while all its threads stand still.
pub fn uncontrolled<T>(body: impl FnOnce() -> T) -> T {
    let _back = PutBack(CONTROL.replace(None));
    body()
}

struct PutBack(Option<Control>);

impl Drop for PutBack {
    fn drop(&mut self) {
        CONTROL.set(self.0);
    }
}

/// Whether a controller decides when the calling thread goes on.
pub fn is_controlled() -> bool {
    control().is_some()
}

/// A place with a name, where a controlled thread may have to let others go first. Nothing to other threads.
#[track_caller]
pub fn point(name: &'static str) {
    if let Some(control) = control() {
        control.by.point(control.me, Point::Named(name), Location::caller());
    }
}

/// One of `among` possibilities, from 0 on: which is up to the controller. The first, on a thread without one.
#[track_caller]
pub fn choose(among: usize) -> usize {
    control().map_or(0, |control| control.by.choose(control.me, among, Location::caller()))
}

/// Something for who reads the schedule afterwards; not made without a controller.
#[track_caller]
pub fn note(mut text: impl FnMut() -> String) {
    if let Some(control) = control() {
        control.by.note(control.me, &mut text, Location::caller());
    }
}

/// What the calling thread does from here on; not made without a controller.
pub fn rename(mut text: impl FnMut() -> String) {
    if let Some(control) = control() {
        control.by.rename(control.me, &mut text);
    }
}

/// The moment `timeout` from now on, by the clock of this thread.
pub(crate) fn after(timeout: Duration) -> Instant {
    let now = crate::time::now();
    // So far away that no schedule comes to it.
    now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(1 << 32))
}
