//! Leaves out of a failing schedule what the failure does not need.

use crate::check::Scenario;
use crate::explore::run;
use crate::failure::Failure;
use crate::state::Rules;
use crate::strategy::Replay;
use crate::token::Choice;

/// How many schedules it may take.
const ATTEMPTS: usize = 200;

/// A schedule that fails in the same way, with as few choices other than the first as can be had one by one.
pub(crate) fn minimise(
    scenario: &Scenario,
    rules: Rules,
    failure: &Failure,
    path: Vec<Choice>,
    preemptions: u32,
) -> Vec<Choice> {
    let (mut best, mut fewest) = (path, preemptions);
    let mut attempts = 0;
    let mut at = 0;
    while at < best.len() && attempts < ATTEMPTS {
        if best[at].chosen == 0 {
            at += 1;
            continue;
        }
        attempts += 1;
        let mut shorter = best.clone();
        shorter[at].chosen = 0;
        let seen = run(scenario, rules, Box::new(Replay::lenient(shorter)));
        let same = seen.failure.as_ref().is_some_and(|other| other.kind() == failure.kind());
        if same && (seen.preemptions < fewest || others(&seen.path) < others(&best)) {
            fewest = seen.preemptions;
            best = seen.path;
        } else {
            at += 1;
        }
    }
    best
}

/// How many choices are not the first.
fn others(path: &[Choice]) -> usize {
    path.iter().filter(|choice| choice.chosen != 0).count()
}
