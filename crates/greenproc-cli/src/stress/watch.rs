//! Watching the workers: the time, the bars, the samples, the second account, and whether anything moves at all.

use std::time::Duration;

use crossbeam_channel::{Receiver, never, select};
use greenproc::Runtime;
use greenproc_sync::time;

use super::bars::Bars;
use super::book::Book;
use super::plan::Plan;
use super::samples::{Sample, Samples};
use super::worker::Result;

/// How often the watcher looks.
const LOOK: Duration = Duration::from_millis(100);

/// No operation done and no worker ended in so many looks, half a minute: something is stuck. Looks are counted and not
/// the time, since on a host that has no time for this process nobody looks either.
const STUCK_AFTER: u32 = 300;

/// What was said to the watcher: which stressor's worker ended, and what it hands over.
pub(super) type Ending = (usize, Result);

/// What the watcher saw.
#[derive(Debug)]
pub(super) struct Watched {
    /// What the workers of each stressor handed over, in their order.
    pub(super) results: Vec<Result>,
    /// Workers that did not end.
    pub(super) stuck: u64,
    /// From the first worker's start to the last one's end.
    pub(super) elapsed: Duration,
    pub(super) samples: Vec<Sample>,
}

/// Collects what the workers hand over, telling them to stop when the time is over. `look` is called now and then.
pub(super) fn watch(
    plan: &Plan,
    runtime: &Runtime,
    endings: &Receiver<Ending>,
    book: &mut Option<Book>,
    mut look: impl FnMut(),
) -> Watched {
    let start = time::now();
    let bars = Bars::new(plan);
    let mut samples = Samples::new();
    let mut results: Vec<Result> = plan.squads.iter().map(|_| Result::default()).collect();
    let mut working = plan.workers() as u64;
    let mut progress = Progress::default();
    let mut next_look = start;
    let nothing = never();
    while working > 0 {
        let now = time::now();
        let elapsed = now.saturating_duration_since(start);
        if plan.time.is_some_and(|time| elapsed >= time) {
            plan.squads.iter().for_each(|squad| squad.gauge.stop());
        }
        if now >= next_look {
            next_look = now + LOOK;
            look();
            bars.show(plan, start);
            samples.look(plan, elapsed, || runtime.stats());
            let ops = plan.squads.iter().map(|squad| squad.gauge.ops()).sum();
            if progress.looks_without(ops) >= STUCK_AFTER {
                break;
            }
        }
        let left = plan.time.and_then(|time| time.checked_sub(elapsed)).filter(|left| !left.is_zero());
        select! {
            recv(endings) -> ending => match ending {
                Ok((squad, result)) => {
                    results[squad].account += result.account;
                    results[squad].latencies += &result.latencies;
                    working -= 1;
                    progress.looks = 0;
                }
                // A worker ended without a word: its exit status says why.
                Err(_) => working = 0,
            },
            recv(book.as_ref().map_or(&nothing, Book::events)) -> event => {
                if let (Ok(event), Some(book)) = (event, &mut *book) {
                    book.read(&event);
                }
            }
            default(left.map_or(LOOK, |left| left.min(LOOK))) => {}
        }
    }
    let elapsed = time::now().saturating_duration_since(start);
    bars.clear();
    Watched { results, stuck: working, elapsed, samples: samples.into_kept() }
}

/// Whether anything moves.
#[derive(Default)]
struct Progress {
    ops: u64,
    /// How many looks ago.
    looks: u32,
}

impl Progress {
    /// In how many looks, this one included, nothing was done.
    fn looks_without(&mut self, ops: u64) -> u32 {
        self.looks = if ops == self.ops { self.looks + 1 } else { 0 };
        self.ops = ops;
        self.looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_nothing_for_many_looks_is_stuck() {
        let mut progress = Progress::default();
        let looks = [5, 5, 5, 6, 6].map(|ops| progress.looks_without(ops));
        assert_eq!(looks, [0, 1, 2, 0, 1]);
    }
}
