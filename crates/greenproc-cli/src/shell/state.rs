//! What a shell knows, and a subshell gets a copy of.

use greenproc::Pid;

use super::expand::Values;
use super::job::Jobs;
use super::status::Status;
use super::syntax::Parameter;
use super::variables::Variables;

/// What a shell knows.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Its variables.
    pub(crate) variables: Variables,
    /// `$0`.
    pub(crate) name: String,
    /// `$1` and so on.
    pub(crate) arguments: Vec<String>,
    /// `$?`.
    pub(crate) status: Status,
    /// `$$`, which stays that of the first shell.
    pub(crate) pid: Pid,
    /// `$!`.
    pub(crate) background: Option<Pid>,
    /// Its jobs. Those of a copy are somebody else's children.
    pub(crate) jobs: Jobs,
}

impl State {
    /// That of a shell that has done nothing yet.
    pub(crate) fn new(pid: Pid, name: String, arguments: Vec<String>) -> State {
        State {
            variables: Variables::of_host(),
            name,
            arguments,
            status: Status::SUCCESS,
            pid,
            background: None,
            jobs: Jobs::default(),
        }
    }
}

impl Values for State {
    fn value(&self, parameter: &Parameter) -> Option<String> {
        match parameter {
            Parameter::Status => Some(self.status.code().to_string()),
            Parameter::Shell => Some(self.pid.to_string()),
            Parameter::Background => self.background.map(|pid| pid.to_string()),
            Parameter::Count => Some(self.arguments.len().to_string()),
            Parameter::Each | Parameter::Joined => Some(self.arguments.join(" ")),
            Parameter::Position(0) => Some(self.name.clone()),
            Parameter::Position(number) => self.arguments.get(number - 1).cloned(),
            Parameter::Variable(name) => self.variables.get(name).map(str::to_owned),
        }
    }

    fn arguments(&self) -> &[String] {
        &self.arguments
    }
}
