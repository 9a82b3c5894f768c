//! The start queue: which LWPs wait for a native thread, and which threads wait for an LWP.
//!
//! A start goes into a queue; a thread that just finished takes the next one without any wake-up, and whoever takes a
//! start while more are waiting first gets one more thread going, unless as many LWPs are at work as there are CPUs
//! (`pace.rs`). So no LWP waits long for another to finish, at most one wake-up is under way per class, and a burst of
//! short processes costs hardly any.//!
//! A plain data structure under a lock of its own: it decides, the caller wakes or creates after unlocking.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::lwp::{Seat, Summons};
use crate::pace::{Pace, SLOW};

/// Which threads an LWP can run on: those with its stack size, kept or fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClassId(u32);

/// What the caller has to do once the lock is released.
#[derive(Default)]
#[must_use = "a start may be waiting for it"]
pub(crate) enum Call {
    #[default]
    Nobody,
    /// Let the spinning thread see it.
    Spinner,
    /// Wake this idle thread.
    Wake(Arc<Seat>),
    /// Create one more thread.
    Create,
    /// Enough are at work: the timekeeper is to see whether that stays so.
    HeldBack,
}

/// What a thread that looks for work has been doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It was called: woken or created for this.
    Called,
    /// It was spinning, and found the queue filled or gave up.
    Spun,
    /// It just finished an LWP.
    Finished,
    /// It looks before it rests.
    Looking,
}

#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
struct Class<T> {
    stack_size: usize,
    keep: bool,
    queue: VecDeque<T>,
    /// The latest to become idle is the first to be called: its stack is warm.
    idle: Vec<Arc<Seat>>,
    /// A thread is on its way, and will look at the queue.
    coming: bool,
    /// One idle thread looks at the queue without sleeping.
    spinning: bool,
    /// Threads that have an LWP.
    working: u32,
    /// Holds calls back while enough are at work.
    pace: Option<Arc<Pace>>,
    /// The queue moved too slowly: nothing is held back until it is empty.
    hurried: bool,
    /// Starts taken, and how many that were when the timekeeper last looked.
    taken: u64,
    seen: u64,
}

pub(crate) struct Starts<T> {
    classes: Vec<Class<T>>,
    /// Threads between two LWPs go home instead of resting.
    dismissed: bool,
}

impl<T> Default for Starts<T> {
    fn default() -> Starts<T> {
        Starts { classes: Vec::new(), dismissed: false }
    }
}

impl<T> Starts<T> {
    /// The class of threads with this stack size, rounded up to a power of two so that there are few classes. Threads
    /// that are not kept run one LWP each.
    pub(crate) fn class(&mut self, stack_size: usize, keep: bool) -> ClassId {
        let stack_size = stack_size.next_power_of_two();
        let place =
            self.classes.iter().position(|class| class.stack_size == stack_size && class.keep == keep);
        let place = place.unwrap_or_else(|| {
            let (queue, idle) = (VecDeque::new(), Vec::new());
            self.classes.push(Class {
                stack_size,
                keep,
                queue,
                idle,
                coming: false,
                spinning: false,
                working: 0,
                pace: None,
                hurried: false,
                taken: 0,
                seen: 0,
            });
            self.classes.len() - 1
        });
        ClassId(place as u32)
    }

    /// Lets a class hold calls back.
    pub(crate) fn set_pace(&mut self, class: ClassId, pace: Arc<Pace>) {
        self.classes[class.0 as usize].pace = Some(pace);
    }

    pub(crate) fn stack_size(&self, class: ClassId) -> usize {
        self.classes[class.0 as usize].stack_size
    }

    pub(crate) fn keeps(&self, class: ClassId) -> bool {
        self.classes[class.0 as usize].keep
    }

    /// Puts a start into the queue.
    pub(crate) fn push(&mut self, class: ClassId, start: T) -> Call {
        let class = &mut self.classes[class.0 as usize];
        class.queue.push_back(start);
        if class.spinning { Call::Spinner } else { class.call() }
    }

    /// Takes the next start, and says whom to call for the one after.
    pub(crate) fn take(&mut self, class: ClassId, arrival: Arrival) -> (Option<T>, Call) {
        let class = &mut self.classes[class.0 as usize];
        match arrival {
            Arrival::Called => class.coming = false,
            Arrival::Spun => class.spinning = false,
            Arrival::Finished => class.working -= 1,
            Arrival::Looking => {}
        }
        let start = class.queue.pop_front();
        if start.is_some() {
            class.working += 1;
            class.taken += 1;
        }
        let call = match class.queue.is_empty() {
            true => {
                class.calm_down();
                Call::Nobody
            }
            false if class.spinning => Call::Spinner,
            false => class.call(),
        };
        (start, call)
    }

