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

impl ClassId {
    /// The one that a command has which says nothing of its stack.
    pub(crate) const DEFAULT: ClassId = ClassId(0);
}

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
    /// It looks before it rests.
    Looking,
}

/// In the order in which it is touched: what every push and every take looks at comes first.
#[repr(C)]
struct Class<T> {
    queue: VecDeque<T>,
    /// Starts taken.
    taken: u64,
    /// Threads that have an LWP.
    working: u32,
    /// A thread is on its way, and will look at the queue.
    coming: bool,
    /// One idle thread looks at the queue without sleeping.
    spinning: bool,
    /// The queue moved too slowly: nothing is held back until it is empty.
    hurried: bool,
    keep: bool,
    /// Holds calls back while enough are at work.
    pace: Option<Arc<Pace>>,
    /// The latest to become idle is the first to be called: its stack is warm.
    idle: Vec<Arc<Seat>>,
    stack_size: usize,
    /// How many had been taken when the timekeeper last looked.
    seen: u64,
}

/// The class that nearly all starts are of stands in the cache line of the lock, which comes before it.
#[repr(C)]
pub(crate) struct Starts<T> {
    first: Class<T>,
    others: Vec<Class<T>>,
    /// Threads between two LWPs go home instead of resting.
    dismissed: bool,
}

/// What a thread that has finished an LWP goes on with.
pub(crate) enum Next<T> {
    Start(T),
    /// It looks at the queue without sleeping.
    Spin,
    Rest,
}

impl<T> Starts<T> {
    /// A queue with one class, whose threads are kept and whose calls the pace holds back.
    pub(crate) fn new(stack_size: usize, pace: Option<Arc<Pace>>) -> Starts<T> {
        let first = Class::new(stack_size.next_power_of_two(), true, pace);
        Starts { first, others: Vec::new(), dismissed: false }
    }

    /// The class of threads with this stack size, rounded up to a power of two so that there are few classes. Threads
    /// that are not kept run one LWP each.
    pub(crate) fn class(&mut self, stack_size: usize, keep: bool) -> ClassId {
        let stack_size = stack_size.next_power_of_two();
        let place = self.classes().position(|class| class.stack_size == stack_size && class.keep == keep);
        let place = place.unwrap_or_else(|| {
            self.others.push(Class::new(stack_size, keep, None));
            self.others.len()
        });
        ClassId(place as u32)
    }

    pub(crate) fn stack_size(&self, class: ClassId) -> usize {
        self.of(class).stack_size
    }

    pub(crate) fn keeps(&self, class: ClassId) -> bool {
        self.of(class).keep
    }

    fn of(&self, class: ClassId) -> &Class<T> {
        match (class.0 as usize).checked_sub(1) {
            None => &self.first,
            Some(place) => &self.others[place],
        }
    }

    fn of_mut(&mut self, class: ClassId) -> &mut Class<T> {
        match (class.0 as usize).checked_sub(1) {
            None => &mut self.first,
            Some(place) => &mut self.others[place],
        }
    }

    fn classes(&self) -> impl Iterator<Item = &Class<T>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn classes_mut(&mut self) -> impl Iterator<Item = &mut Class<T>> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    /// Puts a start into the queue.
    pub(crate) fn push(&mut self, class: ClassId, start: T) -> Call {
        let class = self.of_mut(class);
        class.queue.push_back(start);
        if class.spinning { Call::Spinner } else { class.call() }
    }

    /// Takes the next start, and says whom to call for the one after.
    pub(crate) fn take(&mut self, class: ClassId, arrival: Arrival) -> (Option<T>, Call) {
        let class = self.of_mut(class);
        match arrival {
            Arrival::Called => class.coming = false,
            Arrival::Spun => class.spinning = false,
            Arrival::Looking => {}
        }
        class.take()
    }

    /// A thread has finished an LWP: the next start, or what it does without one. It may look without sleeping if it `spins`
    /// and no other does.
    pub(crate) fn take_next(&mut self, class: ClassId, spins: bool) -> (Next<T>, Call) {
        let class = self.of_mut(class);
        class.working -= 1;
        match class.take() {
            (Some(start), call) => (Next::Start(start), call),
            (None, call) if spins && !class.spinning => {
                class.spinning = true;
                (Next::Spin, call)
            }
            (None, call) => (Next::Rest, call),
        }
    }

