//! Limits that a process and its descendants live under.

mod cpu;
mod life;
mod rlimits;
mod share;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use cpu::look_at;
pub(crate) use rlimits::{PENDING_DEFAULT, Pair, Rlimits};
pub(crate) use share::{Membership, Share};

/// What a process may have at most. Inherited by children; `None` is no limit but the runtime's own.
///
/// A limit in force is the *soft* one; the *hard* one is how far the process may raise it itself
/// ([`Process::set_limits`](crate::Process::set_limits)).
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Limits, Runtime};
/// let runtime = Runtime::boot()?;
/// let lonely = Limits { processes: Some(2), ..Limits::default() };
/// let status = runtime.run(Command::new("lonely", |p| {
///     // init and this process are two already
///     p.spawn(Command::new("third", |_| {})).expect_err("over the limit").errno()
/// }).limits(lonely))?;
/// assert_eq!(status.code(), Some(11)); // EAGAIN
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Processes of the user, zombies included, as of a spawn by this process. Source: POSIX-like `RLIMIT_NPROC`.
    pub processes: Option<u32>,
    /// LWPs of one process.
    pub lwps: Option<u32>,
    /// Real-time signals that are pending for one process or LWP; 1,048,576 unless set. Source: Linux `RLIMIT_SIGPENDING`.
    pub pending_signals: Option<u32>,
    /// Open descriptors of one process. Source: POSIX `RLIMIT_NOFILE`.
    pub descriptors: Option<u32>,
    /// Bytes in the [`Arena`](crate::Arena) of one process. Source: POSIX-like `RLIMIT_DATA`.
    pub arena_bytes: Option<u64>,
    /// CPU time of one process, all its LWPs together, its children not counted. At the soft limit, and after each further second
    /// of CPU time, it gets SIGXCPU; at the hard limit, SIGKILL. Looked at every 10 ms at most, so both come up to that much
    /// late. Source: POSIX `RLIMIT_CPU`.
    pub cpu: Option<Duration>,
    /// CPU time of the process and of all whom it, or they, make from the limit's beginning on, the living, the dead and those that
    /// others have adopted since. At the soft limit, and after each further second, all of them get SIGXCPU; at the hard
    /// limit, SIGKILL, and none of them makes another. It is one limit for all of them: a child does not begin anew, and
    /// sees none of its own.
    pub subtree_cpu: Option<Duration>,
}

impl Limits {
    /// Whether each of these is at most the other's.
    pub(crate) fn is_within(&self, other: &Limits) -> bool {
        fn within<T: PartialOrd>(one: Option<T>, other: Option<T>) -> bool {
            match (one, other) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(one), Some(other)) => one <= other,
            }
        }
        within(self.processes, other.processes)
            && within(self.lwps, other.lwps)
            && within(self.pending_signals, other.pending_signals)
            && within(self.descriptors, other.descriptors)
            && within(self.arena_bytes, other.arena_bytes)
            && within(self.cpu, other.cpu)
            && within(self.subtree_cpu, other.subtree_cpu)
    }
}

#[cfg(test)]
mod order {
    use super::*;

    #[test]
    fn each_limit_is_compared() {
        let (none, some) = (Limits::default(), |n: u32| Limits {
            processes: Some(n),
            lwps: Some(n),
            pending_signals: Some(n),
            descriptors: Some(n),
            arena_bytes: Some(n.into()),
            cpu: Some(Duration::from_secs(n.into())),
            subtree_cpu: Some(Duration::from_secs(n.into())),
        });
        assert!(some(1).is_within(&none) && some(1).is_within(&some(1)) && none.is_within(&none));
        assert!(!none.is_within(&some(u32::MAX)));
        let raised = [
            Limits { processes: Some(2), ..some(1) },
            Limits { lwps: Some(2), ..some(1) },
            Limits { pending_signals: None, ..some(1) },
            Limits { descriptors: Some(2), ..some(1) },
            Limits { arena_bytes: Some(2), ..some(1) },
            Limits { cpu: None, ..some(1) },
            Limits { subtree_cpu: Some(Duration::from_secs(2)), ..some(1) },
        ];
        for raised in raised {
            assert!(!raised.is_within(&some(1)) && some(1).is_within(&raised), "{raised:?}");
        }
    }
}
