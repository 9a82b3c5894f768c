//! What was recorded, in the Chrome trace event format.
//!
//! `tracks` makes slices of the facts, one process after another being in one state at a time; `arrows` joins what belongs
//! together and lies apart; `event` is one event of the format, and how it is written. The events are put in the order of
//! their times, and of two with the same time (which are of one record) in that in which they were made.

mod arrows;
mod event;
#[cfg(test)]
mod tests;
mod tracks;

use std::io;

use crate::ktrace::Record;
use event::Event;
use tracks::Timeline;

/// Writes the trace. So many records have gone before the first of these.
pub(super) fn write(records: &[Record], dropped: u64, mut out: impl io::Write) -> io::Result<()> {
    let events = Timeline::of(records);
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"dropped\":{dropped}}},\"traceEvents\":[")?;
    let mut line = String::new();
    for (place, event) in events.iter().enumerate() {
        line.clear();
        line.push_str(if place == 0 { "\n" } else { ",\n" });
        event.write(&mut line);
        out.write_all(line.as_bytes())?;
    }
    out.write_all(b"\n]}\n")?;
    out.flush()
}

/// In the order of their times, what has none first.
fn sorted(mut events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    events.sort_by_key(Event::time);
    events
}
