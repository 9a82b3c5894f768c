//! What has an order: the first start, a restart of several, the end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::child::{Because, Down, State};
use super::{Action, Key, Machine, Phase};
use crate::event::EventKind;
use crate::spec::Restart;
use crate::supervisor::StopOrder;

/// First all of `stop` are stopped, the last first; then all of `start` are started, the first first, each when the one before
/// is ready.
#[derive(Debug, Default)]
pub(super) struct Wave {
    /// Each is alive; it leaves the set with its process.
    pub(super) stop: BTreeSet<Key>,
    /// Those that are stopped together have been asked.
    pub(super) asked: bool,
    pub(super) start: BTreeSet<Key>,
    /// Nobody is started before.
    pub(super) not_before: Duration,
    pub(super) timer: Option<Duration>,
}

impl Machine {
    /// The first start.
    pub(super) fn begin(&mut self) {
        let all: Vec<Key> = self.children.keys().copied().collect();
        for &key in &all {
            self.set(key, State::Down(Down::Queued), None);
        }
        self.wave = Some(Wave { start: all.into_iter().collect(), ..Wave::default() });
        self.advance();
    }

    /// These are stopped, if they run, and started at that time, but for those who were terminated or are never started again.
    /// A wave that is under way becomes a greater one.
    pub(super) fn restart_together(&mut self, members: Vec<Key>, not_before: Duration) {
        let mut wave = self.wave.take().unwrap_or_default();
        wave.not_before = wave.not_before.max(not_before);
        for key in members {
            let child = self.at(key);
            let starts = child.spec.restart != Restart::Temporary
                && match &child.state {
                    State::Down(Down::Terminated) => false,
                    State::Stopping { because, .. } => *because != Because::Terminated,
                    _ => true,
                };
            if child.is_alive() {
                wave.asked &= !wave.stop.insert(key);
            } else if starts {
                self.set(key, State::Down(Down::Queued), None);
            }
            if starts {
                wave.start.insert(key);
            }
        }
        self.wave = Some(wave);
        self.advance();
    }

    /// Takes a child out of what is under way.
    pub(super) fn leave_wave(&mut self, key: Key) {
        if let Some(wave) = &mut self.wave {
            wave.stop.remove(&key);
            wave.start.remove(&key);
        }
    }

    /// Does what can be done of the wave.
    pub(super) fn advance(&mut self) {
        while let Some(wave) = &self.wave {
            if let Some(&last) = wave.stop.last() {
                let asked_now = match self.settings.stop_order {
                    StopOrder::Reverse => vec![last],
                    StopOrder::Together if wave.asked => return,
                    StopOrder::Together => wave.stop.iter().copied().collect(),
                };
                if let Some(wave) = &mut self.wave {
                    wave.asked = true;
                }
                for key in asked_now {
                    if matches!(self.at(key).state, State::Starting { .. } | State::Up { .. }) {
                        self.stop(key, Because::Wave);
                    }
                }
                return;
            } else if let Phase::Stopping(outcome) = &self.phase {
                let outcome = outcome.clone();
                self.phase = Phase::Over;
                self.wave = None;
                self.tell(None, EventKind::Down);
                self.actions.push_back(Action::Exit(outcome));
            } else if let Some(&first) = wave.start.first() {
                if wave.not_before > self.now {
                    let not_before = wave.not_before;
                    return self.set_timer(Key::WAVE, Some(not_before));
                }
                match self.at(first).state {
                    State::Down(Down::Queued) => return self.start(first),
                    // It becomes ready, or its end decides what becomes of it.
                    State::Starting { .. } | State::Stopping { .. } => return,
                    // Somebody terminated it meanwhile, or it is there.
                    State::Down(_) | State::Up { .. } => self.leave_wave(first),
                }
            } else {
                self.set_timer(Key::WAVE, None);
                self.wave = None;
                if self.phase == Phase::Starting {
                    self.phase = Phase::Running;
                    self.tell(None, EventKind::Up);
                    self.actions.push_back(Action::Up);
                }
            }
        }
    }
}
