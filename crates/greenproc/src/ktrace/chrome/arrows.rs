//! Arrows: from a spawn to the first step, from the posting of a signal to its effect, from an end to its reaping.
//!
//! An arrow is only drawn when both its ends are known, so each that leaves arrives.

use std::collections::BTreeMap;

use super::event::{Event, Point};
use crate::ktrace::Fate;
use crate::signal::Signal;

/// The arrows that were drawn.
#[derive(Debug, Default)]
pub(super) struct Arrows {
    count: u64,
}

impl Arrows {
    /// The two events of one more arrow.
    pub(super) fn draw<'a>(&mut self, category: &'static str, from: Point, to: Point) -> [Event<'a>; 2] {
        self.count += 1;
        [Event::leave(from, category, self.count), Event::arrive(to, category, self.count)]
    }
}

/// Signals on their way to one process.
#[derive(Debug, Default)]
pub(super) struct Underway(BTreeMap<Signal, Vec<(Fate, Point)>>);

impl Underway {
    pub(super) fn post(&mut self, signal: Signal, fate: Fate, tail: Point) {
        match fate {
            // Nothing comes of it, or nothing of its own.
            Fate::Ignored | Fate::Merged => {}
            Fate::Pending | Fate::Ends | Fate::Polite | Fate::Stops | Fate::Continues => {
                self.0.entry(signal).or_default().push((fate, tail));
            }
        }
    }

    /// The posting that has this effect now. Of SIGCHLD and of real-time signals each is delivered, in order; of another
    /// signal one is pending at a time, and what was posted before it came to nothing.
    pub(super) fn arrive(&mut self, signal: Signal, causes: &[Fate]) -> Option<Point> {
        let posted = self.0.get_mut(&signal)?;
        let mut fitting = posted.iter().enumerate().filter(|(_, (fate, _))| causes.contains(fate));
        let each_is_delivered = signal == Signal::CHLD || signal.is_real_time();
        let (place, _) = if each_is_delivered { fitting.next() } else { fitting.next_back() }?;
        let (_, tail) = posted.remove(place);
        if !each_is_delivered {
            posted.clear();
        }
        Some(tail)
    }
}
