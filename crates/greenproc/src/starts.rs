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
mod tests;
