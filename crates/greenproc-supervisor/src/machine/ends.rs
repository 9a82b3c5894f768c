//! A life is over.

use std::sync::Arc;
use std::time::Duration;

use greenproc::ExitStatus;

use super::child::{Because, Down, State};
use super::{Key, Machine, Outcome};
use crate::error::RequestError;
use crate::event::EventKind;
use crate::spec::Restart;
use crate::supervisor::AutoShutdown;

impl Machine {
    pub(super) fn exited(&mut self, key: Key, status: ExitStatus, report: Option<&str>) {
        let now = self.now;
        let stopping = self.is_stopping();
        let ignores_crash = planted!(self, CrashDuringStartIgnored);
        let child = self.at(key);
        child.last_exit = Some(status);
        let state = std::mem::replace(&mut child.state, State::Down(Down::Terminated));
        let stoppers = std::mem::take(&mut child.stoppers);
        self.set_timer(key, None);
        if let Some(wave) = &mut self.wave {
            wave.stop.remove(&key);
        }
        for ticket in stoppers {
            self.answer(ticket, Ok(None));
        }
        match state {
            // It comes late, but it comes.
            State::Down(_) => {}
            _ if stopping => self.gone(key),
            State::Starting { .. } if ignores_crash => {}
            State::Starting { .. } => {
                let report = report.map(|text| format!(" ({text})")).unwrap_or_default();
                self.start_failed(
                    key,
                    format!("it ended before it was ready: {status}{report}"),
                    Duration::ZERO,
                );
            }
            State::Up { since, .. } => self.ended(key, status.success(), now.saturating_sub(since)),
            State::Stopping { because: Because::Terminated, .. } => self.gone(key),
            State::Stopping { because: Because::Wave, .. } => {
                let queued = self.wave.as_ref().is_some_and(|wave| wave.start.contains(&key));
                if queued {
                    self.set(key, State::Down(Down::Queued), None);
                    self.advance();
                } else {
                    self.gone(key);
                }
            }
            State::Stopping { because: Because::NotReady { why }, .. } => {
                self.start_failed(key, why, Duration::ZERO);
            }
            State::Stopping { because: Because::Silent, .. } => self.ended(key, false, Duration::ZERO),
        }
    }

    /// Its end was asked for.
    fn gone(&mut self, key: Key) {
        let child = self.at(key);
        let id = child.spec.id.to_string();
        let mut goes = child.spec.restart == Restart::Temporary;
        if let Some(starter) = child.starter.take() {
            goes |= starter.is_new;
            let why = "it was terminated before it was ready".to_owned();
            self.answer(starter.ticket, Err(RequestError::StartFailed { id, why }));
        }
        if goes {
            self.forget(key);
        }
        self.advance();
    }

    /// It has ended by itself, or as a failure.
    fn ended(&mut self, key: Key, success: bool, lived: Duration) {
        let child = self.at(key);
        let again = match child.spec.restart {
            Restart::Permanent => true,
            Restart::Transient => !success,
            Restart::Temporary => false,
        };
        if again {
            return self.failed(key, lived, Duration::ZERO);
        }
        child.state = State::Down(Down::Done);
        let (id, significant) = (Arc::clone(&child.spec.id), child.spec.significant);
        let temporary = child.spec.restart == Restart::Temporary;
        self.leave_wave(key);
        if temporary {
            self.forget(key);
        }
        let ends = significant
            && match self.settings.auto_shutdown {
                AutoShutdown::Never => false,
                AutoShutdown::AnySignificant => true,
                AutoShutdown::AllSignificant => !self.has_significant_left(),
            };
        if ends {
            self.tell(None, EventKind::AutoShutdown { child: id });
            self.stop_all(Outcome::AutoShutdown);
        } else {
            self.advance();
        }
    }

    /// Whether a significant child runs, or will.
    fn has_significant_left(&self) -> bool {
        self.children.values().any(|child| {
            child.spec.significant
                && (child.is_alive()
                    || matches!(child.state, State::Down(Down::Waiting { .. } | Down::Queued)))
        })
    }
}
