//! The choices of a former schedule, compared as they are made again.

use crate::candidate::Decision;
use crate::strategy::{Diverged, Strategy};
use crate::token::Choice;

#[derive(Debug)]
pub(crate) struct Replay {
    path: Vec<Choice>,
    at: usize,
    begun: bool,
    /// What led elsewhere is told; else the choices are followed as far as they fit.
    strict: bool,
}

impl Replay {
    pub(crate) fn strict(path: Vec<Choice>) -> Replay {
        Replay { path, at: 0, begun: false, strict: true }
    }

    /// For choices of which some were left out.
    pub(crate) fn lenient(path: Vec<Choice>) -> Replay {
        Replay { path, at: 0, begun: false, strict: false }
    }
}

impl Strategy for Replay {
    fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        let Some(choice) = self.path.get(self.at) else {
            return if self.strict { Err(Diverged) } else { Ok(0) };
        };
        self.at += 1;
        let chosen = usize::from(choice.chosen);
        if self.strict && (chosen >= decision.among() || choice.digest != decision.digest()) {
            return Err(Diverged);
        }
        Ok(if chosen < decision.among() { chosen } else { 0 })
    }
}
