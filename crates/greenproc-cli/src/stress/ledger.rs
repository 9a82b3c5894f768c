//! What a worker has spawned, and what it has reaped.

use std::collections::HashSet;
use std::ops::AddAssign;

use greenproc::Pid;
use serde::Serialize;

/// The account of one worker while it works.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Those that were not reaped yet.
    outstanding: HashSet<Pid>,
    account: Account,
}

/// What became of the processes of one worker, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Account {
    /// Processes that the worker has to reap: its children, and the orphans it adopted as a subreaper.
    pub(super) spawned: u64,
    /// Those that it has reaped.
    pub(super) reaped: u64,
    /// Processes that others have to reap: init, or their own parents further down.
    pub(super) left_to_others: u64,
    /// Of all those, processes of a runtime that the stressor booted for itself.
    pub(super) elsewhere: u64,
    /// Spawned and never reaped.
    pub(super) lost: u64,
    /// Reaped more than once, or without having been spawned; or spawned with a pid that was in use.
    pub(super) double_reaped: u64,
    /// How often something was looked at that has to be so.
    pub(super) checks: u64,
    /// How often it was not.
    pub(super) unexpected: u64,
    /// Spawns that the runtime had no room for. No fault.
    pub(super) refused: u64,
}

impl Ledger {
    /// This process was spawned, and is the worker's to reap.
    pub(super) fn spawned(&mut self, pid: Pid) {
        self.account.spawned += 1;
        if !self.outstanding.insert(pid) {
            self.account.double_reaped += 1;
        }
    }

    /// A wait returned this process.
    pub(super) fn reaped(&mut self, pid: Pid) {
        self.account.checks += 1;
        if self.outstanding.remove(&pid) {
            self.account.reaped += 1;
        } else {
            self.account.double_reaped += 1;
        }
    }

    /// So many processes are for others to reap.
    pub(super) fn left_to_others(&mut self, count: u64) {
        self.account.left_to_others += count;
    }

    /// What became of processes in a runtime of the stressor's own.
    pub(super) fn elsewhere(&mut self, account: Account) {
        self.account += Account { elsewhere: account.processes(), ..account };
    }

    /// The runtime had no room for a process.
    pub(super) fn refused(&mut self) {
        self.account.refused += 1;
    }

    /// Notes whether something was as it had to be.
    pub(super) fn expect(&mut self, good: bool) {
        self.account.checks += 1;
        self.account.unexpected += u64::from(!good);
    }

    /// The account at the worker's end: what is outstanding now is lost.
    pub(super) fn close(self) -> Account {
        Account { lost: self.outstanding.len() as u64, ..self.account }
    }
}

impl Account {
    /// Whether every process was reaped exactly once and ended as it had to.
    pub(super) fn good(&self) -> bool {
        self.lost == 0 && self.double_reaped == 0 && self.unexpected == 0
    }

    /// How many processes it accounts for.
    pub(super) fn processes(&self) -> u64 {
        self.spawned + self.left_to_others
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Account) {
        self.spawned += other.spawned;
        self.reaped += other.reaped;
        self.left_to_others += other.left_to_others;
        self.elsewhere += other.elsewhere;
        self.checks += other.checks;
        self.lost += other.lost;
        self.double_reaped += other.double_reaped;
        self.unexpected += other.unexpected;
        self.refused += other.refused;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::new(number).unwrap()
    }

    #[test]
    fn each_process_has_to_be_reaped_exactly_once() {
        let mut ledger = Ledger::default();
        ledger.spawned(pid(2));
        ledger.spawned(pid(3));
        ledger.reaped(pid(2));
        ledger.reaped(pid(2));
        ledger.reaped(pid(9));
        let account = ledger.close();
        assert_eq!((account.spawned, account.reaped, account.lost, account.double_reaped), (2, 1, 1, 2));
        assert!(!account.good());
    }

    #[test]
    fn a_pid_may_come_again_once_it_was_reaped() {
        let mut ledger = Ledger::default();
        for _ in 0..2 {
            ledger.spawned(pid(2));
            ledger.reaped(pid(2));
        }
        assert!(ledger.close().good());
    }

    #[test]
    fn a_pid_given_twice_is_noticed() {
        let mut ledger = Ledger::default();
        ledger.spawned(pid(2));
        ledger.spawned(pid(2));
        ledger.reaped(pid(2));
        assert!(!ledger.close().good());
    }
}
