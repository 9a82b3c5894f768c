//! A life begins.

use std::sync::Arc;
use std::time::Duration;

use greenproc::{Pid, Signal};

use super::child::{Because, Down, Rung, State};
use super::{Action, Key, Machine, Outcome, Phase};
use crate::error::RequestError;
use crate::event::EventKind;
use crate::spec::Body;
use crate::supervisor::Strategy;
use crate::watchdog::OnSilence;

/// How long a child waits at least whose process the runtime has refused: it does not help to ask again at once, and whoever wants
/// something of the supervisor is heard meanwhile.
const REFUSED: Duration = Duration::from_millis(10);

impl Machine {
    pub(super) fn start(&mut self, key: Key) {
        let now = self.now;
        let child = self.at(key);
        child.incarnation += 1;
        let deadline = child.spec.ready_within.map(|time| now.saturating_add(time));
        self.set(key, State::Starting { pid: None, since: now }, deadline);
        self.actions.push_back(Action::Start { key });
    }

    pub(super) fn spawned(&mut self, key: Key, result: Result<Pid, String>) {
        match result {
            Ok(pid) => {
                let child = self.at(key);
                let incarnation = child.incarnation;
                let is_ready = matches!(child.spec.body, Body::Plain(_));
                if let State::Starting { pid: made, .. } = &mut child.state {
                    *made = Some(pid);
                }
                self.tell(key, EventKind::Started { pid, incarnation });
                if is_ready {
                    self.up(key);
                } else if self.is_stopping() {
                    // The end was decided between the decision to start it and the start.
                    self.join_the_end(key);
                }
            }
            Err(why) => {
                self.set(key, State::Down(Down::Terminated), None);
                self.start_failed(key, why, REFUSED);
            }
        }
    }

    pub(super) fn is_ready(&mut self, key: Key, incarnation: u64) {
        if let Some(child) = self.children.get(&key)
            && child.incarnation == incarnation
            && matches!(child.state, State::Starting { .. })
        {
            self.up(key);
        }
    }

    pub(super) fn was_not_ready_in_time(&mut self, key: Key) {
        let time = self.at(key).spec.ready_within.unwrap_or_default();
        self.stop(key, Because::NotReady { why: format!("it was not ready within {time:?}") });
    }

    fn up(&mut self, key: Key) {
        let now = self.now;
        let child = self.at(key);
        let State::Starting { pid: Some(pid), since } = child.state else { return };
        let incarnation = child.incarnation;
        let starter = child.starter.take();
        let watched = child.spec.watchdog.map(|watchdog| now.saturating_add(watchdog.interval));
        self.set(key, State::Up { pid, since: now }, watched);
        self.tell(key, EventKind::Ready { pid, incarnation, took: now.saturating_sub(since) });
        if let Some(starter) = starter {
            self.answer(starter.ticket, Ok(Some(key)));
        }
        if self.is_stopping() {
            self.join_the_end(key);
        } else {
            self.advance();
        }
    }

    /// A start that has failed is over: the child has no process.
    pub(super) fn start_failed(&mut self, key: Key, why: String, at_least: Duration) {
        let child = self.at(key);
        let first = child.incarnation == 1;
        let starter = child.starter.take();
        let id = Arc::clone(&child.spec.id);
        self.tell(key, EventKind::StartFailed { why: why.clone() });
        if let Some(starter) = starter {
            self.answer(starter.ticket, Err(RequestError::StartFailed { id: id.to_string(), why }));
            self.leave_wave(key);
            if starter.is_new {
                self.forget(key);
            } else {
                self.set(key, State::Down(Down::Terminated), None);
            }
            self.advance();
        } else if self.is_stopping() {
            self.advance();
        } else if self.phase == Phase::Starting && first {
            self.stop_all(Outcome::StartFailed { child: id, why });
        } else {
            self.failed(key, Duration::ZERO, at_least);
        }
    }

    /// A child that is to be started again waits for its time, alone or with others; or this was once too often.
    pub(super) fn failed(&mut self, key: Key, lived: Duration, at_least: Duration) {
        let now = self.now;
        let chance = self.chance.f64();
        let supervisors = self.settings.backoff;
        let own = self.at(key).window.as_mut().is_some_and(|window| window.add(now));
        let all = self.window.add(now);
        if own || all {
            let child = self.at(key);
            let id = Arc::clone(&child.spec.id);
            let own_limit = child.spec.intensity.filter(|_| own);
            let limit = own_limit.unwrap_or(self.settings.intensity);
            self.set(key, State::Down(Down::Terminated), None);
            self.tell(None, EventKind::GaveUp { child: Arc::clone(&id), limit });
            return self.stop_all(Outcome::GaveUp { child: id });
        }
        let child = self.at(key);
        let backoff = child.spec.backoff.unwrap_or(supervisors);
        if lived >= backoff.reset_after && lived > Duration::ZERO {
            child.failures = 0;
        }
        child.failures += 1;
        child.restarts += 1;
        let failures = child.failures;
        let after = backoff.wait(failures, chance).max(at_least);
        self.tell(key, EventKind::Restarting { after, failures });
        let until = now.saturating_add(after);
        let members = match self.settings.strategy {
            Strategy::OneForOne if after == Duration::ZERO => return self.start(key),
            Strategy::OneForOne => {
                return self.set(key, State::Down(Down::Waiting { until }), Some(until));
            }
            Strategy::OneForAll => self.children.keys().copied().collect(),
            Strategy::RestForOne => self.children.range(key..).map(|(&key, _)| key).collect(),
        };
        self.set(key, State::Down(Down::Queued), None);
        self.restart_together(members, until);
    }

    pub(super) fn look_at_the_watchdog(&mut self, key: Key) {
        let now = self.now;
        let child = self.at(key);
        let (Some(watchdog), Some(heart)) = (child.spec.watchdog, &child.heart) else { return };
        let State::Up { pid, .. } = child.state else { return };
        let since = heart.last();
        let silent_at = since.saturating_add(watchdog.interval);
        if silent_at > now {
            return self.set_timer(key, Some(silent_at));
        }
        self.tell(key, EventKind::Silent { pid, since, then: watchdog.on_silence });
        match watchdog.on_silence {
            OnSilence::Report => self.set_timer(key, Some(now.saturating_add(watchdog.interval))),
            OnSilence::Abort => self.actions.push_back(Action::Abort { key }),
            OnSilence::Kill => {
                let stopping = State::Stopping { pid, because: Because::Silent, rung: Rung::Killed };
                self.set(key, stopping, Some(now.saturating_add(self.settings.stuck_after)));
                self.send(key, pid, Signal::KILL);
            }
        }
    }
}