    /// A thread has finished an LWP, and takes no other for now: makes the call that was held back because of it.
    pub(crate) fn finish(&mut self, class: ClassId) -> Call {
        self.classes[class.0 as usize].working -= 1;
        self.resume(class)
    }

    /// An LWP is about to sleep: makes the call that was held back because of it.
    pub(crate) fn resume(&mut self, class: ClassId) -> Call {
        let class = &mut self.classes[class.0 as usize];
        if class.queue.is_empty() { Call::Nobody } else { class.call() }
    }

    /// Whether the queue moved fast enough since the last look; if not, every start gets a thread.
    pub(crate) fn look_after(&mut self, class: ClassId) -> Call {
        let class = &mut self.classes[class.0 as usize];
        let moved = class.taken - std::mem::replace(&mut class.seen, class.taken);
        if class.queue.is_empty() {
            return Call::Nobody;
        }
        class.hurried |= moved < SLOW;
        match class.call() {
            // It is still under observation, though it was held back before.
            Call::Nobody if !class.hurried => Call::HeldBack,
            call => call,
        }
    }

    /// All starts that `match`, taken out of order.
    pub(crate) fn take_all_if(&mut self, matches: impl Fn(&T) -> bool) -> Vec<T> {
        let queues = self.classes.iter_mut().map(|class| &mut class.queue);
        queues
            .flat_map(|queue| {
                let (taken, kept) = std::mem::take(queue).into_iter().partition::<VecDeque<T>, _>(&matches);
                *queue = kept;
                taken
            })
            .collect()
    }

    /// Lets one idle thread spin; false if another one does already.
    pub(crate) fn begin_spin(&mut self, class: ClassId) -> bool {
        !std::mem::replace(&mut self.classes[class.0 as usize].spinning, true)
    }

    /// A thread found nothing and goes to sleep until it is called.
    pub(crate) fn rest(&mut self, class: ClassId, seat: &Arc<Seat>) {
        self.classes[class.0 as usize].idle.push(Arc::clone(seat));
    }

    /// A resting thread gives up; false if it was called in the meantime.
    pub(crate) fn retire(&mut self, class: ClassId, seat: &Arc<Seat>) -> bool {
        let idle = &mut self.classes[class.0 as usize].idle;
        let place = idle.iter().position(|resting| Arc::ptr_eq(resting, seat));
        place.map(|place| idle.remove(place)).is_some()
    }

    /// The host refused the thread that was on its way: the next call tries again.
    pub(crate) fn refused(&mut self, class: ClassId) {
        self.classes[class.0 as usize].coming = false;
    }

    /// Calls once more for every class whose queue was left waiting.
    pub(crate) fn retry(&mut self) -> Vec<(ClassId, Call)> {
        let classes = self.classes.iter_mut().enumerate().filter(|(_, class)| !class.queue.is_empty());
        classes.map(|(place, class)| (ClassId(place as u32), class.call())).collect()
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed
    }

    /// Sends everybody home that rests, and those who would from now on.
    pub(crate) fn dismiss_all(&mut self) -> Vec<Arc<Seat>> {
        self.dismissed = true;
        let resting = self.classes.iter_mut().flat_map(|class| class.idle.drain(..));
        resting.inspect(|seat| seat.summon(Summons::Home)).collect()
    }

    /// Sends the thread home that has rested longest in its class, to make room for one of another class.
    pub(crate) fn dismiss_one(&mut self) -> Option<Arc<Seat>> {
        let class = self.classes.iter_mut().find(|class| !class.idle.is_empty())?;
        let seat = class.idle.remove(0);
        seat.summon(Summons::Home);
        Some(seat)
    }

    pub(crate) fn resting(&self) -> usize {
        self.classes.iter().map(|class| class.idle.len()).sum()
    }

    pub(crate) fn queued(&self) -> usize {
        self.classes.iter().map(|class| class.queue.len()).sum()
    }
}

impl<T> Class<T> {
    fn call(&mut self) -> Call {
        if self.coming {
            return Call::Nobody;
        }
        if let Some(pace) = self.pace.as_ref().filter(|_| !self.hurried) {
            let known = pace.is_holding_back();
            if pace.holds_back(self.working) {
                return if known { Call::Nobody } else { Call::HeldBack };
            }
        }
        self.coming = true;
        match self.idle.pop() {
            Some(seat) => {
                seat.summon(Summons::Work);
                Call::Wake(seat)
            }
            None => Call::Create,
        }
    }

