//! One wake-up of another thread through a futex: how long until it runs.
#![allow(clippy::disallowed_methods, reason = "the sleeper is a plain thread, beside any runtime")]

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

use crate::futex_word::FutexWord;

const REST: u32 = 0;
const WAKE: u32 = 1;
const OVER: u32 = 2;

/// A thread that says when it woke up.
pub(crate) struct Wakeup {
    word: Arc<FutexWord>,
    woken: Receiver<Instant>,
    sleeper: Option<JoinHandle<()>>,
}

impl Wakeup {
    pub(crate) fn start() -> Wakeup {
        let word = Arc::new(FutexWord::new(REST));
        let (tell, woken) = unbounded();
        let theirs = Arc::clone(&word);
        let sleeper = thread::spawn(move || {
            loop {
                let state = theirs.wait_while(REST);
                let now = Instant::now();
                if state == OVER {
                    return;
                }
                // Nobody sets it before this was told.
                theirs.set(REST);
                if tell.send(now).is_err() {
                    return;
                }
            }
        });
        Wakeup { word, woken, sleeper: Some(sleeper) }
    }

    /// From before the wake-up to the first thing that the woken thread does; and how long the call takes its caller.
    pub(crate) fn measure(&self) -> (Duration, Duration) {
        // It has told of the last time, and sleeps again after a moment.
        thread::sleep(Duration::from_micros(200));
        let begin = Instant::now();
        self.word.set(WAKE);
        let call = begin.elapsed();
        (self.woken.recv().map_or(Duration::ZERO, |end| end.saturating_duration_since(begin)), call)
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        self.word.set(OVER);
        if let Some(sleeper) = self.sleeper.take() {
            // It cannot panic, and a drop could not report it.
            let _ = sleeper.join();
        }
    }
}
