//! The queue of a process's work, and the LWPs that do it.

use std::collections::VecDeque;
use std::sync::Arc;

use greenproc_sync::Mutex;

use super::job::Job;
use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::proc::{Proc, Request};
use crate::process::{LwpHandle, Process};
use crate::worker::drop_isolated;

/// How many LWPs of one process do such work at a time.
const HANDS: usize = 16;

/// The work of a process.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Leaf, Queue>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    hands: usize,
    /// The process takes no work any more.
    over: bool,
}

pub(super) struct Work {
    pub(super) job: Arc<Job>,
    pub(super) run: Box<dyn FnOnce(&Process) + Send>,
}

/// Counts an LWP of the pool, from before it is made until it has left, also if it never begins.
struct Hand(Arc<Proc>);

impl Drop for Hand {
    fn drop(&mut self) {
        if let Some(extras) = self.0.extras() {
            extras.aio.0.lock().hands -= 1;
        }
    }
}

/// Sees to it, when an LWP of the pool leaves, that what waits still is done by another.
struct Relief<'a>(&'a Process);

impl Drop for Relief<'_> {
    fn drop(&mut self) {
        let pool = &self.0.record.need_extras().aio;
        if let Err(error) = self.0.hire()
            && !matches!(error, Error::Exiting { .. })
            && pool.0.lock().hands == 0
        {
            // Nobody is left to do it.
            pool.cancel_waiting(self.0);
        }
    }
}

/// What is not finished when it is dropped is not finished any more.
struct Unfinished(Arc<Job>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Work {
    /// It is not done. Who waits for it is told, and what it owns is dropped, isolated.
    pub(super) fn cancel(self, process: &Process) {
        self.job.cancel();
        process.critical(|| drop_isolated(process, self.run));
    }
}

impl Pool {
    /// Takes a piece of work out that waits.
    pub(super) fn take(&self, job: &Arc<Job>) -> Option<Work> {
        let mut queue = self.0.lock();
        let place = queue.waiting.iter().position(|work| Arc::ptr_eq(&work.job, job))?;
        queue.waiting.remove(place)
    }

    /// Cancels what waits; how much that was.
    pub(crate) fn cancel_waiting(&self, process: &Process) -> usize {
        let waiting = std::mem::take(&mut self.0.lock().waiting);
        let count = waiting.len();
        for work in waiting {
            work.cancel(process);
        }
        count
    }

    /// The process ends: what waits is cancelled, and nothing is taken any more. What ran has left (row 11).
    pub(crate) fn tear_down(&self, process: &Process) {
        self.0.lock().over = true;
        self.cancel_waiting(process);
    }
}

impl Process {
    /// Puts work into the queue, and sees to it that somebody does it.
    pub(super) fn enqueue(&self, work: Work) -> Result<()> {
        let pool = &self.record.need_extras().aio;
        let job = Arc::clone(&work.job);
        let refused = {
            let mut queue = pool.0.lock();
            if queue.over {
                Some(work)
            } else {
                queue.waiting.push_back(work);
                None
            }
        };
        if refused.is_some() {
            return Err(Error::Exiting { pid: self.record.pid });
        }
        let Err(error) = self.hire() else { return Ok(()) };
        // Those that are there do it later, if there are any.
        let unwanted = if pool.0.lock().hands == 0 { pool.take(&job) } else { None };
        match unwanted {
            Some(work) => {
                work.cancel(self);
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Makes one more LWP for the pool, if there is work for it and room.
    fn hire(&self) -> Result<()> {
        {
            let mut queue = self.record.need_extras().aio.0.lock();
            if queue.waiting.is_empty() || queue.hands >= HANDS {
                return Ok(());
            }
            queue.hands += 1;
        }
        let hand = Hand(Arc::clone(&self.record));
        self.make_lwp(move |process| process.lend(hand)).map(LwpHandle::detach)
    }

    /// What an LWP of the pool runs: one piece of work after another, until none waits.
    fn lend(&self, hand: Hand) {
        // The last to go: it counts who is left.
        let _relief = Relief(self);
        let _hand = hand;
        let pool = &self.record.need_extras().aio;
        loop {
            let Some(Work { job, run }) = pool.0.lock().waiting.pop_front() else { return };
            if job.begin(self.lwp) {
                let unfinished = Unfinished(job);
                run(self);
                drop(unfinished);
            }
            // A cancellation that came too late for this work is not meant for the next.
            let asked = self.record.state.lock().request(self.lwp);
            if matches!(asked, Some(Request::Die | Request::Leave)) {
                return;
            }
        }
    }
}
