//! The ring: the last so many records. When it is full the oldest goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenproc_sync::{Mutex, time};

use crate::ktrace::{Fact, Record};
use crate::locks::Leaf;
use crate::pid::{LwpId, Pid};

/// How many records are copied in one hold of the lock: whoever records meanwhile may hold `proclist_lock`.
const BATCH: usize = 256;

/// How many records room is made for before there are any.
const AT_FIRST: usize = 4_096;

pub(super) struct Ring {
    /// Times are since then.
    begin: Instant,
    capacity: usize,
    held: Mutex<Leaf, Held>,
}

struct Held {
    records: VecDeque<Record>,
    /// How many have gone: the number of the first that is there.
    dropped: u64,
    /// The time of the last one.
    last: Duration,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Ring {
        let records = VecDeque::with_capacity(capacity.min(AT_FIRST));
        let held = Mutex::new(Held { records, dropped: 0, last: Duration::ZERO });
        Ring { begin: time::now(), capacity, held }
    }

    /// Adds a record. The clock is read in the hold, so that times are in the order of the records; each is made a later one
    /// than the one before, so that they say the order by themselves.
    pub(super) fn push(&self, pid: Pid, name: &Arc<str>, lwp: Option<LwpId>, fact: Fact) {
        let name = Arc::clone(name);
        let mut held = self.held.lock();
        let since = time::now().saturating_duration_since(self.begin);
        let time = since.max(held.last + Duration::from_nanos(1));
        held.last = time;
        let oldest = held.push(self.capacity, Record { time, pid, name, lwp, fact });
        drop(held);
        drop(oldest);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.held.lock().dropped
    }

    /// What is there, and how many have gone before the first of these.
    ///
    /// Copied in batches between which others record. Should they be so fast that what is to be copied goes, all is copied in
    /// one hold instead.
    pub(super) fn copy(&self) -> (Vec<Record>, u64) {
        let mut copied = Vec::new();
        let (first, end) = {
            let held = self.held.lock();
            (held.dropped, held.dropped + held.records.len() as u64)
        };
        while copied.len() < (end - first) as usize {
            copied.reserve(BATCH);
            let held = self.held.lock();
            let next = first + copied.len() as u64;
            if held.dropped > next {
                return (held.records.iter().cloned().collect(), held.dropped);
            }
            let from = (next - held.dropped) as usize;
            let to = (end - held.dropped) as usize;
            copied.extend(held.records.range(from..to.min(from + BATCH)).cloned());
        }
        (copied, first)
    }
}

impl Held {
    /// Adds a record; returns what had to go for it, which may be itself.
    fn push(&mut self, capacity: usize, record: Record) -> Option<Record> {
        if capacity == 0 {
            self.dropped += 1;
            return Some(record);
        }
        let oldest = if self.records.len() == capacity {
            self.dropped += 1;
            self.records.pop_front()
        } else {
            None
        };
        self.records.push_back(record);
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Signal;

    fn ring_of(capacity: usize, pushed: u64) -> Ring {
        let ring = Ring::new(capacity);
        let name: Arc<str> = "process".into();
        for number in 0..pushed {
            let pid = Pid::new(1 + number as i32).expect("positive");
            ring.push(pid, &name, None, Fact::Stopped { signal: Signal::STOP });
        }
        ring
    }

    fn pids(ring: &Ring) -> Vec<i32> {
        ring.copy().0.iter().map(|record| record.pid.as_raw()).collect()
    }

    #[test]
    fn what_finds_room_is_kept_in_order() {
        let ring = ring_of(4, 3);
        assert_eq!((pids(&ring), ring.dropped()), (vec![1, 2, 3], 0));
        assert!(pids(&ring_of(4, 0)).is_empty());
    }

    #[test]
    fn the_oldest_goes_and_is_counted() {
        let ring = ring_of(4, 11);
        assert_eq!((pids(&ring), ring.dropped()), (vec![8, 9, 10, 11], 7));
        assert_eq!(ring.copy().1, 7);
    }

    #[test]
    fn a_ring_without_places_only_counts() {
        let ring = ring_of(0, 5);
        assert_eq!((pids(&ring), ring.dropped()), (Vec::new(), 5));
    }

    #[test]
    fn a_record_is_as_small_as_is_said() {
        assert!(size_of::<Record>() <= 200, "{}", size_of::<Record>());
    }

    #[test]
    fn no_two_records_have_the_same_time() {
        let (records, _) = ring_of(10_000, 10_000).copy();
        assert!(records.is_sorted_by(|one, next| one.time < next.time));
    }

    #[test]
    fn a_ring_of_many_batches_is_copied_whole() {
        let count = BATCH as u64 * 3 + 7;
        let ring = ring_of(usize::MAX, count);
        assert_eq!(pids(&ring), (1..=count as i32).collect::<Vec<_>>());
    }

    /// Whether or not the ring turns faster than it is copied, what is copied has no gap and is its end at some moment.
    #[test]
    fn a_copy_of_a_ring_that_turns_has_no_gap() {
        let ring = ring_of(BATCH * 2, BATCH as u64 * 2);
        let done = greenproc_sync::atomic::AtomicBool::new(false);
        let name: Arc<str> = "process".into();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut number = BATCH as i32 * 2;
                while !done.load(greenproc_sync::atomic::Ordering::Relaxed) {
                    number += 1;
                    ring.push(Pid::new(number).expect("positive"), &name, None, Fact::Sleeps);
                }
            });
            for _ in 0..200 {
                let (records, before) = ring.copy();
                assert_eq!(records.len(), BATCH * 2);
                assert_eq!(records[0].pid.as_raw() as u64, before + 1);
                assert!(records.is_sorted_by(|one, next| one.pid.as_raw() + 1 == next.pid.as_raw()));
            }
            done.store(true, greenproc_sync::atomic::Ordering::Relaxed);
        });
    }
}
