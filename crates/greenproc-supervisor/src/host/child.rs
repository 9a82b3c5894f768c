//! A host process that runs, and the group that it leads.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, ChildStderr, ChildStdout, Command};
use std::sync::Arc;

use greenproc::Signal;
use greenproc_os::host_process::{self, Ended};
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, kill_process_group, pidfd_open};

/// The group of a host process. Its leader leads a session too, so it cannot leave the group.
pub(super) struct HostGroup {
    /// The leader's pid, which is the group's number, until it is taken: then the number may be another's. The lock is
    /// held for one host call that does not block.
    leader: Mutex<Option<Pid>>,
}

impl HostGroup {
    /// Signals all members; nobody, once the leader is taken. Real-time signals are not passed on.
    pub(super) fn signal(&self, signal: Signal) {
        let Some(signal) = rustix::process::Signal::from_named_raw(signal.as_raw()) else { return };
        if let Some(leader) = *self.leader.lock() {
            // Who may not be signalled, having changed its user, cannot be helped from here.
            let _ = kill_process_group(leader, signal);
        }
    }
}

/// A host process that was started here. Dropping it kills its group, and waits for the leader to be dead.
pub(super) struct HostChild {
    group: Arc<HostGroup>,
    pidfd: OwnedFd,
    pid: Pid,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl HostChild {
    /// Starts it. The calling thread has to outlive it: its end kills it.
    pub(super) fn start(command: &mut Command) -> io::Result<HostChild> {
        host_process::isolate(command);
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        match open(&mut child) {
            Ok((pidfd, stdout, stderr)) => {
                let group = Arc::new(HostGroup { leader: Mutex::new(Some(pid)) });
                Ok(HostChild { group, pidfd, pid, stdout, stderr })
            }
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub(super) fn group(&self) -> &Arc<HostGroup> {
        &self.group
    }

    pub(super) fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }

    /// Kills what is left of the group if the leader is dead, without taking that yet.
    pub(super) fn kill_rest(&self) {
        self.group.signal(Signal::KILL);
    }

    /// Takes the leader's end, if it is there.
    pub(super) fn take_end(&self) -> io::Result<Option<Ended>> {
        let mut leader = self.group.leader.lock();
        if leader.is_none() {
            return Ok(None);
        }
        let ended = host_process::take_end(self.pidfd.as_fd());
        if !matches!(ended, Ok(None)) {
            *leader = None;
        }
        ended
    }
}

/// Nobody else waits for this child, so its pid is its own as long as it is not taken.
fn open(child: &mut Child) -> io::Result<(OwnedFd, Option<ChildStdout>, Option<ChildStderr>)> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    if let Some(stdout) = &stdout {
        rustix::io::ioctl_fionbio(stdout, true)?;
    }
    if let Some(stderr) = &stderr {
        rustix::io::ioctl_fionbio(stderr, true)?;
    }
    Ok((pidfd, stdout, stderr))
}

impl Drop for HostChild {
    /// The process of the runtime is not dead before the host process is: one that the host cannot end (its state D) keeps
    /// it in state D too, where everybody sees it.
    fn drop(&mut self) {
        self.kill_rest();
        while self.group.leader.lock().is_some() {
            // EINTR: look again.
            let _ = poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], None);
            let _ = self.take_end();
        }
    }
}