    /// A thread has finished an LWP, and takes no other for now: makes the call that was held back because of it.
    pub(crate) fn finish(&mut self, class: ClassId) -> Call {
        self.of_mut(class).working -= 1;
        self.resume(class)
    }

    /// An LWP is about to sleep: makes the call that was held back because of it.
    pub(crate) fn resume(&mut self, class: ClassId) -> Call {
        let class = self.of_mut(class);
        if class.queue.is_empty() { Call::Nobody } else { class.call() }
    }

    /// Whether the queue moved fast enough since the last look; if not, every start gets a thread.
    pub(crate) fn look_after(&mut self, class: ClassId) -> Call {
        let class = self.of_mut(class);
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
        let queues = self.classes_mut().map(|class| &mut class.queue);
        queues
            .flat_map(|queue| {
                let (taken, kept) = std::mem::take(queue).into_iter().partition::<VecDeque<T>, _>(&matches);
                *queue = kept;
                taken
            })
            .collect()
    }

    /// A thread found nothing and goes to sleep until it is called.
    pub(crate) fn rest(&mut self, class: ClassId, seat: &Arc<Seat>) {
        self.of_mut(class).idle.push(Arc::clone(seat));
    }

    /// A resting thread gives up; false if it was called in the meantime.
    pub(crate) fn retire(&mut self, class: ClassId, seat: &Arc<Seat>) -> bool {
        let idle = &mut self.of_mut(class).idle;
        let place = idle.iter().position(|resting| Arc::ptr_eq(resting, seat));
        place.map(|place| idle.remove(place)).is_some()
    }

    /// The host refused the thread that was on its way: the next call tries again.
    pub(crate) fn refused(&mut self, class: ClassId) {
        self.of_mut(class).coming = false;
    }

    /// Calls once more for every class whose queue was left waiting.
    pub(crate) fn retry(&mut self) -> Vec<(ClassId, Call)> {
        let classes = self.classes_mut().enumerate().filter(|(_, class)| !class.queue.is_empty());
        classes.map(|(place, class)| (ClassId(place as u32), class.call())).collect()
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed
    }

    /// Sends everybody home that rests, and those who would from now on.
    pub(crate) fn dismiss_all(&mut self) -> Vec<Arc<Seat>> {
        self.dismissed = true;
        let resting = self.classes_mut().flat_map(|class| class.idle.drain(..));
        resting.inspect(|seat| seat.summon(Summons::Home)).collect()
    }

    /// Sends the thread home that has rested longest in its class, to make room for one of another class.
    pub(crate) fn dismiss_one(&mut self) -> Option<Arc<Seat>> {
        let class = self.classes_mut().find(|class| !class.idle.is_empty())?;
        let seat = class.idle.remove(0);
        seat.summon(Summons::Home);
        Some(seat)
    }

    pub(crate) fn resting(&self) -> usize {
        self.classes().map(|class| class.idle.len()).sum()
    }

    pub(crate) fn queued(&self) -> usize {
        self.classes().map(|class| class.queue.len()).sum()
    }
}

impl<T> Class<T> {
    fn new(stack_size: usize, keep: bool, pace: Option<Arc<Pace>>) -> Class<T> {
        Class {
            queue: VecDeque::new(),
            taken: 0,
            working: 0,
            coming: false,
            spinning: false,
            hurried: false,
            keep,
            pace,
            idle: Vec::new(),
            stack_size,
            seen: 0,
        }
    }

    fn take(&mut self) -> (Option<T>, Call) {
        let start = self.queue.pop_front();
        if start.is_some() {
            self.working += 1;
            self.taken += 1;
        }
        let call = match self.queue.is_empty() {
            true => {
                self.calm_down();
                Call::Nobody
            }
            false if self.spinning => Call::Spinner,
            false => self.call(),
        };
        (start, call)
    }

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
mod tests;
