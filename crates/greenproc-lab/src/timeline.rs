//! What happened, told with a lane for each LWP.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use greenproc::racelab::Pictured;
use serde::Serialize;

use crate::event::{Event, What};
use crate::failure::Failure;
use crate::state::State;

/// The events of one schedule.
#[derive(Clone, Debug)]
pub struct Timeline {
    events: Vec<Event>,
    /// How the processes were, from which event on.
    pictures: Vec<(usize, Vec<Pictured>)>,
    failure: Option<Failure>,
}

/// An event as it is told: with the LWP, and what that holds then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Counts the turns of the schedule.
    pub step: u32,
    /// Which of the [lanes](Telling::lanes).
    pub lane: usize,
    /// What kind of event it is.
    pub kind: &'static str,
    /// What happened, in words.
    pub text: String,
    /// The lock or condition variable that it is about.
    pub object: Option<String>,
    /// Where in the source: `file.rs:123`.
    pub site: Option<String>,
    /// The locks that the LWP holds afterwards.
    pub holds: Vec<String>,
    /// How all lanes are afterwards.
    pub lanes: Vec<Lane>,
    /// Which of the [pictures](Telling::pictures) shows the processes; `None` before the first.
    pub picture: Option<usize>,
    /// It is of interest for this failure: it changes a state, wakes or sleeps, or touches what another lane touches.
    pub matters: bool,
}

/// How a lane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Nothing of it is there yet, or any more.
    #[default]
    Absent,
    /// It could go on, or waits for a lock.
    Ready,
    /// It sleeps.
    Asleep,
}

/// A timeline, made ready to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Telling {
    /// The LWPs, as `name pid.lwp`, and what else has a thread, in the order in which they come.
    pub lanes: Vec<String>,
    /// The events, but for those that only say which LWP a thread is.
    pub rows: Vec<Row>,
    /// How the processes were.
    pub pictures: Vec<Vec<Standing>>,
    /// How it failed.
    pub failure: Option<String>,
}

/// How a process was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its pid.
    pub pid: i32,
    /// Its parent's.
    pub ppid: i32,
    /// Its name.
    pub name: String,
    /// How it was, in a few words.
    pub state: String,
}

impl Standing {
    fn of(Pictured { pid, ppid, name, state }: &Pictured) -> Standing {
        Standing { pid: *pid, ppid: *ppid, name: name.clone(), state: state.clone() }
    }
}

impl Timeline {
    pub(crate) fn of(seen: State) -> Timeline {
        Timeline { events: seen.events, pictures: seen.pictures, failure: seen.failure }
    }

    /// All events, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How the schedule failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The events, in lanes.
    pub fn tell(&self) -> Telling {
        let mut teller = Teller::default();
        for (at, event) in self.events.iter().enumerate() {
            let pictures = self.pictures.partition_point(|(from, _)| *from <= at);
            teller.take(event, pictures.checked_sub(1));
        }
        let pictures = self.pictures.iter().map(|(_, picture)| picture.iter().map(Standing::of).collect());
        let failure = self.failure.as_ref().map(ToString::to_string);
        let mut telling =
            Telling { lanes: teller.names, rows: teller.rows, pictures: pictures.collect(), failure };
        telling.judge();
        telling
    }
}

impl Telling {
    /// Leaves the uses of locks that only one lane takes out of what matters, and where locks are let go.
    fn judge(&mut self) {
        let mut users: HashMap<String, HashSet<usize>> = HashMap::new();
        for row in &self.rows {
            if let Some(object) = &row.object {
                users.entry(object.clone()).or_default().insert(row.lane);
            }
        }
        for row in &mut self.rows {
            let shared = row.object.as_ref().is_none_or(|object| users[object].len() > 1);
            row.matters = match row.kind {
                "unlocks" => false,
                "locks" | "finds_locked" | "gives_up" => shared,
                _ => true,
            };
        }
    }
}

impl Telling {
    /// The rows that matter, with locks that an LWP takes one after the other in one row: up to the last, which may be
    /// what it does the rest with.
    fn fold(&self) -> Vec<Row> {
        let matters: Vec<&Row> = self.rows.iter().filter(|row| row.matters).collect();
        let mut folded = Vec::with_capacity(matters.len());
        let like =
            |one: &&Row, two: &&Row| one.kind == "locks" && two.kind == "locks" && one.lane == two.lane;
        for run in matters.chunk_by(like) {
            match run {
                [first, middle @ .., last] if !middle.is_empty() => {
                    let mut locks: Vec<&str> = Vec::new();
                    for lock in [*first].iter().chain(middle).filter_map(|row| row.object.as_deref()) {
                        if !locks.contains(&lock) {
                            locks.push(lock);
                        }
                    }
                    let text = format!("locks {}", locks.join(", "));
                    folded.push(Row { text, ..(*first).clone() });
                    folded.push((*last).clone());
                }
                run => folded.extend(run.iter().map(|row| (*row).clone())),
            }
        }
        folded
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell().fmt(f)
    }
}

