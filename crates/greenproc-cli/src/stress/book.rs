//! A second account, kept from what the runtime tells of its processes: each is made, ends and is reaped, once and in
//! this order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crossbeam_channel::Receiver;
use greenproc::{Event, EventFilter, EventKind, EventStream, Pid, Runtime, Stats};

/// How many faults are told in words.
const ENOUGH: usize = 10;

/// How many events may be waiting before the workers make no more processes. A stream has room for several times as many:
/// what those that are there still bring.
const MUCH: usize = 8_192;

/// How many events are read at a time, so that the watcher comes to the rest of its work.
const PAGE: usize = 4_096;

/// How far a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Lives,
    IsDead,
}

/// The second account.
pub(super) struct Book {
    events: EventStream,
    entries: Entries,
}

#[derive(Default)]
struct Entries {
    stages: HashMap<Pid, Stage>,
    made: u64,
    reaped: u64,
    faults: u64,
    words: Vec<String>,
}

impl Book {
    /// One that is kept from now on. Only init is there.
    pub(super) fn open(runtime: &Runtime) -> Book {
        let events = runtime.events(EventFilter::SPAWNED | EventFilter::EXITED | EventFilter::REAPED);
        Book { events, entries: Entries::default() }
    }

    /// Where the events come from: ready when there is something to read.
    pub(super) fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// For the workers, which must not be faster than the account.
    pub(super) fn unread(&self) -> Unread {
        Unread(self.events.clone())
    }

    /// Enters this event, and some of those that came after it.
    pub(super) fn read(&mut self, first: &Event) {
        self.entries.enter(first);
        for event in self.events.try_iter().take(PAGE) {
            self.entries.enter(&event);
        }
    }

    /// Closes the book when all workers have ended. `at_boot` and `at_end` are what the runtime has counted.
    pub(super) fn close(mut self, at_boot: &Stats, at_end: &Stats) -> Closed {
        while let Ok(event) = self.events.try_recv() {
            self.entries.enter(&event);
        }
        let missed = self.events.dropped();
        let Entries { stages, made, reaped, faults, mut words } = self.entries;
        if missed > 0 {
            let words = vec![format!("but the second account missed {missed} events, so it says nothing")];
            return Closed { entries: made, missed, faults: 0, words };
        }
        let mut faults = faults + stages.len() as u64;
        words.extend(stages.iter().take(ENOUGH).map(|(pid, stage)| match stage {
            Stage::Lives => format!("process {pid} was made and never ended, as the runtime tells it"),
            Stage::IsDead => format!("process {pid} ended and was never reaped, as the runtime tells it"),
        }));
        let counted = (at_end.spawned - at_boot.spawned, at_end.reaped - at_boot.reaped);
        if counted != (made, reaped) {
            faults += 1;
            words.push(format!(
                "the runtime told of {made} processes made and {reaped} reaped, and counted {} and {}",
                counted.0, counted.1
            ));
        }
        Closed { entries: made, missed, faults, words }
    }
}

/// What the second account has not read yet.
#[derive(Clone, Debug)]
pub(super) struct Unread(Receiver<Event>);

impl Unread {
    /// Whether to wait until it has.
    pub(super) fn is_much(&self) -> bool {
        self.0.len() >= MUCH
    }
}

/// What the second account says at the end.
#[derive(Debug)]
pub(super) struct Closed {
    /// How many processes it has followed.
    pub(super) entries: u64,
    /// How many events came too fast for it.
    pub(super) missed: u64,
    pub(super) faults: u64,
    /// Some of the faults.
    pub(super) words: Vec<String>,
}

impl Entries {
    fn enter(&mut self, event: &Event) {
        let pid = event.pid;
        let entry = self.stages.entry(pid);
        match (&event.kind, entry) {
            (EventKind::Spawned { .. }, Entry::Vacant(place)) => {
                place.insert(Stage::Lives);
                self.made += 1;
            }
            (EventKind::Exited { .. }, Entry::Occupied(mut place)) if *place.get() == Stage::Lives => {
                place.insert(Stage::IsDead);
            }
            (EventKind::Reaped, Entry::Occupied(place)) if *place.get() == Stage::IsDead => {
                place.remove();
                self.reaped += 1;
            }
            (kind, entry) => {
                let before = match entry {
                    Entry::Vacant(_) => "it is not there".to_owned(),
                    Entry::Occupied(place) => format!("{:?}", place.get()),
                };
                self.faults += 1;
                if self.words.len() < ENOUGH {
                    self.words.push(format!("process {pid} ({}): {kind:?}, but {before}", event.name));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenproc::ExitStatus;
    use greenproc_sync::time;

    fn enter(entries: &mut Entries, number: i32, kind: EventKind) {
        let pid = Pid::new(number).unwrap();
        entries.enter(&Event { time: time::now(), pid, name: "one".into(), kind });
    }

    fn spawned() -> EventKind {
        EventKind::Spawned { parent: Pid::INIT }
    }

    fn exited() -> EventKind {
        EventKind::Exited { status: ExitStatus::exited(0) }
    }

    #[test]
    fn a_life_in_its_order_is_no_fault() {
        let mut entries = Entries::default();
        for _ in 0..2 {
            enter(&mut entries, 5, spawned());
            enter(&mut entries, 5, exited());
            enter(&mut entries, 5, EventKind::Reaped);
        }
        assert_eq!((entries.made, entries.reaped, entries.faults, entries.stages.len()), (2, 2, 0, 0));
    }

    #[test]
    fn everything_else_is() {
        let orders: [&[EventKind]; 5] = [
            &[spawned(), spawned()],
            &[exited()],
            &[EventKind::Reaped],
            &[spawned(), EventKind::Reaped],
            &[spawned(), exited(), exited()],
        ];
        for order in orders {
            let mut entries = Entries::default();
            for kind in order {
                enter(&mut entries, 5, kind.clone());
            }
            assert_eq!(entries.faults, 1, "{order:?}");
            assert_eq!(entries.words.len(), 1, "{order:?}");
        }
    }

    #[test]
    fn a_runtime_is_followed_to_its_last_process() {
        let runtime = Runtime::boot().unwrap();
        let before = runtime.stats();
        let mut book = Book::open(&runtime);
        for _ in 0..3 {
            runtime.run(greenproc::Command::new("short", |_| {})).unwrap();
        }
        let first = book.events().recv().unwrap();
        book.read(&first);
        assert!(!book.unread().is_much());
        let closed = book.close(&before, &runtime.stats());
        assert_eq!((closed.entries, closed.missed, closed.faults, closed.words), (3, 0, 0, vec![]));
    }
}
