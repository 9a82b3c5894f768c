//! Making a host process that is nobody's but its maker's, and taking its end with what it used.
//!
//! A native thread of the runtime blocks nearly all signals of the host, and a new program inherits that from the
//! thread that starts it: it would hear no SIGTERM. So [`isolate`] has it begin with nothing blocked.
#![allow(unsafe_code, reason = "pre_exec; waitid with usage, which no safe interface has")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

/// How a host process ended, and what it and those it waited for have used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How, as the word that `wait` gives.
    pub word: i32,
    /// What it used.
    pub usage: HostUsage,
}

/// What a host process, and those it waited for, have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostUsage {
    /// CPU time spent in user code.
    pub user: Duration,
    /// CPU time spent in the kernel.
    pub system: Duration,
    /// The most memory that was resident at one time, in KiB.
    pub max_resident_kib: u64,
    /// Page faults that needed input.
    pub major_faults: u64,
}

/// Has the program lead a session and a group of its own, block no signal, and be killed when the thread that starts it
/// ends first, as it does when this OS process is killed.
///
/// ```
/// use std::process::Command;
/// let mut command = Command::new("sh");
/// command.args(["-c", "read -r pid name state parent group session rest </proc/$$/stat; test $session = $$"]);
/// greenproc_os::host_process::isolate(&mut command);
/// assert!(command.status()?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "setsid")]
#[doc(alias = "PR_SET_PDEATHSIG")]
pub fn isolate(command: &mut Command) {
    let maker = std::process::id() as libc::pid_t;
    // SAFETY: the function runs between fork and exec, in a process with one thread. It makes system calls only, all of
    // them async-signal-safe, and neither allocates nor takes a lock: the errors it may make hold a number.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() == -1
                || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) == -1
            {
                return Err(io::Error::last_os_error());
            }
            // The maker may have ended before it was asked for. One that is 0 is outside the pid namespace.
            if libc::getppid() != maker {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            let mut nothing = MaybeUninit::uninit();
            libc::sigemptyset(nothing.as_mut_ptr());
            match libc::sigprocmask(libc::SIG_SETMASK, nothing.as_ptr(), std::ptr::null_mut()) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
}

/// Takes the end of a child of this OS process; `None` if it has not ended. Never blocks.
///
/// # Errors
/// ECHILD: somebody has taken it, or it is no child.
///
/// ```
/// use greenproc_os::host_process;
/// use std::process::Command;
/// # let pidfd_of = |child: &std::process::Child| {
/// #     rustix::process::pidfd_open(rustix::process::Pid::from_child(child), rustix::process::PidfdFlags::empty())
/// # };
/// let child = Command::new("sh").args(["-c", "exit 3"]).spawn()?;
/// let pidfd = pidfd_of(&child)?;
/// let ended = loop {
///     if let Some(ended) = host_process::take_end(std::os::fd::AsFd::as_fd(&pidfd))? {
///         break ended; // the example has nothing else to do
///     }
/// };
/// assert_eq!(ended.word, 3 << 8);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "waitid")]
#[doc(alias = "wait4")]
pub fn take_end(pidfd: BorrowedFd<'_>) -> io::Result<Option<Ended>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both are room for what the kernel writes, and valid as zeros, which is how it leaves them where the child
    // has not ended. After a call that succeeded `info` is filled for SIGCHLD or zero, so its fields may be read. The
    // C library's waitid has no usage.
    let (info, usage) = unsafe {
        let result = libc::syscall(
            libc::SYS_waitid,
            libc::P_PIDFD,
            pidfd.as_raw_fd(),
            info.as_mut_ptr(),
            libc::WEXITED | libc::WNOHANG,
            usage.as_mut_ptr(),
        );
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        (info.assume_init(), usage.assume_init())
    };
    // SAFETY: as above.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return Ok(None);
    }
    let word = match info.si_code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    };
    Ok(Some(Ended { word, usage: HostUsage::of(&usage) }))
}

impl HostUsage {
    fn of(usage: &libc::rusage) -> HostUsage {
        let time = |time: libc::timeval| {
            Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
        };
        HostUsage {
            user: time(usage.ru_utime),
            system: time(usage.ru_stime),
            max_resident_kib: usage.ru_maxrss as u64,
            major_faults: usage.ru_majflt as u64,
        }
    }
}
