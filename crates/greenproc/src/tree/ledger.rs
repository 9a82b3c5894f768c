//! What all that have ended used, counted a second time, for whoever checks that each use is counted once. Nothing, in a
//! build that does not check.

use crate::tree::Zombie;
use crate::usage::Usage;

#[derive(Default)]
pub(super) struct Ledger {
    /// All of it.
    #[cfg(any(debug_assertions, feature = "racelab"))]
    pub(super) ended: Usage,
    /// What those used whose parents ignored them, with what they had reaped (row 40).
    #[cfg(any(debug_assertions, feature = "racelab"))]
    pub(super) nobodys: Usage,
}

#[cfg(any(debug_assertions, feature = "racelab"))]
impl Ledger {
    pub(super) fn note_ended(&mut self, usage: Usage) {
        self.ended += usage;
    }

    pub(super) fn note_nobodys(&mut self, zombie: &Zombie) {
        self.nobodys += zombie.usage;
        self.nobodys += zombie.children_usage.as_deref().copied().unwrap_or_default();
    }
}

#[cfg(not(any(debug_assertions, feature = "racelab")))]
impl Ledger {
    pub(super) fn note_ended(&mut self, _: Usage) {}

    pub(super) fn note_nobodys(&mut self, _: &Zombie) {}
}
