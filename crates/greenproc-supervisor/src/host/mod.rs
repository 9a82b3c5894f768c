//! Host processes as nodes of the tree: a program of the host runs as the body of a process of the runtime.
//!
//! | the process of the runtime | the host process |
//! |---|---|
//! | begins | is started, leading a session and a process group of its own |
//! | is sent a signal, SIGSTOP and SIGCONT included | its group is sent the same one |
//! | is killed | its group is killed, and has lost its leader before the process is a zombie |
//! | ends, with the same exit code or signal | has ended; what is left of its group is killed |
//!
//! So whoever supervises processes of the runtime supervises programs of the host with the same calls. Nothing here ever
//! waits for "any child" of the OS process: each is waited for by its own pidfd, in [`Process::blocking`], and taken by
//! it. A group is only signalled while its leader has not been taken, so the number cannot mean anybody else.
//!
//! Beyond reach is what leaves the group: a daemon that makes a session of its own. As pid 1 of a container
//! `Builder::reap_host_orphans` takes its zombie, and the end of pid 1 ends it; elsewhere only a cgroup holds it.
//!
//! [`Process::blocking`]: greenproc::Process::blocking

mod child;
mod command;
mod forward;
mod lines;
mod log;
mod table;

pub use command::{HostCommand, HostError, HostEvent, HostStream};
pub use greenproc_os::host_process::HostUsage;
pub use lines::{LineLimit, Lines, Told};
pub use table::{HostEntry, HostTable};
