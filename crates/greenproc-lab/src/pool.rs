//! Native threads that are made once and run one task after another, all on one CPU.

use std::sync::Arc;

use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_os::thread::{NativeThread, pin_to_one_cpu};
use greenproc_sync::held_locks;
use parking_lot::{Condvar, Mutex};

use crate::baton::Baton;

/// What a thread of the pool runs; its baton is handed to it by whom started it.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// How large their stacks are, in bytes. Memory that is not touched costs nothing.
const STACK: usize = 1 << 20;

/// The threads.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Arc<Hand>>>,
}

/// One thread.
struct Hand {
    job: Mutex<Option<Job>>,
    called: Condvar,
}

impl Pool {
    /// Has an idle thread run the job, or a new one.
    ///
    /// # Panics
    /// If the host has no thread left.
    pub(crate) fn run(self: &Arc<Pool>, job: Job) {
        let hand = self.idle.lock().pop().unwrap_or_else(|| self.hire());
        *hand.job.lock() = Some(job);
        hand.called.notify_one();
    }

    fn hire(self: &Arc<Pool>) -> Arc<Hand> {
        let hand = Arc::new(Hand { job: Mutex::new(None), called: Condvar::new() });
        let (own, pool) = (Arc::clone(&hand), Arc::downgrade(self));
        let kick = Kick::install(Kick::default_signal()).expect("nobody else uses the kick signal");
        let entry = Box::new(move || {
            // Without it everything works, only slower.
            let _pinned = pin_to_one_cpu();
            loop {
                let job = {
                    let mut job = own.job.lock();
                    loop {
                        match job.take() {
                            Some(job) => break job,
                            None => own.called.wait(&mut job),
                        }
                    }
                };
                job();
                if held_locks() > 0 {
                    // The scenario has left one behind, and the checks of a debug build would hold it against the next job.
                    return;
                }
                match pool.upgrade() {
                    Some(pool) => pool.idle.lock().push(Arc::clone(&own)),
                    None => return,
                }
            }
        });
        let stack = Stack::map(STACK).expect("memory for a stack");
        let thread = NativeThread::spawn(stack, &kick, entry).expect("the host gives a thread");
        // The pool is there as long as the OS process: nobody joins its threads.
        std::mem::forget(thread);
        hand
    }
}

/// The calling thread's baton.
pub(crate) fn own_baton() -> Arc<Baton> {
    thread_local! {
        static OWN: Arc<Baton> = Arc::new(Baton::own());
    }
    OWN.with(Arc::clone)
}
