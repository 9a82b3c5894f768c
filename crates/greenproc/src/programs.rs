//! Programs: bodies with a name, that a process can run without having them at hand.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::command::{Body, Command};
use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::process::Process;
use crate::termination::{Outcome, Termination};

/// What a name stands for: it can be run any number of times.
pub(crate) type Program = Arc<dyn Fn(&Process) -> Outcome + Send + Sync>;

/// The programs of a runtime.
#[derive(Default)]
pub(crate) struct Programs(Mutex<Leaf, HashMap<Cow<'static, str>, Program>>);

pub(crate) fn program<R: Termination>(body: impl Fn(&Process) -> R + Send + Sync + 'static) -> Program {
    Arc::new(move |process| body(process).report())
}

impl Programs {
    /// Gives a name to a program. Returns what had that name before, to be dropped without a lock.
    pub(crate) fn register(&self, name: Cow<'static, str>, program: Program) -> Option<Program> {
        self.0.lock().insert(name, program)
    }

    /// Gives a command that names its program the body that the name stands for.
    pub(crate) fn resolve(&self, command: &mut Command) -> Result<()> {
        if command.more.as_ref().is_none_or(|more| !more.is_program) {
            return Ok(());
        }
        let found = self.0.lock().get(&command.name).map(Arc::clone);
        let Some(program) = found else {
            return Err(Error::NoProgram { name: command.name.to_string() });
        };
        let body: Body = Box::new(move |process| program(process));
        command.body = body;
        Ok(())
    }
}
