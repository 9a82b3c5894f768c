//! What happened, told with a lane for each thread.

use std::fmt;

use crate::event::{Event, What};
use crate::failure::Failure;
use crate::state::State;

/// The events of one schedule.
#[derive(Clone, Debug)]
pub struct Timeline {
    events: Vec<Event>,
    lanes: Vec<String>,
    failure: Option<Failure>,
}

impl Timeline {
    pub(crate) fn of(seen: State) -> Timeline {
        let lanes = seen.tasks.iter().map(|task| task.name.clone()).collect();
        Timeline { events: seen.events, lanes, failure: seen.failure }
    }

    /// All events, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What each thread did last.
    pub fn lanes(&self) -> &[String] {
        &self.lanes
    }

    /// How the schedule failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl fmt::Display for Timeline {
    /// A line for each event; a thread that comes after another is named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = vec![String::new(); self.lanes.len()];
        let mut last = None;
        for event in &self.events {
            let lane = usize::from(event.thread);
            if let What::Is(name) = &event.what {
                names[lane].clone_from(name);
                continue;
            }
            if matches!(event.what, What::Unlocks(_)) {
                continue;
            }
            let name = if names[lane].is_empty() { format!("thread {lane}") } else { names[lane].clone() };
            let shown = if last == Some(lane) { String::new() } else { name };
            last = Some(lane);
            let indent = "  ".repeat(lane);
            write!(f, "{:>5}  {shown:<22} {indent}{}", event.step, event.what)?;
            if let Some(site) = event.site {
                let file = site.file().rsplit("src/").next().unwrap_or(site.file());
                write!(f, "  ({file}:{})", site.line())?;
            }
            writeln!(f)?;
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "       {failure}")?;
        }
        Ok(())
    }
}
