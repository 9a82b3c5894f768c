//! What this OS process holds now, from `/proc`: for tests and stress runs that check that nothing is left
//! behind.
//!
//! All of these are nothing where `/proc` is not mounted, and all of them change while they are read.

use std::fs;

use crate::{proc_fs, stack};

/// Memory of this OS process that is in RAM, in bytes.
///
/// ```
/// assert!(greenproc_os::memory::resident_bytes() > Some(4096));
/// ```
pub fn resident_bytes() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * stack::page_size() as u64)
}

/// Threads of this OS process. One that was joined may be counted for an instant longer.
pub fn thread_count() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    proc_fs::status_field(&status, "Threads").map(|count| count as usize)
}

/// Memory maps of this OS process: what `vm.max_map_count` limits.
pub fn map_count() -> Option<usize> {
    proc_fs::count_lines("/proc/self/maps").map(|count| count as usize)
}

/// Open file descriptors of this OS process, without the one that this call opens to count them.
pub fn open_descriptors() -> Option<usize> {
    let entries = fs::read_dir("/proc/self/fd").ok()?;
    entries.count().checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_holds_something() {
        assert!(resident_bytes().unwrap() > 100_000);
        assert!(thread_count().unwrap() >= 1);
        assert!(map_count().unwrap() > 10);
        assert!(open_descriptors().unwrap() >= 1);
    }
}
