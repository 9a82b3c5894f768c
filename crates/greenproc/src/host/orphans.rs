//! How long the zombies of the host have been there.
//!
//! Nothing tells an orphan that this OS process was given from a child that it made. But who makes a child waits for it,
//! sooner or later; so a zombie is left alone for a grace, and what is still there then is an orphan.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use greenproc_os::host_children::HostZombie;

/// The zombies that are left alone for now.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    first_seen: HashMap<HostZombie, Instant>,
}

impl Orphans {
    /// Notes which zombies are there now, and gives those whose grace is over. They are forgotten: one that cannot be
    /// taken gets another grace when it is seen again.
    pub(super) fn look(&mut self, zombies: &[HostZombie], now: Instant, grace: Duration) -> Vec<HostZombie> {
        self.first_seen.retain(|zombie, _| zombies.contains(zombie));
        for &zombie in zombies {
            self.first_seen.entry(zombie).or_insert(now);
        }
        let is_over = |_: &HostZombie, seen: &mut Instant| now.saturating_duration_since(*seen) >= grace;
        self.first_seen.extract_if(is_over).map(|(zombie, _)| zombie).collect()
    }

    /// When the next one's grace is over.
    pub(super) fn next_due(&self, grace: Duration) -> Option<Instant> {
        self.first_seen.values().min()?.checked_add(grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn zombie(pid: i32, started: u64) -> HostZombie {
        HostZombie { pid, started }
    }

    #[test]
    fn a_zombie_is_taken_when_its_grace_is_over_and_not_before() {
        let (mut orphans, start) = (Orphans::default(), greenproc_sync::time::now());
        let (one, two) = (zombie(7, 1), zombie(8, 2));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(orphans.look(&[one], at(0), GRACE).is_empty());
        assert!(orphans.look(&[one, two], at(4), GRACE).is_empty());
        assert_eq!(orphans.next_due(GRACE), Some(at(10)));
        assert!(orphans.look(&[one, two], at(9), GRACE).is_empty());
        assert_eq!(orphans.look(&[one, two], at(10), GRACE), [one]);
        assert_eq!(orphans.next_due(GRACE), Some(at(14)));
        assert_eq!(orphans.look(&[two], at(20), GRACE), [two]);
        assert_eq!(orphans.next_due(GRACE), None);
    }

    #[test]
    fn another_zombie_of_the_same_number_has_its_own_grace() {
        let (mut orphans, start) = (Orphans::default(), greenproc_sync::time::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(orphans.look(&[zombie(7, 1)], at(0), GRACE).is_empty());
        assert!(orphans.look(&[zombie(7, 2)], at(11), GRACE).is_empty());
        assert_eq!(orphans.look(&[zombie(7, 2)], at(21), GRACE), [zombie(7, 2)]);
    }

    #[test]
    fn a_grace_without_end_is_never_over() {
        let (mut orphans, start) = (Orphans::default(), greenproc_sync::time::now());
        assert!(orphans.look(&[zombie(7, 1)], start, Duration::MAX).is_empty());
        assert_eq!(orphans.next_due(Duration::MAX), None);
    }
}
