//! Which calls there are.

use std::fmt;

macro_rules! calls {
    ($($(#[$doc:meta])* $call:ident = $name:literal, $fails:ident;)+) => {
        /// A call of the runtime, by the name that users of `strace` know.
        ///
        /// ```
        /// use greenproc::Call;
        /// assert_eq!(Call::Spawn.name(), "posix_spawn");
        /// assert_eq!(Call::from_name("wait4"), Some(Call::Wait4));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Call {
            $($(#[$doc])* $call,)+
        }

        impl Call {
            /// All of them.
            pub const ALL: &'static [Call] = &[$(Call::$call),+];

            /// Its Unix name, or, where Unix has none, that of the method.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Call::$call => $name,)+
                }
            }

            /// Whether it may return an error. One that may not cannot be refused with an errno.
            pub const fn can_fail(self) -> bool {
                match self {
                    $(Call::$call => calls!(@fails $fails),)+
                }
            }
        }
    };
    (@fails fails) => { true };
    (@fails sure) => { false };
}

calls! {
    /// `Process::pid`.
    Getpid = "getpid", sure;
    /// `Process::ppid`.
    Getppid = "getppid", sure;
    /// `Process::pgid`.
    Getpgrp = "getpgrp", sure;
    /// `Process::getpgid`.
    Getpgid = "getpgid", fails;
    /// `Process::setpgid`.
    Setpgid = "setpgid", fails;
    /// `Process::getsid`.
    Getsid = "getsid", fails;
    /// `Process::setsid`.
    Setsid = "setsid", fails;
    /// `Process::uid`.
    Getuid = "getuid", sure;
    /// `Process::gid`.
    Getgid = "getgid", sure;
    /// `Process::setuid`.
    Setuid = "setuid", fails;
    /// `Process::setgid`.
    Setgid = "setgid", fails;
    /// `Process::usage`, `children_usage` and `subtree_usage`.
    Getrusage = "getrusage", sure;
    /// `Process::limits` and `hard_limits`.
    Getrlimit = "getrlimit", sure;
    /// `Process::set_limits`.
    Setrlimit = "setrlimit", fails;
    /// `Process::niceness`.
    Getpriority = "getpriority", sure;
    /// `Process::nice`.
    Nice = "nice", fails;
    /// `Process::spawn` and `spawn_returning`.
    Spawn = "posix_spawn", fails;
    /// `Process::vfork`.
    Vfork = "vfork", fails;
    /// `Process::exec`.
    Exec = "execve", fails;
    /// `Process::exit` and `exit_with`.
    Exit = "exit", sure;
    /// `Process::wait`, `wait4`, `wait_timeout`, and the waits of a `Child`.
    Wait4 = "wait4", fails;
    /// `Process::waitid`.
    Waitid = "waitid", fails;
    /// `Process::kill`, and `Child::signal` inside a process.
    Kill = "kill", fails;
    /// `Process::tgkill` and `raise`.
    Tgkill = "tgkill", fails;
    /// `Process::sigqueue`.
    Sigqueue = "rt_sigqueueinfo", fails;
    /// `Process::reap_kill`.
    ReapKill = "procctl", fails;
    /// `Process::freeze_tree`, and that of a `Child` inside a process.
    Freeze = "freeze", fails;
    /// `Process::ktrace`.
    Ktrace = "ktrace", fails;
    /// `Process::trace`, `trace_me` and `tracee`, and what a `Tracee` is asked.
    Ptrace = "ptrace", fails;
    /// `Process::sigaction` and `action`.
    Sigaction = "rt_sigaction", fails;
    /// `Process::sigmask`.
    Sigmask = "rt_sigprocmask", fails;
    /// `Process::sigpending`.
    Sigpending = "rt_sigpending", sure;
    /// `Process::sigsuspend`.
    Sigsuspend = "rt_sigsuspend", fails;
    /// `Process::pause`.
    Pause = "pause", fails;
    /// `Process::sigtimedwait`.
    Sigtimedwait = "rt_sigtimedwait", fails;
    /// `Process::alarm`.
    Alarm = "alarm", fails;
    /// `Process::setitimer`.
    Setitimer = "setitimer", fails;
    /// `Process::getitimer`.
    Getitimer = "getitimer", sure;
    /// `Process::sleep`.
    Nanosleep = "nanosleep", fails;
    /// `Process::set_child_subreaper`, `set_parent_death_signal` and `stop_on_exit`.
    Prctl = "prctl", fails;
    /// `Process::spawn_lwp`.
    LwpCreate = "_lwp_create", fails;
    /// `Process::exit_lwp`.
    LwpExit = "_lwp_exit", sure;
    /// `LwpHandle::join`.
    LwpWait = "_lwp_wait", fails;
    /// `Process::recv` and `recv_timeout`.
    Recv = "recv", fails;
    /// `Process::send`.
    Send = "send", fails;
    /// `Process::open`, `open_stream` and `open_file`.
    Open = "open", fails;
    /// `Process::descriptor`.
    Descriptor = "descriptor", fails;
    /// `Process::getcwd`.
    Getcwd = "getcwd", fails;
    /// `Process::chdir`.
    Chdir = "chdir", fails;
    /// `Process::chroot`.
    Chroot = "chroot", fails;
    /// `Process::umask`.
    Umask = "umask", fails;
    /// `Process::aio` and `aio_with_signal`.
    Aio = "aio_submit", fails;
    /// `Aio::wait`.
    AioSuspend = "aio_suspend", fails;
    /// `Aio::cancel` and `Process::aio_cancel`.
    AioCancel = "aio_cancel", fails;
    /// `Process::dup`.
    Dup = "dup", fails;
    /// `Process::dup_to`.
    Dup2 = "dup2", fails;
    /// `Process::close`.
    Close = "close", fails;
    /// `Process::set_close_on_exec` and `set_nonblocking`.
    Fcntl = "fcntl", fails;
    /// `Process::pipe`.
    Pipe = "pipe2", fails;
    /// `Process::read`, and those of pipes and terminals inside a process.
    Read = "read", fails;
    /// `Process::write`, and those of pipes and terminals inside a process.
    Write = "write", fails;
    /// `Process::blocking` and `blocking_with`: a call of the host.
    Blocking = "blocking", fails;
    /// `Process::set_controlling_tty`, `disconnect_tty`, `tcgetpgrp` and `tcsetpgrp`.
    Ioctl = "ioctl", fails;
    /// `Process::watch`.
    Kevent = "kevent", fails;
    /// `Process::on_exit`.
    Atexit = "atexit", fails;
    /// `Process::arena`.
    Arena = "arena", fails;
    /// `Process::profil`.
    Profil = "profil", fails;
    /// `Process::lwpctl`.
    Lwpctl = "_lwp_ctl", fails;
    /// `Process::sequence`.
    Sequence = "rasctl", fails;
    /// `Process::restrict`.
    Restrict = "systrace", fails;
}

impl Call {
    /// The call of this name.
    pub fn from_name(name: &str) -> Option<Call> {
        Call::ALL.iter().copied().find(|call| call.name() == name)
    }

    /// Its place in a set.
    pub(crate) const fn bit(self) -> u128 {
        1 << self as u8
    }
}

const _: () = assert!(Call::ALL.len() <= 128, "a set of calls has 128 places");

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
