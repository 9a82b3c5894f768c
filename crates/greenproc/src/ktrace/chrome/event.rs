//! One event of the format.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use crate::json::write_string;
use crate::pid::{LwpId, Pid};
use crate::signal::Signal;

/// A line of the timeline: what a process does, or the calls of one of its LWPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Track {
    pid: Pid,
    /// The number that the format calls a thread's.
    tid: i64,
}

impl Track {
    /// What the process is doing. It has the process's own number, as the main thread of a process has on Linux, so that it
    /// is shown first.
    pub(super) fn of_process(pid: Pid) -> Track {
        Track { pid, tid: pid.as_raw().into() }
    }

    /// The calls of an LWP. They are numbered as the LWPs are, but that the process's own number is passed over.
    pub(super) fn of_lwp(pid: Pid, lwp: LwpId) -> Track {
        let (pid_number, number) = (i64::from(pid.as_raw()), i64::from(lwp.as_raw()));
        Track { pid, tid: if number < pid_number { number } else { number + 1 } }
    }

    pub(super) fn pid(self) -> Pid {
        self.pid
    }
}

/// A moment on a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) track: Track,
    pub(super) time: Duration,
}

/// One event. There are more of them than records, so they own nothing.
pub(super) struct Event<'a> {
    track: Track,
    what: What,
    /// Names and values that the viewer shows.
    args: [Option<(&'static str, &'a dyn Display)>; 2],
}

enum What {
    ProcessName,
    TrackName(Title),
    Timed { phase: Phase, time: Duration, title: Title, category: &'static str },
}

/// What an event or a track is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Title {
    Is(&'static str),
    Lwp(LwpId),
    Signal(Signal, &'static str),
}

impl Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Title::Is(name) => f.write_str(name),
            Title::Lwp(lwp) => write!(f, "LWP {lwp}"),
            Title::Signal(signal, what) => write!(f, "{signal} {what}"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Begin,
    End,
    Instant,
    /// An arrow leaves here.
    Leave(u64),
    /// It arrives here.
    Arrive(u64),
}

impl<'a> Event<'a> {
    pub(super) fn process_name(pid: Pid, name: &'a dyn Display) -> Event<'a> {
        Event::new(Track::of_process(pid), What::ProcessName).with("name", name)
    }

    pub(super) fn track_name(track: Track, title: Title) -> Event<'a> {
        Event::new(track, What::TrackName(title))
    }

    pub(super) fn begin(at: Point, category: &'static str, name: &'static str) -> Event<'a> {
        Event::timed(at, Phase::Begin, category, Title::Is(name))
    }

    pub(super) fn end(at: Point, category: &'static str, name: &'static str) -> Event<'a> {
        Event::timed(at, Phase::End, category, Title::Is(name))
    }

    pub(super) fn instant(at: Point, category: &'static str, title: Title) -> Event<'a> {
        Event::timed(at, Phase::Instant, category, title)
    }

    pub(super) fn leave(at: Point, category: &'static str, id: u64) -> Event<'a> {
        Event::timed(at, Phase::Leave(id), category, Title::Is(category))
    }

    pub(super) fn arrive(at: Point, category: &'static str, id: u64) -> Event<'a> {
        Event::timed(at, Phase::Arrive(id), category, Title::Is(category))
    }

    fn timed(at: Point, phase: Phase, category: &'static str, title: Title) -> Event<'a> {
        Event::new(at.track, What::Timed { phase, time: at.time, title, category })
    }

    fn new(track: Track, what: What) -> Event<'a> {
        Event { track, what, args: [None; 2] }
    }

    pub(super) fn with(mut self, name: &'static str, value: &'a dyn Display) -> Event<'a> {
        if let Some(free) = self.args.iter_mut().find(|arg| arg.is_none()) {
            *free = Some((name, value));
        }
        self
    }

    /// Its letter, its track, the id of an arrow, and what it is called; names have none of these.
    #[cfg(test)]
    pub(super) fn parts(&self) -> Option<(char, Track, u64, String)> {
        let What::Timed { phase, title, .. } = self.what else { return None };
        let (letter, id) = match phase {
            Phase::Begin => ('B', 0),
            Phase::End => ('E', 0),
            Phase::Instant => ('i', 0),
            Phase::Leave(id) => ('s', id),
            Phase::Arrive(id) => ('f', id),
        };
        Some((letter, self.track, id, title.to_string()))
    }

    /// When; names have no time and come first.
    pub(super) fn time(&self) -> Option<Duration> {
        match self.what {
            What::Timed { time, .. } => Some(time),
            What::ProcessName | What::TrackName(_) => None,
        }
    }

    pub(super) fn write(&self, line: &mut String) {
        let Track { pid, tid } = self.track;
        match self.what {
            What::ProcessName => line.push_str("{\"ph\":\"M\",\"name\":\"process_name\""),
            What::TrackName(title) => {
                let _ =
                    write!(line, "{{\"ph\":\"M\",\"name\":\"thread_name\",\"args\":{{\"name\":\"{title}\"}}");
            }
            What::Timed { phase, time, title, category } => {
                write_phase(line, phase);
                // Microseconds, with the nanoseconds as their fraction.
                let nanos = time.as_nanos();
                let (micros, fraction) = (nanos / 1_000, nanos % 1_000);
                let _ = write!(
                    line,
                    ",\"name\":\"{title}\",\"cat\":\"{category}\",\"ts\":{micros}.{fraction:03}"
                );
            }
        }
        let _ = write!(line, ",\"pid\":{pid},\"tid\":{tid}");
        let mut separator = ",\"args\":{";
        for (name, value) in self.args.iter().flatten() {
            let _ = write!(line, "{separator}\"{name}\":");
            write_string(line, &value.to_string());
            separator = ",";
        }
        line.push_str(if separator == "," { "}}" } else { "}" });
    }
}

fn write_phase(line: &mut String, phase: Phase) {
    line.push_str(match phase {
        Phase::Begin => "{\"ph\":\"B\"",
        Phase::End => "{\"ph\":\"E\"",
        Phase::Instant => "{\"ph\":\"i\",\"s\":\"t\"",
        Phase::Leave(_) => "{\"ph\":\"s\"",
        // It ends in the slice that is open there, not in the next one.
        Phase::Arrive(_) => "{\"ph\":\"f\",\"bp\":\"e\"",
    });
    if let Phase::Leave(id) | Phase::Arrive(id) = phase {
        let _ = write!(line, ",\"id\":{id}");
    }
}
