//! Reading the host's small text files. Whatever cannot be read or understood is nothing: every caller has an
//! answer for that.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// The number that is all of a file; nothing also for `max`, which the cgroup files say for "no limit".
pub(crate) fn number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The first number after `name` in a `/proc/<pid>/status`.
pub(crate) fn status_field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The number of lines of a file, without holding it: `/proc/self/maps` can have megabytes.
pub(crate) fn count_lines(path: impl AsRef<Path>) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let mut chunk = vec![0; 64 * 1024];
    let mut lines = 0;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Some(lines),
            Ok(length) => lines += chunk[..length].split(|&byte| byte == b'\n').count() as u64 - 1,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "Name:\tThreads: 9\nUidX:\t1\nUid:\t1000\t0\t0\t0\nThreads:\t12\nEmpty:\n";
        let cases =
            [("Uid", Some(1000)), ("Threads", Some(12)), ("Name", None), ("Empty", None), ("No", None)];
        for (name, expected) in cases {
            assert_eq!(status_field(status, name), expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        assert_eq!(number("/proc/self/no-such-file"), None);
        assert_eq!(number("/proc/self/status"), None);
        assert_eq!(count_lines("/proc/self/no-such-file"), None);
        assert!(count_lines("/proc/self/maps").unwrap() > 0);
        assert!(number("/proc/sys/kernel/pid_max").unwrap() > 0);
    }
}
