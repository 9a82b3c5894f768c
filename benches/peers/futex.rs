//! Two threads that hand over to each other through one futex: the floor for anything that sleeps until its peer is
//! done, and what a life would cost if each needed a wake-up there and one back.
#![allow(clippy::disallowed_methods, reason = "the partner is a plain thread, beside any runtime")]

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::contender::{Contender, Failure, Pattern};
use crate::futex_word::FutexWord;
use crate::stopwatch::Stopwatch;

const OURS: u32 = 0;
const PARTNERS: u32 = 1;
const OVER: u32 = 2;

/// A thread that gives every ball back.
pub(crate) struct FutexPingPong {
    turn: Arc<FutexWord>,
    partner: Option<JoinHandle<()>>,
}

impl FutexPingPong {
    pub(crate) fn start() -> FutexPingPong {
        let turn = Arc::new(FutexWord::new(OURS));
        let theirs = Arc::clone(&turn);
        let partner = thread::spawn(move || {
            while theirs.wait_while(OURS) != OVER {
                theirs.set(OURS);
            }
        });
        FutexPingPong { turn, partner: Some(partner) }
    }
}

impl Contender for FutexPingPong {
    /// There is no batch of a hand-over: both patterns measure the same.
    fn live(&mut self, _: Pattern, lives: u32) -> Result<Duration, Failure> {
        let stopwatch = Stopwatch::start();
        for _ in 0..lives {
            self.turn.set(PARTNERS);
            self.turn.wait_while(PARTNERS);
        }
        Ok(stopwatch.elapsed())
    }
}

impl Drop for FutexPingPong {
    fn drop(&mut self) {
        self.turn.set(OVER);
        if let Some(partner) = self.partner.take() {
            // Its loop cannot panic, and a drop could not report it.
            let _ = partner.join();
        }
    }
}
