//! What the host says of its limits.
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use std::fs;

use greenproc_os::limits::{self, HostLimits};

#[test]
fn the_host_allows_something() {
    let limits = HostLimits::read();
    let capacity = limits.thread_capacity();
    assert!(capacity >= 1, "{limits:?}");
    assert!(capacity as u64 <= limits.pid_max.unwrap(), "{limits:?}");
    assert!(capacity as u64 <= limits.map_count.unwrap() / 2, "{limits:?}");
    assert!(limits.threads_of_system.unwrap() >= 1 && limits.maps_in_use.unwrap() >= 10, "{limits:?}");
    if limits.nproc.is_some() {
        assert!(limits.threads_of_user.unwrap() >= 1, "{limits:?}");
    }
}

#[test]
fn ids_and_cpus_are_the_kernels() {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limits::user_id().to_string(), field("Uid:"));
    assert_eq!(limits::group_id().to_string(), field("Gid:"));
    let allowed: usize = field("Cpus_allowed_list:")
        .split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            last.parse::<usize>().unwrap() - first.parse::<usize>().unwrap() + 1
        })
        .sum();
    assert_eq!(limits::usable_cpus(), allowed);
}
