//! One lock: who has it, who had it last, who looks, who sleeps.

use std::collections::VecDeque;

#[derive(Default)]
pub(crate) struct Lock {
    taken: bool,
    last: Option<usize>,
    looking: VecDeque<usize>,
    /// With the time from which on it can be woken.
    sleeping: VecDeque<(usize, f64)>,
    /// When a sleeper is to be handed the lock the next time.
    fair_at: f64,
}

impl Lock {
    pub(crate) fn is_free(&self) -> bool {
        !self.taken
    }

    pub(crate) fn take(&mut self) {
        debug_assert!(!self.taken, "nobody else has it");
        self.taken = true;
    }

    pub(crate) fn give_back(&mut self) {
        debug_assert!(self.taken, "somebody has it");
        self.taken = false;
    }

    /// Notes who has it now; whether another had it before.
    pub(crate) fn pass_to(&mut self, core: usize) -> bool {
        let before = self.last.replace(core);
        before.is_some_and(|before| before != core)
    }

    pub(crate) fn look(&mut self, core: usize) {
        self.looking.push_back(core);
    }

    pub(crate) fn stop_looking(&mut self, core: usize) {
        self.looking.retain(|&other| other != core);
    }

    pub(crate) fn first_looking(&self) -> Option<usize> {
        self.looking.front().copied()
    }

    pub(crate) fn sleep(&mut self, core: usize, asleep_at: f64) {
        self.sleeping.push_back((core, asleep_at));
    }

    pub(crate) fn has_sleepers(&self) -> bool {
        !self.sleeping.is_empty()
    }

    pub(crate) fn pop_sleeper(&mut self) -> Option<(usize, f64)> {
        self.sleeping.pop_front()
    }

    pub(crate) fn is_fair(&self, now: f64) -> bool {
        now >= self.fair_at
    }

    pub(crate) fn set_fair(&mut self, next: f64) {
        self.fair_at = next;
    }
}
