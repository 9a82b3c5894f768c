//! Tracks: what each process was doing, and the calls of its LWPs, as slices that nest.
//!
//! A process is in one state at a time, from its first record to its reaping, or to the last record of all. A call that did
//! not come back is closed when a call outside it does, when the body is replaced, when the exit begins, or at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::arrows::{Arrows, Underway};
use super::event::{Event, Point, Title, Track};
use super::sorted;
use crate::call::{Call, CallResult};
use crate::ktrace::{Fact, Fate, Record};
use crate::pid::{LwpId, Pid};
use crate::signal::Signal;

/// What is made of the records, as far as they were looked at.
#[derive(Default)]
pub(super) struct Timeline<'a> {
    events: Vec<Event<'a>>,
    arrows: Arrows,
    /// Those that are there.
    processes: BTreeMap<Pid, Process>,
    /// What each was called last.
    names: BTreeMap<Pid, &'a Arc<str>>,
    /// The LWPs that have made calls.
    callers: BTreeMap<(Pid, LwpId), Track>,
}

/// What a process does, as the track shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for a native thread.
    Ready,
    Run,
    /// All its LWPs sleep.
    Wait,
    Stopped,
    Exit,
    Zombie,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Run => "run",
            State::Wait => "wait",
            State::Stopped => "stopped",
            State::Exit => "exit",
            State::Zombie => "zombie",
        }
    }
}

/// A process between its first record and its reaping.
struct Process {
    /// The slice that is open.
    shown: State,
    ready: bool,
    stopped: bool,
    exiting: bool,
    /// The LWPs that are known, and what they do.
    lwps: BTreeMap<LwpId, Lwp>,
    underway: Underway,
    spawned: Option<Point>,
    /// Its end, and who may reap it.
    exited: Option<(Point, Option<Pid>)>,
}

#[derive(Default)]
struct Lwp {
    asleep: bool,
    /// Calls that have not come back, the innermost last.
    calls: Vec<Call>,
}

impl Process {
    fn new(shown: State) -> Process {
        Process {
            shown,
            ready: shown == State::Ready,
            stopped: false,
            exiting: false,
            lwps: BTreeMap::new(),
            underway: Underway::default(),
            spawned: None,
            exited: None,
        }
    }

    fn state(&self) -> State {
        if self.exited.is_some() {
            State::Zombie
        } else if self.exiting {
            State::Exit
        } else if self.stopped {
            State::Stopped
        } else if self.ready {
            State::Ready
        } else if !self.lwps.is_empty() && self.lwps.values().all(|lwp| lwp.asleep) {
            State::Wait
        } else {
            State::Run
        }
    }

    fn lwp(&mut self, lwp: Option<LwpId>) -> &mut Lwp {
        self.lwps.entry(lwp.unwrap_or(LwpId::MAIN)).or_default()
    }
}

