//! A supervisor: how it restarts, and the children that it has.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use greenproc_supervisor::{AutoShutdown, Backoff, Intensity, Strategy};

use super::super::plan::{Child, Plan};
use super::section::{At, Section, alike};
use super::{child, order};

/// A child as it stands in the file.
pub(super) struct Listed {
    pub(super) child: Child,
    pub(super) name_at: Range<usize>,
    pub(super) after: Vec<At<String>>,
}

/// The keys of a supervisor, which a child that is none cannot have.
pub(super) const KEYS: [&str; 2] = ["strategy", "auto-shutdown"];

/// The file as a whole.
pub(super) fn read(mut top: Section<'_, '_>, name: &str) -> Option<Plan> {
    let mut plan = Plan { name: name.to_owned(), ..Plan::default() };
    if let Some(mut section) = top.section("supervisor", "a table ([supervisor])") {
        if let Some(given) = child::name(&mut section, "name") {
            plan.name = given.value;
        }
        settings(&mut section, &mut plan);
        if let Some(intensity) = intensity(&mut section) {
            plan.intensity = intensity;
        }
        if let Some(backoff) = backoff(&mut section) {
            plan.backoff = backoff;
        }
        section.finish();
    }
    plan.children = children(&mut top)?;
    top.finish();
    Some(plan)
}

/// What only a supervisor has.
pub(super) fn settings(section: &mut Section<'_, '_>, plan: &mut Plan) {
    const STRATEGIES: [(&str, Strategy); 3] = [
        ("one-for-one", Strategy::OneForOne),
        ("one-for-all", Strategy::OneForAll),
        ("rest-for-one", Strategy::RestForOne),
    ];
    const AUTO_SHUTDOWNS: [(&str, AutoShutdown); 3] = [
        ("never", AutoShutdown::Never),
        ("any-significant", AutoShutdown::AnySignificant),
        ("all-significant", AutoShutdown::AllSignificant),
    ];
    if let Some(strategy) = section.choice("strategy", &STRATEGIES) {
        plan.strategy = strategy;
    }
    if let Some(auto_shutdown) = section.choice("auto-shutdown", &AUTO_SHUTDOWNS) {
        plan.auto_shutdown = auto_shutdown;
    }
}

/// How many restarts are too many, if it is said.
pub(super) fn intensity(section: &mut Section<'_, '_>) -> Option<Intensity> {
    let (restarts, period) = (section.count("intensity"), section.time("period"));
    let default = Intensity::default();
    (restarts.is_some() || period.is_some()).then(|| Intensity {
        restarts: restarts.unwrap_or(default.restarts),
        period: period.unwrap_or(default.period),
    })
}

/// How long a child that failed waits, if it is said.
pub(super) fn backoff(section: &mut Section<'_, '_>) -> Option<Backoff> {
    if section.is_string("backoff") {
        return section.choice("backoff", &[("none", Backoff::NONE)]);
    }
    let mut section =
        section.section("backoff", "\"none\" or a table such as { first = \"1s\", max = \"1m\" }")?;
    let default = Backoff::default();
    let first = section.time("first").unwrap_or(default.first);
    let backoff = Backoff {
        first,
        factor: section.number("factor").map_or(default.factor, |factor| factor.value),
        max: section.time("max").unwrap_or(default.max.max(first)),
        jitter: section.number("jitter").map_or(default.jitter, |jitter| jitter.value),
        reset_after: section.time("reset-after").unwrap_or(default.reset_after),
    };
    if !(backoff.factor.is_finite() && backoff.factor >= 1.0) {
        section.complain(section.span_of("factor"), "factor: it is at least 1");
    }
    if !(0.0..=1.0).contains(&backoff.jitter) {
        section.complain(section.span_of("jitter"), "jitter: it is from 0 to 1");
    }
    if backoff.max < backoff.first {
        section.complain(section.span_of("max"), "max: it is shorter than the first wait");
    }
    section.finish();
    Some(backoff)
}

/// The children, in the order in which they start.
pub(super) fn children(section: &mut Section<'_, '_>) -> Option<Vec<Child>> {
    if !section.has("child") {
        section.complain(section.span.clone(), "there is no [[child]]");
    }
    let tables = section.sections("child");
    let mut listed: Vec<Listed> = Vec::new();
    for table in &tables {
        if let Some(one) = child::read(section.enter(table)) {
            listed.push(one);
        }
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    for (place, one) in listed.iter().enumerate() {
        if places.insert(one.child.name.clone(), place).is_some() {
            section.complain(one.name_at.clone(), format!("name: '{}' is there twice", one.child.name));
        }
    }
    let mut after = Vec::with_capacity(listed.len());
    for one in &listed {
        let mut before = Vec::new();
        for name in &one.after {
            if let Some(&place) = places.get(&name.value) {
                before.push(place);
                continue;
            }
            let hint = match alike(&name.value, places.keys().map(String::as_str)) {
                Some(known) => format!("did you mean '{known}'?"),
                None => "it has to be a child of the same supervisor".to_owned(),
            };
            let text =
                format!("child '{}': after: there is no child '{}'; {hint}", one.child.name, name.value);
            section.complain(name.span.clone(), text);
        }
        after.push(before);
    }
    match order::order(&after) {
        Ok(order) => {
            let mut children: Vec<Option<Child>> = listed.into_iter().map(|one| Some(one.child)).collect();
            Some(order.into_iter().filter_map(|place| children[place].take()).collect())
        }
        Err(order::Cycle(path)) => {
            let names: Vec<&str> = path.iter().map(|&place| listed[place].child.name.as_str()).collect();
            let at = listed[path[0]].after.first().map_or(section.span.clone(), |name| name.span.clone());
            let text =
                format!("child '{}': after: no order is possible: {}", names[0], names.join(" comes after "));
            section.complain(at, text);
            None
        }
    }
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            name: String::new(),
            strategy: Strategy::OneForOne,
            intensity: Intensity::default(),
            backoff: Backoff::default(),
            auto_shutdown: AutoShutdown::Never,
            children: Vec::new(),
        }
    }
}

/// How long a program may take to be ready, if the file does not say.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(30);
