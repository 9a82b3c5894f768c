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
    /// It sleeps on a condition variable.
    Sleeps(String),
    /// It was notified, and goes on.
    Wakes(String),
    /// Its time was over, and it goes on.
    TimesOut(String),
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
    /// It ended.
    Ends,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Begins => f.write_str("begins"),
            What::Locks(lock) => write!(f, "locks {lock}"),
            What::FindsLocked(lock) => write!(f, "finds {lock} taken"),
            What::GivesUp(lock) => write!(f, "gives up on {lock}"),
            What::Unlocks(lock) => write!(f, "unlocks {lock}"),
            What::Sleeps(condvar) => write!(f, "sleeps on {condvar}"),
            What::Wakes(condvar) => write!(f, "wakes from {condvar}"),
            What::TimesOut(condvar) => write!(f, "times out on {condvar}"),
            What::Notifies(condvar, 0) => write!(f, "notifies {condvar}: nobody sleeps"),
            What::Notifies(condvar, count) => write!(f, "notifies {condvar}: wakes {count}"),
            What::Spawns(thread) => write!(f, "starts thread {thread}"),
            What::Joins(thread) => write!(f, "joins thread {thread}"),
            What::Point(name) => write!(f, "is at {name}"),
            What::Chooses(chosen, among) => write!(f, "chooses {chosen} of {among}"),
            What::Says(text) => f.write_str(text),
            What::Is(name) => write!(f, "is {name}"),
            What::Ends => f.write_str("ends"),
        }
    }
}
