//! How far the run is, on a terminal: one bar for all of it, and the rate of each stressor.

use std::time::{Duration, Instant};

use greenproc_sync::time;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::plan::{Plan, Squad};
use crate::quantity::{grouped, rate};

/// Steps of a bar that shows time: milliseconds.
fn steps(span: Duration) -> u64 {
    span.as_millis() as u64
}

/// The bars on stderr; nothing where stderr is no terminal.
pub(super) struct Bars {
    all: MultiProgress,
    time: ProgressBar,
    squads: Vec<ProgressBar>,
}

impl Bars {
    pub(super) fn new(plan: &Plan) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let width = plan.squads.iter().map(|squad| squad.stressor.name.len()).max().unwrap_or(0);
        let time =
            all.add(plan.time.map_or_else(ProgressBar::no_length, |time| ProgressBar::new(steps(time))));
        set_style(
            &time,
            if plan.time.is_some() { "{elapsed_precise} [{bar:40}] {percent}%" } else { "{elapsed_precise}" },
        );
        let bar = |squad: &Squad| {
            let bar = all.add(plan.ops.map_or_else(ProgressBar::no_length, ProgressBar::new));
            bar.set_prefix(format!("{:>width$}", squad.stressor.name));
            set_style(&bar, if plan.ops.is_some() { "{prefix} [{bar:40}] {msg}" } else { "{prefix} {msg}" });
            bar
        };
        let squads = plan.squads.iter().map(bar).collect();
        Bars { all, time, squads }
    }

    pub(super) fn show(&self, plan: &Plan, start: Instant) {
        if self.all.is_hidden() {
            return;
        }
        let elapsed = time::now().saturating_duration_since(start);
        self.time.set_position(steps(elapsed));
        for (bar, squad) in self.squads.iter().zip(&plan.squads) {
            let ops = squad.gauge.ops();
            bar.set_position(ops);
            bar.set_message(format!("{} ops, {}/s", grouped(ops), grouped(rate(ops, elapsed) as u64)));
        }
    }

    /// Takes the bars away.
    pub(super) fn clear(&self) {
        // Where the terminal is gone there is nothing to clear.
        let _ = self.all.clear();
    }
}

/// The layout is a constant; were it wrong, the default one would do.
fn set_style(bar: &ProgressBar, layout: &str) {
    if let Ok(style) = ProgressStyle::with_template(layout) {
        bar.set_style(style.progress_chars("=> "));
    }
}
