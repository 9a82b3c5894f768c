//! What can go wrong, with the host's number for it.

use std::io;

use crate::call::Call;
use crate::descriptor::Fd;
use crate::pid::{LwpId, Pid};
use crate::signal::Signal;
use crate::status::ExitStatus;

/// The result of the runtime's calls.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed. Each names the object; [`errno`](Error::errno) gives the host's number.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Pid, Runtime, Signal};
/// let runtime = Runtime::boot()?;
/// let nobody = Pid::new(4000).expect("positive");
/// let error = runtime.kill(nobody, Signal::TERM).expect_err("nobody has that pid");
/// assert_eq!(error.errno(), 3);
/// assert_eq!(error.to_string(), "no process has pid 4000");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
// The kinds are told apart by a whole word, so that no `Result` is copied in odd pieces.
#[repr(u64)]
pub enum Error {
    /// ESRCH: nobody has this pid, or its process was reaped.
    #[error("no process has pid {pid}")]
    NoProcess {
        /// The number that was asked for.
        pid: i32,
    },
    /// ESRCH: the process has no such LWP.
    #[error("the process has no LWP {lwp}")]
    NoLwp {
        /// The LWP that was asked for.
        lwp: LwpId,
    },
    /// ESRCH: there is no process group of this number.
    #[error("no process group has number {pgid}")]
    NoGroup {
        /// The group that was asked for.
        pgid: Pid,
    },
    /// ESRCH: the call needs a process, and the calling thread runs none (or the process it was made for has left
    /// this thread).
    #[error("the calling thread runs no process of a runtime: make this call inside a Command's body")]
    NotAProcess,
    /// ESRCH: the caller does not trace this process.
    #[error("process {pid} is not traced by the caller")]
    NotTraced {
        /// The process.
        pid: Pid,
    },
    /// ESRCH: the tracee runs, or is about to stop: its tracer can do this only while it stands.
    #[error("process {pid} does not stand still: wait for its stop first")]
    NotStopped {
        /// The tracee.
        pid: Pid,
    },
    /// ESRCH: a process that has begun to exit makes nothing new.
    #[error("process {pid} is exiting and can start nothing new")]
    Exiting {
        /// The process that is exiting.
        pid: Pid,
    },
    /// ECHILD: the caller has no child that this wait could ever report.
    #[error("no child to wait for: there is none, or none that fits, or another wait took it")]
    NoChild,
    /// EINTR: a signal arrived before the call took effect.
    #[error("interrupted by a signal: call again, or see what the signal asks for")]
    Interrupted,
    /// EINVAL: these wait flags are unknown, or `waitid` was not told what to report.
    #[error("invalid wait flags {bits:#x}: waitid needs at least one of EXITED, STOPPED, CONTINUED, TRAPPED")]
    InvalidWaitFlags {
        /// The flags that were given.
        bits: i32,
    },
    /// EINVAL: the name of a process holds a NUL byte.
    #[error("the process name {name:?} holds a NUL byte")]
    NameHasNul {
        /// The beginning of the name.
        name: String,
    },
    /// ENAMETOOLONG: the name of a process is longer than 255 bytes.
    #[error("the process name is {length} bytes long; at most {} are allowed", crate::command::NAME_MAX)]
    NameTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// EINVAL: a stack of this size cannot be had.
    #[error("a stack of {size} bytes is not possible: use 1 byte to {} MiB", crate::command::STACK_MAX >> 20)]
    StackSize {
        /// The size in bytes that was asked for.
        size: usize,
    },
    /// EINVAL: an argument is outside what the call takes.
    #[error("{what}")]
    Invalid {
        /// Which argument, and what it may be.
        what: &'static str,
    },
    /// EINVAL: this cannot be done with this signal.
    #[error("{signal} cannot be used here: {why}")]
    Signal {
        /// The signal.
        signal: Signal,
        /// What is wrong with it.
        why: &'static str,
    },
    /// EAGAIN: something that is limited has run out for now.
    #[error("{0}")]
    Exhausted(#[from] Exhausted),
    /// EPERM: the caller may not do this to the object.
    #[error("not permitted: {what}")]
    NotPermitted {
        /// What was refused.
        what: &'static str,
    },
    /// The errno of a policy, or of a tracer: it does not let the process make this call.
    #[error("the policy of the process, or its tracer, refuses {call}")]
    Refused {
        /// The call.
        call: Call,
        /// What it is to fail with.
        errno: i32,
    },
    /// ENOENT: the runtime has no program of this name.
    #[error("there is no program {name:?}: see Builder::program and Runtime::register")]
    NoProgram {
        /// The name that was asked for.
        name: String,
    },
    /// E2BIG: arguments and environment are too long together.
    #[error(
        "arguments and environment have {bytes} bytes together; at most {} are allowed",
        crate::image::ARG_MAX
    )]
    ArgumentsTooLong {
        /// How many bytes they have.
        bytes: usize,
    },
    /// EACCES: the child has already replaced its body.
    #[error("process {pid} has already executed another program")]
    AlreadyExecuted {
        /// The child.
        pid: Pid,
    },
    /// EDEADLK: the call would wait for its own caller.
    #[error("this would wait for itself: {what}")]
    Deadlock {
        /// What was waited for.
        what: &'static str,
    },
    /// EIO: the terminal does not serve the caller.
    #[error("input/output error: {what}")]
    Io {
        /// Why not.
        what: &'static str,
    },
    /// ENOTTY: the terminal is not the controlling one of the caller's session, or there is none.
    #[error("it is not the controlling terminal of the caller's session")]
    NotMyTerminal,
    /// EBADF: nothing is open under this number.
    #[error("descriptor {fd} is not open")]
    BadDescriptor {
        /// The number.
        fd: Fd,
    },
    /// EBADF: what is open cannot be used in this direction.
    #[error("{what}")]
    WrongWay {
        /// In which.
        what: &'static str,
    },
    /// EINVAL: what is open is not what the call is for.
    #[error("descriptor {fd} is a {is}, not {wanted}")]
    WrongType {
        /// The number.
        fd: Fd,
        /// Its type, as Rust names it.
        is: &'static str,
        /// The type that was wanted.
        wanted: &'static str,
    },
    /// EMFILE: the process has as many descriptors as it may.
    #[error("no number below {limit} is free: the process has as many descriptors as it may")]
    TooManyDescriptors {
        /// How many it may have.
        limit: u32,
    },
    /// ECANCELED: the work was given up before it was done.
    #[error("the work was cancelled")]
    Cancelled,
    /// EPIPE: all readers of the pipe are gone.
    #[error("nobody reads from the pipe any more")]
    BrokenPipe,
    /// ENOMEM: the process has as much memory in its arena as it may, or the host has no more.
    #[error("{wanted} bytes more are not to be had: the process has {used} in its arena, {}", of_limit(*.limit))]
    OutOfMemory {
        /// How many bytes were asked for.
        wanted: u64,
        /// How many it had.
        used: u64,
        /// How many it may have, if that is limited.
        limit: Option<u64>,
    },
    /// EFAULT: this is not the caller's memory.
    #[error("not the caller's memory: {what}")]
    BadAddress {
        /// Why not.
        what: &'static str,
    },
    /// EAGAIN: a call that does not wait would have to.
    #[error("this would have to wait: {what}")]
    WouldBlock {
        /// What is not there.
        what: &'static str,
    },
    /// ESHUTDOWN: init has ended, and the runtime with it.
    #[error("the runtime is down: init ended with {status}")]
    InitEnded {
        /// How init ended.
        status: ExitStatus,
    },
    /// The host refused something that booting needs; its own number is kept.
    #[error("the host refused {what}: {source}")]
    Host {
        /// What was asked of the host.
        what: &'static str,
        /// The host's answer.
        source: io::Error,
    },
}