    /// The queue is empty.
    fn calm_down(&mut self) {
        self.hurried = false;
        if let Some(pace) = &self.pace {
            pace.relent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Doze;

    fn fixture() -> (Starts<u32>, ClassId) {
        let mut starts = Starts::default();
        let class = starts.class(65_536, true);
        (starts, class)
    }

    fn is_create(call: &Call) -> bool {
        matches!(call, Call::Create)
    }

    #[test]
    fn one_call_is_under_way_at_a_time() {
        let (mut starts, class) = fixture();
        assert!(is_create(&starts.push(class, 1)));
        assert!(matches!(starts.push(class, 2), Call::Nobody));
        assert!(matches!(starts.push(class, 3), Call::Nobody));
        // The one that comes takes the first, and calls for the second before it runs.
        let (first, call) = starts.take(class, Arrival::Called);
        assert_eq!(first, Some(1));
        assert!(is_create(&call));
    }

    #[test]
    fn a_thread_that_finished_takes_the_next_without_a_call() {
        let (mut starts, class) = fixture();
        let _ = starts.push(class, 1);
        let _ = starts.push(class, 2);
        let (_, call) = starts.take(class, Arrival::Called);
        assert!(is_create(&call));
        let (second, call) = starts.take(class, Arrival::Finished);
        assert_eq!(second, Some(2));
        assert!(matches!(call, Call::Nobody));
        // The one that was called finds nothing, and the next push calls again.
        let (none, _) = starts.take(class, Arrival::Called);
        assert_eq!(none, None);
        assert!(is_create(&starts.push(class, 3)));
    }

    #[test]
    fn every_start_gets_a_thread_though_none_finishes() {
        let (mut starts, class) = fixture();
        let mut threads = 0;
        let mut calls = 0;
        for start in 0..100 {
            calls += usize::from(is_create(&starts.push(class, start)));
        }
        while calls > 0 {
            calls -= 1;
            let (start, call) = starts.take(class, Arrival::Called);
            threads += usize::from(start.is_some());
            calls += usize::from(is_create(&call));
        }
        assert_eq!(threads, 100);
        assert_eq!(starts.queued(), 0);
    }

    #[test]
    fn the_latest_to_rest_is_called_first() {
        let (mut starts, class) = fixture();
        let seats = [Arc::new(Seat::default()), Arc::new(Seat::default())];
        starts.rest(class, &seats[0]);
        starts.rest(class, &seats[1]);
        assert!(matches!(starts.push(class, 1), Call::Wake(seat) if Arc::ptr_eq(&seat, &seats[1])));
        assert!(!starts.retire(class, &seats[1]), "it was called");
        assert_eq!(seats[1].summons(), Summons::Work);
        assert!(starts.retire(class, &seats[0]));
        assert_eq!(starts.resting(), 0);
    }

    #[test]
    fn whoever_is_dismissed_is_called_no_more() {
        let (mut starts, class) = fixture();
        let seats: Vec<Arc<Seat>> = (0..3).map(|_| Arc::default()).collect();
        for seat in &seats {
            starts.rest(class, seat);
        }
        let first = starts.dismiss_one().expect("three rest");
        assert!(Arc::ptr_eq(&first, &seats[0]), "the one that rested longest");
        assert_eq!((first.summons(), seats[1].summons()), (Summons::Home, Summons::None));
        assert_eq!(starts.dismiss_all().len(), 2);
        assert!(starts.dismiss_one().is_none());
        assert!(is_create(&starts.push(class, 1)));
    }

    #[test]
    fn a_spinning_thread_needs_no_call_and_calls_for_the_rest() {
        let (mut starts, class) = fixture();
        assert!(starts.begin_spin(class));
        assert!(!starts.begin_spin(class), "one at a time");
        assert!(matches!(starts.push(class, 1), Call::Spinner));
        assert!(matches!(starts.push(class, 2), Call::Spinner));
        let (first, call) = starts.take(class, Arrival::Spun);
        assert_eq!(first, Some(1));
        assert!(is_create(&call));
    }

    #[test]
    fn a_refused_thread_is_called_for_again() {
        let (mut starts, class) = fixture();
        assert!(is_create(&starts.push(class, 1)));
        starts.refused(class);
        let calls = starts.retry();
        assert_eq!(calls.len(), 1);
        assert!(is_create(&calls[0].1));
        assert!(starts.retry().iter().all(|(_, call)| matches!(call, Call::Nobody)));
        assert_eq!(starts.take_all_if(|&start| start == 1), [1]);
        assert_eq!(starts.queued(), 0);
    }

    /// A class of which `enough` LWPs at work are enough, and the first start on its way to a thread.
    fn paced(enough: u32) -> (Starts<u32>, ClassId, Arc<Pace>) {
        let (mut starts, class) = fixture();
        let pace = Arc::new(Pace::new(enough));
        starts.set_pace(class, Arc::clone(&pace));
        (starts, class, pace)
    }

    /// Pushes, and lets the thread come that is called for.
    fn occupy(starts: &mut Starts<u32>, class: ClassId) {
        assert!(is_create(&starts.push(class, 0)));
        assert_eq!(starts.take(class, Arrival::Called).0, Some(0));
    }

    #[test]
    fn nobody_is_called_while_enough_are_at_work() {
        let (mut starts, class, _) = paced(2);
        occupy(&mut starts, class);
        occupy(&mut starts, class);
        assert!(matches!(starts.push(class, 1), Call::HeldBack));
        assert!(matches!(starts.push(class, 2), Call::Nobody), "the timekeeper knows");
        // Those who are at work take the starts as they finish.
        assert_eq!(starts.take(class, Arrival::Finished).0, Some(1));
        assert_eq!(starts.take(class, Arrival::Finished).0, Some(2));
        assert!(starts.take(class, Arrival::Finished).0.is_none());
        // One of the two rests now: the next start calls again.
        assert!(is_create(&starts.push(class, 3)));
    }

    #[test]
    fn whoever_dozes_is_made_up_for() {
        let (mut starts, class, pace) = paced(1);
        occupy(&mut starts, class);
        assert!(!Doze::begin(Some(&pace)).is_awaited(), "nothing was held back");
        assert!(matches!(starts.push(class, 1), Call::HeldBack));
        let doze = Doze::begin(Some(&pace));
        assert!(doze.is_awaited());
        assert!(is_create(&starts.resume(class)));
        assert_eq!(starts.take(class, Arrival::Called).0, Some(1));
        assert!(!Doze::begin(Some(&pace)).is_awaited(), "the queue is empty");
        drop(doze);
        assert!(matches!(starts.push(class, 2), Call::HeldBack), "both are awake again");
    }

    #[test]
    fn those_who_doze_already_do_not_count() {
        let (mut starts, class, pace) = paced(1);
        occupy(&mut starts, class);
        let _doze = Doze::begin(Some(&pace));
        assert!(is_create(&starts.push(class, 1)));
    }

    #[test]
    fn a_queue_that_moves_slowly_gets_a_thread_for_every_start() {
        let (mut starts, class, _) = paced(1);
        occupy(&mut starts, class);
        for start in 0..3 * SLOW as u32 {
            let _ = starts.push(class, start);
        }
        for _ in 0..SLOW {
            assert!(starts.take(class, Arrival::Finished).0.is_some());
        }
        assert!(matches!(starts.look_after(class), Call::HeldBack), "it moves");
        assert!(is_create(&starts.look_after(class)), "it did not move at all");
        let mut taken = 0;
        loop {
            let (start, call) = starts.take(class, Arrival::Called);
            taken += u64::from(start.is_some());
            if !is_create(&call) {
                break;
            }
        }
        assert_eq!((taken, starts.queued()), (2 * SLOW, 0), "each call led to the next");
        assert!(matches!(starts.push(class, 1), Call::HeldBack), "the queue was empty in between");
    }

    #[test]
    fn what_is_held_back_after_a_look_is_looked_after_again() {
        let (mut starts, class, pace) = paced(1);
        occupy(&mut starts, class);
        for start in 0..SLOW as u32 + 2 {
            let _ = starts.push(class, start);
        }
        for _ in 0..SLOW {
            assert!(starts.take(class, Arrival::Finished).0.is_some());
        }
        let _doze = Doze::begin(Some(&pace));
        assert!(is_create(&starts.look_after(class)), "too few are at work: that look was the last");
        let (start, call) = starts.take(class, Arrival::Called);
        assert!(start.is_some() && starts.queued() == 1);
        assert!(matches!(call, Call::HeldBack), "the timekeeper is to look again");
    }

    #[test]
    fn a_thread_that_is_not_used_again_is_not_at_work() {
        let (mut starts, class, _) = paced(1);
        occupy(&mut starts, class);
        assert!(matches!(starts.finish(class), Call::Nobody), "nothing waits");
        assert!(is_create(&starts.push(class, 1)));
    }

    #[test]
    fn a_thread_that_is_not_used_again_leaves_nobody_waiting() {
        let (mut starts, class, _) = paced(1);
        occupy(&mut starts, class);
        assert!(matches!(starts.push(class, 1), Call::HeldBack));
        assert!(is_create(&starts.finish(class)));
    }

    #[test]
    fn classes_do_not_mix() {
        let mut starts = Starts::<u32>::default();
        let small = starts.class(16, true);
        let fresh = starts.class(16, false);
        assert_ne!(small, fresh);
        assert_eq!(starts.class(16, true), small);
        assert_eq!(starts.class(9, true), small);
        assert_eq!(starts.stack_size(small), 16);
        let _ = starts.push(small, 1);
        assert_eq!(starts.take(fresh, Arrival::Looking).0, None);
        assert!(!starts.keeps(fresh));
    }
}
