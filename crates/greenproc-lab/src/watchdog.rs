//! Whether the thread that has the turn waits for something outside of the schedule, or the host has no time for it.

use std::fs;
use std::time::{Duration, Instant};

use greenproc_sync::time;

/// A thread that comes to no point for so long waits for something outside, or runs in a circle there.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is asked.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// Linux counts CPU time so often in a second, on every machine, for who reads it in `/proc`.
const TICKS: u64 = 100;

/// Sees turns go by.
#[derive(Default)]
pub(crate) struct Watchdog {
    seen: Option<Seen>,
}

/// The turn that was seen last.
struct Seen {
    turn: u32,
    since: Instant,
    /// The CPU time of the OS process by then.
    used: Duration,
}

impl Watchdog {
    /// Whether it is stuck in this turn. To be asked now and then.
    pub(crate) fn is_stuck(&mut self, turn: u32) -> bool {
        match &self.seen {
            Some(seen) if seen.turn == turn => {
                // Who could run and does not is held up by the host alone.
                seen.since.elapsed() >= PATIENCE
                    && (!anybody_runnable() || cpu_time().saturating_sub(seen.used) >= PATIENCE)
            }
            _ => {
                self.seen = Some(Seen { turn, since: time::now(), used: cpu_time() });
                false
            }
        }
    }
}

/// Whether a thread of this OS process runs or could run, but for the calling one.
fn anybody_runnable() -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    let states = threads.filter_map(|thread| {
        let stat = fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        // The name before it may hold anything.
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    });
    states.filter(|state| *state == 'R').count() > 1
}

/// What all threads of this OS process have used.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // The 14th and the 15th of all, of which two are before the parenthesis.
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}
