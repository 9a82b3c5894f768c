//! Calls: what a process asks of the runtime, and the one gate that every call passes.
//!
//! The gate costs one look at a mark of the record while nobody is interested. Once somebody is, the call is looked at in
//! this order: the recording, the process's [policy](crate::Policy), the tracer's stop on entry, the call itself, the
//! recording of what came of it, the tracer's stop on exit.
//!
//! A call is what the process's own code makes: one that is built out of another passes the gate once. What handlers,
//! hooks and closures of the process call while a call runs are calls of their own, inside it. A
//! [`checkpoint`](crate::Process::checkpoint) is no call, nor is what only reads what the process was given (its name,
//! arguments, environment).

mod args;
mod gate;
mod names;

pub use args::{Arg, Args};
pub(crate) use args::{args, count_value, pid_value};
pub(crate) use gate::{CallWatch, Visit};
pub use names::Call;

use std::fmt;

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallResult {
    /// It did what it was asked, and returned this number, 0 if it has none to return.
    Done(i64),
    /// It failed with this errno.
    Failed(i32),
    /// It did not return: the LWP was unwound, or panicked.
    Unwound,
}

impl fmt::Display for CallResult {
    /// As `strace` shows it: the value, or the name of the errno.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallResult::Done(value) => write!(f, "{value}"),
            CallResult::Failed(errno) => match errno_name(*errno) {
                Some(name) => write!(f, "-1 {name}"),
                None => write!(f, "-1 errno {errno}"),
            },
            CallResult::Unwound => f.write_str("?"),
        }
    }
}

/// The name of an errno that calls of the runtime fail with.
pub(crate) fn errno_name(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EPERM => "EPERM",
        libc::ENOENT => "ENOENT",
        libc::ESRCH => "ESRCH",
        libc::EINTR => "EINTR",
        libc::EIO => "EIO",
        libc::E2BIG => "E2BIG",
        libc::EBADF => "EBADF",
        libc::ECHILD => "ECHILD",
        libc::EAGAIN => "EAGAIN",
        libc::ENOMEM => "ENOMEM",
        libc::EACCES => "EACCES",
        libc::EFAULT => "EFAULT",
        libc::EBUSY => "EBUSY",
        libc::EINVAL => "EINVAL",
        libc::EMFILE => "EMFILE",
        libc::ENOTTY => "ENOTTY",
        libc::EPIPE => "EPIPE",
        libc::EDEADLK => "EDEADLK",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ENOSYS => "ENOSYS",
        libc::ETIMEDOUT => "ETIMEDOUT",
        libc::ESHUTDOWN => "ESHUTDOWN",
        _ => return None,
    })
}
