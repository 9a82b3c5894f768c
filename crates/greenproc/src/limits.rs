//! Limits that a process and its descendants live under.

/// What a process may have at most. Inherited by children; `None` is no limit but the runtime's own.
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
    /// Bytes in the [`Arena`](crate::Arena) of one process. Source: POSIX-like `RLIMIT_DATA`.
    pub arena_bytes: Option<u64>,
}
