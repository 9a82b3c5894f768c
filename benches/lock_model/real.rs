//! The real lock under threads that do nothing but want it: what the simulator has to reproduce.
#![allow(clippy::disallowed_methods, reason = "plain threads, beside any runtime")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use greenproc_sync::{Mutex, lock_order};

use crate::quantile::{median, quantile};

lock_order! {
    /// As the tree's lock.
    Wanted = "wanted",
}

/// How many cache lines each holder changes.
const LINES: usize = 4;

/// What the lock guards, in lines of their own.
#[derive(Default)]
#[repr(align(64))]
struct Line(u64);

/// Work that takes a known time and touches no memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    turns_per_ns: f64,
}

impl Work {
    /// Measures how long it takes.
    pub(crate) fn calibrate() -> Work {
        const TURNS: u64 = 300_000;
        let rates: Vec<f64> = (0..51)
            .map(|_| {
                let begin = Instant::now();
                turn(TURNS);
                TURNS as f64 / begin.elapsed().as_nanos() as f64
            })
            .collect();
        // As with the lock: what is slower was disturbed.
        Work { turns_per_ns: quantile(&rates, 0.9) }
    }

    fn turns(self, ns: f64) -> u64 {
        (ns * self.turns_per_ns) as u64
    }
}

fn turn(turns: u64) {
    let mut value = turns;
    for _ in 0..turns {
        value = std::hint::black_box(value.wrapping_mul(0x9E37_79B9).rotate_left(7));
    }
    std::hint::black_box(value);
}

/// How many rounds a nanosecond so many threads go: outside for between half and one and a half of that time, then
/// inside.
pub(crate) fn rounds_per_ns(work: Work, threads: usize, outside_ns: f64, inside_ns: f64) -> f64 {
    const LASTS: Duration = Duration::from_millis(30);
    let lock: Mutex<Wanted, [Line; LINES]> = Mutex::new(Default::default());
    let (stop, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let (outside, inside) = (work.turns(outside_ns), work.turns(inside_ns));
    let begin = Instant::now();
    thread::scope(|scope| {
        for seed in 0..threads {
            let (lock, stop, rounds) = (&lock, &stop, &rounds);
            scope.spawn(move || {
                let (mut mine, mut chance) = (0_u64, seed as u64 + 1);
                while !stop.load(Ordering::Relaxed) {
                    chance = chance
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    turn(outside / 2 + (chance >> 33) % (outside + 1));
                    let mut lines = lock.lock();
                    for line in lines.iter_mut() {
                        line.0 += 1;
                    }
                    turn(inside);
                    drop(lines);
                    mine += 1;
                }
                rounds.fetch_add(mine, Ordering::Relaxed);
            });
        }
        thread::sleep(LASTS);
        stop.store(true, Ordering::Relaxed);
    });
    rounds.into_inner() as f64 / begin.elapsed().as_nanos() as f64
}

/// How long `parking_lot` looks before it sleeps: 2, 4 and 8 pauses, then seven yields.
pub(crate) fn spin_ns() -> f64 {
    let times: Vec<f64> = (0..101)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..2 + 4 + 8 {
                std::hint::spin_loop();
            }
            for _ in 0..7 {
                thread::yield_now();
            }
            begin.elapsed().as_nanos() as f64
        })
        .collect();
    median(&times)
}
