//! Records of children that are gone, for the next ones: whoever waits for a thousand children makes a thousand more.
//! Only an LWP that runs has any, so there are as many of them as CPUs, whatever the number of processes is.

use std::cell::RefCell;
use std::sync::Arc;

use crate::proc::Proc;

/// So many are kept.
const MOST: usize = 1_024;

/// The records that one LWP keeps.
#[derive(Default)]
pub(crate) struct Records(RefCell<Vec<Arc<Proc>>>);

impl Records {
    /// A record, in the place of one that was kept if there is one.
    pub(crate) fn make(&self, record: Proc) -> Arc<Proc> {
        let Some(mut kept) = self.0.borrow_mut().pop() else { return Arc::new(record) };
        match Arc::get_mut(&mut kept) {
            Some(place) => {
                *place = record;
                kept
            }
            None => Arc::new(record),
        }
    }

    /// Keeps a record, if nobody else has it and it owns nothing.
    pub(crate) fn keep(&self, record: Arc<Proc>) {
        let mut kept = self.0.borrow_mut();
        // Whoever else has it is about to let it go, or has lent it out: `make` looks again.
        if kept.len() < MOST && Arc::strong_count(&record) == 1 && record.extras().is_none() {
            kept.push(record);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Lets them go: who sleeps, or rests, keeps none.
    pub(crate) fn clear(&self) {
        drop(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::record;

    fn unshared(pid: i32) -> Proc {
        Arc::into_inner(record(pid)).expect("nobody else has it")
    }

    #[test]
    fn a_record_that_was_kept_is_the_next_ones() {
        let records = Records::default();
        let first = records.make(unshared(2));
        let place = Arc::as_ptr(&first);
        records.keep(first);
        let next = records.make(unshared(3));
        assert_eq!((Arc::as_ptr(&next), next.pid.as_raw()), (place, 3));
        assert!(next.node().is_none() && next.ppid().is_none(), "nothing of the first is left");
        assert_ne!(Arc::as_ptr(&records.make(unshared(4))), place, "it is in use");
    }

    #[test]
    fn a_record_that_somebody_still_has_is_left_to_them() {
        let records = Records::default();
        let first = records.make(unshared(2));
        records.keep(Arc::clone(&first));
        assert_ne!(Arc::as_ptr(&records.make(unshared(3))), Arc::as_ptr(&first));
        assert_eq!(first.pid.as_raw(), 2);
    }

    #[test]
    fn one_that_owns_something_is_not_kept() {
        let records = Records::default();
        let first = records.make(unshared(2));
        first.need_extras();
        let watched = Arc::downgrade(&first);
        records.keep(first);
        assert!(watched.upgrade().is_none(), "what it owned went with it");
    }

    #[test]
    fn no_more_are_kept_than_a_batch_needs_and_a_resting_thread_keeps_none() {
        let records = Records::default();
        for pid in 2..3_000 {
            records.keep(Arc::new(unshared(pid)));
        }
        assert_eq!(records.0.borrow().len(), MOST);
        records.clear();
        assert!(records.is_empty());
    }
}
