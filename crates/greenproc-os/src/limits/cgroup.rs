//! The cgroup controller `pids`, which counts threads: version 1 and version 2.
//!
//! A limit holds for a group and everything below it, so all ancestors of this process's group count. In a
//! container the path in `/proc/self/cgroup` may start above what is mounted; the ancestors that are not
//! there are skipped, and the mount itself, the container's own group, is always asked.

use std::fs;
use std::path::{Path, PathBuf};

use crate::proc_fs;

/// One group's limit and what is in use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pids {
    pub(super) max: u64,
    pub(super) current: u64,
}

/// The group that leaves the fewest threads to this process, of its own and all above; nothing if none has a
/// limit.
pub(super) fn tightest() -> Option<Pids> {
    let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
    let groups = directories(&membership).into_iter().filter_map(|group| read(&group));
    groups.min_by_key(|pids| pids.max.saturating_sub(pids.current))
}

fn read(group: &Path) -> Option<Pids> {
    let max = proc_fs::number(group.join("pids.max"))?;
    let current = proc_fs::number(group.join("pids.current"))?;
    Some(Pids { max, current })
}

/// Every directory that may hold the files: from lines such as `8:pids:/a/b` and `0::/a/b`.
fn directories(membership: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let mounts: &[&str] = if controllers.is_empty() {
            &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        } else if controllers.split(',').any(|controller| controller == "pids") {
            &["/sys/fs/cgroup/pids"]
        } else {
            continue;
        };
        // A path that leads out of what this process may see ("/../x") is as good as the mount itself.
        let path = if path.split('/').any(|part| part == "..") { "" } else { path.trim_matches('/') };
        for mount in mounts {
            found.extend(Path::new(path).ancestors().map(|ancestor| Path::new(mount).join(ancestor)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ancestors_up_to_the_mount_are_asked() {
        let cases: [(&str, &[&str]); 6] = [
            (
                "0::/a/b\n",
                &[
                    "/sys/fs/cgroup/a/b",
                    "/sys/fs/cgroup/a",
                    "/sys/fs/cgroup/",
                    "/sys/fs/cgroup/unified/a/b",
                    "/sys/fs/cgroup/unified/a",
                    "/sys/fs/cgroup/unified/",
                ],
            ),
            ("8:pids:/x\n", &["/sys/fs/cgroup/pids/x", "/sys/fs/cgroup/pids/"]),
            ("4:memory,pids:/\n3:cpuset:/y\n", &["/sys/fs/cgroup/pids/"]),
            ("8:pids:/../x\n", &["/sys/fs/cgroup/pids/"]),
            ("8:pids:/a:b\n", &["/sys/fs/cgroup/pids/a:b", "/sys/fs/cgroup/pids/"]),
            ("nonsense\n9:x\n\n", &[]),
        ];
        for (membership, expected) in cases {
            let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(directories(membership), expected, "{membership:?}");
        }
    }
}