impl fmt::Display for Telling {
    /// A line for each event that matters, or for each event with `{:#}`: the step, a column for each lane, who, what, and
    /// where in the source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if f.alternate() { self.rows.clone() } else { self.fold() };
        let seen = |lane: usize| rows.iter().any(|row| row.lane == lane);
        let shown: Vec<usize> = (0..self.lanes.len()).filter(|lane| seen(*lane)).collect();
        let width = shown.iter().map(|lane| self.lanes[*lane].chars().count()).max().unwrap_or(0).min(20);
        let columns = 6 + 2 * shown.len() + 2 + width + 2;
        let text = 100_usize.saturating_sub(columns + 2 + SITE).max(24);
        let mut last = None;
        for row in &rows {
            let same_step = last.is_some_and(|(step, _)| step == row.step);
            let step = if same_step { String::new() } else { row.step.to_string() };
            let same_lane = last.is_some_and(|(_, lane)| lane == row.lane);
            let who = if same_lane { "" } else { &self.lanes[row.lane] };
            last = Some((row.step, row.lane));
            write!(f, "{step:>5} ")?;
            for lane in &shown {
                write!(f, " {}", row.glyph(*lane))?;
            }
            let site = row.site.as_deref().unwrap_or("");
            let line = format!("  {:<width$}  {:<text$}  {site}", clip(who, width), clip(&row.text, text));
            writeln!(f, "{}", line.trim_end())?;
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "\n    ! {}", failure.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}

/// The text in at most so many columns.
fn clip(text: &str, columns: usize) -> Cow<'_, str> {
    match text.char_indices().nth(columns) {
        None => text.into(),
        Some(_) => text.chars().take(columns - 1).chain(['…']).collect::<String>().into(),
    }
}

/// How many columns a place in the source takes.
const SITE: usize = 20;

impl Row {
    /// What stands in the column of a lane.
    fn glyph(&self, lane: usize) -> char {
        if lane == self.lane {
            return match self.kind {
                "preempted" => '◌',
                "sleeps" => '▽',
                "wakes" | "times_out" => '△',
                "begins" => '┬',
                "ends" => '┴',
                _ => '●',
            };
        }
        match self.lanes.get(lane) {
            Some(Lane::Ready) => '│',
            Some(Lane::Asleep) => '┊',
            Some(Lane::Absent) | None => ' ',
        }
    }
}

/// So that a list of events can be compared with another.
impl PartialEq for Timeline {
    fn eq(&self, other: &Timeline) -> bool {
        self.events == other.events
    }
}

/// What is known while the events are gone through.
#[derive(Default)]
struct Teller {
    names: Vec<String>,
    /// Whose thread each lane is.
    threads: Vec<usize>,
    /// The lane of each thread.
    lane_of: Vec<Option<usize>>,
    holds: Vec<Vec<String>>,
    lanes: Vec<Lane>,
    rows: Vec<Row>,
}

impl Teller {
    fn take(&mut self, event: &Event, picture: Option<usize>) {
        let thread = usize::from(event.thread);
        if let What::Is(name) = &event.what {
            return self.rename(thread, name);
        }
        let lane = self.lane(thread);
        self.account(lane, &event.what);
        let site = event.site.map(|site| {
            let file = site.file();
            let short =
                file.rsplit_once("src/").or_else(|| file.rsplit_once('/')).map_or(file, |(_, short)| short);
            format!("{short}:{}", site.line())
        });
        self.rows.push(Row {
            step: event.step,
            lane,
            kind: event.what.kind(),
            text: event.what.to_string(),
            object: event.what.object().map(str::to_owned),
            site,
            holds: self.holds[lane].clone(),
            lanes: self.lanes.clone(),
            picture,
            matters: false,
        });
    }

    fn lane(&mut self, thread: usize) -> usize {
        if let Some(Some(lane)) = self.lane_of.get(thread) {
            return *lane;
        }
        self.rename(thread, &format!("thread {thread}"));
        self.names.len() - 1
    }

    /// The thread is somebody else from here on: that is another lane, unless it was the same before.
    fn rename(&mut self, thread: usize, name: &str) {
        if self.lane_of.len() <= thread {
            self.lane_of.resize(thread + 1, None);
        }
        if let Some(before) = self.lane_of[thread] {
            self.lanes[before] = Lane::Absent;
        }
        let same = |lane: &usize| self.names[*lane] == name && self.threads[*lane] == thread;
        let lane = (0..self.names.len()).find(same).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.threads.push(thread);
            self.holds.push(Vec::new());
            self.lanes.push(Lane::Absent);
            self.names.len() - 1
        });
        self.lanes[lane] = Lane::Ready;
        self.lane_of[thread] = Some(lane);
    }

    fn account(&mut self, lane: usize, what: &What) {
        let holds = &mut self.holds[lane];
        let let_go = |holds: &mut Vec<String>, lock: &String| {
            if let Some(at) = holds.iter().rposition(|held| held == lock) {
                holds.remove(at);
            }
        };
        self.lanes[lane] = Lane::Ready;
        match what {
            What::Locks(lock) | What::Wakes(_, lock) | What::TimesOut(_, lock) => holds.push(lock.clone()),
            What::Unlocks(lock) => let_go(holds, lock),
            What::Sleeps(_, lock) => {
                let_go(holds, lock);
                self.lanes[lane] = Lane::Asleep;
            }
            What::Ends => self.lanes[lane] = Lane::Absent,
            _ => {}
        }
    }
}
