//! The host's limits on threads, and how far they are used up.
#![allow(unsafe_code, reason = "getrlimit")]

use std::fs;
use std::mem::MaybeUninit;

use super::{capacity, cgroup, user};
use crate::proc_fs;

/// The host's limits on threads and what of them is in use, as read at one time; nothing where there is no
/// limit or it cannot be read.
///
/// ```
/// use greenproc_os::limits::HostLimits;
///
/// let limits = HostLimits { nproc: Some(1000), threads_of_user: Some(136), ..HostLimits::default() };
/// assert_eq!(limits.thread_capacity(), 800);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostLimits {
    /// Threads that the user may have: the soft `RLIMIT_NPROC`. The kernel does not hold root to it; it is
    /// counted here all the same.
    pub nproc: Option<u64>,
    /// Threads that the user has, as far as `/proc` shows; not counted where `nproc` is not limited.
    pub threads_of_user: Option<u64>,
    /// Threads that the host may have: `kernel.threads-max`.
    pub threads_max: Option<u64>,
    /// Thread numbers that the host has: `kernel.pid_max`.
    pub pid_max: Option<u64>,
    /// Threads that the host has.
    pub threads_of_system: Option<u64>,
    /// `pids.max` of the tightest of this OS process's cgroups.
    pub cgroup_pids: Option<u64>,
    /// `pids.current` of the same cgroup.
    pub cgroup_current: Option<u64>,
    /// Memory maps that this OS process may have: `vm.max_map_count`.
    pub map_count: Option<u64>,
    /// Memory maps that it has.
    pub maps_in_use: Option<u64>,
}

impl HostLimits {
    /// Reads all of them now. Costs a few file reads for each OS process on the host: meant for boot.
    pub fn read() -> HostLimits {
        let nproc = soft_process_limit();
        let group = cgroup::tightest();
        HostLimits {
            nproc,
            threads_of_user: nproc.and_then(|_| threads_of_user(user::user_id())),
            threads_max: proc_fs::number("/proc/sys/kernel/threads-max"),
            pid_max: proc_fs::number("/proc/sys/kernel/pid_max"),
            threads_of_system: fs::read_to_string("/proc/loadavg").ok().and_then(|line| threads_in(&line)),
            cgroup_pids: group.map(|pids| pids.max),
            cgroup_current: group.map(|pids| pids.current),
            map_count: proc_fs::number("/proc/sys/vm/max_map_count"),
            maps_in_use: proc_fs::count_lines("/proc/self/maps"),
        }
    }

    /// How many more native threads this OS process may hold, by these numbers: the least that any limit
    /// leaves, less a margin of 64 or a 64th, and at least 1.
    ///
    /// An estimate, for others use the same host: a thread can be refused before, see
    /// [`Refused`](crate::thread::Refused).
    pub fn thread_capacity(&self) -> usize {
        capacity::of(self)
    }
}

fn soft_process_limit() -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::zeroed();
    // SAFETY: `limit` is room for one `rlimit`, for which all zeros are valid too; the resource is a known
    // one.
    let (result, limit) = unsafe {
        let result = libc::getrlimit(libc::RLIMIT_NPROC, limit.as_mut_ptr());
        (result, limit.assume_init())
    };
    #[allow(clippy::unnecessary_cast, reason = "32-bit hosts have narrower limits")]
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur as u64)
}

/// Threads of all OS processes with this real user id that `/proc` shows.
fn threads_of_user(user: u32) -> Option<u64> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let numbered =
        processes.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    // One that is gone before it is read is one less.
    let statuses = numbered.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    Some(statuses.filter_map(|status| threads_if_of(user, &status)).sum())
}

fn threads_if_of(user: u32, status: &str) -> Option<u64> {
    if proc_fs::status_field(status, "Uid")? != u64::from(user) {
        return None;
    }
    proc_fs::status_field(status, "Threads")
}

/// The threads of the host, from a line such as `0.52 0.43 0.31 3/912 48213`.
fn threads_in(loadavg: &str) -> Option<u64> {
    let (_running, all) = loadavg.split_whitespace().nth(3)?.split_once('/')?;
    all.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_the_host_are_the_number_after_the_slash() {
        let cases = [
            ("0.52 0.43 0.31 3/912 48213\n", Some(912)),
            ("0.52 0.43 0.31 912 1", None),
            ("", None),
            ("1 2 3 4/x 5", None),
        ];
        for (line, expected) in cases {
            assert_eq!(threads_in(line), expected, "{line:?}");
        }
    }

    #[test]
    fn only_the_real_user_counts() {
        let status = "Name:\tx\nUid:\t1000\t0\t0\t0\nThreads:\t7\n";
        assert_eq!(threads_if_of(1000, status), Some(7));
        assert_eq!(threads_if_of(0, status), None);
        assert_eq!(threads_if_of(0, "Name:\tx\n"), None);
    }
}
