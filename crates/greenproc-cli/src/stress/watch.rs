//! Watching the workers: the time, the live line, and whether anything moves at all.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use greenproc_sync::time;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ledger::Account;
use super::plan::{Plan, Stressor};
use crate::quantity::{grouped, rate};

/// How often the watcher looks.
const LOOK: Duration = Duration::from_millis(100);

/// No operation done and no worker ended for this long: something is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// What was said to the watcher: which stressor's worker ended, and its account.
pub(super) type Ending = (usize, Account);

/// What the watcher saw.
#[derive(Debug)]
pub(super) struct Watched {
    /// The account of each stressor, in their order.
    pub(super) accounts: Vec<Account>,
    /// Workers that did not end.
    pub(super) stuck: u64,
    /// From the first worker's start to the last one's end.
    pub(super) elapsed: Duration,
}

/// Collects the accounts of all workers, telling them to stop when the time is over. `look` is called now and then.
pub(super) fn watch(
    plan: &Plan,
    start: Instant,
    endings: &Receiver<Ending>,
    mut look: impl FnMut(),
) -> Watched {
    let live = LiveLine::new();
    let deadline = plan.time.map(|span| start + span);
    let mut accounts = vec![Account::default(); plan.stressors.len()];
    let mut working = plan.workers() as u64;
    let mut progress = Progress { ops: 0, since: start };
    while working > 0 {
        let now = time::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            plan.stressors.iter().for_each(|stressor| stressor.gauge.stop());
        }
        if progress.none_for(STUCK_AFTER, plan, now) {
            break;
        }
        let left =
            deadline.map(|deadline| deadline.saturating_duration_since(now)).filter(|left| !left.is_zero());
        match endings.recv_timeout(left.map_or(LOOK, |left| left.min(LOOK))) {
            Ok((stressor, account)) => {
                accounts[stressor] += account;
                working -= 1;
                progress.since = time::now();
            }
            Err(RecvTimeoutError::Timeout) => {
                look();
                live.show(&plan.stressors, start);
            }
            // A worker ended without an account: its exit status says why.
            Err(RecvTimeoutError::Disconnected) => {
                working = 0;
            }
        }
    }
    live.clear();
    Watched { accounts, stuck: working, elapsed: time::now().saturating_duration_since(start) }
}

/// When something last moved.
struct Progress {
    ops: u64,
    since: Instant,
}

impl Progress {
    fn none_for(&mut self, patience: Duration, plan: &Plan, now: Instant) -> bool {
        let ops = plan.stressors.iter().map(|stressor| stressor.gauge.ops()).sum();
        if ops != self.ops {
            *self = Progress { ops, since: now };
        }
        now.saturating_duration_since(self.since) >= patience
    }
}

/// The line on stderr with the rates; nothing where stderr is no terminal.
struct LiveLine(ProgressBar);

impl LiveLine {
    fn new() -> LiveLine {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The layout is a constant; were it wrong, the default one would do.
        if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {wide_msg}") {
            line.set_style(style);
        }
        LiveLine(line)
    }

    fn show(&self, stressors: &[Stressor], start: Instant) {
        if self.0.is_hidden() {
            return;
        }
        let elapsed = time::now().saturating_duration_since(start);
        let rates: Vec<String> = stressors
            .iter()
            .map(|stressor| {
                format!("{} {}/s", stressor.label(), grouped(rate(stressor.gauge.ops(), elapsed) as u64))
            })
            .collect();
        self.0.set_message(rates.join("  "));
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}
