//! What others ask for.

use std::sync::Arc;

use super::child::{Because, Down, Starter, State};
use super::{Key, Machine, Request, Ticket};
use crate::error::RequestError;
use crate::spec::{ChildSpec, Restart};

impl Machine {
    pub(super) fn request(&mut self, ticket: Ticket, request: Request) {
        match request {
            Request::Start(spec) => self.start_child(ticket, *spec),
            Request::Terminate { id, incarnation } => self.terminate_child(ticket, &id, incarnation),
            Request::Restart { id } => self.restart_child(ticket, &id),
            Request::Delete { id } => self.delete_child(ticket, &id),
        }
    }

    fn start_child(&mut self, ticket: Ticket, spec: ChildSpec) {
        let refusal = if self.is_stopping() {
            Some(RequestError::ShuttingDown)
        } else if self.keys.contains_key(&spec.id) {
            Some(RequestError::Exists { id: spec.id.to_string() })
        } else if self.children.len() >= self.settings.max_children {
            Some(RequestError::Full { max: self.settings.max_children })
        } else {
            spec.check(&spec.id, self.settings.auto_shutdown).err().map(RequestError::Spec)
        };
        if let Some(refusal) = refusal {
            return self.answer(ticket, Err(refusal));
        }
        let key = self.add(spec);
        self.at(key).starter = Some(Starter { ticket, is_new: true });
        self.start(key);
    }

    fn terminate_child(&mut self, ticket: Ticket, id: &Arc<str>, incarnation: Option<u64>) {
        let Some(key) = self.find(ticket, id) else { return };
        let forgets_life = planted!(self, HandleReachesAnyLife);
        let forgets_timer = planted!(self, TimerOutlivesTermination);
        let answers_early = planted!(self, SecondAnsweredEarly);
        let child = self.at(key);
        if let Some(incarnation) = incarnation
            && !(child.is_alive() && child.incarnation == incarnation)
            && !forgets_life
        {
            return self.answer(ticket, Err(RequestError::Stale { id: id.to_string(), incarnation }));
        }
        match &mut child.state {
            State::Down(Down::Waiting { .. }) if forgets_timer => {
                self.answer(ticket, Ok(None));
            }
            State::Down(_) => {
                let temporary = child.spec.restart == Restart::Temporary;
                self.set(key, State::Down(Down::Terminated), None);
                self.leave_wave(key);
                self.answer(ticket, Ok(None));
                if temporary {
                    self.forget(key);
                }
                self.advance();
            }
            State::Starting { .. } | State::Up { .. } => {
                child.stoppers.push(ticket);
                self.stop(key, Because::Terminated);
                self.wont_start(key);
            }
            State::Stopping { .. } if answers_early => self.answer(ticket, Ok(None)),
            State::Stopping { because, .. } => {
                *because = Because::Terminated;
                child.stoppers.push(ticket);
                self.wont_start(key);
            }
        }
    }

    /// It is not started by the wave.
    fn wont_start(&mut self, key: Key) {
        if let Some(wave) = &mut self.wave {
            wave.start.remove(&key);
        }
    }

    fn restart_child(&mut self, ticket: Ticket, id: &Arc<str>) {
        let Some(key) = self.find(ticket, id) else { return };
        if self.is_stopping() {
            return self.answer(ticket, Err(RequestError::ShuttingDown));
        }
        if self.is_wanted(key) {
            return self.answer(ticket, Err(RequestError::Running { id: id.to_string() }));
        }
        let child = self.at(key);
        child.failures = 0;
        child.starter = Some(Starter { ticket, is_new: false });
        self.start(key);
    }

    fn delete_child(&mut self, ticket: Ticket, id: &Arc<str>) {
        let Some(key) = self.find(ticket, id) else { return };
        if self.is_wanted(key) {
            return self.answer(ticket, Err(RequestError::Running { id: id.to_string() }));
        }
        self.forget(key);
        self.answer(ticket, Ok(None));
    }

    /// Whether it has a process, or is about to.
    fn is_wanted(&mut self, key: Key) -> bool {
        let child = self.at(key);
        child.is_alive() || matches!(child.state, State::Down(Down::Waiting { .. } | Down::Queued))
    }

    fn find(&mut self, ticket: Ticket, id: &Arc<str>) -> Option<Key> {
        let key = self.keys.get(id).copied();
        if key.is_none() {
            self.answer(ticket, Err(RequestError::NoChild { id: id.to_string() }));
        }
        key
    }
}
