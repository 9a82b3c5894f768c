//! Why the command could not do its work at all, and how it says so: one line on stderr, or one for each
//! thing that is wrong with a file.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use crate::Verdict;

/// Why the command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What the user asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What is wrong with a file, one line each.
    #[error("{}", .0.join("; "))]
    File(Vec<String>),
    /// The runtime refused something without which there is nothing to show.
    #[error("{0}")]
    Runtime(#[from] greenproc::Error),
    /// A process of the command itself ended before its work was done.
    #[error("the process {name} ended early: {status}")]
    EndedEarly {
        /// Its name.
        name: &'static str,
        /// How it ended.
        status: greenproc::ExitStatus,
    },
    /// The host asked the command to end.
    #[error("ended by {signal}")]
    Signalled {
        /// How it asked.
        signal: greenproc::Signal,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::Output(error.into())
    }
}

impl Failure {
    /// Says so on stderr, and gives the exit status. A closed output is no failure: the reader had enough, and there is
    /// no verdict yet that could be bad.
    pub(crate) fn report(&self) -> ExitCode {
        if let Failure::Output(error) = self
            && error.kind() == ErrorKind::BrokenPipe
        {
            return ExitCode::SUCCESS;
        }
        // With stderr closed too there is nobody left to tell.
        let lines = match self {
            Failure::File(lines) => lines.clone(),
            _ => vec![self.to_string()],
        };
        for line in lines {
            let _ = writeln!(io::stderr(), "greenproc: {}", one_line(&line));
        }
        match self {
            Failure::Signalled { signal } => ExitCode::from(128 + signal.as_raw() as u8),
            _ => ExitCode::from(2),
        }
    }
}

/// The verdict, once it was written; it stays the verdict if the reader had enough before the end.
pub(crate) fn after_writing(written: Result<(), Failure>, verdict: Verdict) -> Result<Verdict, Failure> {
    match written {
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(verdict),
        Err(failure) => Err(failure),
        Ok(()) => Ok(verdict),
    }
}

/// The text with its line breaks and other control characters escaped: arguments and file names may hold any.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// What the host says, without its number.
pub(crate) fn plainly(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(plain, _)| plain).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_one_line() {
        assert_eq!(one_line("a b"), "a b");
        assert_eq!(one_line("a\nb\x1b[1m"), "a\\nb\\u{1b}[1m");
        assert_eq!(one_line("grün"), "grün");
    }
}
