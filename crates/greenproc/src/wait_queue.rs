//! A queue of waiters: LWPs, and threads outside any process, that sleep until something changes.
//!
//! The queue has no lock of its own: it stands next to what is waited for, under that one's leaf lock. A waiter looks
//! and joins in one hold of that lock; whoever changes what it looked at takes the waiters out, or the first of them, in
//! the hold in which it makes the change, and wakes them after unlocking. A wake-up is a token that stays until the
//! waiter takes it, so one that comes before the waiter is asleep is not lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use greenproc_sync::{Condvar, Mutex, time};
use smallvec::SmallVec;

use crate::error::Result;
use crate::locks::Leaf;
use crate::pid::LwpId;
use crate::proc::Proc;
use crate::process::Process;
use crate::process::sleep::Slept;

/// Who waits, in the order of arrival.
#[derive(Default)]
pub(crate) struct WaitQueue {
    waiting: VecDeque<Waiter>,
}

/// One who may wait. It is dropped under a lock only while its owner has it too.
#[derive(Clone)]
pub(crate) enum Waiter {
    Lwp { process: Arc<Proc>, lwp: LwpId },
    Thread(Arc<Bed>),
}

/// Where a thread sleeps that runs no process.
#[derive(Default)]
pub(crate) struct Bed {
    woken: Mutex<Leaf, bool>,
    cv: Condvar<Leaf>,
}

/// Who is to be woken when the lock around the queue is free again.
#[derive(Default)]
#[must_use = "whom nobody wakes sleeps for ever"]
pub(crate) struct Wakeups(SmallVec<[Waiter; 2]>);

impl WaitQueue {
    pub(crate) const fn new() -> WaitQueue {
        WaitQueue { waiting: VecDeque::new() }
    }

    /// Puts a waiter at the end, unless it is in the queue.
    pub(crate) fn join(&mut self, waiter: &Waiter) {
        if !self.waiting.contains(waiter) {
            self.waiting.push_back(waiter.clone());
        }
    }

    /// Takes a waiter out, if it is in the queue.
    pub(crate) fn leave(&mut self, waiter: &Waiter) {
        self.waiting.retain(|waiting| waiting != waiter);
    }

    /// The first waiter, which stays in the queue.
    pub(crate) fn first(&self) -> Wakeups {
        Wakeups(self.waiting.front().cloned().into_iter().collect())
    }

    /// All waiters, which are in the queue no longer: who finds nothing joins again.
    pub(crate) fn take_all(&mut self) -> Wakeups {
        Wakeups(self.waiting.drain(..).collect())
    }
}

impl Wakeups {
    /// Others too.
    pub(crate) fn extend(&mut self, others: Wakeups) {
        self.0.extend(others.0);
    }

    /// Wakes them. Called without a lock.
    pub(crate) fn wake(self) {
        for waiter in self.0 {
            waiter.wake();
        }
    }
}

impl Waiter {
    /// The caller: an LWP of its process, or a thread that has none.
    pub(crate) fn of(process: Option<&Process>) -> Waiter {
        match process {
            Some(process) => Waiter::Lwp { process: Arc::clone(&process.record), lwp: process.lwp },
            None => Waiter::Thread(Arc::default()),
        }
    }

    fn wake(&self) {
        match self {
            Waiter::Lwp { process, lwp } => {
                let mut state = process.state.lock();
                if let Some(lwp) = state.lwp(*lwp) {
                    lwp.woken = true;
                    if let Some(seat) = &lwp.seat {
                        seat.sleep_cv.notify_one();
                    }
                }
            }
            Waiter::Thread(bed) => {
                *bed.woken.lock() = true;
                bed.cv.notify_one();
            }
        }
    }

    /// Sleeps until the waiter is woken; an LWP looks at requests instead of sleeping.
    fn sleep(&self, process: Option<&Process>, deadline: Option<Instant>) -> Slept {
        if let Some(process) = process {
            let _doze = process.doze();
            return process.sleep_until(deadline, |state| {
                state.lwp(process.lwp).is_some_and(|lwp| std::mem::take(&mut lwp.woken))
            });
        }
        if let Waiter::Thread(bed) = self {
            let mut woken = bed.woken.lock();
            while !std::mem::take(&mut *woken) {
                match deadline {
                    None => bed.cv.wait(&mut woken),
                    Some(deadline) if time::now() >= deadline => return Slept::TimedOut,
                    Some(deadline) => {
                        let _ = bed.cv.wait_until(&mut woken, deadline);
                    }
                }
            }
        }
        Slept::Done
    }
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Waiter) -> bool {
        match (self, other) {
            (Waiter::Lwp { process, lwp }, Waiter::Lwp { process: other, lwp: other_lwp }) => {
                Arc::ptr_eq(process, other) && lwp == other_lwp
            }
            (Waiter::Thread(bed), Waiter::Thread(other)) => Arc::ptr_eq(bed, other),
            (Waiter::Lwp { .. }, Waiter::Thread(_)) | (Waiter::Thread(_), Waiter::Lwp { .. }) => false,
        }
    }
}

