//! What is to happen, in the order of time; of two things at one time what was put first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

pub(crate) struct Queue<E> {
    now: f64,
    number: u64,
    heap: BinaryHeap<Entry<E>>,
}

struct Entry<E> {
    at: f64,
    number: u64,
    core: usize,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue { now: 0.0, number: 0, heap: BinaryHeap::new() }
    }
}

impl<E> Queue<E> {
    pub(crate) fn now(&self) -> f64 {
        self.now
    }

    /// What happens to the core after that time; what never happens is not kept.
    pub(crate) fn put(&mut self, after: f64, core: usize, event: E) {
        if after.is_finite() {
            self.number += 1;
            self.heap.push(Entry { at: self.now + after, number: self.number, core, event });
        }
    }

    /// The next thing; it is then.
    pub(crate) fn take(&mut self) -> Option<(usize, E)> {
        let Entry { at, core, event, .. } = self.heap.pop()?;
        self.now = at;
        Some((core, event))
    }
}

impl<E> Ord for Entry<E> {
    /// The heap has the greatest on top: that is the earliest.
    fn cmp(&self, other: &Entry<E>) -> Ordering {
        other.at.total_cmp(&self.at).then(other.number.cmp(&self.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Entry<E>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Entry<E>) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}
