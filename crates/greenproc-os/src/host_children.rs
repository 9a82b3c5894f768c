//! The children of this OS process that have died and that nobody has waited for.
//!
//! An OS process that is pid 1 of a container, or a subreaper, is given orphans by the kernel; each stays a zombie
//! until somebody waits for it. Looking leaves a zombie as it is, so that who made a child can still wait for it.
#![allow(unsafe_code, reason = "waitid")]

use std::fs;
use std::io;
use std::mem::MaybeUninit;

/// A zombie child of this OS process.
///
/// The number alone would not say which: it is given to another process once somebody has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostZombie {
    /// Its process number.
    pub pid: i32,
    /// When it began, in ticks of the host's clock since the host did.
    pub started: u64,
}

/// All zombie children of this OS process, as far as `/proc` shows them: it has to be that of the same pid namespace.
///
/// Costs one system call where there is none, and a read for each process of the host where there are some: a peek
/// shows one and the same zombie each time, so the others have to be looked up.
///
/// ```
/// use greenproc_os::host_children;
/// use std::process::Command;
///
/// let mut child = Command::new("true").spawn()?;
/// while host_children::zombies().is_empty() {} // the example has nothing else to do
/// assert!(child.wait()?.success());
/// assert!(host_children::zombies().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "waitid")]
pub fn zombies() -> Vec<HostZombie> {
    if !there_is_one() {
        return Vec::new();
    }
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let parent = std::process::id() as i32;
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(|pid| zombie(pid, parent)).collect()
}

/// Takes a zombie: the host forgets it. Whether it was there; if not, somebody has waited for it.
///
/// ```
/// use greenproc_os::host_children::{self, HostZombie};
///
/// assert!(!host_children::reap(HostZombie { pid: i32::MAX, started: 0 }));
/// ```
#[doc(alias = "waitpid")]
pub fn reap(child: HostZombie) -> bool {
    // Between this look and the wait somebody may reap it; then the host would have to give the number to a new child
    // of this OS process, which would have to die, all within the instant.
    zombie(child.pid, std::process::id() as i32) == Some(child)
        && matches!(wait(libc::P_PID, child.pid, libc::WEXITED | libc::WNOHANG), Ok(Some(_)))
}

fn there_is_one() -> bool {
    matches!(wait(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT), Ok(Some(_)))
}

/// The child that a `waitid` that does not block found.
fn wait(what: libc::idtype_t, who: i32, options: libc::c_int) -> io::Result<Option<i32>> {
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `found` is room for one `siginfo_t`, and valid as zeros, which is how the kernel leaves it where there is
    // no such child. After a call that succeeded it is filled for SIGCHLD or zero, so `si_pid` may be read.
    unsafe {
        if libc::waitid(what, who as libc::id_t, found.as_mut_ptr(), options) != 0 {
            return Err(io::Error::last_os_error());
        }
        let pid = found.assume_init().si_pid();
        Ok((pid != 0).then_some(pid))
    }
}

fn zombie(pid: i32, parent: i32) -> Option<HostZombie> {
    zombie_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, pid, parent)
}

/// The zombie that a `/proc/<pid>/stat` tells of, if it is one and a child of `parent`.
fn zombie_in(stat: &str, pid: i32, parent: i32) -> Option<HostZombie> {
    /// The fields between the parent and when it began.
    const BETWEEN: usize = 17;
    // The name may hold parentheses and blanks; nothing after it does.
    let (_name, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let is_zombie = fields.next()? == "Z";
    let is_child = fields.next()?.parse() == Ok(parent);
    let started = fields.nth(BETWEEN)?.parse().ok()?;
    (is_zombie && is_child).then_some(HostZombie { pid, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_is_told_by_its_state_and_its_parent() {
        let stat = |name: &str, state: char| {
            format!(
                "21903 ({name}) {state} 7 21859 11673 0 -1 4227148 221 0 0 0 0 0 0 0 20 0 1 0 483661 0 0 18446744073709551615\n"
            )
        };
        let found = Some(HostZombie { pid: 21903, started: 483_661 });
        assert_eq!(zombie_in(&stat("sh", 'Z'), 21903, 7), found);
        assert_eq!(zombie_in(&stat("a) R 8 (", 'Z'), 21903, 7), found);
        assert_eq!(zombie_in(&stat("sh", 'S'), 21903, 7), None);
        assert_eq!(zombie_in(&stat("sh", 'Z'), 21903, 8), None);
        assert_eq!(zombie_in("", 21903, 7), None);
        assert_eq!(zombie_in("1 (sh) Z 7", 1, 7), None);
    }
}
