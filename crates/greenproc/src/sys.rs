//! The raw Unix face: numbers in, numbers out, for ports of existing code.
//!
//! Each function acts for the calling LWP's process, like a system call; from a thread that runs no process it fails with
//! ESRCH. Pids, options, statuses and errors are the host's numbers.
//!
//! ```
//! # fn main() -> greenproc::Result<()> {
//! use greenproc::{Command, Runtime, sys};
//! let runtime = Runtime::boot()?;
//! runtime.run(Command::new("raw", |p| {
//!     p.spawn(Command::new("child", |_| 3)).expect("room for a child");
//!     let (pid, word, _usage) = sys::wait4(-1, 0).expect("a child");
//!     assert!(pid > 1);
//!     assert_eq!(word, 3 << 8);
//!     assert_eq!(sys::wait4(-1, 0).map(|_| ()), Err(10)); // ECHILD
//! }))?;
//! # Ok(())
//! # }
//! ```

use crate::call::{Call, args};
use crate::error::Error;
use crate::pid::Pid;
use crate::selector::{WaitFlags, WaitFor};
use crate::signal::Signal;
use crate::target::Target;
use crate::usage::Usage;

/// The host's error number.
pub type Errno = i32;

fn errno(error: Error) -> Errno {
    let number = error.errno();
    drop(error);
    number
}

fn me() -> Result<crate::Process, Errno> {
    crate::current().map_err(errno)
}

/// Waits: -1 any child, 0 my group, positive a pid, negative a group. Returns pid, wait word and the child's usage; pid
/// 0 if WNOHANG was given and nothing is there.
///
/// A checkpoint.
///
/// # Errors
/// - EINVAL: an option that is none (row 54).
/// - ESRCH: the pid is `i32::MIN`, or the caller is no process.
/// - ECHILD, EINTR: as [`Process::wait4`](crate::Process::wait4).
#[track_caller]
pub fn wait4(pid: i32, options: i32) -> Result<(i32, i32, Usage), Errno> {
    let process = me()?;
    let flags = WaitFlags::from_raw(options).map_err(errno)?;
    let who = WaitFor::from_raw(pid).map_err(errno)?;
    let found = process.wait4(who, flags).map_err(errno)?;
    Ok(found.map_or((0, 0, Usage::default()), |waited| {
        (waited.pid.as_raw(), waited.status.into_raw(), waited.usage)
    }))
}

/// Signals: positive a pid, 0 my group, -1 all but init and the caller, other negative numbers a group. Signal 0 only asks
/// whether the target is there.
///
/// # Errors
/// - EINVAL: no such signal.
/// - ESRCH: no such process or group, or the caller is no process.
/// - EPERM: as [`Process::kill`](crate::Process::kill), signal 0 too.
pub fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    let process = me()?;
    let target = match pid {
        0 => Target::MyGroup,
        -1 => Target::All,
        _ => match (Pid::new(pid), pid.checked_neg().and_then(Pid::new)) {
            (Some(pid), _) => Target::Pid(pid),
            (None, Some(group)) => Target::Group(group),
            (None, None) => return Err(libc::ESRCH),
        },
    };
    if signal == 0 {
        let look = || crate::target::exists(&process.worker.kernel, Some(&process.record), target);
        return process.gate(Call::Kill, || args![target, 0], look).map_err(errno);
    }
    let signal = Signal::from_raw(signal).ok_or(libc::EINVAL)?;
    process.kill(target, signal).map_err(errno)
}

/// The caller's pid.
///
/// # Errors
/// - ESRCH: the caller is no process.
pub fn getpid() -> Result<i32, Errno> {
    me().map(|process| process.pid().as_raw())
}

/// The pid of the caller's parent.
///
/// # Errors
/// - ESRCH: the caller is no process.
pub fn getppid() -> Result<i32, Errno> {
    me().map(|process| process.ppid().as_raw())
}

/// The group of a process; 0 is the caller.
///
/// # Errors
/// - ESRCH: nobody has that pid, or the caller is no process.
pub fn getpgid(pid: i32) -> Result<i32, Errno> {
    let process = me()?;
    let of = if pid == 0 { None } else { Some(Pid::new(pid).ok_or(libc::ESRCH)?) };
    process.getpgid(of).map(Pid::as_raw).map_err(errno)
}

/// Moves a process into a group; 0 is the caller, and the process's own pid.
///
/// # Errors
/// - EINVAL: the group is negative.
/// - ESRCH, EPERM: as [`Process::setpgid`](crate::Process::setpgid).
pub fn setpgid(pid: i32, pgid: i32) -> Result<(), Errno> {
    let process = me()?;
    if pgid < 0 {
        return Err(libc::EINVAL);
    }
    let of = if pid == 0 { None } else { Some(Pid::new(pid).ok_or(libc::ESRCH)?) };
    process.setpgid(of, Pid::new(pgid)).map_err(errno)
}

/// Ends the calling process.
///
/// # Errors
/// - ESRCH: the caller is no process. Otherwise it does not return.
///
/// # Panics
/// As [`Process::exit`](crate::Process::exit).
#[doc(alias = "exit")]
pub fn _exit(code: i32) -> Result<std::convert::Infallible, Errno> {
    me()?.exit(code)
}
