//! What happened in a schedule, for who reads it.

use std::fmt;

use greenproc_sync::lab::{Site, ThreadNo};

/// Something that a thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Counts the turns of the schedule.
    pub step: u32,
    /// Who did it.
    pub thread: ThreadNo,
    /// What it did.
    pub what: What,
    /// Where in the source; `None` where the facade cannot tell.
    pub site: Option<Site>,
}

/// What a thread did. Objects are named by their class and a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It began to run.
    Begins,
    /// It took a lock.
    Locks(String),
    /// It found a lock taken that it only tried.
    FindsLocked(String),
    /// Its time was over before it had the lock.
    GivesUp(String),
    /// It let go of a lock.
    Unlocks(String),
    /// It sleeps on a condition variable, and lets go of the lock meanwhile.
    Sleeps(String, String),
    /// It was notified, and goes on with the lock.
    Wakes(String, String),
    /// Its time was over, and it goes on with the lock.
    TimesOut(String, String),
    /// It woke so many sleepers.
    Notifies(String, usize),
    /// It started a thread.
    Spawns(ThreadNo),
    /// It waited for the end of a thread.
    Joins(ThreadNo),
    /// It came to a place with a name.
    Point(&'static str),
    /// It chose one of so many.
    Chooses(usize, usize),
    /// It said something.
    Says(String),
    /// It is somebody else from here on.
    Is(String),
    /// It could have gone on, and another thread goes first. What it would have done.
    Preempted(String),
    /// It ended.
    Ends,
}

impl What {
    /// Which kind it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Begins => "begins",
            What::Locks(_) => "locks",
            What::FindsLocked(_) => "finds_locked",
            What::GivesUp(_) => "gives_up",
            What::Unlocks(_) => "unlocks",
            What::Sleeps(..) => "sleeps",
            What::Wakes(..) => "wakes",
            What::TimesOut(..) => "times_out",
            What::Notifies(..) => "notifies",
            What::Spawns(_) => "spawns",
            What::Joins(_) => "joins",
            What::Point(_) => "point",
            What::Chooses(..) => "chooses",
            What::Says(_) => "says",
            What::Is(_) => "is",
            What::Preempted(_) => "preempted",
            What::Ends => "ends",
        }
    }

    /// The lock or condition variable that it is about.
    pub fn object(&self) -> Option<&str> {
        match self {
            What::Locks(object)
            | What::FindsLocked(object)
            | What::GivesUp(object)
            | What::Unlocks(object)
            | What::Sleeps(object, _)
            | What::Wakes(object, _)
            | What::TimesOut(object, _)
            | What::Notifies(object, _) => Some(object),
            _ => None,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Begins => f.write_str("begins"),
            What::Locks(lock) => write!(f, "locks {lock}"),
            What::FindsLocked(lock) => write!(f, "finds {lock} taken"),
            What::GivesUp(lock) => write!(f, "gives up on {lock}"),
            What::Unlocks(lock) => write!(f, "unlocks {lock}"),
            What::Sleeps(condvar, _) => write!(f, "sleeps on {condvar}"),
            What::Wakes(condvar, _) => write!(f, "wakes from {condvar}"),
            What::TimesOut(condvar, _) => write!(f, "times out on {condvar}"),
            What::Notifies(condvar, 0) => write!(f, "notifies {condvar}: nobody sleeps"),
            What::Notifies(condvar, count) => write!(f, "notifies {condvar}: wakes {count}"),
            What::Spawns(thread) => write!(f, "starts thread {thread}"),
            What::Joins(thread) => write!(f, "joins thread {thread}"),
            What::Point(name) => write!(f, "is at {name}"),
            What::Chooses(chosen, among) => write!(f, "chooses {chosen} of {among}"),
            What::Says(text) => f.write_str(text),
            What::Is(name) => write!(f, "is {name}"),
            What::Preempted(before) => write!(f, "is held up before it {before}"),
            What::Ends => f.write_str("ends"),
        }
    }
}
