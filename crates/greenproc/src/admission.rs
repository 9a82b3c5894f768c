//! Admission by reservation: a spawn reserves a native thread before anything of it can be found.

use crate::error::Exhausted;

/// How many LWPs may be, and are. Guarded by `proclist_lock`.
#[derive(Default)]
pub(crate) struct Admission {
    capacity: usize,
    reserved: usize,
}

impl Admission {
    pub(crate) fn new(capacity: usize) -> Admission {
        Admission { capacity, reserved: 0 }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    pub(crate) fn is_full(&self) -> bool {
        self.reserved >= self.capacity
    }

    pub(crate) fn reserve(&mut self) -> Result<(), Exhausted> {
        if self.is_full() {
            return Err(Exhausted::Lwps { capacity: self.capacity });
        }
        self.reserved += 1;
        Ok(())
    }

    pub(crate) fn release(&mut self, threads: usize) {
        self.reserved -= threads;
    }

    /// The host refused a thread: from now on no more than `threads` may be.
    pub(crate) fn shrink(&mut self, threads: usize) {
        self.capacity = self.capacity.min(threads.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_admitted_than_there_is_room_for() {
        let mut admission = Admission::new(2);
        assert_eq!(admission.reserve(), Ok(()));
        assert_eq!(admission.reserve(), Ok(()));
        assert_eq!(admission.reserve(), Err(Exhausted::Lwps { capacity: 2 }));
        admission.release(1);
        assert_eq!(admission.reserve(), Ok(()));
        assert_eq!(admission.reserved(), 2);
    }

    #[test]
    fn a_refusal_shrinks_the_capacity_but_never_to_nothing() {
        let mut admission = Admission::new(100);
        admission.shrink(7);
        admission.shrink(9);
        assert_eq!(admission.capacity(), 7);
        admission.shrink(0);
        assert_eq!(admission.capacity(), 1);
    }
}