/// Looks, sleeps, looks again: until `attempt` has got what the caller waits for, or a request comes, which is met here.
/// `process` is the caller's own, and has been entered; `None` for a thread that has none, which nobody interrupts.
///
/// `attempt` takes the lock around the queue, and either takes the caller out of it and returns something, or leaves it
/// in. `give_up` takes it out, and passes on what was meant for it. Both wake others when they hold no lock.
///
/// # Errors
/// EINTR: a request came first, and was met without unwinding, by something that does not let the call go on.
pub(crate) fn wait_for<T>(
    process: Option<&Process>,
    attempt: impl FnMut(&Waiter) -> Option<T>,
    give_up: impl FnMut(&Waiter),
) -> Result<T> {
    wait_until(process, None, attempt, give_up).map(|got| got.expect("no time-out without a deadline"))
}

/// The same with a deadline: `None` if nothing came until then.
///
/// # Errors
/// As [`wait_for`].
pub(crate) fn wait_until<T>(
    process: Option<&Process>,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(&Waiter) -> Option<T>,
    mut give_up: impl FnMut(&Waiter),
) -> Result<Option<T>> {
    let me = Waiter::of(process);
    loop {
        if let Some(got) = attempt(&me) {
            return Ok(Some(got));
        }
        let slept = me.sleep(process, deadline);
        if slept == Slept::TimedOut {
            // What came at the last moment is not left behind.
            let got = attempt(&me);
            if got.is_none() {
                give_up(&me);
            }
            return Ok(got);
        }
        let Some(process) = process else { continue };
        if let Slept::Interrupted(request) = slept {
            give_up(&me);
            process.meet(request).go_on()?;
        } else if process.is_stopped() {
            // Who stands still leaves the wake-up to the next, and stands in line anew afterwards.
            give_up(&me);
            process.come_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beds() -> [Waiter; 3] {
        std::array::from_fn(|_| Waiter::of(None))
    }

    fn is_woken(waiter: &Waiter) -> bool {
        match waiter {
            Waiter::Thread(bed) => *bed.woken.lock(),
            Waiter::Lwp { .. } => unreachable!("there are only threads in these tests"),
        }
    }

    #[test]
    fn one_stands_in_the_queue_once_and_the_first_stays() {
        let [a, b, c] = beds();
        let mut queue = WaitQueue::new();
        for waiter in [&a, &b, &a] {
            queue.join(waiter);
        }
        queue.first().wake();
        assert_eq!([&a, &b, &c].map(is_woken), [true, false, false]);
        queue.leave(&a);
        queue.leave(&c);
        queue.first().wake();
        assert_eq!([&a, &b, &c].map(is_woken), [true, true, false]);
        queue.leave(&b);
        assert!(queue.first().0.is_empty());
    }

    #[test]
    fn all_are_woken_and_gone() {
        let [a, b, c] = beds();
        let mut queue = WaitQueue::new();
        queue.join(&a);
        queue.join(&b);
        queue.take_all().wake();
        assert_eq!([&a, &b, &c].map(is_woken), [true, true, false]);
        assert!(queue.take_all().0.is_empty());
    }

    #[test]
    fn a_wake_up_before_the_sleep_is_kept_and_taken_once() {
        let [a, ..] = beds();
        a.wake();
        assert_eq!(a.sleep(None, None), Slept::Done);
        assert!(!is_woken(&a));
    }

    #[test]
    fn a_thread_outside_is_woken_after_it_joined() {
        let shared: Arc<Mutex<Leaf, (bool, WaitQueue)>> = Arc::default();
        let (ready, is_ready) = crossbeam_channel::bounded(1);
        let theirs = Arc::clone(&shared);
        #[expect(
            clippy::disallowed_methods,
            reason = "a thread that is none of the runtime's is what is tested"
        )]
        let thread = std::thread::spawn(move || {
            let attempt = |me: &Waiter| {
                let mut shared = theirs.lock();
                if shared.0 {
                    return Some(());
                }
                shared.1.join(me);
                drop(shared);
                let _ = ready.try_send(());
                None
            };
            wait_for(None, attempt, |_| unreachable!("nobody interrupts it"))
        });
        is_ready.recv().expect("it joins");
        let woken = {
            let mut shared = shared.lock();
            shared.0 = true;
            shared.1.take_all()
        };
        woken.wake();
        thread.join().expect("no panic").expect("nobody interrupts it");
    }
}
