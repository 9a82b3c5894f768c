//! The plan as a tree to look at, and as JSON.

use std::fmt::{self, Display, Write as _};

use greenproc::Signal;
use greenproc_supervisor::{AutoShutdown, Backoff, Intensity, Restart, Shutdown, Strategy};
use serde_json::{Value, json};

use super::plan::{Child, Health, Kind, Plan, Probe, Program, Ready, ReadyWhen, Work};
use crate::quantity::counted;
use crate::style::Style;

/// The tree, line by line.
pub(super) fn draw(plan: &Plan, style: Style) -> String {
    let mut text = format!("{}: {}\n", style.bold(&plan.name), supervisor(plan));
    draw_children(&mut text, plan, "", style);
    text
}

fn draw_children(text: &mut String, plan: &Plan, indent: &str, style: Style) {
    for (place, child) in plan.children.iter().enumerate() {
        let is_last = place + 1 == plan.children.len();
        let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let below = format!("{indent}{below}");
        let what = match &child.work {
            Work::Program(program) => command_line(program),
            Work::Supervisor(plan) => supervisor(plan),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{indent}{branch}{}: {what}", style.bold(&child.name));
        let _ = writeln!(text, "{below}  {}", style.dim(details(child)));
        if let Work::Supervisor(plan) = &child.work {
            draw_children(text, plan, &below, style);
        }
    }
}

fn supervisor(plan: &Plan) -> String {
    let text =
        format!("{}; {}; {}", strategy(plan.strategy), intensity(plan.intensity), backoff(plan.backoff));
    match plan.auto_shutdown {
        AutoShutdown::Never => text,
        AutoShutdown::AnySignificant => text + "; ends with any significant child",
        AutoShutdown::AllSignificant => text + "; ends with the last significant child",
    }
}

fn command_line(program: &Program) -> String {
    let plain = |word: &String| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_alphanumeric() || "-_./:=+,@%".contains(letter))
    };
    let words = program.words.iter().map(|word| if plain(word) { word.clone() } else { format!("{word:?}") });
    let line = words.collect::<Vec<_>>().join(" ");
    match program.kind {
        Kind::Host(_) => line,
        Kind::BuiltIn => format!("{line} (built in)"),
    }
}

fn details(child: &Child) -> String {
    let mut parts = vec![restart(child.restart).to_owned()];
    if child.significant {
        parts.push("significant".to_owned());
    }
    if !child.after.is_empty() {
        parts.push(format!("after {}", child.after.join(", ")));
    }
    parts.extend(child.intensity.map(intensity));
    parts.extend(child.backoff.map(backoff));
    let mut stop = Signal::TERM;
    if let Work::Program(program) = &child.work {
        parts.extend(program.ready.as_ref().map(Ready::to_string));
        parts.extend(program.health.as_ref().map(Health::to_string));
        if let Kind::Host(setting) = &program.kind {
            stop = setting.stop_signal;
        }
    }
    parts.push(shutdown(child.shutdown, stop));
    parts.join("; ")
}

/// The tree as one JSON object.
pub(super) fn json(plan: &Plan) -> Value {
    json!({
        "name": plan.name,
        "strategy": strategy(plan.strategy),
        "intensity": plan.intensity.restarts,
        "period_s": plan.intensity.period.as_secs_f64(),
        "children": plan.children.iter().map(child_json).collect::<Vec<_>>(),
    })
}

fn child_json(child: &Child) -> Value {
    let mut object = match &child.work {
        Work::Supervisor(plan) => json(plan),
        Work::Program(program) => {
            let key = if matches!(program.kind, Kind::Host(_)) { "command" } else { "program" };
            json!({
                "name": child.name,
                key: program.words,
                "ready": program.ready.as_ref().map(ToString::to_string),
                "health": program.health.as_ref().map(ToString::to_string),
            })
        }
    };
    object["restart"] = restart(child.restart).into();
    object["shutdown"] = shutdown(child.shutdown, Signal::TERM).into();
    object["after"] = child.after.clone().into();
    object["significant"] = child.significant.into();
    object
}

fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::OneForOne => "one-for-one",
        Strategy::OneForAll => "one-for-all",
        Strategy::RestForOne => "rest-for-one",
    }
}

fn intensity(Intensity { restarts, period }: Intensity) -> String {
    format!("at most {} in {period:?}", counted(restarts.into(), "restart"))
}

fn backoff(backoff: Backoff) -> String {
    if backoff.max.is_zero() {
        return "restarts at once".to_owned();
    }
    format!("restarts after {:?} to {:?}", backoff.first, backoff.max)
}

fn restart(restart: Restart) -> &'static str {
    match restart {
        Restart::Permanent => "permanent",
        Restart::Transient => "transient",
        Restart::Temporary => "temporary",
    }
}

fn shutdown(shutdown: Shutdown, stop: Signal) -> String {
    match shutdown {
        Shutdown::Grace(grace) => format!("stopped by {stop}, killed after {grace:?}"),
        Shutdown::Kill => "stopped by SIGKILL".to_owned(),
        Shutdown::Infinite => format!("stopped by {stop}, however long it takes"),
    }
}

impl Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.when {
            ReadyWhen::Line(line) => write!(f, "ready when it writes /{line}/")?,
            ReadyWhen::Probe(probe) => write!(f, "ready when {probe}")?,
        }
        write!(f, " within {:?}", self.within)
    }
}

impl Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Health { probe, every, timeout, failures } = self;
        let times = counted((*failures).into(), "failure");
        write!(f, "well while {probe} within {timeout:?} every {every:?}, restarted after {times}")
    }
}

impl Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Command(words) => write!(f, "'{}' succeeds", words.join(" ")),
            Probe::Tcp(address) => write!(f, "{address} takes connections"),
            Probe::Http(url) => write!(f, "http://{}{} is there", url.authority, url.path),
        }
    }
}