/// What ran out, when a call says EAGAIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Exhausted {
    /// Every pid up to `pid_max` is in use.
    #[error("all {max} pids are in use: reap zombies, or raise Builder::pid_max")]
    Pids {
        /// The highest pid.
        max: i32,
    },
    /// As many LWPs run as the host or `max_lwps` allows.
    #[error("{capacity} LWPs are running, and no more native threads may be had")]
    Lwps {
        /// How many there may be.
        capacity: usize,
    },
    /// The user has as many processes as its limit allows.
    #[error("the user already has its limit of {limit} processes")]
    UserProcesses {
        /// The limit.
        limit: u32,
    },
    /// The target has as many real-time signals pending as its limit allows.
    #[error("{limit} signals are pending already: the target does not take them")]
    Signals {
        /// The limit.
        limit: u32,
    },
    /// Nothing came in the time that was given.
    #[error("timed out")]
    Timeout,
    /// The runtime is shutting down and admits nobody.
    #[error("the runtime is shutting down")]
    ShuttingDown,
}

impl Error {
    /// The host's number for this error.
    pub fn errno(&self) -> i32 {
        match self {
            Error::NoProcess { .. }
            | Error::NoLwp { .. }
            | Error::NoGroup { .. }
            | Error::NotAProcess
            | Error::NotTraced { .. }
            | Error::NotStopped { .. }
            | Error::Exiting { .. } => libc::ESRCH,
            Error::NoChild => libc::ECHILD,
            Error::Interrupted => libc::EINTR,
            Error::InvalidWaitFlags { .. }
            | Error::NameHasNul { .. }
            | Error::StackSize { .. }
            | Error::Invalid { .. }
            | Error::WrongType { .. }
            | Error::Signal { .. } => libc::EINVAL,
            Error::NoProgram { .. } => libc::ENOENT,
            Error::ArgumentsTooLong { .. } => libc::E2BIG,
            Error::NameTooLong { .. } => libc::ENAMETOOLONG,
            Error::Exhausted(_) | Error::WouldBlock { .. } => libc::EAGAIN,
            Error::OutOfMemory { .. } => libc::ENOMEM,
            Error::BadAddress { .. } => libc::EFAULT,
            Error::BadDescriptor { .. } | Error::WrongWay { .. } => libc::EBADF,
            Error::TooManyDescriptors { .. } => libc::EMFILE,
            Error::Cancelled => libc::ECANCELED,
            Error::BrokenPipe => libc::EPIPE,
            Error::Io { .. } => libc::EIO,
            Error::NotMyTerminal => libc::ENOTTY,
            Error::NotPermitted { .. } => libc::EPERM,
            Error::Refused { errno, .. } => *errno,
            Error::AlreadyExecuted { .. } => libc::EACCES,
            Error::Deadlock { .. } => libc::EDEADLK,
            Error::InitEnded { .. } => libc::ESHUTDOWN,
            Error::Host { source, .. } => source.raw_os_error().unwrap_or(libc::EIO),
        }
    }
}

fn of_limit(limit: Option<u64>) -> String {
    limit.map_or_else(|| "and the host has no more".to_owned(), |limit| format!("and may have {limit}"))
}

impl From<Error> for io::Error {
    /// The host's number becomes the kind, and the message is kept.
    fn from(error: Error) -> io::Error {
        io::Error::new(io::Error::from_raw_os_error(error.errno()).kind(), error)
    }
}
