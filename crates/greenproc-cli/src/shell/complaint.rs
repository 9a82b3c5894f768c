//! Why a program or a builtin did not do what it was asked to, and what it says then.

use std::io::{self, Write as _};

use super::status::Status;
use super::stream::Output;
use crate::failure::{one_line, plainly};

/// Why a program or a builtin gave up.
#[derive(Debug)]
pub(crate) enum Complaint {
    /// It was used wrongly: this is wrong, and that would be right.
    Usage(String),
    /// It failed.
    Failed(String),
    /// What it reads or writes failed.
    Host(io::Error),
}

impl From<io::Error> for Complaint {
    fn from(error: io::Error) -> Complaint {
        Complaint::Host(error)
    }
}

impl From<greenproc::Error> for Complaint {
    fn from(error: greenproc::Error) -> Complaint {
        Complaint::Failed(error.to_string())
    }
}

impl Complaint {
    /// Used wrongly.
    pub(crate) fn usage(what: impl Into<String>) -> Complaint {
        Complaint::Usage(what.into())
    }

    /// Failed.
    pub(crate) fn failed(what: impl Into<String>) -> Complaint {
        Complaint::Failed(what.into())
    }

    /// Says so in one line, and gives the exit status. Nobody is told of a reader that went away.
    pub(crate) fn report(&self, stderr: &mut Output, who: &str, synopsis: &str) -> Status {
        let (text, status) = match self {
            Complaint::Usage(what) => (format!("{who}: {what} (usage: {synopsis})"), Status::MISUSE),
            Complaint::Failed(what) => (format!("{who}: {what}"), Status::FAILURE),
            Complaint::Host(error) if error.kind() == io::ErrorKind::BrokenPipe => return Status::FAILURE,
            Complaint::Host(error) => (format!("{who}: {}", plainly(error)), Status::FAILURE),
        };
        say(stderr, &text);
        status
    }
}

/// Writes a line in one piece. If it cannot be written there is nobody left to tell.
pub(crate) fn say(stderr: &mut Output, text: &str) {
    let _ = stderr.write_all(format!("{}\n", one_line(text)).as_bytes());
}
