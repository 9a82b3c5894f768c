//! One number, and what it is to be.

use serde::{Deserialize, Serialize};

/// What was measured, with the bar of the project for it if there is one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    bar: Option<Bar>,
    met: Option<bool>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &str) -> Figure {
        Figure { what: what.into(), value, unit: unit.to_owned(), bar: None, met: None }
    }

    pub(crate) fn at_most(self, bar: f64) -> Figure {
        Figure { met: Some(self.value <= bar), bar: Some(Bar::AtMost(bar)), ..self }
    }

    #[allow(dead_code, reason = "not every benchmark has a bar of this kind")]
    pub(crate) fn at_least(self, bar: f64) -> Figure {
        Figure { met: Some(self.value >= bar), bar: Some(Bar::AtLeast(bar)), ..self }
    }

    /// Writes a line: of a table, or of JSON.
    pub(crate) fn print(&self, part: &str, json: bool) {
        if json {
            let line = serde_json::json!({ "part": part, "figure": self });
            println!("{line}");
            return;
        }
        let bar = match self.bar {
            None => String::new(),
            Some(Bar::AtMost(bar)) => format!("at most {}", number(bar)),
            Some(Bar::AtLeast(bar)) => format!("at least {}", number(bar)),
        };
        let verdict = match self.met {
            None => "",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        let Figure { what, value, unit, .. } = self;
        println!("{part:<10}{what:<62}{:>12} {unit:<6}{bar:>19}  {verdict}", number(*value));
    }
}

/// Whole if it is large, else with the digits that say something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
