//! How many more threads the host will give: the arithmetic, on numbers that were read before.

use super::HostLimits;

/// What is assumed of a host that says nothing at all.
const UNKNOWN_HOST: u64 = 1024;

/// The part of what is left that stays untouched, for others and for what changes after the reading: the
/// greater of 64 threads and a 64th.
const MARGIN: u64 = 64;

/// Each limit less what of it is in use; the least of these, less the margin, but at least 1.
///
/// A limit that is not known limits nothing. A use that is not known is taken for none, which errs on the
/// side of a refusal by the host; who starts threads must be able to bear that anyway.
pub(super) fn of(limits: &HostLimits) -> usize {
    let left = |limit: Option<u64>, used: Option<u64>| Some(limit?.saturating_sub(used.unwrap_or(0)));
    let maps_left = left(limits.map_count, limits.maps_in_use);
    let each = [
        left(limits.nproc, limits.threads_of_user),
        left(limits.threads_max, limits.threads_of_system),
        left(limits.pid_max, limits.threads_of_system),
        left(limits.cgroup_pids, limits.cgroup_current),
        // A thread has two memory maps, see `stack`.
        maps_left.map(|maps| maps / 2),
    ];
    let least = each.into_iter().flatten().min().unwrap_or(UNKNOWN_HOST);
    let kept = MARGIN.max(least / MARGIN);
    usize::try_from(least.saturating_sub(kept)).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generous() -> HostLimits {
        HostLimits {
            nproc: Some(1_000_000),
            threads_of_user: Some(0),
            threads_max: Some(1_000_000),
            pid_max: Some(1_000_000),
            threads_of_system: Some(0),
            cgroup_pids: Some(1_000_000),
            cgroup_current: Some(0),
            map_count: Some(2_000_000),
            maps_in_use: Some(0),
        }
    }

    #[test]
    fn the_least_that_is_left_decides() {
        let all = generous();
        let cases = [
            ("all the same", all.clone(), 984_375),
            ("nothing known", HostLimits::default(), 960),
            ("nproc", HostLimits { nproc: Some(1100), threads_of_user: Some(100), ..all.clone() }, 936),
            ("no nproc", HostLimits { nproc: None, threads_of_user: Some(u64::MAX), ..all.clone() }, 984_375),
            ("threads-max", HostLimits { threads_max: Some(6400), ..all.clone() }, 6300),
            (
                "pid_max",
                HostLimits { pid_max: Some(32768), threads_of_system: Some(768), ..all.clone() },
                31500,
            ),
            ("cgroup", HostLimits { cgroup_pids: Some(512), cgroup_current: Some(12), ..all.clone() }, 436),
            ("maps", HostLimits { map_count: Some(65530), maps_in_use: Some(131), ..all.clone() }, 32189),
            ("used up", HostLimits { nproc: Some(10), threads_of_user: Some(10), ..all.clone() }, 1),
            ("over-used", HostLimits { pid_max: Some(10), threads_of_system: Some(99), ..all.clone() }, 1),
            ("within the margin", HostLimits { nproc: Some(64), ..all.clone() }, 1),
            ("just over it", HostLimits { nproc: Some(66), ..all.clone() }, 2),
            ("zero", HostLimits { cgroup_pids: Some(0), ..all.clone() }, 1),
            ("use unknown", HostLimits { nproc: Some(200), threads_of_user: None, ..all }, 136),
        ];
        for (what, limits, expected) in cases {
            assert_eq!(of(&limits), expected, "{what}: {limits:?}");
        }
    }

    #[test]
    fn huge_numbers_do_not_overflow() {
        let huge = HostLimits {
            nproc: Some(u64::MAX),
            threads_max: Some(u64::MAX),
            pid_max: Some(u64::MAX),
            cgroup_pids: Some(u64::MAX),
            map_count: Some(u64::MAX),
            ..HostLimits::default()
        };
        assert!(of(&huge) > 1 << 30);
    }
}
