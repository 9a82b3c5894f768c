//! A life is ended.

use std::sync::Arc;

use greenproc::{Pid, Signal};

use super::child::{Because, Down, Rung, State};
use super::wave::Wave;
use super::{Action, Key, Machine, Outcome, Phase};
use crate::error::RequestError;
use crate::event::EventKind;
use crate::spec::Shutdown;

impl Machine {
    /// Asks a child that is starting or up to end, as its specification says.
    pub(super) fn stop(&mut self, key: Key, because: Because) {
        let now = self.now;
        let stuck_after = self.settings.stuck_after;
        let child = self.at(key);
        // A process that has been decided on but not made yet is asked when it is made.
        let Some(pid) = child.pid() else { return };
        let (signal, rung, patience) = match child.spec.shutdown {
            Shutdown::Kill => (Signal::KILL, Rung::Killed, stuck_after),
            Shutdown::Grace(grace) => (Signal::TERM, Rung::Asked, grace),
            Shutdown::Infinite => (Signal::TERM, Rung::Asked, stuck_after),
        };
        self.set(key, State::Stopping { pid, because, rung }, Some(now.saturating_add(patience)));
        self.send(key, pid, signal);
    }

    pub(super) fn send(&mut self, key: Key, pid: Pid, signal: Signal) {
        self.tell(key, EventKind::Stopping { pid, signal });
        self.actions.push_back(Action::Signal { key, signal });
    }

    /// A child that was asked to end has had its time.
    pub(super) fn next_rung(&mut self, key: Key) {
        let after = self.now.saturating_add(self.settings.stuck_after);
        let child = self.at(key);
        let infinite = child.spec.shutdown == Shutdown::Infinite;
        let id = Arc::clone(&child.spec.id);
        let State::Stopping { pid, rung, .. } = &mut child.state else { return };
        let pid = *pid;
        match rung {
            Rung::Asked if infinite => {
                self.tell(key, EventKind::Stuck { pid, signal: Signal::TERM });
            }
            Rung::Asked => {
                *rung = Rung::Killed;
                self.set_timer(key, Some(after));
                self.send(key, pid, Signal::KILL);
            }
            Rung::Killed | Rung::Stuck => {
                *rung = Rung::Stuck;
                for ticket in std::mem::take(&mut child.stoppers) {
                    self.answer(ticket, Err(RequestError::Stuck { id: id.to_string(), pid }));
                }
                self.tell(key, EventKind::Stuck { pid, signal: Signal::KILL });
                if self.is_stopping() {
                    self.abandon(key);
                    self.advance();
                }
            }
        }
    }

    /// The supervisor ends without this one, which nobody can stop.
    fn abandon(&mut self, key: Key) {
        if let Some(wave) = &mut self.wave {
            wave.stop.remove(&key);
        }
        self.set(key, State::Down(Down::Abandoned), None);
        self.actions.push_back(Action::Unstopped { key });
    }

    /// Nobody is started any more, and all are stopped. The first reason counts.
    pub(super) fn stop_all(&mut self, outcome: Outcome) {
        if self.is_stopping() {
            return;
        }
        self.set_timer(Key::WAVE, None);
        self.phase = Phase::Stopping(outcome);
        let mut wave = Wave::default();
        let all: Vec<Key> = self.children.keys().copied().collect();
        for key in all {
            let forgets = planted!(self, StopForgetsStarts);
            let child = self.at(key);
            if forgets && matches!(child.state, State::Starting { .. }) {
                continue;
            }
            if matches!(child.state, State::Stopping { rung: Rung::Stuck, .. }) {
                self.abandon(key);
            } else if child.is_alive() {
                if !matches!(child.state, State::Stopping { .. }) {
                    // From here on its turn decides, and not its readiness or its watchdog.
                    self.set_timer(key, None);
                }
                wave.stop.insert(key);
            } else {
                self.set(key, State::Down(Down::Terminated), None);
            }
            if let Some(starter) = self.at(key).starter.take() {
                self.answer(starter.ticket, Err(RequestError::ShuttingDown));
            }
        }
        self.wave = Some(wave);
        self.advance();
    }

    /// A process that was made when the end had been decided already.
    pub(super) fn join_the_end(&mut self, key: Key) {
        self.set_timer(key, None);
        if let Some(wave) = &mut self.wave {
            wave.stop.insert(key);
            wave.asked = false;
        }
        self.advance();
    }
}
