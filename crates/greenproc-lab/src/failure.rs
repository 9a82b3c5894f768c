//! What can go wrong in a schedule.

use std::fmt;

use greenproc_sync::lab::ThreadNo;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody can go on: each waits for a lock that another holds.
    Deadlock(Vec<Holding>),
    /// Nobody can go on, and somebody sleeps for whom nobody is left to notify it.
    LostWakeup(Vec<Holding>),
    /// The schedule came to no end within so many turns.
    LiveLock(u32),
    /// Somebody panicked.
    Panic(String),
    /// Something that holds at all times did not.
    Invariant(String),
    /// Two locks were taken in both orders, by whomever: with another schedule that is a deadlock.
    LockOrder(String),
    /// A thread waits for something that the scheduler knows nothing of.
    Outside(String),
    /// The same choices led elsewhere: the scenario does something that the scheduler does not decide.
    Diverged(u32),
}

/// What a thread holds and waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which thread.
    pub thread: ThreadNo,
    /// What it does.
    pub name: String,
    /// The locks that it holds.
    pub holds: Vec<String>,
    /// What it waits for.
    pub wants: String,
}

impl Failure {
    /// Which kind it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Failure::Deadlock(_) => "deadlock",
            Failure::LostWakeup(_) => "lost wake-up",
            Failure::LiveLock(_) => "live-lock",
            Failure::Panic(_) => "panic",
            Failure::Invariant(_) => "invariant",
            Failure::LockOrder(_) => "lock order",
            Failure::Outside(_) => "blocked outside",
            Failure::Diverged(_) => "diverged",
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waits for {}", self.name, self.wants)?;
        if !self.holds.is_empty() {
            write!(f, " and holds {}", self.holds.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |f: &mut fmt::Formatter<'_>, threads: &[Holding]| {
            threads.iter().try_for_each(|thread| write!(f, "\n  {thread}"))
        };
        match self {
            Failure::Deadlock(threads) => {
                f.write_str("nobody can go on: each waits for a lock that another holds")?;
                all(f, threads)
            }
            Failure::LostWakeup(threads) => {
                f.write_str("nobody can go on, and nobody is left who would wake the sleepers")?;
                all(f, threads)
            }
            Failure::LiveLock(turns) => write!(f, "no end after {turns} turns"),
            Failure::Panic(message) => write!(f, "panic: {message}"),
            Failure::Invariant(sentence) => f.write_str(sentence),
            Failure::LockOrder(cycle) => write!(f, "locks are taken in both orders: {cycle}"),
            Failure::Outside(thread) => {
                write!(f, "{thread} waits for something that the scheduler knows nothing of")
            }
            Failure::Diverged(at) => write!(f, "the same choices led elsewhere, at decision {at}"),
        }
    }
}