impl<'a> Timeline<'a> {
    /// The events of these records, in order.
    pub(super) fn of(records: &'a [Record]) -> Vec<Event<'a>> {
        let mut timeline = Timeline::default();
        for record in records {
            timeline.add(record);
        }
        if let Some(last) = records.last() {
            let left: Vec<Pid> = timeline.processes.keys().copied().collect();
            for pid in left {
                timeline.close(pid, last.time);
            }
        }
        let Timeline { mut events, names, callers, .. } = timeline;
        for (pid, name) in names {
            events.push(Event::process_name(pid, name));
            events.push(Event::track_name(Track::of_process(pid), Title::Is("state")));
        }
        for ((_, lwp), track) in callers {
            events.push(Event::track_name(track, Title::Lwp(lwp)));
        }
        sorted(events)
    }

    fn add(&mut self, record: &'a Record) {
        let Record { time, pid, ref name, lwp, ref fact } = *record;
        self.names.insert(pid, name);
        let is_new = matches!(fact, Fact::Spawned { .. });
        if is_new && self.processes.contains_key(&pid) {
            // What became of the former process with this pid was not recorded.
            self.close(pid, time);
        }
        if !self.processes.contains_key(&pid) {
            self.open(pid, time, if is_new { State::Ready } else { State::Run });
        }
        match fact {
            Fact::Called { .. } | Fact::Returned { .. } => self.add_call(record),
            Fact::Posted { .. } | Fact::Handled { .. } | Fact::Taken { .. } => self.add_signal(record),
            Fact::Sleeps | Fact::Wakes => {
                self.with(pid).lwp(lwp).asleep = *fact == Fact::Sleeps;
                self.refresh(pid, time);
            }
            _ => self.add_step(record),
        }
    }

    fn add_call(&mut self, record: &'a Record) {
        let Record { time, pid, lwp, ref fact, .. } = *record;
        let lwp = lwp.unwrap_or(LwpId::MAIN);
        match fact {
            Fact::Called { call, args } => {
                self.with(pid).lwp(Some(lwp)).calls.push(*call);
                let track = *self.callers.entry((pid, lwp)).or_insert_with(|| Track::of_lwp(pid, lwp));
                let begin = Event::begin(Point { track, time }, "call", call.name());
                self.events.push(if args.is_empty() { begin } else { begin.with("args", args) });
            }
            Fact::Returned { call, result } => self.come_back(pid, lwp, *call, time, result),
            _ => {}
        }
    }

    fn add_signal(&mut self, record: &'a Record) {
        let Record { time, pid, ref fact, .. } = *record;
        let here = Point { track: Track::of_process(pid), time };
        match fact {
            Fact::Posted { signal, from, fate } => {
                let sender = from.filter(|sender| self.processes.contains_key(sender)).unwrap_or(pid);
                let tail = Point { track: Track::of_process(sender), time };
                self.with(pid).underway.post(*signal, *fate, tail);
                let mut posted = Event::instant(here, "signal", Title::Signal(*signal, "posted"));
                if let Some(from) = from {
                    posted = posted.with("from", from);
                }
                self.events.push(posted.with("fate", fate));
            }
            Fact::Handled { signal } => {
                self.events.push(Event::instant(here, "signal", Title::Signal(*signal, "handled")));
                self.strike(*signal, &[Fate::Pending, Fate::Polite], here);
            }
            Fact::Taken { signal } => {
                self.events.push(Event::instant(here, "signal", Title::Signal(*signal, "taken")));
                self.strike(*signal, &[Fate::Pending], here);
            }
            _ => {}
        }
    }

    fn add_step(&mut self, record: &'a Record) {
        let Record { time, pid, lwp, ref fact, .. } = *record;
        let here = Point { track: Track::of_process(pid), time };
        match fact {
            Fact::Spawned { parent } => {
                let parent = parent.filter(|parent| self.processes.contains_key(parent));
                let tail = parent.map(|parent| Point { track: Track::of_process(parent), time });
                self.with(pid).spawned = tail;
            }
            Fact::Began => {
                self.end_calls(pid, lwp.unwrap_or(LwpId::MAIN), time);
                let process = self.with(pid);
                process.ready = false;
                *process.lwp(lwp) = Lwp::default();
                let tail = process.spawned.take();
                self.refresh(pid, time);
                self.draw("spawn", tail, here);
            }
            Fact::Left => {
                self.end_calls(pid, lwp.unwrap_or(LwpId::MAIN), time);
                self.with(pid).lwps.remove(&lwp.unwrap_or(LwpId::MAIN));
                self.refresh(pid, time);
            }
            Fact::Executed { former } => {
                self.end_all_calls(pid, time);
                self.with(pid).lwps.retain(|&id, _| id == LwpId::MAIN);
                self.refresh(pid, time);
                self.events.push(Event::instant(here, "life", Title::Is("exec")).with("former", former));
            }
            Fact::Stopped { signal } => {
                self.with(pid).stopped = true;
                self.refresh(pid, time);
                self.strike(*signal, &[Fate::Stops, Fate::Pending], here);
            }
            Fact::Continued => {
                self.with(pid).stopped = false;
                self.refresh(pid, time);
                self.strike(Signal::CONT, &[Fate::Continues, Fate::Pending], here);
            }
            Fact::Exiting { status } => {
                self.with(pid).exiting = true;
                self.end_all_calls(pid, time);
                self.refresh(pid, time);
                if let Some(signal) = status.signal() {
                    self.strike(signal, &[Fate::Ends, Fate::Pending], here);
                }
            }
            Fact::Exited { status, parent } => {
                self.with(pid).exited = Some((here, *parent));
                self.end_all_calls(pid, time);
                self.refresh(pid, time);
                self.events.push(Event::instant(here, "life", Title::Is("exited")).with("status", status));
            }
            Fact::Adopted { by } => {
                if let Some((_, parent)) = &mut self.with(pid).exited {
                    *parent = Some(*by);
                }
                self.events.push(Event::instant(here, "life", Title::Is("adopted")).with("by", by));
            }
            Fact::Reaped => {
                let exited = self.with(pid).exited;
                self.close(pid, time);
                if let Some((tail, Some(parent))) = exited
                    && self.processes.contains_key(&parent)
                {
                    self.draw("reap", Some(tail), Point { track: Track::of_process(parent), time });
                }
            }
            _ => {}
        }
    }

    fn with(&mut self, pid: Pid) -> &mut Process {
        self.processes.get_mut(&pid).expect("it was opened, and is closed at its reaping")
    }

    fn open(&mut self, pid: Pid, time: Duration, state: State) {
        self.processes.insert(pid, Process::new(state));
        let here = Point { track: Track::of_process(pid), time };
        self.events.push(Event::begin(here, "state", state.name()));
    }

    /// The process is not there any more, or there are no further records.
    fn close(&mut self, pid: Pid, time: Duration) {
        self.end_all_calls(pid, time);
        if let Some(process) = self.processes.remove(&pid) {
            let here = Point { track: Track::of_process(pid), time };
            self.events.push(Event::end(here, "state", process.shown.name()));
        }
    }

    /// Shows the state that the process has now.
    fn refresh(&mut self, pid: Pid, time: Duration) {
        let process = self.with(pid);
        let (former, state) = (process.shown, process.state());
        if former != state {
            process.shown = state;
            let here = Point { track: Track::of_process(pid), time };
            self.events.push(Event::end(here, "state", former.name()));
            self.events.push(Event::begin(here, "state", state.name()));
        }
    }

    fn draw(&mut self, category: &'static str, tail: Option<Point>, head: Point) {
        if let Some(tail) = tail {
            let arrow = self.arrows.draw(category, tail, head);
            self.events.extend(arrow);
        }
    }

    /// A signal has its effect here, if it was posted with one of these fates.
    fn strike(&mut self, signal: Signal, causes: &[Fate], here: Point) {
        let tail = self.with(here.track.pid()).underway.arrive(signal, causes);
        self.draw("signal", tail, here);
    }

    /// A call came back, and with it those inside it that did not.
    fn come_back(&mut self, pid: Pid, lwp: LwpId, call: Call, time: Duration, result: &'a CallResult) {
        let calls = &mut self.with(pid).lwp(Some(lwp)).calls;
        // One that began before the first record is not shown.
        let Some(place) = calls.iter().rposition(|&open| open == call) else { return };
        let ended = calls.split_off(place);
        let here = Point { track: Track::of_lwp(pid, lwp), time };
        let inner = ended[1..].iter().rev().map(|inner| Event::end(here, "call", inner.name()));
        self.events.extend(inner);
        self.events.push(Event::end(here, "call", call.name()).with("result", result));
    }

    fn end_calls(&mut self, pid: Pid, lwp: LwpId, time: Duration) {
        let here = Point { track: Track::of_lwp(pid, lwp), time };
        let calls = std::mem::take(&mut self.with(pid).lwp(Some(lwp)).calls);
        self.events.extend(calls.iter().rev().map(|call| Event::end(here, "call", call.name())));
    }

    fn end_all_calls(&mut self, pid: Pid, time: Duration) {
        let lwps: Vec<LwpId> = self.with(pid).lwps.keys().copied().collect();
        for lwp in lwps {
            self.end_calls(pid, lwp, time);
        }
    }
}
